//! Tells people who has begun to look suspicious: the report `suspicious` on a schedule.
//!
//! Who is found is marked in the store of record, an object a day, under a hash of the name; who is marked is not told
//! of again that day. The mark comes after the message: killed in between, it tells twice rather than never.

use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use shared::audit::Hour;
use shared::audit::reports::{Cells, Report};
use shared::clock::{Clock, Timestamp};
use shared::ports::Unavailable;
use shared::ports::reports::Reports;
use shared::ports::trail::{Outbox, Store};

/// Where marks are.
pub const DETECTIONS: &str = "detections/";

/// What the message is about.
const SUBJECT: &str = "Gatehouse: somebody looks suspicious";

/// Tells people.
#[derive(Debug)]
pub struct Detector<R, S, O, C> {
    reports: R,
    store: S,
    topic: O,
    clock: C,
    window: Duration,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// Who is over the threshold now.
    pub suspicious: usize,
    /// Who was told of by this run.
    pub told: usize,
}

impl<R: Reports, S: Store, O: Outbox, C: Clock> Detector<R, S, O, C> {
    /// Asks `reports` about the last `window`, marks in `store` and tells by `topic`.
    pub const fn new(reports: R, store: S, topic: O, clock: C, window: Duration) -> Self {
        Self { reports, store, topic, clock, window }
    }

    /// Looks once. The first that fails ends the run: what was not told is told by the next.
    ///
    /// # Errors
    /// [`Unavailable`] when a store or the topic cannot be used.
    pub async fn run(&self) -> Result<Detected, Unavailable> {
        let now = self.clock.now();
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        let rows = self.reports.ask(Report::Suspicious, Timestamp(now.0.saturating_sub(window))).await?;
        let mut detected = Detected { suspicious: rows.len(), told: 0 };
        for row in rows {
            let suspect = Suspect::read(row);
            let key = suspect.mark(now);
            if self.store.read(&key).await?.is_some() {
                continue;
            }
            self.topic.send(&suspect.message(self.window), Some(SUBJECT)).await?;
            self.store.create(&key, suspect.json().into_bytes()).await?;
            // Who it is, is for the topic's readers alone.
            tracing::error!(code = "suspicious", mark = key, "somebody looks suspicious");
            detected.told += 1;
        }
        Ok(detected)
    }
}

/// A row of the report.
struct Suspect {
    subject: String,
    kind: String,
    requests: String,
    average: String,
    max: String,
    blocked: String,
}

impl Suspect {
    fn read(row: Cells) -> Self {
        let mut cells = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        let (subject, kind) = (next(), next());
        Self { subject, kind, requests: next(), average: next(), max: next(), blocked: next() }
    }

    /// The mark of this day.
    fn mark(&self, now: Timestamp) -> String {
        let partition = Hour::of(now).partition();
        let day = partition.split('/').next().unwrap_or_default();
        let who = Sha256::digest(format!("{}\0{}", self.kind, self.subject));
        format!("{DETECTIONS}{day}/{}.json", shared::audit::Hash::new(who.into()))
    }

    fn json(&self) -> String {
        let Self { subject, kind, requests, average, max, blocked } = self;
        json!({"subject": subject, "subject_kind": kind, "requests": requests, "average_risk": average,
            "max_risk": max, "blocked": blocked})
        .to_string()
    }

    fn message(&self, window: Duration) -> String {
        let Self { subject, kind, requests, average, max, blocked } = self;
        let hours = window.as_secs() / 3600;
        // Names come from outside: on one line, whatever they hold.
        let subject: String = subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!(
            "The {kind} {subject} crossed the threshold: average risk over 0.5, or more than 3 blocked requests.\n\n\
             In the last {hours} hours: {requests} requests, {blocked} of them blocked; average risk {average}, highest \
             {max}, in thousandths.\n\n\
             gatehouse audit suspicious --hours {hours} --aws NAME_PREFIX tells of all who did.\n\
             You are told of one {kind} once a day.\n"
        )
    }
}
