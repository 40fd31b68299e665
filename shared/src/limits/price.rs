//! What a request costs, in millionths of a dollar: whole numbers, rounded up.

use super::Weight;
use crate::answer::Usage;

/// Prompts beyond this many tokens are billed by the long tier of a model that has one.
pub const LONG: u64 = 200_000;

/// A model's prices at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For prompts of up to 200,000 tokens.
    pub short: Tier,
    /// For longer ones.
    pub long: Tier,
    /// What a token of sound costs at most, where that is more than one of text.
    pub audio: Option<u64>,
}

/// Millionths of a dollar for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Tokens of the prompt.
    pub input: u64,
    /// Those of them that came from a cache.
    pub cached: u64,
    /// Tokens of the answer, and those of the thoughts before it.
    pub output: u64,
}

impl Rates {
    /// The rates of a request with sound in it. Google's sums do not tell which tokens were sound, so that all of the
    /// prompt is taken for it.
    #[must_use]
    pub fn with_audio(self) -> Self {
        let Some(audio) = self.audio else { return self };
        let dearer = |tier: Tier| Tier { input: tier.input.max(audio), cached: tier.cached.max(audio), ..tier };
        Self { short: dearer(self.short), long: dearer(self.long), audio: self.audio }
    }

    /// What Google bills for this usage.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> u64 {
        let tier = if usage.prompt > LONG { self.long } else { self.short };
        let fresh = usage.prompt.saturating_sub(usage.cached);
        // More tokens from the cache than the prompt has would be a mistake of Google's, to be paid all the same.
        billed(&[
            (fresh, tier.input),
            (usage.cached, tier.cached),
            (usage.tool_use, tier.input),
            (usage.candidates, tier.output),
            (usage.thoughts, tier.output),
        ])
    }

    /// The dearest that a request of this weight can be.
    #[must_use]
    pub fn dearest(&self, weight: &Weight) -> u64 {
        let input = weight.input_tokens();
        let of = |tier: Tier| billed(&[(input, tier.input.max(tier.cached)), (weight.output_tokens(), tier.output)]);
        if input > LONG { of(self.short).max(of(self.long)) } else { of(self.short) }
    }
}

fn billed(positions: &[(u64, u64)]) -> u64 {
    let sum = positions
        .iter()
        .fold(0_u128, |sum, (tokens, rate)| sum.saturating_add(u128::from(*tokens).saturating_mul(u128::from(*rate))));
    u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: Rates = Rates {
        short: Tier { input: 2_000_000, cached: 200_000, output: 12_000_000 },
        long: Tier { input: 4_000_000, cached: 400_000, output: 18_000_000 },
        audio: Some(3_000_000),
    };

    #[test]
    fn each_kind_of_token_has_its_own_price() {
        let usage = Usage { prompt: 1000, cached: 400, candidates: 10, thoughts: 20, tool_use: 30, total: 1060 };
        // 600 * 2 + 400 * 0.2 + 30 * 2 + 30 * 12
        assert_eq!(RATES.cost(&usage), 1700);
    }

    #[test]
    fn a_long_prompt_makes_all_of_it_dearer() {
        let usage = |prompt| Usage { prompt, candidates: 1000, ..Usage::default() };
        assert_eq!(RATES.cost(&usage(200_000)), 400_000 + 12_000);
        assert_eq!(RATES.cost(&usage(200_001)), 800_004 + 18_000);
    }

    #[test]
    fn a_fraction_of_a_millionth_is_rounded_up_once() {
        let cheap = Tier { input: 1, cached: 1, output: 1 };
        let rates = Rates { short: cheap, long: cheap, audio: None };
        assert_eq!(rates.cost(&Usage { prompt: 1, candidates: 1, ..Usage::default() }), 1);
        assert_eq!(rates.cost(&Usage::default()), 0);
    }

    #[test]
    fn absurd_figures_saturate() {
        let all = u64::MAX;
        let usage = Usage { prompt: all, cached: all, candidates: all, thoughts: all, tool_use: all, total: all };
        assert_eq!(RATES.cost(&usage), u64::MAX);
    }

    #[test]
    fn sound_is_priced_as_sound() {
        let usage = Usage { prompt: 1000, ..Usage::default() };
        assert_eq!(RATES.with_audio().cost(&usage), 3000);
    }
}
