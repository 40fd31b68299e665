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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted::{Reply, Server, told};

    fn topic(server: &Server) -> Topic {
        Topic::new(server.clients().sns(), "arn:aws:sns:eu-central-1:1:g-alarms")
    }

    fn error(status: u16, code: &str) -> Reply {
        Reply::Is(
            status,
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"),
        )
    }

    fn published() -> Reply {
        Reply::Is(
            200,
            "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>".to_owned(),
        )
    }

    #[tokio::test]
    async fn a_message_has_the_reason_as_its_subject_and_is_sent_again_where_that_may_help() {
        let server = Server::start(|_, number| match number {
            0 => error(400, "Throttling"),
            1 => Reply::Cut,
            _ => published(),
        });
        topic(&server).send("all\nof it", Some(&"x".repeat(300))).await.unwrap();
        let asked = server.asked();
        assert_eq!(asked.len(), 3);
        assert!(asked[2].text.contains("Message=all%0Aof%20it"), "{}", asked[2].text);
        assert!(asked[2].text.contains(&format!("Subject={}", "x".repeat(100))), "{}", asked[2].text);
        assert!(!asked[2].text.contains(&"x".repeat(101)), "{}", asked[2].text);
    }

    #[tokio::test]
    async fn a_topic_that_may_not_be_told_is_an_error() {
        for code in ["AuthorizationError", "KMSAccessDenied", "NotFound"] {
            let server = Server::start(move |_, _| error(403, code));
            let failed = topic(&server).send("m", None).await.unwrap_err();
            assert!(told(&failed).contains(code), "{}", told(&failed));
            assert_eq!(server.asked().len(), 1);
        }
    }
}
