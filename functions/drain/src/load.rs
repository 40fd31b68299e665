//! Loads the warehouse: a message names an object of the store of record, whose records become rows.
//!
//! A row may be sent twice, and then stands in the table twice: where an answer was lost, where a row was stopped by no
//! fault of its own, and whenever a message comes again. The view removes doubles. What the warehouse will never take
//! goes to the dead letters with its reason; as long as it takes nothing at all, messages come again, and what outlives
//! them there is still in the store of record, from which `gatehouse audit load` sends it anew.

use std::time::Duration;

use shared::audit::{Record, warehouse};
use shared::clock::{Clock, Timestamp};
use shared::ports::trail::{Outbox, Store};
use shared::ports::warehouse::{Error, Fate, MAX_BYTES, MAX_ROWS, ROW_OVERHEAD, Row, Warehouse};
use shared::telemetry::Chain;

use crate::event::{Answer, Message};
use crate::message;
use crate::object::{self, RECORDS};

/// How often a batch is sent before its message is to come again.
const ATTEMPTS: u32 = 4;

/// The pause before the second attempt; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// A warehouse that asks for a longer pause is asked again when the message comes again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A batch is not begun in the last moments: an attempt may take as long as BigQuery's client waits, which is 20 s, and a
/// pause, and the answer must still be given.
const LAST_MS: u64 = 30_000;

/// Loads the warehouse.
#[derive(Debug)]
pub struct Loader<S, W, O, C> {
    clock: C,
    store: S,
    warehouse: W,
    /// What the warehouse will never take goes here, with its reason.
    dead: O,
    first_pause: Duration,
}

/// Why a message is to come again.
enum Unloaded {
    /// Others would fare no better now.
    Down,
    /// It alone: the store or the dead letters failed.
    Alone,
}

impl<S: Store, W: Warehouse, O: Outbox, C: Clock> Loader<S, W, O, C> {
    /// Loads from `store` into `warehouse`.
    pub const fn new(store: S, warehouse: W, dead: O, clock: C) -> Self {
        Self { clock, store, warehouse, dead, first_pause: FIRST_PAUSE }
    }

    /// Another pause before the second attempt.
    #[must_use]
    pub fn pausing(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// Loads what the messages name. What is not known to be in the warehouse or among the dead letters comes again.
    /// Nothing is begun that may not end before `until`, when the process is ended.
    pub async fn load(&self, messages: Vec<Message>, until: Option<Timestamp>) -> Answer {
        let (mut failed, mut down) = (Vec::new(), false);
        for Message { id, body: key, .. } in messages {
            if down || self.is_late(until) {
                failed.push(id);
                continue;
            }
            match self.load_object(&key, until).await {
                Ok(rows) => tracing::info!(rows, key, "loaded"),
                Err(why) => {
                    down = matches!(why, Unloaded::Down);
                    failed.push(id);
                }
            }
        }
        Answer::failed(failed)
    }

    /// Loads an object, a batch at a time. How many rows it had.
    async fn load_object(&self, key: &str, until: Option<Timestamp>) -> Result<usize, Unloaded> {
        if !key.starts_with(RECORDS) {
            self.bury(key, "it names no object of records").await?;
            return Ok(0);
        }
        let body = self.store.read(key).await.map_err(|error| {
            tracing::error!(code = "trail_unavailable", key, error = %Chain(&error), "an object could not be read");
            Unloaded::Alone
        })?;
        let Some(body) = body else {
            self.bury(key, "there is no such object").await?;
            return Ok(0);
        };
        let (mut batch, mut bytes, mut count) = (Vec::new(), 0, 0);
        // Buried at the end: an object that comes again is not to bury the same each time.
        let mut dead = Vec::new();
        for line in object::lines(key, body.as_slice()) {
            let Ok(line) = line else {
                // What was before it is loaded; the verifier tells more.
                dead.push((key.to_owned(), "the object is damaged".to_owned()));
                break;
            };
            let row = match read(&line) {
                Ok(row) => row,
                Err(reason) => {
                    dead.push((line, reason));
                    continue;
                }
            };
            let size = row.id.len() + row.json.len() + ROW_OVERHEAD;
            if batch.len() == MAX_ROWS || bytes + size > MAX_BYTES {
                self.insert(std::mem::take(&mut batch), until, &mut dead).await?;
                bytes = 0;
            }
            bytes += size;
            count += 1;
            batch.push((row, line));
        }
        self.insert(batch, until, &mut dead).await?;
        for (body, reason) in dead {
            self.bury(&body, &reason).await?;
        }
        Ok(count)
    }

    /// Sends rows until each is in the table or among the dead letters.
    async fn insert(
        &self,
        mut pending: Vec<(Row, String)>,
        until: Option<Timestamp>,
        dead: &mut Vec<(String, String)>,
    ) -> Result<(), Unloaded> {
        let mut pause = self.first_pause;
        for attempt in 1..=ATTEMPTS {
            if pending.is_empty() {
                return Ok(());
            }
            if self.is_late(until) {
                return Err(Unloaded::Down);
            }
            let rows: Vec<Row> = pending.iter().map(|(row, _)| row.clone()).collect();
            let mut after = None;
            match self.warehouse.insert(&rows).await {
                Ok(fates) => pending = settle(pending, fates, dead),
                Err(error) if !error.passes() || attempt == ATTEMPTS => return Err(down(&error)),
                Err(error) => {
                    if let Error::Limited { after: Some(wanted), .. } = &error {
                        if *wanted > LONGEST_PAUSE {
                            return Err(down(&error));
                        }
                        after = Some(*wanted);
                    }
                    tracing::warn!(code = error.code(), error = %Chain(&error), attempt, "rows are sent again");
                }
            }
            if attempt < ATTEMPTS && !pending.is_empty() {
                tokio::time::sleep(after.unwrap_or(pause)).await;
                pause *= 2;
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
        tracing::error!(code = "warehouse_unavailable", rows = pending.len(), "rows were stopped again and again");
        Err(Unloaded::Alone)
    }

    /// Whether what begins now may not end before the process does.
    fn is_late(&self, until: Option<Timestamp>) -> bool {
        until.is_some_and(|until| self.clock.now().0.saturating_add(LAST_MS) > until.0)
    }

    async fn bury(&self, body: &str, reason: &str) -> Result<(), Unloaded> {
        tracing::error!(code = "warehouse_poison", reason, "a record or an object cannot be loaded");
        self.dead.send(body, Some(reason)).await.map_err(|error| {
            tracing::error!(code = "dead_unavailable", error = %Chain(&error), "it could not be put aside");
            Unloaded::Alone
        })
    }
}

/// Puts aside what will not be taken, and returns what is to be sent again.
fn settle(sent: Vec<(Row, String)>, fates: Vec<Fate>, dead: &mut Vec<(String, String)>) -> Vec<(Row, String)> {
    let mut again = Vec::new();
    // A port that tells of fewer rows than were sent has told nothing of the rest.
    let fates = fates.into_iter().chain(std::iter::repeat(Fate::Again));
    for ((row, line), fate) in sent.into_iter().zip(fates) {
        match fate {
            Fate::Kept => {}
            Fate::Again => again.push((row, line)),
            Fate::Invalid { reason } => dead.push((line, reason)),
        }
    }
    again
}

fn down(error: &Error) -> Unloaded {
    tracing::error!(code = error.code(), error = %Chain(error), "the warehouse takes no rows; they come again");
    Unloaded::Down
}

fn read(line: &str) -> Result<Row, String> {
    let record: Record = message::read(line).map_err(|poison| poison.to_string())?;
    let (id, json) = warehouse::row(&record).map_err(|beyond| beyond.to_string())?;
    Ok(Row { id, json })
}
