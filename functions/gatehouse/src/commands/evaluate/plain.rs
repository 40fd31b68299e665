//! The plain table: what was blocked, file by file.

use std::io::{self, Write};

use serde::Serialize;

use super::kinds::Kind;
use crate::print::Look;

/// What came of the texts of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    attacks: u32,
    attacks_blocked: u32,
    benign: u32,
    benign_blocked: u32,
    pub(super) skipped: u32,
    pub(super) unread: u32,
}

impl Tally {
    /// Of texts none of which is counted yet.
    pub(super) fn of_none(skipped: u32, unread: u32) -> Self {
        Self { skipped, unread, ..Self::default() }
    }

    pub(super) fn count(&mut self, kind: Kind, blocked: bool) {
        let (all, hit) = if kind.is_attack() {
            (&mut self.attacks, &mut self.attacks_blocked)
        } else {
            (&mut self.benign, &mut self.benign_blocked)
        };
        *all += 1;
        *hit += u32::from(blocked);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.attacks += other.attacks;
        self.attacks_blocked += other.attacks_blocked;
        self.benign += other.benign;
        self.benign_blocked += other.benign_blocked;
        self.skipped += other.skipped;
        self.unread += other.unread;
    }

    pub(super) fn recall(self) -> Option<f64> {
        ratio(self.attacks_blocked, self.attacks)
    }

    pub(super) fn false_positive_rate(self) -> Option<f64> {
        ratio(self.benign_blocked, self.benign)
    }

    pub(super) fn precision(self) -> Option<f64> {
        ratio(self.attacks_blocked, self.attacks_blocked + self.benign_blocked)
    }

    /// Undefined without attacks: nothing could have been found.
    pub(super) fn f1(self) -> Option<f64> {
        self.recall()?;
        ratio(2 * self.attacks_blocked, self.attacks + self.attacks_blocked + self.benign_blocked)
    }
}

fn ratio(part: u32, whole: u32) -> Option<f64> {
    (whole > 0).then(|| f64::from(part) / f64::from(whole))
}

#[derive(Serialize)]
pub(super) struct Report<'r> {
    policy_version: &'r str,
    files: Vec<Row<'r>>,
    all: Row<'r>,
}

#[derive(Serialize)]
pub(super) struct Row<'r> {
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

pub(super) fn report<'r>(version: &'r str, files: &'r [(String, Tally)], all: Tally) -> Report<'r> {
    Report {
        policy_version: version,
        files: files.iter().map(|(name, tally)| row(Some(name), *tally)).collect(),
        all: row(None, all),
    }
}

pub(super) fn row(file: Option<&str>, tally: Tally) -> Row<'_> {
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

pub(super) fn tell(output: &mut impl Write, look: Look, files: &[(String, Tally)], all: Tally) -> io::Result<()> {
    let names = ["file", "n", "attacks", "recall", "benign", "false positives", "precision", "F1", "skipped", "unread"];
    let mut rows: Vec<Vec<String>> = files.iter().map(|(name, tally)| cells(name, *tally)).collect();
    rows.push(cells("all", all));
    look.table(output, &names, 1, &rows)
}

pub(super) fn cells(name: &str, tally: Tally) -> Vec<String> {
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
