//! The audit queue on SQS: a record is a message, its line as it stands.
//!
//! A record that finds a connection free is sent at once, alone. Where many wait, they share requests: SQS then says
//! for each of them whether it has it. Whoever waits does the sending, since a task of its own would be frozen with its
//! function.
//!
//! The client tries a request twice, after throttling, a server's error, a broken connection or a late answer; the
//! recorder sends a refused record anew, with the same bytes. SQS may thus have a record twice, which readers expect.

pub mod depth;
#[cfg(feature = "aws-trail")]
pub mod outbox;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use tokio::sync::{Semaphore, oneshot};

use super::Fault;
use crate::audit::Record;
use crate::ports::{AuditQueue, Cause, Unavailable};

/// Requests under way at once. A handful keeps the connections warm, and beyond it records share requests.
const FLIGHTS: usize = 4;

/// The most that SQS takes in a request.
const BATCH: usize = 10;

/// The most bytes that our queue takes in a message. SQS itself takes 1 MiB, in a batch of them too; so much is enough
/// for a request.
const BATCH_BYTES: usize = 256 << 10;

const _: () = assert!(crate::audit::LINE_BYTES < BATCH_BYTES, "every record fits into a message");

/// The audit queue.
#[derive(Debug)]
pub struct Queue {
    client: Client,
    url: String,
    waiting: Mutex<VecDeque<Waiting>>,
    flights: Semaphore,
}

#[derive(Debug)]
struct Waiting {
    line: String,
    done: oneshot::Sender<Result<(), Arc<Error>>>,
}

/// Why SQS does not have a record, as far as is known.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Whoever sent it went away meanwhile.
    #[error("sending broke off")]
    BrokenOff,
    /// SQS refused the request, or its fate is unknown.
    #[error("the queue did not take it")]
    Fault(#[source] Fault),
    /// SQS refused this one of several.
    #[error("the queue refused it with {0}")]
    Refused(String),
}

impl Queue {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        let waiting = Mutex::default();
        Self { client, url: url.into(), waiting, flights: Semaphore::const_new(FLIGHTS) }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first of those who wait, as many as fit into a request.
    fn take(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        // Who no longer waits has counted the record as void.
        waiting.retain(|one| !one.done.is_closed());
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while let Some(next) = waiting.front()
            && batch.len() < BATCH
            && bytes + next.line.len() <= BATCH_BYTES
        {
            bytes += next.line.len();
            batch.extend(waiting.pop_front());
        }
        batch
    }

    async fn send(&self, mut batch: Vec<Waiting>) {
        if batch.len() > 1 {
            return self.send_batch(batch).await;
        }
        let Some(Waiting { line, done }) = batch.pop() else { return };
        let sent = self.client.send_message().queue_url(&self.url).message_body(line).send().await;
        let told = sent.map(|_| ()).map_err(|error| Arc::new(Error::Fault(error.into())));
        drop(done.send(told));
    }

    async fn send_batch(&self, batch: Vec<Waiting>) {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        let mut ids = Vec::new();
        for (place, Waiting { line, done }) in batch.into_iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(line);
            // Were it incomplete, its answer would be that of one of whom the queue says nothing.
            if let Ok(entry) = entry.build() {
                request = request.entries(entry);
            }
            ids.push((place.to_string(), done));
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                let error = Arc::new(Error::Fault(error.into()));
                return ids.into_iter().for_each(|(_, done)| drop(done.send(Err(Arc::clone(&error)))));
            }
        };
        for (id, done) in ids {
            let told = if answer.successful.iter().any(|one| one.id == id) {
                Ok(())
            } else {
                let failed = answer.failed.iter().find(|one| one.id == id);
                Err(Arc::new(Error::Refused(failed.map_or_else(|| "no word of it".to_owned(), |one| one.code.clone()))))
            };
            drop(done.send(told));
        }
    }
}

impl AuditQueue for Queue {
    async fn append(&self, record: &Record) -> Result<(), Unavailable> {
        let (done, mut sent) = oneshot::channel();
        self.waiting().push_back(Waiting { line: record.to_line(), done });
        loop {
            tokio::select! {
                biased;
                told = &mut sent => return told.unwrap_or_else(|_| Err(Arc::new(Error::BrokenOff))).map_err(unavailable),
                flight = self.flights.acquire() => {
                    let batch = self.take();
                    if batch.is_empty() {
                        // Another is sending it.
                        drop(flight);
                        return sent.await.unwrap_or_else(|_| Err(Arc::new(Error::BrokenOff))).map_err(unavailable);
                    }
                    self.send(batch).await;
                }
            }
        }
    }
}

fn unavailable(cause: Arc<Error>) -> Unavailable {
    let cause: Cause = Box::new(cause);
    Unavailable { store: "audit queue", cause }
}

#[cfg(test)]
mod tests;
