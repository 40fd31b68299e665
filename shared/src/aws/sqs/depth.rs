//! How much waits in a queue, for the operator.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName as Attribute;

use crate::aws::Fault;

/// Messages in a queue, as SQS counts them: it says itself that it may be off for a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Ready to be taken.
    pub waiting: u64,
    /// Taken, and not yet done with.
    pub in_flight: u64,
    /// Not ready yet.
    pub delayed: u64,
}

/// The depth of the queue with this name; `None` where there is no such queue.
///
/// # Errors
/// [`Fault`] when SQS does not tell.
pub async fn of(client: &Client, name: &str) -> Result<Option<Depth>, Fault> {
    let Some(url) = url(client, name).await? else { return Ok(None) };
    let (waiting, in_flight, delayed) = (
        Attribute::ApproximateNumberOfMessages,
        Attribute::ApproximateNumberOfMessagesNotVisible,
        Attribute::ApproximateNumberOfMessagesDelayed,
    );
    let asked = client
        .get_queue_attributes()
        .queue_url(url)
        .attribute_names(waiting.clone())
        .attribute_names(in_flight.clone())
        .attribute_names(delayed.clone());
    let told = asked.send().await?.attributes.unwrap_or_default();
    let count = |name: Attribute| told.get(&name).and_then(|count| count.parse().ok()).ok_or(Fault::Garbled);
    Ok(Some(Depth { waiting: count(waiting)?, in_flight: count(in_flight)?, delayed: count(delayed)? }))
}

/// The URL of the queue with this name; `None` where there is no such queue.
///
/// # Errors
/// [`Fault`] when SQS does not tell.
pub async fn url(client: &Client, name: &str) -> Result<Option<String>, Fault> {
    match client.get_queue_url().queue_name(name).send().await.map_err(Fault::from) {
        Ok(answer) => answer.queue_url.map(Some).ok_or(Fault::Garbled),
        Err(fault)
            if fault
                .code()
                .is_some_and(|code| code.contains("NonExistentQueue") || code.contains("QueueDoesNotExist")) =>
        {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}
