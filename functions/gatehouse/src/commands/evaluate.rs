//! `gatehouse evaluate`: how well the guard tells attacks from harmless texts.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};
use shared::guards::Decision;

use super::input::{JsonLines, Provenance};
use super::{Ending, Failure, judge};
use crate::print::{self, Look};

/// Measure the guard on labelled texts.
///
/// Recall is the share of the attacks that are blocked, the false-positive rate that of the harmless texts.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  gatehouse evaluate attacks.jsonl benign.jsonl
  gatehouse evaluate --json --policy candidate.toml *.jsonl

Each line of a file is {\"id\", \"text\", \"label\", \"category\", \"source\"}: label 1 is an attack, 0 is \
harmless, and null is skipped and counted. \"provenance\" may be \"user\", \"document\" or \"tool\". What is blocked \
counts as called an attack. A rate that nothing in the file bears on is shown as `-`, in JSON null.")]
pub(crate) struct Evaluate {
    /// Files of labelled JSON Lines.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    /// Measure this policy instead of the default.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read {}", path.display())]
struct Unreadable {
    path: PathBuf,
    #[source]
    cause: io::Error,
}

impl Evaluate {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let rules = super::compiled(self.policy.as_deref())?;
        let mut files = Vec::new();
        let mut all = Tally::default();
        for path in &self.files {
            let name = path.display().to_string();
            let tally = File::open(path)
                .and_then(|file| {
                    tally(&name, file, |provenance, text| judge::verdict(&rules.guard, provenance, text).decision)
                })
                .map_err(|cause| Unreadable { path: path.clone(), cause })?;
            all.add(tally);
            files.push((name, tally));
        }
        let mut output = io::BufWriter::new(io::stdout().lock());
        if self.json {
            serde_json::to_writer(&mut output, &report(rules.policy.version(), &files, all))
                .map_err(io::Error::from)?;
            output.write_all(b"\n")?;
        } else {
            tell(&mut output, Look::of_stdout(), &files, all)?;
        }
        output.flush()?;
        Ok(if all.unread == 0 { Ending::Well } else { Ending::Amiss })
    }
}

#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    label: Option<Label>,
    #[serde(default)]
    provenance: Provenance,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
enum Label {
    Attack,
    Benign,
}

impl TryFrom<u8> for Label {
    type Error = &'static str;

    fn try_from(label: u8) -> Result<Self, Self::Error> {
        match label {
            0 => Ok(Self::Benign),
            1 => Ok(Self::Attack),
            _ => Err("a label is 0, 1 or null"),
        }
    }
}

/// What came of the texts of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    attacks: u32,
    attacks_blocked: u32,
    benign: u32,
    benign_blocked: u32,
    skipped: u32,
    unread: u32,
}

fn tally(name: &str, file: impl Read, decide: impl Fn(Provenance, String) -> Decision) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut lines = JsonLines::new(file);
    while let Some(line) = lines.next::<Line>()? {
        match line {
            Ok(Line { text, label: Some(label), provenance }) => {
                tally.count(label, decide(provenance, text) == Decision::Block);
            }
            Ok(Line { label: None, .. }) => tally.skipped += 1,
            Err(bad) => {
                print::complaint(&format!("{name}: {bad}"));
                tally.unread += 1;
            }
        }
    }
    Ok(tally)
}

impl Tally {
    fn count(&mut self, label: Label, blocked: bool) {
        let (all, hit) = match label {
            Label::Attack => (&mut self.attacks, &mut self.attacks_blocked),
            Label::Benign => (&mut self.benign, &mut self.benign_blocked),
        };
        *all += 1;
        *hit += u32::from(blocked);
    }

    fn add(&mut self, other: Self) {
        self.attacks += other.attacks;
        self.attacks_blocked += other.attacks_blocked;
        self.benign += other.benign;
        self.benign_blocked += other.benign_blocked;
        self.skipped += other.skipped;
        self.unread += other.unread;
    }

    fn recall(self) -> Option<f64> {
        ratio(self.attacks_blocked, self.attacks)
    }

    fn false_positive_rate(self) -> Option<f64> {
        ratio(self.benign_blocked, self.benign)
    }

    fn precision(self) -> Option<f64> {
        ratio(self.attacks_blocked, self.attacks_blocked + self.benign_blocked)
    }

    /// Undefined without attacks: nothing could have been found.
    fn f1(self) -> Option<f64> {
        self.recall()?;
        ratio(2 * self.attacks_blocked, self.attacks + self.attacks_blocked + self.benign_blocked)
    }
}

fn ratio(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

#[derive(Serialize)]
struct Report<'r> {
    policy_version: &'r str,
    files: Vec<Row<'r>>,
    all: Row<'r>,
}

#[derive(Serialize)]
struct Row<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r str>,
    n: u32,
    attacks: u32,
    recall: Option<f64>,
    benign: u32,
    false_positive_rate: Option<f64>,
    precision: Option<f64>,
    f1: Option<f64>,
    skipped: u32,
    unread: u32,
}

fn report<'r>(version: &'r str, files: &'r [(String, Tally)], all: Tally) -> Report<'r> {
    Report {
        policy_version: version,
        files: files.iter().map(|(name, tally)| row(Some(name), *tally)).collect(),
        all: row(None, all),
    }
}

fn row(file: Option<&str>, tally: Tally) -> Row<'_> {
    Row {
        file,
        n: tally.attacks + tally.benign,
        attacks: tally.attacks,
        recall: tally.recall(),
        benign: tally.benign,
        false_positive_rate: tally.false_positive_rate(),
        precision: tally.precision(),
        f1: tally.f1(),
        skipped: tally.skipped,
        unread: tally.unread,
    }
}

fn tell(output: &mut impl Write, look: Look, files: &[(String, Tally)], all: Tally) -> io::Result<()> {
    let names = ["file", "n", "attacks", "recall", "benign", "false positives", "precision", "F1", "skipped", "unread"];
    let mut rows: Vec<Vec<String>> = files.iter().map(|(name, tally)| cells(name, *tally)).collect();
    rows.push(cells("all", all));
    look.table(output, &names, 1, &rows)
}

fn cells(name: &str, tally: Tally) -> Vec<String> {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.4}"));
    vec![
        name.to_owned(),
        (tally.attacks + tally.benign).to_string(),
        tally.attacks.to_string(),
        rate(tally.recall()),
        tally.benign.to_string(),
        rate(tally.false_positive_rate()),
        rate(tally.precision()),
        rate(tally.f1()),
        tally.skipped.to_string(),
        tally.unread.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks what contains "bad", and tools' texts.
    fn fake(lines: &str) -> Tally {
        tally("x", lines.as_bytes(), |provenance, text| {
            let blocks = text.contains("bad") || provenance == Provenance::Tool;
            if blocks { Decision::Block } else { Decision::Flag }
        })
        .unwrap()
    }

    const LINES: &str = r#"{"id":1,"text":"bad","label":1,"category":"x","source":"y","lang":"en"}
{"text":"bad","label":1}
{"text":"fine","label":1}
{"text":"bad","label":0}
{"text":"fine","label":0}
{"text":"fine","label":0}
{"text":"fine","label":0,"provenance":"tool"}
{"text":"bad","label":null}
{"text":"bad"}
{"text":"bad","label":2}
{"label":1}
"#;

    #[test]
    fn every_text_is_counted_once() {
        let tally = fake(LINES);
        assert_eq!(
            tally,
            Tally { attacks: 3, attacks_blocked: 2, benign: 4, benign_blocked: 2, skipped: 2, unread: 2 }
        );
        assert_eq!((tally.recall(), tally.false_positive_rate()), (Some(2.0 / 3.0), Some(0.5)));
        assert_eq!((tally.precision(), tally.f1()), (Some(0.5), Some(4.0 / 7.0)));
    }

    #[test]
    fn a_rate_that_nothing_bears_on_is_undefined() {
        let benign = fake(r#"{"text":"fine","label":0}"#);
        assert_eq!((benign.recall(), benign.precision(), benign.f1()), (None, None, None));
        assert_eq!(benign.false_positive_rate(), Some(0.0));
        let missed = fake(r#"{"text":"fine","label":1}"#);
        assert_eq!((missed.recall(), missed.precision(), missed.f1()), (Some(0.0), None, Some(0.0)));
        let shown = serde_json::to_value(row(Some("f"), benign)).unwrap();
        assert_eq!(shown["recall"], serde_json::Value::Null);
        assert_eq!(cells("f", benign), ["f", "1", "0", "-", "1", "0.0000", "-", "-", "0", "0"]);
    }

    #[test]
    fn the_sum_is_of_counts_and_not_of_rates() {
        let mut all = fake(LINES);
        all.add(fake(r#"{"text":"bad","label":1}"#));
        assert_eq!(all.recall(), Some(0.75));
    }
}
