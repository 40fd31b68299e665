//! Who calls, and what for.

use serde::{Deserialize, Serialize};

/// What the function was called for.
#[derive(Debug)]
pub enum Event {
    /// The schedule: who looks suspicious is to be told.
    Detect,
    /// Messages of a queue.
    Messages(Vec<Message>),
    /// The schedule: hours that are over are to be sealed.
    Seal,
}

/// A message of a queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Names it in the answer.
    #[serde(rename = "messageId")]
    pub id: String,
    /// What was sent.
    pub body: String,
    /// The queue's ARN.
    #[serde(rename = "eventSourceARN")]
    pub queue: String,
}

/// It is none of the events that are known. What it is, is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is neither a batch of messages nor the sealer's schedule")]
pub struct Unknown;

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "Records")]
    messages: Option<Vec<Message>>,
    /// What the schedule sends: `{"seal":true}`.
    seal: Option<bool>,
    /// Likewise for detection: `{"detect":true}`.
    detect: Option<bool>,
}

impl Event {
    /// Reads the event.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn read(bytes: &[u8]) -> Result<Self, Unknown> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| Unknown)?;
        match (wire.messages, wire.seal, wire.detect) {
            (Some(messages), None, None) => Ok(Self::Messages(messages)),
            (None, Some(true), None) => Ok(Self::Seal),
            (None, None, Some(true)) => Ok(Self::Detect),
            _ => Err(Unknown),
        }
    }
}

impl Message {
    /// Whether it came from the queue with this URL: both end with its name.
    #[must_use]
    pub fn is_of(&self, url: &str) -> bool {
        let name = |text: &str, between| text.rsplit(between).next().unwrap_or_default().to_owned();
        name(&self.queue, ':') == name(url, '/')
    }
}

/// What SQS is answered: the messages that are to come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// One for each message that failed; without any, all of them are done.
    #[serde(rename = "batchItemFailures")]
    pub failed: Vec<Failed>,
}

/// A message that is to come again.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

impl Answer {
    /// These messages are to come again.
    pub fn failed(ids: impl IntoIterator<Item = String>) -> Self {
        Self { failed: ids.into_iter().map(|id| Failed { id }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_read_with_the_queue_that_each_message_is_of() {
        let event = br#"{"Records":[{"messageId":"m1","receiptHandle":"x","body":"{\"a\":1}","attributes":{},
            "eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-central-1:1:g-audit","awsRegion":"eu-central-1"}]}"#;
        let Event::Messages(messages) = Event::read(event).unwrap() else { panic!("no messages") };
        assert_eq!((messages[0].id.as_str(), messages[0].body.as_str()), ("m1", "{\"a\":1}"));
        assert!(messages[0].is_of("https://sqs.eu-central-1.amazonaws.com/1/g-audit"));
        assert!(!messages[0].is_of("https://sqs.eu-central-1.amazonaws.com/1/g-audit-warehouse"));
    }

    #[test]
    fn what_is_no_event_of_ours_is_told_without_its_words() {
        assert!(matches!(Event::read(br#"{"seal":true}"#), Ok(Event::Seal)));
        assert!(matches!(Event::read(br#"{"detect":true}"#), Ok(Event::Detect)));
        for wrong in [
            &b""[..],
            b"{}",
            br#"{"seal":false}"#,
            br#"{"Records":[],"seal":true}"#,
            br#"{"detect":true,"seal":true}"#,
            br#"{"Records":[{}]}"#,
        ] {
            assert_eq!(Event::read(wrong).unwrap_err(), Unknown);
        }
    }

    #[test]
    fn the_answer_is_what_sqs_takes() {
        assert_eq!(serde_json::to_string(&Answer::default()).unwrap(), r#"{"batchItemFailures":[]}"#);
        let answer = Answer::failed(["m1".to_owned()]);
        assert_eq!(serde_json::to_string(&answer).unwrap(), r#"{"batchItemFailures":[{"itemIdentifier":"m1"}]}"#);
    }
}
