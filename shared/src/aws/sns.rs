//! A topic of SNS, for what people are to hear.

use aws_sdk_sns::Client;

use crate::ports::Unavailable;
use crate::ports::trail::Outbox;

use super::Fault;

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self { client, arn: arn.into() }
    }
}

impl Outbox for Topic {
    /// The reason is the subject, of which SNS takes 100 characters.
    async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
        let subject = reason.map(|reason| reason.chars().take(100).collect::<String>());
        let sent = self.client.publish().topic_arn(&self.arn).message(body).set_subject(subject).send().await;
        sent.map(drop).map_err(|error| Unavailable { store: "alarm topic", cause: Fault::from(error).into() })
    }
}
