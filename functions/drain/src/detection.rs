//! Tells people who has begun to look suspicious: the report `suspicious` on a schedule.
//!
//! Who is found is marked in the store of record, an object a day, under a hash of the name; who was marked within the
//! window is not told of again. One message tells of all who are new, and the marks come after it: killed in between, it
//! tells twice rather than never. A mark that cannot be read or made holds up no other.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use shared::audit::Hour;
use shared::audit::reports::{Cells, Report};
use shared::clock::{Clock, Timestamp};
use shared::ports::Unavailable;
use shared::ports::reports::Reports;
use shared::ports::trail::{Outbox, Store};

/// Where marks are.
pub const DETECTIONS: &str = "detections/";

/// So many are spelt out in a message, which may have 256 KB; `gatehouse audit suspicious` tells of all.
const SHOWN: usize = 50;

/// Names come from outside, of whatever length.
const NAME_CHARS: usize = 200;

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

    /// Looks once. What could not be done is done by the next run.
    ///
    /// # Errors
    /// [`Unavailable`] when a store or the topic cannot be used; the first of them.
    pub async fn run(&self) -> Result<Detected, Unavailable> {
        let now = self.clock.now();
        let rows = self.reports.ask(Report::Suspicious, self.since(now)).await?;
        let (mut failed, suspicious) = (None, rows.len());
        let mut new = Vec::new();
        for suspect in rows.into_iter().map(Suspect::read) {
            match self.is_marked(&suspect, now).await {
                Ok(true) => {}
                Ok(false) => new.push(suspect),
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        if !new.is_empty() {
            self.topic.send(&message(&new, self.window), Some(SUBJECT)).await?;
        }
        for suspect in &new {
            // Who it is, is for the topic's readers alone.
            tracing::error!(code = "suspicious", kind = suspect.kind, "somebody looks suspicious");
            let made = self.store.create(&suspect.mark(now), suspect.json(now).into_bytes()).await;
            failed = failed.or(made.err());
        }
        failed.map_or(Ok(Detected { suspicious, told: new.len() }), Err)
    }

    fn since(&self, now: Timestamp) -> Timestamp {
        let window = u64::try_from(self.window.as_millis()).unwrap_or(u64::MAX);
        Timestamp(now.0.saturating_sub(window))
    }

    /// Whether it was told within the window, which may have begun on another day.
    async fn is_marked(&self, suspect: &Suspect, now: Timestamp) -> Result<bool, Unavailable> {
        let since = self.since(now);
        for day in [now, since] {
            let mark = self.store.read(&suspect.mark(day)).await?;
            let mark: Option<Value> = mark.and_then(|mark| serde_json::from_slice(&mark).ok());
            let told = mark.as_ref().and_then(|mark| mark.get("told")?.as_u64());
            if told.is_some_and(|told| told > since.0) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Tells of those who are new.
fn message(new: &[Suspect], window: Duration) -> String {
    let hours = window.as_secs() / 3600;
    let lines: String = new.iter().take(SHOWN).map(Suspect::line).collect();
    let more = match new.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("And {more} more.\n"),
    };
    format!(
        "In the last {hours} hours crossed the threshold, an average risk over 0.5 or more than 3 blocked requests (risks \
         are in thousandths):\n\n{lines}{more}\n\
         gatehouse audit suspicious --hours {hours} --aws NAME_PREFIX tells of all who did.\n\
         You are told of each once in {hours} hours.\n"
    )
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

    fn json(&self, told: Timestamp) -> String {
        let Self { subject, kind, requests, average, max, blocked } = self;
        json!({"subject": subject, "subject_kind": kind, "requests": requests, "average_risk": average,
            "max_risk": max, "blocked": blocked, "told": told})
        .to_string()
    }

    fn line(&self) -> String {
        let Self { subject, kind, requests, average, max, blocked } = self;
        // On one line, whatever they hold.
        let subject: String = subject.chars().take(NAME_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!(
            "The {kind} {subject}: {requests} requests, {blocked} blocked, average risk {average}, highest {max}.\n"
        )
    }
}
