//! Drains the audit queue: each message becomes a record in the store, or a dead letter, or comes again.

use shared::audit::Hour;
use shared::clock::Clock;
use shared::ports::Unavailable;
use shared::ports::trail::{Outbox, Store};
use shared::telemetry::Chain;

use crate::event::{Answer, Message};
use crate::message;
use crate::sink::Objects;

/// Drains the audit queue.
#[derive(Debug)]
pub struct Job<S, O, C> {
    objects: Objects<S>,
    /// What is no record goes here, with its reason.
    dead: O,
    /// The keys of objects go here.
    warehouse: Option<O>,
    clock: C,
}

impl<S: Store, O: Outbox, C: Clock> Job<S, O, C> {
    /// Drains into `store`.
    pub const fn new(store: S, dead: O, warehouse: Option<O>, clock: C) -> Self {
        Self { objects: Objects::new(store), dead, warehouse, clock }
    }

    /// Takes a batch over. What is not known to be where it belongs comes again, and nothing else.
    pub async fn drain(&self, messages: Vec<Message>) -> Answer {
        let (mut records, mut ids, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for Message { id, body, .. } in messages {
            match message::read(&body) {
                Ok(record) => {
                    records.push((record.into(), body));
                    ids.push(id);
                }
                Err(poison) => {
                    let reason = poison.to_string();
                    tracing::error!(code = "audit_poison", message_id = id, reason, "a message is no record");
                    if let Err(error) = self.dead.send(&body, Some(&reason)).await {
                        tracing::error!(code = "dead_unavailable", error = %Chain(&error), "it could not be put aside");
                        failed.push(id);
                    }
                }
            }
        }
        let count = records.len();
        if count > 0 {
            match self.keep(records).await {
                Ok(key) => tracing::info!(records = count, key, "drained"),
                Err(error) => {
                    tracing::error!(code = "trail_unavailable", error = %Chain(&error), "a batch was not stored");
                    failed.append(&mut ids);
                }
            }
        }
        Answer::failed(failed)
    }

    async fn keep(&self, records: Vec<(shared::audit::manifest::Place, String)>) -> Result<String, Unavailable> {
        let key = self.objects.store(Hour::of(self.clock.now()), records).await?;
        if let Some(warehouse) = &self.warehouse {
            warehouse.send(&key, None).await?;
        }
        Ok(key)
    }
}
