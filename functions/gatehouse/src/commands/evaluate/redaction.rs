//! How well the redactor finds spans: precision, recall and F1 by type.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::figures::share;
use crate::commands::input::JsonLines;
use crate::print;

/// Below this many spans a type's figures say little, and no bar is set on them.
pub(crate) const FEW: usize = 30;

#[derive(Deserialize)]
struct Line {
    text: String,
    /// Start and end in Unicode code points, and the type.
    spans: Vec<(usize, usize, String)>,
}

/// Counts of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    wanted: usize,
    found: usize,
    /// Found with the type and the very span that were wanted.
    right: usize,
}

/// A type's figures.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) wanted: usize,
    pub(crate) found: usize,
    pub(crate) right: usize,
    pub(crate) precision: Option<f64>,
    pub(crate) recall: Option<f64>,
    pub(crate) f1: Option<f64>,
}

/// Adds a file's counts. Answers how many of its lines could not be read.
pub(crate) fn count(
    name: &str,
    file: impl Read,
    spans: impl Fn(&str) -> Vec<(usize, usize, String)>,
    counts: &mut BTreeMap<String, Counts>,
) -> io::Result<usize> {
    let mut unread = 0;
    let mut lines = JsonLines::new(file);
    while let Some(line) = lines.next::<Line>()? {
        match line {
            Ok(line) => {
                let places: BTreeMap<usize, usize> = line
                    .text
                    .char_indices()
                    .map(|(byte, _)| byte)
                    .chain([line.text.len()])
                    .enumerate()
                    .map(|(c, b)| (b, c))
                    .collect();
                let at = |byte: usize| places.get(&byte).copied().unwrap_or(usize::MAX);
                let found: BTreeSet<_> =
                    spans(&line.text).into_iter().map(|(start, end, name)| (at(start), at(end), name)).collect();
                let wanted: BTreeSet<_> = line.spans.into_iter().collect();
                for (_, _, name) in &wanted {
                    counts.entry(name.clone()).or_default().wanted += 1;
                }
                for (_, _, name) in &found {
                    counts.entry(name.clone()).or_default().found += 1;
                }
                for (_, _, name) in wanted.intersection(&found) {
                    counts.entry(name.clone()).or_default().right += 1;
                }
            }
            Err(bad) => {
                print::complaint(&format!("{name}: {bad}"));
                unread += 1;
            }
        }
    }
    Ok(unread)
}

/// The figures, by type.
pub(crate) fn rows(counts: &BTreeMap<String, Counts>) -> Vec<Row> {
    let some = |part, whole| (whole > 0).then(|| share(part, whole));
    counts
        .iter()
        .map(|(name, Counts { wanted, found, right })| Row {
            name: name.clone(),
            wanted: *wanted,
            found: *found,
            right: *right,
            precision: some(*right, *found),
            recall: some(*right, *wanted),
            f1: some(2 * right, wanted + found).filter(|_| *wanted > 0),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_counts_when_its_type_and_both_its_ends_are_right() {
        let lines = concat!(
            r#"{"text": "größe a@b.c und a@b.d", "spans": [[6, 11, "email"], [16, 21, "email"]]}"#,
            "\n",
            r#"{"text": "none", "spans": []}"#,
            "\n{}\n"
        );
        let mut counts = BTreeMap::new();
        let unread = count(
            "x",
            lines.as_bytes(),
            |text| {
                // The first rightly, the second a byte too short, and a phone where none is.
                match text.find("a@b.c") {
                    Some(at) => vec![(at, at + 5, "email".into()), (at + 10, at + 14, "email".into())],
                    None => vec![(0, 4, "phone".into())],
                }
            },
            &mut counts,
        )
        .unwrap();
        assert_eq!(unread, 1);
        let rows = rows(&counts);
        assert_eq!((rows[0].wanted, rows[0].found, rows[0].right, rows[0].f1), (2, 2, 1, Some(0.5)));
        assert_eq!((rows[1].precision, rows[1].recall, rows[1].f1), (Some(0.0), None, None));
    }
}
