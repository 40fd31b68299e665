//! Prices: the operator's own rows before the embedded ones, each for its time. A model without a price is refused.

use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::limits::Rates;
use crate::limits::price::Tier;

/// The `[prices]` table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The operator's own, which go before the embedded ones.
    #[serde(default)]
    pub rows: Vec<Row>,
}

/// What a model costs for a time, in millionths of a dollar for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The model's bare name.
    pub model: String,
    /// The first day; absent where it was always so.
    pub from: Option<Day>,
    /// The day after the last; absent where no end is known.
    pub until: Option<Day>,
    /// Tokens of the prompt.
    pub input: u64,
    /// Those from a cache; absent where they cost the same.
    pub cached: Option<u64>,
    /// Tokens of the answer and of its thoughts.
    pub output: u64,
    /// As `input`, for prompts of more than 200,000 tokens; absent where they cost the same, as for the next two.
    pub long_input: Option<u64>,
    /// As `cached`, likewise.
    pub long_cached: Option<u64>,
    /// As `output`, likewise.
    pub long_output: Option<u64>,
    /// Tokens of sound, where they are dearer.
    pub audio_input: Option<u64>,
}

/// A day as `2027-01-01`; it begins at midnight, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

/// Not a day.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("not a day, expected one such as \"2027-01-01\"")]
pub struct NotADay;

impl TryFrom<String> for Day {
    type Error = NotADay;

    fn try_from(text: String) -> Result<Self, NotADay> {
        let date: Date = text.parse().map_err(|_| NotADay)?;
        // The parser also takes times and other spellings.
        if date.to_string() == text { Ok(Self(date)) } else { Err(NotADay) }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0.to_string()
    }
}

impl Day {
    fn has_come(self, now: Timestamp) -> bool {
        let midnight = self.0.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp().as_millisecond());
        midnight.is_ok_and(|midnight| i128::from(midnight) <= i128::from(now.0))
    }
}

impl Row {
    fn holds(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from.has_come(now)) && !self.until.is_some_and(|until| until.has_come(now))
    }

    fn rates(&self) -> Rates {
        let short = Tier { input: self.input, cached: self.cached.unwrap_or(self.input), output: self.output };
        let input = self.long_input.unwrap_or(self.input);
        let cached = self.long_cached.or(self.long_input).unwrap_or(short.cached);
        let long = Tier { input, cached, output: self.long_output.unwrap_or(self.output) };
        Rates { short, long, audio: self.audio_input }
    }
}

impl Prices {
    /// What a model costs at a time; `None` where no row says so.
    #[must_use]
    pub fn at(&self, model: &str, now: Timestamp) -> Option<Rates> {
        self.of(model).find(|row| row.holds(now)).map(Row::rates)
    }

    /// Whether there is any price for a model, at whatever time.
    #[must_use]
    pub fn know(&self, model: &str) -> bool {
        self.of(model).next().is_some()
    }

    fn of(&self, model: &str) -> impl Iterator<Item = &Row> {
        self.rows.iter().chain(&EMBEDDED.rows).filter(move |row| row.model == model)
    }
}

#[expect(clippy::expect_used, reason = "the text is a constant, and a test parses it")]
static EMBEDDED: LazyLock<Prices> =
    LazyLock::new(|| toml::from_str(include_str!("prices.toml")).expect("the embedded prices are sound"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    const MID_2026: Timestamp = Timestamp(1_782_864_000_000);
    const NEW_YEAR: Timestamp = Timestamp(1_798_761_600_000);

    #[test]
    fn every_model_of_the_default_has_a_price_now_and_later() {
        let policy = Policy::embedded();
        for model in &policy.models.allowed {
            for now in [MID_2026, NEW_YEAR, Timestamp(4_102_444_800_000)] {
                let rates = policy.prices.at(model, now).unwrap();
                assert!(rates.short.cached <= rates.short.input && rates.short.input < rates.short.output, "{model}");
                assert!(rates.long.input >= rates.short.input && rates.long.output >= rates.short.output, "{model}");
                // A slip of a digit: no served model is outside of these.
                assert!((100_000..=4_000_000).contains(&rates.short.input), "{model}");
                assert!((400_000..=18_000_000).contains(&rates.long.output), "{model}");
            }
        }
    }

    #[test]
    fn an_offer_ends_at_midnight() {
        let prices = Prices::default();
        let input = |now| prices.at("gemini-3.6-flash", now).unwrap().short.input;
        assert_eq!(input(Timestamp(NEW_YEAR.0 - 1)), 750_000);
        assert_eq!(input(NEW_YEAR), 1_500_000);
    }

    #[test]
    fn a_model_that_nobody_priced_has_no_price() {
        assert_eq!(Prices::default().at("gemini-9-ultra", MID_2026), None);
        assert!(!Prices::default().know("gemini-9-ultra"));
    }

    #[test]
    fn the_operators_rows_go_first_for_their_time() {
        let text = "[[prices.rows]]\nmodel = \"gemini-3.5-flash\"\nfrom = \"2027-01-01\"\ninput = 7\noutput = 8\n";
        let prices = Policy::parse("p.toml", text).unwrap().prices;
        assert_eq!(prices.at("gemini-3.5-flash", MID_2026).unwrap().short.input, 1_500_000);
        let rates = prices.at("gemini-3.5-flash", NEW_YEAR).unwrap();
        assert_eq!(rates.short, Tier { input: 7, cached: 7, output: 8 });
        assert_eq!(rates.long, rates.short);
    }

    #[test]
    fn a_day_is_written_in_one_way() {
        for wrong in ["2027-1-1", "2027-02-30", "2027-01-01T00:00", "tomorrow", ""] {
            assert!(Day::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
