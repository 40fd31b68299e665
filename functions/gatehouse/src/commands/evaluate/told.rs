//! Figures in words, and transforms beside their plain texts.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;
use shared::guards::normalise::normalise;

use super::figures::{Group, Judged, share};
use super::kinds::Kind;
use super::redaction::{FEW, Row};
use super::{Detailed, Sample};
use crate::print::Look;

/// A transform of attacks, beside the same attacks in plain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Transform {
    category: String,
    texts: usize,
    recall: f64,
    /// On the plain texts.
    plain: f64,
}

/// A transform that the detection copy undoes: by it the plain text of a source's transforms is known.
const UNDONE: &[&str] = &["obf:zero_width", "obf:fullwidth", "obf:soft_hyphen", "obf:math_bold"];

/// Every transform, where the plain texts are among the samples.
pub(super) fn transforms(samples: &[&Sample], judged: &[Judged]) -> Vec<Transform> {
    let copy = |text: &str| normalise(text).split_whitespace().collect::<String>().to_lowercase();
    let wanted: BTreeSet<String> = samples
        .iter()
        .filter(|sample| UNDONE.contains(&sample.category.as_str()))
        .map(|sample| copy(&sample.text))
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut plain: BTreeMap<String, bool> = BTreeMap::new();
    let mut by_category: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (sample, judged) in samples.iter().zip(judged) {
        if sample.kind == Kind::Obfuscated {
            let (texts, blocked) = by_category.entry(&sample.category).or_default();
            *texts += 1;
            *blocked += usize::from(judged.blocked);
        } else if sample.kind.is_attack() {
            let copy = copy(&sample.text);
            if wanted.contains(&copy) {
                plain.insert(copy, judged.blocked);
            }
        }
    }
    let plain = share(plain.values().filter(|blocked| **blocked).count(), plain.len());
    let transforms = by_category.into_iter();
    transforms
        .map(|(category, (texts, blocked))| Transform {
            category: category.to_owned(),
            texts,
            recall: share(blocked, texts),
            plain,
        })
        .collect()
}

fn percent(rate: f64) -> String {
    format!("{:.1}", rate * 100.0)
}

fn group(group: &Group) -> Vec<String> {
    let Group { kind, source, category, rate } = group;
    let mut cells = vec![kind.name().to_owned(), source.clone()];
    cells.extend(category.clone());
    cells.extend([rate.texts.to_string(), rate.blocked.to_string(), percent(rate.rate)]);
    cells.push(format!("{}..{}", percent(rate.from), percent(rate.to)));
    cells
}

/// Everything, as tables. Rates are percent of texts that are blocked.
pub(super) fn tell(output: &mut impl Write, look: Look, detailed: &Detailed<'_>) -> io::Result<()> {
    let figures = &detailed.figures;
    let averages: Vec<Vec<String>> = figures
        .averages
        .iter()
        .map(|average| {
            vec![
                average.kind.name().to_owned(),
                average.sources.to_string(),
                average.texts.to_string(),
                percent(average.rate),
                format!("{}..{}", percent(average.from), percent(average.to)),
                percent(average.pooled),
                format!("{} {}", average.worst, percent(average.worst_rate)),
            ]
        })
        .collect();
    let names = ["kind", "sources", "texts", "blocked %", "95 %", "pooled %", "worst source"];
    look.table(output, &names, 1, &averages)?;
    writeln!(output)?;
    let rows: Vec<Vec<String>> = figures.sources.iter().map(group).collect();
    look.table(output, &["kind", "source", "texts", "blocked", "%", "95 %"], 2, &rows)?;
    writeln!(output)?;
    let rows: Vec<Vec<String>> = figures.categories.iter().map(group).collect();
    look.table(output, &["kind", "source", "category", "texts", "blocked", "%", "95 %"], 3, &rows)?;
    if !detailed.transforms.is_empty() {
        writeln!(output)?;
        let rows: Vec<Vec<String>> = detailed
            .transforms
            .iter()
            .map(|transform| {
                let of_plain =
                    if transform.plain > 0.0 { percent(transform.recall / transform.plain) } else { "-".into() };
                vec![
                    transform.category.clone(),
                    transform.texts.to_string(),
                    percent(transform.recall),
                    percent(transform.plain),
                    of_plain,
                ]
            })
            .collect();
        look.table(output, &["transform", "texts", "recall %", "plain %", "of plain %"], 1, &rows)?;
    }
    if let Some(first) = detailed.sweep.first() {
        writeln!(output)?;
        let kinds: Vec<&str> = first.rates.keys().copied().collect();
        let names: Vec<&str> = ["block at"].into_iter().chain(kinds.iter().copied()).collect();
        let rows: Vec<Vec<String>> = detailed
            .sweep
            .iter()
            .map(|step| {
                let at = format!("{:.2}", f64::from(step.block_at) / 1000.0);
                let rates =
                    kinds.iter().map(|kind| step.rates.get(kind).map_or_else(String::new, |rate| percent(*rate)));
                [at].into_iter().chain(rates).collect()
            })
            .collect();
        look.table(output, &names, 1, &rows)?;
    }
    if !detailed.changes.is_empty() {
        writeln!(output)?;
        let rows: Vec<Vec<String>> = detailed
            .changes
            .iter()
            .map(|change| {
                vec![
                    change.kind.name().to_owned(),
                    change.texts.to_string(),
                    percent(change.first),
                    percent(change.second),
                    change.gained.to_string(),
                    change.lost.to_string(),
                    format!("{}..{}", percent(change.from), percent(change.to)),
                ]
            })
            .collect();
        let names = ["kind", "texts", "first %", "second %", "second alone", "first alone", "difference, 95 %"];
        look.table(output, &names, 1, &rows)?;
    }
    if detailed.skipped + detailed.unread > 0 {
        writeln!(output, "\nskipped {}, unread {}", detailed.skipped, detailed.unread)?;
    }
    Ok(())
}

/// The redactor's figures, as a table.
pub(super) fn redactions(output: &mut impl Write, look: Look, rows: &[Row]) -> io::Result<()> {
    let some = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.4}"));
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let few = if row.wanted < FEW { " (few)" } else { "" };
            vec![
                format!("{}{few}", row.name),
                row.wanted.to_string(),
                row.found.to_string(),
                row.right.to_string(),
                some(row.precision),
                some(row.recall),
                some(row.f1),
            ]
        })
        .collect();
    look.table(output, &["type", "wanted", "found", "right", "precision", "recall", "F1"], 1, &rows)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::commands::input::Provenance;

    fn sample(text: &str, category: &str) -> Sample {
        Sample {
            id: Value::Null,
            text: text.into(),
            kind: Kind::of("s", category, true),
            source: "s".into(),
            category: category.into(),
            provenance: Provenance::User,
        }
    }

    #[test]
    fn a_transform_stands_beside_the_recall_on_its_own_plain_texts() {
        let samples = [
            sample("Ig\u{200B}nore it", "obf:zero_width"),
            sample("1gn0r3 1t", "obf:leet"),
            sample("Ignore it", "plain"),
            sample("Something else", "plain"),
        ];
        let judged: Vec<Judged> = samples
            .iter()
            .zip([true, false, true, false])
            .map(|(sample, blocked)| Judged {
                id: Value::Null,
                kind: sample.kind,
                source: sample.source.clone(),
                category: sample.category.clone(),
                risk: 0,
                blocked,
                rules: BTreeMap::new(),
            })
            .collect();
        let found = transforms(&samples.iter().collect::<Vec<_>>(), &judged);
        let told: Vec<(&str, f64, f64)> = found.iter().map(|t| (t.category.as_str(), t.recall, t.plain)).collect();
        assert_eq!(told, [("obf:leet", 0.0, 1.0), ("obf:zero_width", 1.0, 1.0)]);
        assert!(transforms(&[&samples[2]], &judged[2..3]).is_empty());
    }
}
