//! The function on AWS: which adapter stands behind each port.

use std::time::Duration;

use bytes::Bytes;
use shared::aws::Clients;
use shared::aws::athena::Athena;
use shared::aws::kms::SealingKey;
use shared::aws::s3::Bucket;
use shared::aws::sns::Topic;
use shared::aws::sqs::outbox::Outbox;
use shared::clock::SystemClock;
use shared::google::bigquery::Table;
use shared::google::token::Kept;
use shared::google::token::federation::Federation;
use shared::host::{Task, Undone};
use shared::telemetry::Chain;

use crate::config::{Config, Role, WarehouseQueues};
use crate::detection::{Detected, Detector};
use crate::error::Error;
use crate::event::{Answer, Event, Message, Unknown};
use crate::job::Job;
use crate::load::Loader;
use crate::seal::Sealing;
use crate::warehouse;

/// How far detection looks back.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// The function, ready for its events.
#[derive(Debug)]
pub enum Function {
    /// It tells who looks suspicious.
    Detector(Detector<Athena, Bucket, Topic, SystemClock>),
    /// It stores records, and loads the warehouse from there.
    Drain {
        /// Stores.
        job: Box<Job<Bucket, Outbox, SystemClock>>,
        /// Loads what is named in messages of the queue with this URL.
        loading: Option<Box<Loading>>,
    },
    /// It seals what is stored.
    Sealer(Sealing<Bucket, SealingKey, Topic, SystemClock>),
}

/// How the warehouse is loaded.
#[derive(Debug)]
pub struct Loading {
    queue: String,
    loader: Loader<Bucket, Table<Kept<Federation, SystemClock>>, Outbox, SystemClock>,
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
            let table = config.warehouse.map(warehouse::Settings::table).transpose()?;
            let loading = table.zip(warehouse.clone()).map(|(table, WarehouseQueues { keys, poison })| {
                let loader = Loader::new(bucket.clone(), table, queue(poison), SystemClock);
                Box::new(Loading { queue: keys, loader })
            });
            let keys = warehouse.map(|queues| queue(queues.keys));
            let job = Box::new(Job::new(bucket, queue(dead), keys, SystemClock));
            Function::Drain { job, loading }
        }
        Role::Detector { workgroup, database, topic } => {
            let (athena, topic) =
                (Athena::new(clients.athena(), workgroup, database), Topic::new(clients.sns(), topic));
            Function::Detector(Detector::new(athena, bucket, topic, SystemClock, WINDOW))
        }
        Role::Sealer { key, heads } => {
            let heads = heads.map(|topic| Topic::new(clients.sns(), topic));
            Function::Sealer(Sealing::new(bucket, SealingKey::new(clients.kms(), key), heads, SystemClock))
        }
    })
}

impl Function {
    /// Does what an event asks for; what is answered. Started by hand, without an event, the sealer seals
    /// and detection looks.
    ///
    /// # Errors
    /// [`Undone`], and the log says why.
    pub async fn work(&self, task: Task) -> Result<Bytes, Undone> {
        self.done(&task).await.map_err(|error| {
            tracing::error!(code = error.code(), error = %Chain(&error), "the run failed");
            Undone(error.code())
        })
    }

    async fn done(&self, task: &Task) -> Result<Bytes, Error> {
        let event = &task.event;
        let event = match self {
            Self::Detector(_) if event.is_empty() => Event::Detect,
            Self::Sealer(_) if event.is_empty() => Event::Seal,
            Self::Detector(_) | Self::Drain { .. } | Self::Sealer(_) => Event::read(event)?,
        };
        match (self, event) {
            (Self::Drain { job, loading }, Event::Messages(messages)) => {
                let until = task.deadline.map(|deadline| deadline.0);
                // A batch is of one queue: whoever mixes them has all of them done all the same.
                let is_key = |message: &Message| loading.as_ref().is_some_and(|loading| message.is_of(&loading.queue));
                let (keys, records): (Vec<Message>, Vec<Message>) = messages.into_iter().partition(is_key);
                let mut answer = if records.is_empty() { Answer::default() } else { job.drain(records).await };
                if let Some(loading) = loading.as_ref().filter(|_| !keys.is_empty()) {
                    answer.failed.extend(loading.loader.load(keys, until).await.failed);
                }
                Ok(serde_json::to_vec(&answer).unwrap_or_default().into())
            }
            (Self::Detector(detector), Event::Detect) => {
                let Detected { suspicious, told } = detector.run().await.map_err(Error::Detect)?;
                Ok(serde_json::json!({ "suspicious": suspicious, "told": told }).to_string().into())
            }
            (Self::Sealer(sealing), Event::Seal) => {
                let hours = sealing.run().await?;
                Ok(serde_json::json!({ "sealed": hours }).to_string().into())
            }
            (Self::Detector(_), Event::Messages(_) | Event::Seal)
            | (Self::Drain { .. }, Event::Detect | Event::Seal)
            | (Self::Sealer(_), Event::Detect | Event::Messages(_)) => Err(Unknown.into()),
        }
    }
}
