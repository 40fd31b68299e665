//! From margins to risks: where the knots lie, measured on harmless texts of sources that the measured weights had not
//! seen.
//!
//! A margin is measured as the guard comes by it, through every form in which it reads a text.
//!
//! Each family of sources is held out in turn, with whatever is nearly the same as one of its texts, and its texts are
//! measured by weights that were fitted to the rest. A family that is to be judged takes its knots from the other
//! families' margins alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use shared::conversation::{Conversation, Provenance};
use shared::guards::classifier::{Header, KNOTS, Knots, LEAST, Model, RULE};
use shared::guards::judge::{BadPattern, Settings};
use shared::guards::{Guard, Risk};

use super::corpus::Example;
use super::fit::{self, Weights};
use super::lessons::lessons;
use crate::commands::evaluate::kinds::Kind;

/// How many harmless texts a knot may cost.
struct Shares {
    /// The share of ordinary texts that may reach the last knot: alone, the model blocks there.
    alone: f64,
    /// The share that may reach one of the other knots and be blocked together with what the rules weigh.
    together: f64,
    /// The share that may reach those knots at all.
    reached: f64,
}

/// For what people write.
const PEOPLE: Shares = Shares { alone: 0.0021, together: 0.0012, reached: 0.045 };
/// For documents and tool results, which have no right to instruct.
const DATA: Shares = Shares { alone: 0.0006, together: 0.0004, reached: 0.01 };
/// How many times that share of persona prompts may: they look more like attacks than other texts do, and are fewer.
const PERSONA: f64 = 3.0;
/// How many families are held out at the same time.
const THREADS: usize = 2;

/// Weights, and what their margins mean.
pub(crate) struct Fitted {
    pub(crate) weights: Weights,
    pub(crate) people: Knots,
    pub(crate) data: Knots,
}

/// A family that was held out, and the weights that have not seen it.
pub(crate) struct Held {
    family: String,
    weights: Weights,
    /// As what people write, and as data.
    margins: [Vec<Margin>; 2],
}

/// What a harmless text of a family that was held out has reached.
struct Margin {
    kind: Kind,
    source: String,
    cluster: usize,
    margin: f32,
    /// What the rules alone make of it, in thousandths.
    rules: u16,
}

/// A scale of risks that tells margins apart.
const LEAST_MARGIN: f32 = -6.0;
const STEP: f32 = 0.02;

/// Knots by which a risk of 200 and more thousandths is a margin, and the margin that such a risk is.
fn scale() -> Knots {
    KNOTS.map(|risk| LEAST_MARGIN + STEP * f32::from(risk - KNOTS[0]))
}

fn margin_of(risk: Risk) -> f32 {
    match risk.as_thousandths().checked_sub(KNOTS[0]) {
        // A risk is rounded down.
        Some(steps) => LEAST_MARGIN + STEP * f32::from(steps + 1),
        None => f32::MIN,
    }
}

/// A model of all that teaches.
pub(crate) fn fit(examples: &[Example], settings: fit::Settings) -> Result<Fitted, BadPattern> {
    let harmless: BTreeSet<&str> =
        examples.iter().filter(|example| is_measured(example)).map(Example::family).collect();
    let held = hold_out(examples, settings, &harmless)?;
    let weights = fit::fit(&lessons(examples, |_| true), settings);
    let [people, data] = both(&held.iter().collect::<Vec<_>>());
    Ok(Fitted { weights, people, data })
}

/// For each family a model that knows nothing of it: neither its weights nor its knots.
pub(crate) fn fit_without_each(
    examples: &[Example],
    settings: fit::Settings,
) -> Result<BTreeMap<String, Fitted>, BadPattern> {
    let families: BTreeSet<&str> = examples.iter().filter(|example| !example.own).map(Example::family).collect();
    let held = hold_out(examples, settings, &families)?;
    let all = held.iter().map(|one| {
        let others: Vec<&Held> = held.iter().filter(|other| other.family != one.family).collect();
        let [people, data] = both(&others);
        (one.family.clone(), Fitted { weights: one.weights.clone(), people, data })
    });
    Ok(all.collect())
}

/// Whether the knots are measured on it.
fn is_measured(example: &Example) -> bool {
    let counts = !example.own && !example.is_mislabelled() && example.seen.words() >= LEAST;
    counts && matches!(example.kind, Kind::Ordinary | Kind::Persona)
}

#[expect(
    clippy::expect_used,
    reason = "without margins every text would look harmless, and every knot lie at the bottom"
)]
fn hold_out(examples: &[Example], settings: fit::Settings, families: &BTreeSet<&str>) -> Result<Vec<Held>, BadPattern> {
    let rules = Guard::with_model(&Settings::default(), None)?;
    let next = AtomicUsize::new(0);
    let families: Vec<&str> = families.iter().copied().collect();
    let one = |family: &str| {
        let of_family = |example: &&Example| !example.own && example.family() == family;
        let clusters: BTreeSet<usize> = examples.iter().filter(of_family).map(|example| example.cluster).collect();
        let rest =
            |example: &Example| (example.own || example.family() != family) && !clusters.contains(&example.cluster);
        let weights = fit::fit(&lessons(examples, rest), settings);
        let fitted = Fitted { weights, people: scale(), data: scale() };
        let file = fitted.file(settings);
        let model = Model::read(&file).expect("what was just written is a model").into_owned();
        let settings = Settings { model_from: 1, ..Settings::default() };
        let guard = Guard::with_model(&settings, Some(model)).expect("the default policy compiles");
        let measured: Vec<&Example> =
            examples.iter().filter(of_family).filter(|example| is_measured(example)).collect();
        let margins = [Provenance::User, Provenance::Document].map(|provenance| {
            let margin = |example: &&Example| {
                let words = Conversation::of_text(provenance, example.text.as_str());
                let found = guard.judge(&words).findings;
                let of_model = found.iter().find(|finding| finding.rule == RULE);
                Margin {
                    kind: example.kind,
                    source: example.source.clone(),
                    cluster: example.cluster,
                    margin: of_model.map_or(f32::MIN, |finding| margin_of(finding.weight)),
                    rules: rules.judge(&words).risk_score.as_thousandths(),
                }
            };
            measured.iter().map(margin).collect()
        });
        Held { family: family.to_owned(), margins, weights: fitted.weights }
    };
    let mut held: Vec<Held> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some(family) = families.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push(one(family));
            }
            done
        };
        let running: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let done = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        done.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    held.sort_by(|a, b| a.family.cmp(&b.family));
    Ok(held)
}

/// The knots for people and for data.
fn both(held: &[&Held]) -> [Knots; 2] {
    let margins = |place: usize| held.iter().filter_map(move |held| held.margins.get(place)).flatten();
    [knots(margins(0), &PEOPLE), knots(margins(1), &DATA)]
}

fn knots<'m>(margins: impl Iterator<Item = &'m Margin>, shares: &Shares) -> Knots {
    let mut margins: Vec<&Margin> = margins.collect();
    margins.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    let ordinary = weighed(&margins, Kind::Ordinary);
    let persona = weighed(&margins, Kind::Persona);
    if ordinary.is_empty() {
        // Of whom nothing harmless is known, nothing is guilty.
        return [f32::MAX; KNOTS.len()];
    }
    let above = |share: f64, enough: &dyn Fn(&Margin) -> bool| {
        lowest(&ordinary, share, enough).max(lowest(&persona, PERSONA * share, enough))
    };
    let at_all = above(shares.reached, &|_| true);
    let mut knots = KNOTS.map(|knot| {
        // What is blocked by the rules alone costs the model nothing.
        let needed = BLOCK_AT.saturating_sub(knot);
        let weighs = |margin: &Margin| (needed..BLOCK_AT).contains(&margin.rules);
        if needed == 0 { above(shares.alone, &weighs) } else { above(shares.together, &weighs).max(at_all) }
    });
    // A knot lies no higher than the next.
    for place in (1..knots.len()).rev() {
        if let [.., knot, next] = knots.get_mut(..=place).unwrap_or_default() {
            *knot = knot.min(*next);
        }
    }
    knots
}

/// The risk from which the default policy blocks, in thousandths.
const BLOCK_AT: u16 = 800;

/// The texts of a kind, and each one's share of all. Near-duplicates have one say together; half of it is that of one text
/// among all, half that of one source among all.
fn weighed<'m>(margins: &[&'m Margin], kind: Kind) -> Vec<(&'m Margin, f64)> {
    let of_kind: Vec<&Margin> = margins.iter().copied().filter(|margin| margin.kind == kind).collect();
    let mut twins: HashMap<usize, f64> = HashMap::new();
    for margin in &of_kind {
        *twins.entry(margin.cluster).or_default() += 1.0;
    }
    let own = |margin: &Margin| 1.0 / twins.get(&margin.cluster).copied().unwrap_or(1.0);
    let mut sizes: BTreeMap<&str, f64> = BTreeMap::new();
    for margin in &of_kind {
        *sizes.entry(&margin.source).or_default() += own(margin);
    }
    let (all, sources) = (sizes.values().sum::<f64>(), sizes.len() as f64);
    let share = |margin: &Margin| {
        let size = sizes.get(margin.source.as_str()).copied().unwrap_or(1.0);
        own(margin) * (0.5 / all + 0.5 / (sources * size))
    };
    of_kind.into_iter().map(|margin| (margin, share(margin))).collect()
}

/// The lowest margin that no more than a share of the texts reaches, counting those that `enough` takes. The texts come
/// guiltiest first.
fn lowest(texts: &[(&Margin, f64)], share: f64, enough: impl Fn(&Margin) -> bool) -> f32 {
    let mut reached = 0.0;
    for (margin, own) in texts.iter().filter(|(margin, _)| enough(margin)) {
        reached += own;
        if reached > share {
            return margin.margin.next_up();
        }
    }
    f32::MIN
}

impl Fitted {
    /// The model as a file: weights rounded to a byte each.
    pub(crate) fn file(&self, settings: fit::Settings) -> Vec<u8> {
        let most = self.weights.buckets.iter().fold(0.0_f32, |most, weight| most.max(weight.abs()));
        let scale = (most / 127.0).max(f32::MIN_POSITIVE);
        let header =
            Header { bits: settings.bits, bias: self.weights.bias, scale, people: self.people, data: self.data };
        let mut file = header.bytes();
        #[expect(clippy::cast_possible_truncation, reason = "the quotient lies in -127 to 127")]
        file.extend(self.weights.buckets.iter().map(|weight| ((weight / scale).round() as i8).cast_unsigned()));
        file
    }
}

#[cfg(test)]
mod tests {
    use shared::guards::classifier::risk;

    use super::*;

    fn margin(source: &str, cluster: usize, margin: f32) -> Margin {
        Margin { kind: Kind::Ordinary, source: source.into(), cluster, margin, rules: 0 }
    }

    fn sorted(margins: &[Margin]) -> Vec<&Margin> {
        let mut margins: Vec<&Margin> = margins.iter().collect();
        margins.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        margins
    }

    #[test]
    fn a_share_is_of_texts_and_of_sources_alike_and_near_duplicates_count_once() {
        let mut margins: Vec<Margin> = (0..10).map(|n| margin("a", n, n as f32)).collect();
        let at = |margins: &[Margin], share| lowest(&weighed(&sorted(margins), Kind::Ordinary), share, |_| true);
        assert_eq!((at(&margins, 0.05), at(&margins, 0.25)), (9_f32.next_up(), 7_f32.next_up()));
        margins.extend((0..50).map(|_| margin("a", 9, 9.5)));
        assert_eq!(at(&margins, 0.25), 7_f32.next_up());
        margins.push(margin("b", 99, 20.0));
        // The second source's one text counts a quarter as a source, and half of an eleventh as a text.
        assert_eq!([0.29, 0.4, 0.7].map(|share| at(&margins, share)), [20.0_f32, 8.0, 4.0].map(f32::next_up));
        assert_eq!(at(&[], 0.1), f32::MIN);
    }

    #[test]
    fn knots_rise_and_a_weak_rule_on_harmless_texts_raises_those_that_would_complete_it() {
        let plain: Vec<Margin> = (0..1000).map(|n| margin("a", n, n as f32 / 100.0)).collect();
        let people = knots(plain.iter(), &PEOPLE);
        assert!(people.is_sorted(), "{people:?}");
        let warned: Vec<Margin> = plain.into_iter().map(|margin| Margin { rules: 300, ..margin }).collect();
        let raised = knots(warned.iter(), &PEOPLE);
        assert!(raised.is_sorted());
        assert!(raised[3] > people[3] && raised[4] == people[4], "{people:?} {raised:?}");
    }

    #[test]
    fn a_margin_comes_back_from_the_scale_that_measured_it_and_never_too_low() {
        for margin in [-5.99_f32, -1.0, 0.0, 0.5, 1.234, 7.0] {
            let measured = margin_of(risk(margin, &scale()));
            assert!((margin..margin + 2.0 * STEP).contains(&measured), "{margin} {measured}");
        }
        assert_eq!(margin_of(risk(-7.0, &scale())), f32::MIN);
    }
}
