//! The loader and BigQuery's adapter before a BigQuery that fails in every way it is known to: at the end the table
//! covers what was sent, and without doubles it is exactly that.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at what it does not expect")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drain::Loader;
use drain::event::Message;
use drain::object::{Form, Object};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use shared::audit::{Entry, Hour, Kind, Record, WriterId};
use shared::clock::{ManualClock, Timestamp};
use shared::config::Setting as _;
use shared::fakes::{self, trail};
use shared::google::bigquery::{Client, Dataset};
use shared::google::token::{self, Tokens};
use shared::host::{self, Body, Door, Received};
use shared::ports::Unavailable;
use shared::ports::trail::{Created, Outbox, Store};
use shared::ports::warehouse::MAX_ROWS;
use shared::secret::Secret;
use tokio::net::TcpListener;
use url::Url;

/// What a request meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The rows are taken; an invalid one alone is not.
    None,
    /// One invalid row stops all others, as where invalid rows are not skipped.
    AllStopped,
    /// Half of the rows are taken, the others stopped.
    HalfStopped,
    /// All rows are taken, and the answer is lost.
    Lost,
    /// Nothing is taken, and the answer is 200 with something else.
    Garbage,
    /// Nothing is taken: a rate.
    Throttled,
    /// Nothing is taken: a quota.
    Quota,
    /// Nothing is taken: a server's error.
    Broken,
    /// Nothing is taken: the token is old.
    Unauthorised,
}

const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::AllStopped,
    Fault::HalfStopped,
    Fault::Lost,
    Fault::Garbage,
    Fault::Throttled,
    Fault::Quota,
    Fault::Broken,
    Fault::Unauthorised,
];

/// A BigQuery with one table.
#[derive(Clone, Default)]
struct Double(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Every row that was taken, by id, and how often.
    table: BTreeMap<String, usize>,
    /// What the next requests meet; nothing, once there are no more.
    faults: Vec<Fault>,
    requests: usize,
    /// Whether it is down for good.
    down: bool,
}

impl Double {
    fn answer(&self, body: &Value) -> (u16, String) {
        let mut inner = self.0.lock().unwrap();
        inner.requests += 1;
        let rows = body["rows"].as_array().unwrap();
        assert!(!rows.is_empty() && rows.len() <= MAX_ROWS && body.to_string().len() <= 10_000_000);
        let fault = if inner.down { Fault::Broken } else { inner.faults.pop().unwrap_or(Fault::None) };
        let invalid = |row: &Value| row["json"]["model"] == "invalid";
        let any_invalid = rows.iter().any(invalid);
        let mut errors = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let stopped = match fault {
                Fault::AllStopped => any_invalid,
                Fault::HalfStopped => index % 2 == 1,
                Fault::None | Fault::Lost => false,
                Fault::Garbage | Fault::Throttled | Fault::Quota | Fault::Broken | Fault::Unauthorised => continue,
            };
            if invalid(row) {
                errors.push(json!({"index": index, "errors": [{"reason": "invalid", "location": "model"}]}));
            } else if stopped {
                errors.push(json!({"index": index, "errors": [{"reason": "stopped"}]}));
            } else {
                *inner.table.entry(row["insertId"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        let told = |reason: &str| json!({"error": {"errors": [{"reason": reason}]}}).to_string();
        match fault {
            Fault::None | Fault::AllStopped | Fault::HalfStopped => {
                (200, json!({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors}).to_string())
            }
            Fault::Lost => (200, r#"{"kind":"bigquery#tableDa"#.to_owned()),
            Fault::Garbage => (200, "<html>".to_owned()),
            Fault::Throttled => (403, told("rateLimitExceeded")),
            Fault::Quota => (403, told("quotaExceeded")),
            Fault::Broken => (503, told("backendError")),
            Fault::Unauthorised => (401, told("authError")),
        }
    }
}

/// Runs a test in front of a double.
async fn with(double: Double, test: impl AsyncFnOnce(Url)) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let answer = move |request: Request<Received>| {
        let double = double.clone();
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let (status, body) = double.answer(&serde_json::from_slice(&body).unwrap());
            Response::builder().status(status).body(Body::Full(Some(body.into()))).unwrap()
        }
    };
    tokio::select! {
        _ = host::serve(Door::Http(listener), answer, pending()) => unreachable!("it serves until the test is over"),
        () = test(base) => {}
    }
}

#[derive(Default)]
struct Objects(BTreeMap<String, Vec<u8>>);

impl Store for Objects {
    async fn create(&self, _: &str, _: Vec<u8>) -> Result<Created, Unavailable> {
        unreachable!("the loader makes no object")
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        Ok(self.0.get(key).cloned())
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<String>, Unavailable> {
        unreachable!("the loader lists nothing")
    }
}

/// Dead letters: body and reason.
#[derive(Clone, Default)]
struct Dead(Arc<Mutex<Vec<(String, String)>>>);

impl Outbox for Dead {
    async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
        self.0.lock().unwrap().push((body.to_owned(), reason.unwrap().to_owned()));
        Ok(())
    }
}

struct Token;

impl Tokens for Token {
    async fn token(&self) -> Result<Secret<String>, token::Error> {
        Ok(Secret::new("token".to_owned()))
    }

    async fn forget(&self) {}
}

/// Some writers' records, a few of which the double takes for invalid.
fn records(seed: u64, writers: u8, count: u64) -> Vec<Vec<Record>> {
    let entry = |n: u64| Entry {
        model: if (n + seed).is_multiple_of(7) { "invalid" } else { "gemini-3.5-flash" }.to_owned(),
        ..fakes::entry(Kind::Outcome)
    };
    (0..writers).map(|writer| trail::chain(WriterId::new([writer; 16]), (0..count).map(entry))).collect()
}

fn objects(writers: &[Vec<Record>]) -> Objects {
    let pack = |records: &Vec<Record>| {
        let lines = records.iter().map(|record| (record.clone().into(), record.to_line())).collect();
        let Object { key, body, .. } = Object::pack(Hour::of(Timestamp(1_700_000_000_000)), Form::Gzip, lines);
        (key, body)
    };
    Objects(writers.iter().map(pack).collect())
}

fn messages(keys: &[String]) -> Vec<Message> {
    let message = |key: &String| Message { id: format!("m-{key}"), body: key.clone(), queue: "q".to_owned() };
    keys.iter().map(message).collect()
}

type Loads = Loader<Objects, shared::google::bigquery::Table<Token>, Dead, ManualClock>;

fn loader(base: Url, store: Objects, dead: &Dead) -> Loads {
    let client = Client::new(
        shared::https::client(Duration::from_secs(1)).unwrap(),
        base,
        Token,
        Dataset::parse("p.d").unwrap(),
    );
    Loader::new(store, client.table("audit_records"), dead.clone(), ManualClock::at(Timestamp(0)))
        .pausing(Duration::ZERO)
}

fn ids(writers: &[Vec<Record>], invalid: bool) -> BTreeSet<String> {
    let all = writers.iter().flatten().filter(|record| (record.entry.model == "invalid") == invalid);
    all.map(|record| record.hash.to_string()).collect()
}

/// A few numbers that look random, the same for the same seed.
fn plan(seed: u64) -> Vec<Fault> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..next() % 60).map(|_| FAULTS[usize::try_from(next() % 9).unwrap()]).collect()
}

#[tokio::test]
async fn whatever_fails_the_table_covers_what_was_sent_and_without_doubles_is_exactly_that() {
    for seed in 0..16 {
        // Now and then an object of several batches.
        let (writers, count) = if seed % 20 == 0 { (2, 520) } else { (5, 1 + seed % 9) };
        let records = records(seed, writers, count);
        let store = objects(&records);
        let mut waiting: Vec<String> = store.0.keys().cloned().collect();
        waiting.extend(["records/dt=2026-01-01/hour=00/absent".to_owned(), "nonsense".to_owned()]);
        let double = Double::default();
        double.0.lock().unwrap().faults = plan(seed);
        let dead = Dead::default();
        with(double.clone(), async |base| {
            let loader = loader(base, store, &dead);
            for delivery in 0.. {
                assert!(delivery < 100, "seed {seed}: messages come again for ever");
                if waiting.is_empty() {
                    break;
                }
                let batch = waiting.drain(..waiting.len().min(3)).collect::<Vec<_>>();
                let failed = loader.load(messages(&batch), None).await.failed;
                // Each message is either done or named once.
                let named: BTreeSet<String> = failed.iter().map(|one| one.id.clone()).collect();
                assert_eq!(named.len(), failed.len(), "seed {seed}");
                let again = batch.into_iter().filter(|key| named.contains(&format!("m-{key}"))).collect::<Vec<_>>();
                assert_eq!(again.len(), named.len(), "seed {seed}: it names what was not delivered");
                waiting.extend(again);
            }
        })
        .await;
        let inner = double.0.lock().unwrap();
        assert_eq!(inner.table.keys().cloned().collect::<BTreeSet<_>>(), ids(&records, false), "seed {seed}");
        let dead = dead.0.lock().unwrap();
        let buried: BTreeSet<String> = dead
            .iter()
            .filter_map(|(line, reason)| {
                let record = Record::from_line(line).ok()?;
                assert_eq!(reason, "invalid (model)");
                Some(record.hash.to_string())
            })
            .collect();
        assert_eq!(buried, ids(&records, true), "seed {seed}");
        let others: Vec<&(String, String)> = dead.iter().filter(|(body, _)| !body.starts_with('{')).collect();
        assert_eq!(others.len(), 2, "seed {seed}: {others:?}");
    }
}

#[tokio::test]
async fn every_kind_of_fault_makes_doubles_or_none_and_loses_nothing() {
    for fault in FAULTS {
        let records = records(1, 1, 20);
        let store = objects(&records);
        let keys: Vec<String> = store.0.keys().cloned().collect();
        let (double, dead) = (Double::default(), Dead::default());
        double.0.lock().unwrap().faults = vec![fault];
        with(double.clone(), async |base| {
            assert_eq!(loader(base, store, &dead).load(messages(&keys), None).await.failed, []);
        })
        .await;
        let inner = double.0.lock().unwrap();
        let doubled = inner.table.values().any(|count| *count > 1);
        assert_eq!(doubled, fault == Fault::Lost, "{fault:?}");
        assert_eq!(inner.table.len(), ids(&records, false).len(), "{fault:?}");
        assert_eq!(inner.requests, if fault == Fault::None { 1 } else { 2 }, "{fault:?}");
    }
}

#[tokio::test]
async fn while_the_warehouse_is_down_messages_come_again_and_are_not_each_tried() {
    let records = records(2, 4, 3);
    let store = objects(&records);
    let keys: Vec<String> = store.0.keys().cloned().collect();
    let (double, dead) = (Double::default(), Dead::default());
    double.0.lock().unwrap().down = true;
    with(double.clone(), async |base| {
        let loader = loader(base, store, &dead);
        assert_eq!(loader.load(messages(&keys), None).await.failed.len(), 4);
        assert_eq!(double.0.lock().unwrap().requests, 4, "the first message alone is tried");
        // However long that was: the store of record has everything, and sends it anew.
        double.0.lock().unwrap().down = false;
        assert_eq!(loader.load(messages(&keys), None).await.failed, []);
    })
    .await;
    let inner = double.0.lock().unwrap();
    assert_eq!(inner.table.keys().cloned().collect::<BTreeSet<_>>(), ids(&records, false));
}

#[tokio::test]
async fn nothing_is_begun_that_the_end_of_the_process_may_cut_off() {
    let records = records(4, 2, 3);
    let store = objects(&records);
    let keys: Vec<String> = store.0.keys().cloned().collect();
    let (double, dead) = (Double::default(), Dead::default());
    with(double.clone(), async |base| {
        let loader = loader(base, store, &dead);
        assert_eq!(loader.load(messages(&keys), Some(Timestamp(29_999))).await.failed.len(), 2);
        assert_eq!(double.0.lock().unwrap().requests, 0);
        assert_eq!(loader.load(messages(&keys), Some(Timestamp(30_000))).await.failed, []);
    })
    .await;
}

#[tokio::test]
async fn an_object_that_comes_again_buries_what_is_invalid_once() {
    let mut records = vec![trail::chain(WriterId::new([9; 16]), vec![fakes::entry(Kind::Outcome); MAX_ROWS + 1])];
    let invalid = Entry { model: "invalid".to_owned(), ..fakes::entry(Kind::Outcome) };
    records[0].splice(..1, trail::chain(WriterId::new([8; 16]), [invalid]));
    let store = objects(&records);
    let keys: Vec<String> = store.0.keys().cloned().collect();
    let (double, dead) = (Double::default(), Dead::default());
    // Taken from the end: the first batch is taken, the second never.
    double.0.lock().unwrap().faults = [vec![Fault::Broken; 8], vec![Fault::None]].concat();
    with(double.clone(), async |base| {
        let loader = loader(base, store, &dead);
        for again in [1, 1, 0] {
            assert_eq!(loader.load(messages(&keys), None).await.failed.len(), again);
        }
    })
    .await;
    assert_eq!(dead.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_object_is_loaded_as_far_as_it_goes_and_put_aside() {
    let records = records(3, 1, 300);
    let mut store = objects(&records);
    let key = store.0.keys().next().unwrap().clone();
    store.0.get_mut(&key).unwrap().truncate(3_000);
    let (double, dead) = (Double::default(), Dead::default());
    with(double.clone(), async |base| {
        assert_eq!(loader(base, store, &dead).load(messages(std::slice::from_ref(&key)), None).await.failed, []);
    })
    .await;
    assert!(dead.0.lock().unwrap().contains(&(key, "the object is damaged".to_owned())));
}
