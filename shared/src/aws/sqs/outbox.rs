//! A queue to hand on to.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::aws::Fault;
use crate::ports::Unavailable;
use crate::ports::trail;

/// The attribute that tells why a message was put aside.
pub const REASON: &str = "reason";

/// A queue.
#[derive(Clone, Debug)]
pub struct Outbox {
    client: Client,
    url: String,
}

impl Outbox {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }
}

impl trail::Outbox for Outbox {
    async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
        let mut request = self.client.send_message().queue_url(&self.url).message_body(body);
        let text = reason.map(|reason| MessageAttributeValue::builder().data_type("String").string_value(reason));
        if let Some(Ok(text)) = text.map(|text| text.build()) {
            request = request.message_attributes(REASON, text);
        }
        let sent = request.send().await;
        sent.map(drop).map_err(|error| Unavailable { store: "queue", cause: Fault::from(error).into() })
    }
}
