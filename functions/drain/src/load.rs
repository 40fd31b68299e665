//! Loads the warehouse: a message names an object of the store of record, whose records become rows.
//!
//! A row may be sent twice, and then stands in the table twice: where an answer was lost, where a row was stopped by no
//! fault of its own, and whenever a message comes again. The view removes doubles. What the warehouse will never take
//! goes to the dead letters with its reason; as long as it takes nothing at all, messages come again, and what outlives
//! them there is still in the store of record, from which `gatehouse audit load` sends it anew.

use std::time::Duration;

use shared::audit::{Record, warehouse};
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

/// Loads the warehouse.
#[derive(Debug)]
pub struct Loader<S, W, O> {
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

impl<S: Store, W: Warehouse, O: Outbox> Loader<S, W, O> {
    /// Loads from `store` into `warehouse`.
    pub const fn new(store: S, warehouse: W, dead: O) -> Self {
        Self { store, warehouse, dead, first_pause: FIRST_PAUSE }
    }

    /// Another pause before the second attempt.
    #[must_use]
    pub fn pausing(self, first_pause: Duration) -> Self {
        Self { first_pause, ..self }
    }

    /// Loads what the messages name. What is not known to be in the warehouse or among the dead letters comes again.
    pub async fn load(&self, messages: Vec<Message>) -> Answer {
        let (mut failed, mut down) = (Vec::new(), false);
        for Message { id, body: key, .. } in messages {
            if down {
                failed.push(id);
                continue;
            }
            match self.load_object(&key).await {
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
    async fn load_object(&self, key: &str) -> Result<usize, Unloaded> {
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
        for line in object::lines(key, body.as_slice()) {
            let Ok(line) = line else {
                // What was before it is loaded; the verifier tells more.
                self.bury(key, "the object is damaged").await?;
                break;
            };
            let row = match read(&line) {
                Ok(row) => row,
                Err(reason) => {
                    self.bury(&line, &reason).await?;
                    continue;
                }
            };
            let size = row.id.len() + row.json.len() + ROW_OVERHEAD;
            if batch.len() == MAX_ROWS || bytes + size > MAX_BYTES {
                self.insert(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += size;
            count += 1;
            batch.push((row, line));
        }
        self.insert(batch).await?;
        Ok(count)
    }

    /// Sends rows until each is in the table or among the dead letters.
    async fn insert(&self, mut pending: Vec<(Row, String)>) -> Result<(), Unloaded> {
        let mut pause = self.first_pause;
        for attempt in 1..=ATTEMPTS {
            if pending.is_empty() {
                return Ok(());
            }
            let rows: Vec<Row> = pending.iter().map(|(row, _)| row.clone()).collect();
            let mut after = None;
            match self.warehouse.insert(&rows).await {
                Ok(fates) => pending = self.settle(pending, fates).await?,
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

    /// Puts aside what will not be taken, and returns what is to be sent again.
    async fn settle(&self, sent: Vec<(Row, String)>, fates: Vec<Fate>) -> Result<Vec<(Row, String)>, Unloaded> {
        let mut again = Vec::new();
        // A port that tells of fewer rows than were sent has told nothing of the rest.
        let fates = fates.into_iter().chain(std::iter::repeat(Fate::Again));
        for ((row, line), fate) in sent.into_iter().zip(fates) {
            match fate {
                Fate::Kept => {}
                Fate::Again => again.push((row, line)),
                Fate::Invalid { reason } => self.bury(&line, &reason).await?,
            }
        }
        Ok(again)
    }

    async fn bury(&self, body: &str, reason: &str) -> Result<(), Unloaded> {
        tracing::error!(code = "warehouse_poison", reason, "a record or an object cannot be loaded");
        self.dead.send(body, Some(reason)).await.map_err(|error| {
            tracing::error!(code = "dead_unavailable", error = %Chain(&error), "it could not be put aside");
            Unloaded::Alone
        })
    }
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
