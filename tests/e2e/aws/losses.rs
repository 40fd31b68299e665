//! Records through the real drain while everything fails: S3 refuses, throttles, hangs up and loses replies, and the
//! function is killed in mid-batch and started anew. At the end none is lost, and the trail verifies.
//!
//! It runs here with fewer records than in `just bench-drain`, which includes this file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use drain::{Sealing, object};
use serde_json::{Value, json};
use shared::audit::{Entry, Hash, Kind, Link, Record, WriterId};
use shared::clock::{Clock as _, ManualClock, SystemClock, Timestamp};
use shared::fakes::entry;
use shared::fakes::store::Memory;
use shared::signature::LocalKey;
use tests::aws::bucket::{Bucket, Fault};
use tests::aws::runtime::{Function, Setup};
use tests::gate;
use tokio::process::Command;

/// A chain of requests, an intent and an outcome each, as a writer would have written them just now.
/// Each has a prompt of so many words.
pub(crate) fn chain(writer: u8, requests: u64, count: usize) -> Vec<String> {
    let writer_id = WriterId::new([writer; 16]);
    let (mut lines, mut prev_hash, now) = (Vec::new(), Hash::ZERO, SystemClock.now().0);
    for seq in 0..2 * requests {
        let kind = if seq % 2 == 0 { Kind::Intent } else { Kind::Outcome };
        let request_id = format!("{writer:02x}-{:08x}", seq / 2);
        let entry = Entry { request_id, ts: Timestamp(now), prompt: Some(words(seq, count)), ..entry(kind) };
        let link = Link { record_id: format!("{writer}-{seq}"), writer_id, seq, prev_hash, voids: Vec::new() };
        let record = Record::seal(entry, link);
        prev_hash = record.hash;
        lines.push(record.to_line());
    }
    lines
}

/// A prompt that is another each time, so that records compress as real ones do and no better.
fn words(seed: u64, count: usize) -> String {
    const WORDS: [&str; 16] = [
        "river", "ledger", "because", "of", "the", "harbour", "answer", "seven", "quietly", "model", "and", "winter",
        "invoice", "to", "machine", "blue",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        WORDS[usize::try_from(state >> 60).unwrap()]
    };
    (0..count).map(|_| next()).collect::<Vec<_>>().join(" ")
}

/// The function before a bucket.
pub(crate) fn drain_before(bucket: &Bucket) -> Setup {
    Setup::new("losses-drain", gate::built("drain"))
        .env("AWS_ENDPOINT_URL", bucket.url())
        .env("AUDIT_BUCKET", "audit")
        .env("DEAD_QUEUE_URL", format!("{}/dead", bucket.url()))
        .env("GATEHOUSE_LOG", "off")
}

/// Messages as SQS hands them over.
pub(crate) fn event(batch: &[(usize, &str)]) -> Value {
    let record = |(id, body): &(usize, &str)| {
        json!({"messageId": id.to_string(), "receiptHandle": "r", "body": body, "attributes": {},
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:audit", "awsRegion": "eu-west-1"})
    };
    json!({"Records": batch.iter().map(record).collect::<Vec<_>>()})
}

/// What becomes of a request to S3.
fn fault(number: usize) -> Option<Fault> {
    match number % 23 {
        3 => Some(Fault::Refuse(503, "SlowDown")),
        7 => Some(Fault::LoseReply),
        11 => Some(Fault::Refuse(500, "InternalError")),
        15 => Some(Fault::HangUp),
        19 => Some(Fault::Refuse(409, "ConditionalRequestConflict")),
        // Longer than a moment: what is killed meanwhile may or may not have stored it.
        21 => Some(Fault::Delay(Duration::from_millis(40))),
        _ => None,
    }
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) kills: u64,
    pub(crate) objects: usize,
    /// Records in the store, each as often as it stands there.
    pub(crate) stored: usize,
}

/// Drains all lines in batches of so many, while everything fails. It ends when no message is left.
async fn drained(bucket: &Bucket, lines: &[String], batch: usize) -> u64 {
    bucket.break_by(fault);
    let function = drain_before(bucket).timeout(Duration::from_secs(30)).start().await;
    // Out of order, as from a queue, and every hundredth twice.
    let mut queue: Vec<usize> = (0..lines.len()).map(|at| at * 7919 % lines.len()).collect();
    queue.sort_by_key(|at| (at % 97, *at));
    queue.extend((0..lines.len()).step_by(100));
    let kills = AtomicU64::new(0);
    let mut round = 0_u64;
    while !queue.is_empty() {
        let taken: Vec<usize> = queue.drain(..batch.min(queue.len())).collect();
        let messages: Vec<(usize, &str)> = taken.iter().map(|at| (*at, lines[*at].as_str())).collect();
        round += 1;
        let answer = if round.is_multiple_of(5) {
            killed_in_between(&function, &messages, round, &kills).await
        } else {
            function.invoke(&event(&messages)).await.ok()
        };
        let Some(answer) = answer else {
            queue.extend(taken);
            continue;
        };
        let failures = answer["batchItemFailures"].as_array().unwrap().iter();
        queue.extend(failures.map(|failed| failed["itemIdentifier"].as_str().unwrap().parse::<usize>().unwrap()));
    }
    bucket.break_by(|_| None);
    kills.into_inner()
}

/// The answer, unless a kill came first.
async fn killed_in_between(
    function: &Function,
    messages: &[(usize, &str)],
    round: u64,
    kills: &AtomicU64,
) -> Option<Value> {
    let event = event(messages);
    let invoked = function.invoke(&event);
    let moment = Duration::from_millis(round * 13 % 90);
    let kill = async {
        tokio::time::sleep(moment).await;
        function.kill().await;
        kills.fetch_add(1, Ordering::Relaxed);
    };
    let (answer, ()) = tokio::join!(invoked, kill);
    answer.ok()
}

/// Seals what is in the bucket, as of tomorrow, and has the real command verify it: how many records it found.
async fn verified(bucket: &Bucket, folder: &Path) -> usize {
    let store = Memory::default();
    store.set(bucket.objects().into_iter().map(|(key, body)| (key, body.to_vec())).collect());
    let key = LocalKey::read(&LocalKey::make().unwrap()).unwrap();
    let public = key.public().to_pem();
    let later = ManualClock::at(Timestamp(SystemClock.now().0 + 2 * 3_600_000));
    Sealing::new(store.clone(), key, None::<Memory>, later).run().await.unwrap();
    for (key, body) in store.objects() {
        let path = folder.join("trail").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, body).unwrap();
    }
    std::fs::write(folder.join("seal.pub"), public).unwrap();
    let mut command = Command::new(gate::binary());
    command.args(["audit", "verify", "--json", "--folder", "trail", "--key", "seal.pub"]).current_dir(folder);
    let output = command.output().await.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!((output.status.code(), &told["whole"]), (Some(0), &json!(true)), "{told:#}");
    assert_eq!((&told["unsealed"], &told["unanswered"], &told["under_way"]), (&json!(0), &json!([]), &json!([])));
    usize::try_from(told["records"].as_u64().unwrap()).unwrap()
}

/// Has `requests` requests of each of eight writers drained while everything fails, and sees that all of it is there.
pub(crate) async fn run(requests: u64, batch: usize) -> Run {
    let lines: Vec<String> = (1..=8).flat_map(|writer| chain(writer, requests, 60)).collect();
    let bucket = Bucket::start().await;
    let kills = drained(&bucket, &lines, batch).await;
    let mut stored = BTreeMap::<String, usize>::new();
    let objects: BTreeMap<String, Bytes> = bucket.objects();
    let records = || objects.iter().filter(|(key, _)| key.starts_with(object::RECORDS));
    for (key, body) in records() {
        for line in object::lines(key, body.as_ref()).map(Result::unwrap) {
            *stored.entry(line).or_default() += 1;
        }
    }
    assert!(lines.iter().all(|line| stored.contains_key(line)), "records were lost");
    assert_eq!(stored.len(), lines.len(), "there are records that nobody wrote");
    let folder = tempfile::tempdir().unwrap();
    // An object whose function was killed before its manifest was there counts for nothing.
    let found = verified(&bucket, folder.path()).await;
    assert!(found >= lines.len(), "{found} of {}", lines.len());
    Run { kills, objects: records().count(), stored: stored.values().sum() }
}

#[cfg(test)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_whatever_fails_and_whoever_is_killed() {
    let run = run(1250, 400).await;
    assert!(run.kills > 5 && run.objects > 50 && run.stored > 20_000, "{} {} {}", run.kills, run.objects, run.stored);
}
