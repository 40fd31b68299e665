//! A trail in which every report finds something, and what it finds.

use super::entry;
use crate::audit::reports::{Cells, Report};
use crate::audit::{Entry, Hash, Kind, Link, Record, WriterId};
use crate::clock::Timestamp;
use crate::guards::Decision;

/// The first millisecond that the reports look at: 20:13:20.
pub const SINCE: Timestamp = Timestamp(1_699_992_800_000);

/// Two hours later: 22:13:20.
pub const NOW: u64 = 1_700_000_000_000;

const HOUR: u64 = 3_600_000;

/// A chain of records over these entries.
pub fn chain(writer_id: WriterId, entries: impl IntoIterator<Item = Entry>) -> Vec<Record> {
    let mut prev_hash = Hash::ZERO;
    let seal = |(entry, seq): (Entry, u64)| {
        let link = Link { record_id: format!("record-{seq}"), writer_id, seq, prev_hash, voids: Vec::new() };
        let record = Record::seal(entry, link);
        prev_hash = record.hash;
        record
    };
    entries.into_iter().zip(0..).map(seal).collect()
}

/// An outcome at `ts` with what suspicion looks at.
#[must_use]
pub fn outcome(ts: u64, user: Option<&str>, caller: &str, risk_score: u16, blocked: bool) -> Entry {
    Entry {
        ts: Timestamp(ts),
        request_id: format!("request-{ts}"),
        user: user.map(str::to_owned),
        caller: caller.to_owned(),
        risk_score,
        blocked,
        ..entry(Kind::Outcome)
    }
}

/// Two writers' records. Some are older than [`SINCE`], one is of the policy, a name holds quotes and another script.
#[must_use]
pub fn trail() -> Vec<Record> {
    let intent = |of: &Entry| Entry { kind: Kind::Intent, ..of.clone() };
    let odd = Some("o'neil \"\u{4f60}\"");
    let mut entries = vec![
        // Average 0.6: kept by risk.
        outcome(NOW - 1, Some("risky"), "app", 900, true),
        outcome(NOW - 2, Some("risky"), "other", 300, false),
        // Exactly 0.5, three blocked: neither.
        outcome(NOW - 3, Some("edge"), "app", 500, true),
        outcome(NOW - 4, Some("edge"), "app", 500, true),
        outcome(NOW - 5, Some("edge"), "app", 500, true),
        // At the window's edge, which counts, and just before it.
        Entry { rules: vec!["edge.rule".to_owned()], ..outcome(SINCE.0, Some("past"), "app", 0, false) },
        outcome(SINCE.0 - 1, Some("past"), "app", 1000, true),
        // A caller with the name of a user is somebody else.
        outcome(NOW - 6, None, "risky", 1000, true),
    ];
    // Four blocked: kept by count, whatever the risk, and whatever else failed.
    let failed = |ago| Entry { error: Some("unavailable".to_owned()), ..outcome(NOW - ago, odd, "app", 100, true) };
    entries.extend((10..14).map(failed));
    let second = entries.len();
    entries.extend((20..26).map(|ago| outcome(NOW - ago, odd, "app", 0, false)));
    let answered = outcome(NOW - HOUR, Some("calm"), "other", 0, false);
    let answered = Entry { decision: Decision::Allow, rules: vec!["admission.open".to_owned()], ..answered };
    let killed = Entry { rules: vec!["admission.open".to_owned()], ..outcome(NOW - 30, None, "other", 900, false) };
    let limited = outcome(NOW - HOUR - 1, None, "other", 0, true);
    let limited = Entry { decision: Decision::Allow, rules: Vec::new(), error: Some("limited".to_owned()), ..limited };
    entries.extend([intent(&answered), answered, intent(&killed), limited.clone()]);
    // Over a limit again and again, which is not suspicious.
    entries.extend((2..6).map(|ago| Entry { ts: Timestamp(NOW - HOUR - ago), ..limited.clone() }));
    entries.push(Entry { surface: "policy".to_owned(), ..outcome(NOW, None, "", 0, false) });
    let later = entries.split_off(second);
    let mut trail = chain(WriterId::new([1; 16]), entries);
    trail.extend(chain(WriterId::new([2; 16]), later));
    trail
}

/// What a report over the [`trail`] since [`SINCE`] says, in every store; an average may be spelt otherwise.
#[must_use]
pub fn expected(report: Report) -> Vec<Cells> {
    let rows: &[&[&str]] = match report {
        Report::Blocked => &[
            &["1699992000000", "1", "0", "0", "1"],
            &["1699995600000", "6", "5", "5", "0"],
            &["1699999200000", "16", "9", "0", "7"],
        ],
        Report::Costs => &[
            &["app", "15", "15", "105", "225", "630"],
            &["other", "7", "7", "49", "105", "294"],
            &["risky", "1", "1", "7", "15", "42"],
        ],
        Report::Intents => &[&[
            "1699999999970",
            "other",
            "-",
            "gemini-3.5-flash",
            "request-1699999999970",
            "02020202020202020202020202020202",
            "8",
        ]],
        Report::Opens => &[&["admission.open", "other", "2", "1699996400000", "1699999999970"]],
        Report::Rules => &[
            &["density", "16", "9", "3", "3", "1699999999999"],
            &["override.previous", "16", "9", "3", "3", "1699999999999"],
            &["edge.rule", "1", "0", "1", "1", "1699992800000"],
        ],
        Report::Suspicious => &[
            &["risky", "caller", "1", "1000", "1000", "1"],
            &["risky", "user", "2", "600", "900", "1"],
            &["o'neil \"\u{4f60}\"", "user", "10", "40", "100", "4"],
        ],
    };
    let cell = |cell: &&str| (*cell != "-").then(|| (*cell).to_owned());
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}
