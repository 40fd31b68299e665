//! `gatehouse evaluate`: how well the guard tells attacks from harmless texts, and the redactor secrets from the rest.

mod figures;
mod folds;
pub(crate) mod kinds;
mod plain;
mod redaction;
mod told;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::guards::{Decision, Guard};

use self::figures::{Change, Figures, Judged, Step};
use self::kinds::Kind;
use self::plain::Tally;
use super::input::{JsonLines, Provenance};
use super::{Ending, Failure, Unwritable, judge};
use crate::print::{self, Look};

/// Measure the guard on labelled texts, or the redactor on texts with spans.
///
/// Recall is the share of the attacks that are blocked, the false-positive rate that of the harmless texts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gatehouse evaluate attacks.jsonl benign.jsonl
  gatehouse evaluate --by-source --sweep dev/*.jsonl
  gatehouse evaluate --by-source --against candidate.toml dev/*.jsonl
  gatehouse evaluate --cross-validate shared/data/own dev/*.jsonl
  gatehouse evaluate --redaction redaction/dev.jsonl
  gatehouse evaluate --json --policy candidate.toml *.jsonl
  gatehouse evaluate --each judged.jsonl mine.jsonl

Each line of a file is {\"id\", \"text\", \"label\", \"category\", \"source\"}: label 1 is an attack, 0 is \
harmless, and null is skipped and counted. \"provenance\" may be \"user\", \"document\" or \"tool\". What is blocked \
counts as called an attack. A rate that nothing in the file bears on is shown as `-`, in JSON null.

By source, texts are grouped by a committed table into marked, probing and unmarked attacks and kinds of harmless texts; \
averages are over sources, and intervals are 95 % of a bootstrap. Cross-validation fits the statistical model anew \
without each source in turn, its thresholds from the other sources, and judges that source with it. --each writes, for \
every text, {\"id\", \"kind\", \"source\", \"category\", \"risk\" in thousandths, \"blocked\", \"rules\": {id: weight}}. Transforms of \
attacks are compared with the same attacks in plain, where those are among the files. With --redaction a line is \
{\"text\", \"spans\": [[start, end, type], ...]}, in Unicode code points.")]
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

    /// Print rates by kind, source and category, with intervals, instead of by file.
    #[arg(long)]
    by_source: bool,

    /// Print what other thresholds than the policy's would block.
    #[arg(long)]
    sweep: bool,

    /// Compare with this policy on the same texts.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,

    /// Judge each source with a model that was fitted without it. DIR holds our own templates.
    #[arg(long, value_name = "DIR", conflicts_with = "against")]
    cross_validate: Option<PathBuf>,

    /// Write what became of each text to this file, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    each: Option<PathBuf>,

    /// Whose words the texts are, where a line does not say.
    #[arg(long, value_enum, default_value_t)]
    provenance: Provenance,

    /// Measure the redactor.
    #[arg(long, conflicts_with_all = ["by_source", "sweep", "against", "cross_validate", "each", "provenance"])]
    redaction: bool,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read {}", path.display())]
struct Unreadable {
    path: PathBuf,
    #[source]
    cause: io::Error,
}

/// A file that is to be read and to be written over.
#[derive(Debug, thiserror::Error)]
#[error("--each would write over {}, which is to be read", .0.display())]
struct Overwrites(PathBuf);

/// What there is to tell beyond the plain table.
#[derive(Serialize)]
struct Detailed<'r> {
    policy_version: &'r str,
    cross_validated: bool,
    #[serde(flatten)]
    figures: Figures,
    transforms: Vec<told::Transform>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sweep: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    skipped: u32,
    unread: u32,
}

impl Evaluate {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let rules = super::compiled(self.policy.as_deref())?;
        if self.redaction {
            return self.redactions(&rules.redactor);
        }
        let mut each = self.open_each()?;
        let mut files = Vec::new();
        for path in &self.files {
            let name = path.display().to_string();
            let texts = File::open(path)
                .and_then(|file| read(&name, file, self.provenance))
                .map_err(|cause| Unreadable { path: path.clone(), cause })?;
            files.push((name, texts));
        }
        let all = files.iter().map(|(_, texts)| texts.tally()).fold(Tally::default(), |mut all, tally| {
            all.add(tally);
            all
        });
        let mut output = io::BufWriter::new(io::stdout().lock());
        if self.by_source || self.sweep || self.against.is_some() || self.cross_validate.is_some() {
            let samples: Vec<&Sample> = files.iter().flat_map(|(_, texts)| &texts.samples).collect();
            let judged = match &self.cross_validate {
                Some(own) => folds::judge(&rules.policy.input, &self.files, own, &samples)?,
                None => judge_all(&rules.guard, &samples),
            };
            self.write_each(each.as_mut(), &judged)?;
            let changes = match &self.against {
                Some(path) => figures::compare(&judged, &judge_all(&super::compiled(Some(path))?.guard, &samples)),
                None => Vec::new(),
            };
            let detailed = Detailed {
                policy_version: rules.policy.version(),
                cross_validated: self.cross_validate.is_some(),
                figures: figures::figures(&judged),
                transforms: told::transforms(&samples, &judged),
                sweep: if self.sweep { figures::sweep(&judged) } else { Vec::new() },
                changes,
                skipped: all.skipped,
                unread: all.unread,
            };
            if self.json {
                serde_json::to_writer(&mut output, &detailed).map_err(io::Error::from)?;
                output.write_all(b"\n")?;
            } else {
                told::tell(&mut output, Look::of_stdout(), &detailed)?;
            }
        } else {
            let judged = plainly(&mut output, &rules.guard, rules.policy.version(), self.json, &files)?;
            self.write_each(each.as_mut(), &judged)?;
        }
        output.flush()?;
        Ok(if all.unread == 0 { Ending::Well } else { Ending::Amiss })
    }

    /// The file for what becomes of each text, where that is asked for: before the work, so that it is not in vain.
    fn open_each(&self) -> Result<Option<File>, Failure> {
        let Some(path) = &self.each else { return Ok(None) };
        let real = |path: &Path| path.canonicalize().ok();
        if self.files.iter().any(|file| real(file).is_some_and(|file| real(path) == Some(file))) {
            return Err(Overwrites(path.clone()).into());
        }
        let file = File::create(path).map_err(|cause| Unwritable { path: path.clone(), cause })?;
        Ok(Some(file))
    }

    fn write_each(&self, file: Option<&mut File>, judged: &[Judged]) -> Result<(), Unwritable> {
        let (Some(path), Some(file)) = (&self.each, file) else { return Ok(()) };
        let write = || {
            let mut file = io::BufWriter::new(file);
            for text in judged {
                serde_json::to_writer(&mut file, text)?;
                file.write_all(b"\n")?;
            }
            file.flush()
        };
        write().map_err(|cause| Unwritable { path: path.clone(), cause })
    }

    fn redactions(&self, redactor: &shared::guards::redact::Redactor) -> Result<Ending, Failure> {
        let mut counts = BTreeMap::new();
        let mut unread = 0;
        for path in &self.files {
            let spans = |text: &str| {
                let found = redactor.spans(text).into_iter();
                found.map(|span| (span.range.start, span.range.end, span.name.to_string())).collect()
            };
            unread += File::open(path)
                .and_then(|file| redaction::count(&path.display().to_string(), file, spans, &mut counts))
                .map_err(|cause| Unreadable { path: path.clone(), cause })?;
        }
        let rows = redaction::rows(&counts);
        let mut output = io::BufWriter::new(io::stdout().lock());
        if self.json {
            serde_json::to_writer(&mut output, &rows).map_err(io::Error::from)?;
            output.write_all(b"\n")?;
        } else {
            told::redactions(&mut output, Look::of_stdout(), &rows)?;
        }
        output.flush()?;
        Ok(if unread == 0 { Ending::Well } else { Ending::Amiss })
    }
}

fn plainly(
    output: &mut impl Write,
    guard: &Guard,
    version: &str,
    json: bool,
    files: &[(String, Texts)],
) -> io::Result<Vec<Judged>> {
    let mut all = Tally::default();
    let mut tallies = Vec::new();
    let mut judged = Vec::new();
    for (name, texts) in files {
        let mut tally = texts.tally();
        let of_file = judge_all(guard, &texts.samples.iter().collect::<Vec<_>>());
        of_file.iter().for_each(|text| tally.count(text.kind, text.blocked));
        all.add(tally);
        tallies.push((name.clone(), tally));
        judged.extend(of_file);
    }
    if json {
        serde_json::to_writer(&mut *output, &plain::report(version, &tallies, all))?;
        output.write_all(b"\n")?;
    } else {
        plain::tell(output, Look::of_stdout(), &tallies, all)?;
    }
    Ok(judged)
}

fn judge_all(guard: &Guard, samples: &[&Sample]) -> Vec<Judged> {
    samples.iter().map(|sample| sample.judge(guard)).collect()
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    text: String,
    #[serde(default)]
    label: Option<Label>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    category: String,
    provenance: Option<Provenance>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
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

/// A labelled text.
struct Sample {
    id: Value,
    text: String,
    kind: Kind,
    source: String,
    category: String,
    provenance: Provenance,
}

impl Sample {
    fn judge(&self, guard: &Guard) -> Judged {
        let verdict = judge::verdict(guard, self.provenance, self.text.clone());
        Judged {
            id: self.id.clone(),
            kind: self.kind,
            source: self.source.clone(),
            category: self.category.clone(),
            risk: verdict.risk_score.as_thousandths(),
            blocked: verdict.decision == Decision::Block,
            rules: verdict.findings.iter().map(|found| (found.rule.clone(), found.weight.as_thousandths())).collect(),
        }
    }
}

/// The texts of a file.
struct Texts {
    samples: Vec<Sample>,
    skipped: u32,
    unread: u32,
}

impl Texts {
    /// A tally in which no text is counted yet.
    fn tally(&self) -> Tally {
        Tally::of_none(self.skipped, self.unread)
    }
}

fn read(name: &str, file: impl Read, usual: Provenance) -> io::Result<Texts> {
    let mut texts = Texts { samples: Vec::new(), skipped: 0, unread: 0 };
    let mut lines = JsonLines::new(file);
    while let Some(line) = lines.next::<Line>()? {
        match line {
            Ok(Line { label: None, .. }) => texts.skipped += 1,
            Ok(Line { id, text, label: Some(label), source, category, provenance }) => {
                let kind = Kind::of(&source, &category, label == Label::Attack);
                let provenance = provenance.unwrap_or(usual);
                texts.samples.push(Sample { id, text, kind, source, category, provenance });
            }
            Err(bad) => {
                print::complaint(&format!("{name}: {bad}"));
                texts.unread += 1;
            }
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks what contains "bad", and tools' texts.
    fn fake(lines: &str) -> Tally {
        let texts = read("x", lines.as_bytes(), Provenance::User).unwrap();
        let mut tally = texts.tally();
        for text in &texts.samples {
            tally.count(text.kind, text.text.contains("bad") || text.provenance == Provenance::Tool);
        }
        tally
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
        assert_eq!(plain::cells("f", tally).join(" "), "f 7 3 0.6667 4 0.5000 0.5000 0.5714 2 2");
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
        let shown = serde_json::to_value(plain::row(Some("f"), benign)).unwrap();
        assert_eq!(shown["recall"], Value::Null);
        assert_eq!(plain::cells("f", benign), ["f", "1", "0", "-", "1", "0.0000", "-", "-", "0", "0"]);
    }

    #[test]
    fn the_sum_is_of_counts_and_not_of_rates() {
        let mut all = fake(LINES);
        all.add(fake(r#"{"text":"bad","label":1}"#));
        assert_eq!(all.recall(), Some(0.75));
    }
}
