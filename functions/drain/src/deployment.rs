//! The function on AWS: which adapter stands behind each port.

use bytes::Bytes;
use shared::aws::Clients;
use shared::aws::kms::SealingKey;
use shared::aws::s3::Bucket;
use shared::aws::sns::Topic;
use shared::aws::sqs::outbox::Outbox;
use shared::clock::SystemClock;
use shared::host::{Task, Undone};
use shared::telemetry::Chain;

use crate::config::{Config, Role};
use crate::error::Error;
use crate::event::{Event, Unknown};
use crate::job::Job;
use crate::seal::Sealing;

/// The function, ready for its events.
#[derive(Debug)]
pub enum Function {
    /// It stores records.
    Drain(Job<Bucket, Outbox, SystemClock>),
    /// It seals what is stored.
    Sealer(Sealing<Bucket, SealingKey, Topic, SystemClock>),
}

/// Builds the function with AWS behind it.
///
/// # Errors
/// [`Error::NoClient`].
pub fn build(config: Config) -> Result<Function, Error> {
    let clients = Clients::new(config.access)?;
    let bucket = Bucket::new(clients.s3(), config.bucket);
    Ok(match config.role {
        Role::Drain { dead, warehouse } => {
            let queue = |url: String| Outbox::new(clients.sqs(), url);
            Function::Drain(Job::new(bucket, queue(dead), warehouse.map(queue), SystemClock))
        }
        Role::Sealer { key, heads } => {
            let heads = heads.map(|topic| Topic::new(clients.sns(), topic));
            Function::Sealer(Sealing::new(bucket, SealingKey::new(clients.kms(), key), heads, SystemClock))
        }
    })
}

impl Function {
    /// Does what an event asks for; what is answered. Started by hand, without an event, the sealer seals.
    ///
    /// # Errors
    /// [`Undone`], and the log says why.
    pub async fn work(&self, task: Task) -> Result<Bytes, Undone> {
        self.done(&task.event).await.map_err(|error| {
            tracing::error!(code = error.code(), error = %Chain(&error), "the run failed");
            Undone(error.code())
        })
    }

    async fn done(&self, event: &[u8]) -> Result<Bytes, Error> {
        let event = if event.is_empty() { Event::Seal } else { Event::read(event)? };
        match (self, event) {
            (Self::Drain(job), Event::Messages(messages)) => {
                let answer = job.drain(messages).await;
                Ok(serde_json::to_vec(&answer).unwrap_or_default().into())
            }
            (Self::Sealer(sealing), Event::Seal) => {
                let hours = sealing.run().await?;
                Ok(serde_json::json!({ "sealed": hours }).to_string().into())
            }
            (Self::Drain(_), Event::Seal) | (Self::Sealer(_), Event::Messages(_)) => Err(Unknown.into()),
        }
    }
}
