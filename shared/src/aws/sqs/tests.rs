use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::audit::{Hash, Kind, Link, WriterId};
use crate::aws::scripted::{Asked, Reply, Server};
use crate::fakes::entry;

fn record(seq: u64, prompt: &str) -> Record {
    let writer_id = WriterId::new([1; 16]);
    let entry = crate::audit::Entry { prompt: Some(prompt.to_owned()), ..entry(Kind::Intent) };
    Record::seal(entry, Link { record_id: String::new(), writer_id, seq, prev_hash: Hash::ZERO, voids: Vec::new() })
}

fn queue(server: &Server) -> Queue {
    Queue::new(server.clients().sqs(), format!("{}/1/audit", server.url))
}

fn lines(asked: &Asked) -> Vec<String> {
    let line = |value: &Value| value["MessageBody"].as_str().unwrap().to_owned();
    asked
        .body
        .get("Entries")
        .map_or_else(|| vec![line(&asked.body)], |all| all.as_array().unwrap().iter().map(line).collect())
}

/// SQS that takes everything but what `refused` names.
fn take(asked: &Asked, refused: impl Fn(&str) -> bool) -> Reply {
    if asked.operation == "SendMessage" {
        return Reply::ok(&json!({"MessageId": "1", "MD5OfMessageBody": "x"}));
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for one in asked.body["Entries"].as_array().unwrap() {
        if refused(one["MessageBody"].as_str().unwrap()) {
            failed.push(json!({"Id": one["Id"], "SenderFault": false, "Code": "InternalError"}));
        } else {
            successful.push(json!({"Id": one["Id"], "MessageId": "1", "MD5OfMessageBody": "x"}));
        }
    }
    Reply::ok(&json!({"Successful": successful, "Failed": failed}))
}

#[tokio::test]
async fn a_record_alone_is_one_message_with_its_very_line() {
    let server = Server::start(|asked, _| take(asked, |_| false));
    let record = record(0, "hello");
    queue(&server).append(&record).await.unwrap();
    let asked = server.asked();
    assert_eq!((asked.len(), asked[0].operation.as_str()), (1, "SendMessage"));
    assert_eq!(lines(&asked[0]), [record.to_line()]);
    assert_eq!(asked[0].body["QueueUrl"], format!("{}/1/audit", server.url));
}

#[tokio::test]
async fn those_who_wait_share_requests_and_each_learns_its_own_fate() {
    let server = Server::start(|asked, _| take(asked, |line| line.contains("refuse me")));
    let queue = queue(&server);
    let records: Vec<Record> =
        (0..40).map(|seq| record(seq, if seq % 3 == 0 { "refuse me" } else { "take me" })).collect();
    let told = join_all(records.iter().map(|record| queue.append(record))).await;
    let asked = server.asked();
    assert!(asked.len() <= 8, "{} requests for 40 records", asked.len());
    let sent: Vec<String> = asked.iter().flat_map(lines).collect();
    let wanted: Vec<String> = records.iter().map(Record::to_line).collect();
    assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>(), wanted.iter().collect());
    assert_eq!(sent.len(), 40, "each was sent once");
    // One that was sent alone is not refused by this server.
    let alone: Vec<String> = asked.iter().filter(|one| one.operation == "SendMessage").flat_map(lines).collect();
    for (record, told) in records.iter().zip(told) {
        let refused = record.entry.prompt.as_deref() == Some("refuse me") && !alone.contains(&record.to_line());
        assert_eq!(told.is_err(), refused, "{}", record.seq);
    }
}

#[tokio::test]
async fn a_batch_is_no_larger_than_sqs_takes() {
    let server = Server::start(|asked, _| take(asked, |_| false));
    let queue = queue(&server);
    let records: Vec<Record> = (0..14).map(|seq| record(seq, &"x".repeat(80_000))).collect();
    for told in join_all(records.iter().map(|record| queue.append(record))).await {
        told.unwrap();
    }
    let sizes: Vec<usize> = server.asked().iter().map(|asked| lines(asked).iter().map(String::len).sum()).collect();
    assert!(sizes.iter().all(|size| *size <= BATCH_BYTES), "{sizes:?}");
    assert!(sizes.iter().any(|size| *size > BATCH_BYTES / 2), "some were sent together: {sizes:?}");
}

#[tokio::test]
async fn a_sender_that_goes_away_leaves_nobody_waiting() {
    let server =
        Server::start(|_, before| if before < FLIGHTS { Reply::Hang } else { Reply::ok(&json!({"MessageId": "1"})) });
    let queue = queue(&server);
    let records: Vec<Record> = (0..6).map(|seq| record(seq, "")).collect();
    let mut first: Vec<_> = records.iter().take(FLIGHTS).map(|record| Box::pin(queue.append(record))).collect();
    let mut rest: Vec<_> = records.iter().skip(FLIGHTS).take(1).map(|record| Box::pin(queue.append(record))).collect();
    // Each has begun: four hang, the fifth waits for one of them.
    for one in first.iter_mut().chain(&mut rest) {
        assert!(tokio::time::timeout(Duration::from_millis(50), one).await.is_err());
    }
    drop(first);
    rest.remove(0).await.unwrap();
}

#[tokio::test]
async fn what_sqs_refuses_is_told_without_the_record() {
    let server = Server::start(|_, _| Reply::error(400, "AWS.SimpleQueueService.NonExistentQueue"));
    let told = queue(&server).append(&record(0, "a secret prompt")).await.unwrap_err();
    let cause = std::error::Error::source(&told).unwrap().source().unwrap().to_string();
    assert!(cause.contains("it answered"), "{cause}");
    assert!(!format!("{told:?} {told} {cause}").contains("secret"));
}

#[tokio::test]
async fn a_throttled_record_is_sent_again_with_the_same_bytes() {
    let server = Server::start(|asked, before| match before {
        0 => Reply::error(400, "ThrottlingException"),
        _ => take(asked, |_| false),
    });
    queue(&server).append(&record(0, "hello")).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(lines(&asked[0]), lines(&asked[1]));
}

/// What XML 1.0 allows, as SQS spells it out.
fn legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

#[test]
fn every_character_of_unicode_is_sent_as_legal_text_and_comes_back() {
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    for some in all.chunks(20_000) {
        let record = record(0, &some.iter().collect::<String>());
        let line = record.to_line();
        assert!(line.chars().all(legal), "from {:?}", some.first());
        assert!(!line.contains(['\t', '\n', '\r']), "one line it is");
        assert_eq!(Record::from_line(&line).unwrap(), record);
    }
}

#[test]
fn what_is_spelt_with_a_raw_illegal_character_is_no_line_of_ours() {
    let line = record(0, "a\u{fffe}b").to_line();
    assert!(line.contains(r"a\ufffeb"));
    let raw = line.replace(r"\ufffe", "\u{fffe}");
    assert_eq!(Record::from_line(&raw), Err(crate::audit::line::Malformed::Spelling));
}

#[tokio::test]
async fn the_depth_is_told_and_an_absent_queue_is_none() {
    let server = Server::start(|asked, _| match asked.operation.as_str() {
        "GetQueueUrl" if asked.body["QueueName"] == "gone" => Reply::error(400, "com.amazonaws.sqs#QueueDoesNotExist"),
        "GetQueueUrl" => Reply::ok(&json!({"QueueUrl": "https://queue"})),
        _ => Reply::ok(&json!({"Attributes": {"ApproximateNumberOfMessages": "7",
            "ApproximateNumberOfMessagesNotVisible": "2", "ApproximateNumberOfMessagesDelayed": "0"}})),
    });
    let client = server.clients().sqs();
    let depth = depth::Depth { waiting: 7, in_flight: 2, delayed: 0 };
    assert_eq!(depth::of(&client, "audit").await.unwrap(), Some(depth));
    assert_eq!(depth::of(&client, "gone").await.unwrap(), None);
}

/// What Terraform sets as the queue's own bound.
#[test]
fn the_queue_of_the_bundle_takes_every_record() {
    let set = include_str!("../../../../infra/queue.tf")
        .lines()
        .find_map(|line| line.trim().strip_prefix("audit_record_bytes")?.trim().strip_prefix('='))
        .unwrap();
    let bound: usize = set.split('*').map(|factor| factor.trim().parse::<usize>().unwrap()).product();
    assert!(crate::audit::LINE_BYTES < bound, "{bound}");
    assert_eq!(BATCH_BYTES, bound);
}
