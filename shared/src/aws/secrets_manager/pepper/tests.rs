use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::aws::scripted::{Asked, Reply, Server};

fn value(text: &str) -> Reply {
    Reply::ok(&json!({"SecretString": text, "VersionId": "v-1"}))
}

#[tokio::test]
async fn the_pepper_is_read_once_and_a_fault_is_not_remembered() {
    let server = Server::start(|_, before| match before {
        0 => Reply::error(400, "AccessDeniedException"),
        1 => Reply::error(400, "ResourceNotFoundException"),
        _ => value(&format!("{}\n", "0A".repeat(32))),
    });
    let peppers = Peppers::new(server.clients().secrets_manager(), "the-arn");
    assert_eq!(peppers.get().await.unwrap_err().store, "Secrets Manager");
    let empty = peppers.get().await.unwrap_err();
    assert!(std::error::Error::source(&empty).unwrap().to_string().contains("gatehouse init"));
    let id = peppers.get().await.unwrap().id();
    assert_eq!(id, Pepper::new([10; 32]).id());
    assert_eq!(peppers.get().await.unwrap().id(), id);
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn what_is_no_pepper_is_refused_without_being_told() {
    for wrong in ["", "0a0a", &"0g".repeat(32), &"0a".repeat(33)] {
        let text = wrong.to_owned();
        let server = Server::start(move |_, _| value(&text));
        let peppers = Peppers::new(server.clients().secrets_manager(), "the-arn");
        let told = peppers.get().await.unwrap_err();
        assert!(wrong.is_empty() || !format!("{told:?}").contains(wrong));
    }
}

/// Secrets Manager as far as [`make`] asks it; strict about a version's content.
fn strict() -> (Server, Arc<Mutex<Option<Value>>>) {
    let kept = Arc::new(Mutex::new(None));
    let held = Arc::clone(&kept);
    let script = move |asked: &Asked, _: usize| {
        let mut held = held.lock().unwrap();
        match (asked.operation.as_str(), held.is_some()) {
            ("DescribeSecret", false) => Reply::ok(&json!({"VersionIdsToStages": {}})),
            ("DescribeSecret", true) => Reply::ok(&json!({"VersionIdsToStages": {"v": ["AWSCURRENT"]}})),
            ("PutSecretValue", true) => Reply::error(400, "ResourceExistsException"),
            ("PutSecretValue", false) => {
                *held = Some(asked.body.clone());
                Reply::ok(&json!({}))
            }
            (other, _) => panic!("{other}"),
        }
    };
    (Server::start(script), kept)
}

#[tokio::test]
async fn a_pepper_is_made_once_and_left_alone_after() {
    let (server, kept) = strict();
    let client = server.clients().secrets_manager();
    assert!(make(&client, "the-arn").await.unwrap());
    let put = kept.lock().unwrap().clone().unwrap();
    assert_eq!(put["SecretString"].as_str().unwrap().len(), 64);
    assert!(!make(&client, "the-arn").await.unwrap());
    assert_eq!(*kept.lock().unwrap(), Some(put));
}

#[tokio::test]
async fn of_two_who_make_at_once_one_is_refused_and_content() {
    // Both see no value; the service takes one content for the version that both name.
    let (server, kept) = strict();
    let client = server.clients().secrets_manager();
    let (one, other) = tokio::join!(make(&client, "the-arn"), make(&client, "the-arn"));
    assert_eq!(u8::from(one.unwrap()) + u8::from(other.unwrap()), 1);
    let token = kept.lock().unwrap().clone().unwrap()["ClientRequestToken"].clone();
    assert!((32..=64).contains(&token.as_str().unwrap().len()));
}
