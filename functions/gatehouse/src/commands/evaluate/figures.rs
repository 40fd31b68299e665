//! Figures from judged texts: rates by source and category, their averages over sources, and how sure they are.
//!
//! Intervals are 95 % percentile intervals of a seeded bootstrap. A source's resamples its texts; an average's resamples the
//! sources, then the texts of each, so that a few sources give a wide interval, as they should.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::kinds::Kind;
use crate::commands::train::fit::Numbers;

/// A text, and what the guard made of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Judged {
    /// As its line has it.
    pub(crate) id: Value,
    pub(crate) kind: Kind,
    pub(crate) source: String,
    pub(crate) category: String,
    /// In thousandths.
    pub(crate) risk: u16,
    pub(crate) blocked: bool,
    /// What was found, and what each weighs, in thousandths.
    pub(crate) rules: BTreeMap<String, u16>,
}

/// How many times the bootstrap draws.
const DRAWS: usize = 1000;

/// How many of how many were blocked, and between what the rate lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Rate {
    pub(crate) texts: usize,
    pub(crate) blocked: usize,
    pub(crate) rate: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// The blocked share of a source, or of one of its categories.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) kind: Kind,
    pub(crate) source: String,
    /// Absent where all of the source's texts of a kind are taken together.
    pub(crate) category: Option<String>,
    #[serde(flatten)]
    pub(crate) rate: Rate,
}

/// The average of a kind over its sources.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Average {
    pub(crate) kind: Kind,
    pub(crate) sources: usize,
    pub(crate) texts: usize,
    pub(crate) rate: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// All texts counted alike, whatever their source.
    pub(crate) pooled: f64,
    /// The source with the least recall, or with the most false positives, and its rate.
    pub(crate) worst: String,
    pub(crate) worst_rate: f64,
}

/// Everything by source and category, and the averages.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) averages: Vec<Average>,
    pub(crate) sources: Vec<Group>,
    pub(crate) categories: Vec<Group>,
}

pub(crate) fn figures(judged: &[Judged]) -> Figures {
    let mut by_source: BTreeMap<(Kind, &str), (usize, usize)> = BTreeMap::new();
    let mut by_category: BTreeMap<(Kind, &str, &str), (usize, usize)> = BTreeMap::new();
    for text in judged {
        let source = by_source.entry((text.kind, &text.source)).or_default();
        let category = by_category.entry((text.kind, &text.source, &text.category)).or_default();
        for (texts, blocked) in [source, category] {
            *texts += 1;
            *blocked += usize::from(text.blocked);
        }
    }
    let mut kinds: BTreeMap<Kind, Vec<(&str, usize, usize)>> = BTreeMap::new();
    for ((kind, source), (texts, blocked)) in &by_source {
        kinds.entry(*kind).or_default().push((source, *texts, *blocked));
    }
    let sources = by_source.iter().map(|((kind, source), (texts, blocked))| Group {
        kind: *kind,
        source: (*source).to_owned(),
        category: None,
        rate: rate(*texts, *blocked),
    });
    let categories = by_category.iter().map(|((kind, source, category), (texts, blocked))| Group {
        kind: *kind,
        source: (*source).to_owned(),
        category: Some((*category).to_owned()),
        rate: rate(*texts, *blocked),
    });
    Figures {
        sources: sources.collect(),
        categories: categories.collect(),
        averages: kinds.into_iter().filter_map(|(kind, sources)| average(kind, &sources)).collect(),
    }
}

pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn rate(texts: usize, blocked: usize) -> Rate {
    let mut numbers = Numbers(texts as u64 ^ 0x51);
    let draws = (0..DRAWS).map(|_| share(draw(&mut numbers, texts, blocked), texts)).collect();
    let (from, to) = interval(draws);
    Rate { texts, blocked, rate: share(blocked, texts), from, to }
}

/// How many of as many texts are blocked, drawn from these with replacement.
fn draw(numbers: &mut Numbers, texts: usize, blocked: usize) -> usize {
    (0..texts).filter(|_| numbers.below(texts) < blocked).count()
}

fn average(kind: Kind, sources: &[(&str, usize, usize)]) -> Option<Average> {
    let mean = |rates: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = rates.fold((0.0, 0_usize), |(sum, count), rate| (sum + rate, count + 1));
        let count = count.max(1) as f64;
        sum / count
    };
    let mut numbers = Numbers(sources.len() as u64 ^ 0xA7);
    let draws = (0..DRAWS).map(|_| {
        mean(&mut sources.iter().filter_map(|_| {
            let (_, texts, blocked) = sources.get(numbers.below(sources.len()))?;
            Some(share(draw(&mut numbers, *texts, *blocked), *texts))
        }))
    });
    let (from, to) = interval(draws.collect());
    let rates = || sources.iter().map(|(source, texts, blocked)| (*source, share(*blocked, *texts)));
    let (worst, worst_rate) = if kind.is_attack() {
        rates().min_by(|a, b| a.1.total_cmp(&b.1))?
    } else {
        rates().max_by(|a, b| a.1.total_cmp(&b.1))?
    };
    let (texts, blocked) = sources.iter().fold((0, 0), |(t, b), (_, texts, blocked)| (t + texts, b + blocked));
    Some(Average {
        kind,
        sources: sources.len(),
        texts,
        rate: mean(&mut rates().map(|(_, rate)| rate)),
        from,
        to,
        pooled: share(blocked, texts),
        worst: worst.to_owned(),
        worst_rate,
    })
}

/// The middle 95 % of what was drawn.
fn interval(mut draws: Vec<f64>) -> (f64, f64) {
    draws.sort_by(f64::total_cmp);
    let at = |place: usize| draws.get(place.min(draws.len().saturating_sub(1))).copied().unwrap_or_default();
    (at(draws.len() / 40), at(draws.len() - 1 - draws.len() / 40))
}

/// What a threshold would block, kind by kind.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) block_at: u16,
    pub(crate) rates: BTreeMap<&'static str, f64>,
}

/// The averages of every kind at every threshold from 0.1 to 1.0.
pub(crate) fn sweep(judged: &[Judged]) -> Vec<Step> {
    (2..=20)
        .map(|step| {
            let block_at = step * 50;
            let mut sources: BTreeMap<(Kind, &str), (usize, usize)> = BTreeMap::new();
            for text in judged {
                let (texts, blocked) = sources.entry((text.kind, &text.source)).or_default();
                *texts += 1;
                *blocked += usize::from(text.risk >= block_at);
            }
            let mut kinds: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
            for ((kind, _), (texts, blocked)) in sources {
                kinds.entry(kind.name()).or_default().push(share(blocked, texts));
            }
            let rates = kinds.into_iter().map(|(kind, rates)| (kind, rates.iter().sum::<f64>() / rates.len() as f64));
            Step { block_at, rates: rates.collect() }
        })
        .collect()
}

/// What another policy does otherwise, kind by kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) texts: usize,
    pub(crate) first: f64,
    pub(crate) second: f64,
    /// Blocked by the second alone, and by the first alone.
    pub(crate) gained: usize,
    pub(crate) lost: usize,
    /// The difference of the rates lies between these.
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// The same texts judged twice, in the same order.
pub(crate) fn compare(first: &[Judged], second: &[Judged]) -> Vec<Change> {
    let mut kinds: BTreeMap<Kind, Vec<(bool, bool)>> = BTreeMap::new();
    for (first, second) in first.iter().zip(second) {
        kinds.entry(first.kind).or_default().push((first.blocked, second.blocked));
    }
    kinds
        .into_iter()
        .map(|(kind, pairs)| {
            let count = |wanted: fn(&(bool, bool)) -> bool| pairs.iter().filter(|pair| wanted(pair)).count();
            let (gained, lost) = (count(|pair| *pair == (false, true)), count(|pair| *pair == (true, false)));
            let mut numbers = Numbers(0x3C);
            let draws = (0..DRAWS).map(|_| {
                let (mut up, mut down) = (0, 0);
                for _ in &pairs {
                    let place = numbers.below(pairs.len());
                    up += usize::from(place < gained);
                    down += usize::from((gained..gained + lost).contains(&place));
                }
                share(up, pairs.len()) - share(down, pairs.len())
            });
            let (from, to) = interval(draws.collect());
            Change {
                kind,
                texts: pairs.len(),
                first: share(count(|pair| pair.0), pairs.len()),
                second: share(count(|pair| pair.1), pairs.len()),
                gained,
                lost,
                from,
                to,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(kind: Kind, source: &str, all: usize, blocked: usize) -> Vec<Judged> {
        (0..all)
            .map(|number| Judged {
                id: number.into(),
                kind,
                source: source.into(),
                category: if number % 2 == 0 { "even" } else { "odd" }.into(),
                risk: if number < blocked { 900 } else { 300 },
                blocked: number < blocked,
                rules: BTreeMap::new(),
            })
            .collect()
    }

    fn two_sources() -> Vec<Judged> {
        [texts(Kind::Marked, "big", 90, 90), texts(Kind::Marked, "small", 10, 5), texts(Kind::Ordinary, "x", 50, 1)]
            .concat()
    }

    #[test]
    fn an_average_is_over_sources_and_names_the_worst() {
        let figures = figures(&two_sources());
        let [marked, ordinary] = &figures.averages[..] else { panic!("two kinds") };
        assert_eq!((marked.rate, marked.pooled, marked.worst.as_str(), marked.worst_rate), (0.75, 0.95, "small", 0.5));
        assert_eq!((ordinary.rate, ordinary.worst.as_str()), (0.02, "x"));
        assert_eq!(figures.sources.len(), 3);
        assert_eq!(figures.categories.len(), 6);
    }

    #[test]
    fn an_interval_holds_the_rate_and_narrows_with_the_number_of_texts() {
        let (few, many) = (rate(10, 5), rate(1000, 500));
        for rate in [few, many] {
            assert!(rate.from < 0.5 && 0.5 < rate.to, "{rate:?}");
        }
        assert!(many.to - many.from < (few.to - few.from) / 3.0);
        // Ten of ten says nothing about the eleventh; the bootstrap does not know, and the reader is told how many.
        assert_eq!((rate(10, 10).from, rate(10, 10).to), (1.0, 1.0));
    }

    #[test]
    fn a_sweep_blocks_less_the_higher_the_threshold() {
        let steps = sweep(&two_sources());
        assert_eq!(steps.first().unwrap().rates["marked"], 1.0);
        assert_eq!(steps.iter().find(|step| step.block_at == 800).unwrap().rates["marked"], 0.75);
        assert_eq!(steps.last().unwrap().rates["marked"], 0.0);
    }

    #[test]
    fn a_comparison_counts_what_each_policy_blocks_alone() {
        let first = texts(Kind::Marked, "a", 10, 4);
        let second = texts(Kind::Marked, "a", 10, 7);
        let [change] = &compare(&first, &second)[..] else { panic!("one kind") };
        assert_eq!((change.first, change.second, change.gained, change.lost), (0.4, 0.7, 3, 0));
        assert!(change.from >= 0.0 && change.to <= 0.7);
    }
}
