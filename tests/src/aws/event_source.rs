//! What Lambda does between a queue and a function: it takes messages out in the function's name, hands them over in
//! batches, and deletes those that the function does not give back.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::REGION;
use super::endpoint::Endpoint;
use super::runtime::{Failure, Function};

/// A queue's messages, on their way to a function.
#[derive(Debug)]
pub struct EventSource {
    /// The id of the access key that it takes them with.
    by: String,
    url: String,
    arn: String,
    messages: Mutex<Vec<Message>>,
}

#[derive(Clone, Debug)]
struct Message {
    id: String,
    body: String,
    receipt: String,
    attributes: Value,
    /// The function has not given it back.
    done: bool,
}

impl EventSource {
    /// From the queue with this URL and ARN, with an access key of this id.
    #[must_use]
    pub fn new(by: &str, url: &str, arn: &str) -> Self {
        Self { by: by.to_owned(), url: url.to_owned(), arn: arn.to_owned(), messages: Mutex::default() }
    }

    /// Takes out all that is there now. It is gone from the queue at once, and waits here: moto looks through all that is
    /// in flight for each message that it hands out.
    pub async fn take(&self, endpoint: &Endpoint) {
        loop {
            let receive = json!({"QueueUrl": self.url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0,
                "AttributeNames": ["All"]});
            let received = endpoint.call_as(&self.by, "AmazonSQS.ReceiveMessage", &receive).await;
            let Some(received) = received["Messages"].as_array().filter(|all| !all.is_empty()) else { return };
            for message in received {
                let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
                let (id, receipt, attributes) =
                    (text("MessageId"), text("ReceiptHandle"), message["Attributes"].clone());
                endpoint.call("AmazonSQS.DeleteMessage", &self.deletion(&receipt)).await;
                let message = Message { id, body: text("Body"), receipt, attributes, done: false };
                self.messages.lock().unwrap().push(message);
            }
        }
    }

    /// The body of every message that was ever taken out.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.messages.lock().unwrap().iter().map(|message| message.body.clone()).collect()
    }

    /// Hands over all that waits, so many messages at a time, and deletes what is not given back. The bodies of what is,
    /// or of a whole batch whose invocation failed.
    ///
    /// # Panics
    /// When the function gives back what it was not handed: Lambda would take that for a failure of the whole batch.
    pub async fn deliver(&self, endpoint: &Endpoint, function: &Function, batch: usize) -> Vec<String> {
        self.take(endpoint).await;
        let waiting: Vec<Message> =
            self.messages.lock().unwrap().iter().filter(|message| !message.done).cloned().collect();
        let mut back = Vec::new();
        for batch in waiting.chunks(batch) {
            let records: Vec<Value> = batch.iter().map(|message| self.record(message)).collect();
            let answer = function.invoke(&json!({"Records": records})).await;
            let given_back = given_back(&answer, batch);
            for message in batch {
                if given_back.contains(&message.id) {
                    back.push(message.body.clone());
                    continue;
                }
                endpoint.remember(&self.by, "AmazonSQS.DeleteMessage", &self.deletion(&message.receipt));
                let mut messages = self.messages.lock().unwrap();
                let known = messages.iter_mut().find(|known| known.id == message.id);
                known.into_iter().for_each(|known| known.done = true);
            }
        }
        back
    }

    fn deletion(&self, receipt: &str) -> Value {
        json!({"QueueUrl": self.url, "ReceiptHandle": receipt})
    }

    /// As in Lambda's developer guide, `Using Lambda with Amazon SQS`: an example of an event.
    fn record(&self, message: &Message) -> Value {
        json!({
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": message.attributes,
            "messageAttributes": {},
            "md5OfBody": "",
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn,
            "awsRegion": REGION,
        })
    }
}

/// As with `ReportBatchItemFailures`: all of them where the invocation failed.
fn given_back(answer: &Result<Value, Failure>, batch: &[Message]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = batch.iter().map(|message| message.id.clone()).collect();
    let Ok(answer) = answer else { return ids };
    let failures = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("no failures in {answer}"));
    let told = failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default().to_owned());
    let told: BTreeSet<String> = told.collect();
    assert!(told.is_subset(&ids), "{answer} gives back what it was not handed");
    told
}
