use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::super::cache::{FRESH, PAUSE_WITH, PAUSE_WITHOUT, RECHECK, REJECTED, STALE};
use super::*;
use crate::aws::scripted::{Reply, Server};
use crate::clock::{ManualClock, Timestamp};
use crate::ports::Keys as _;
use crate::secret::Secret;

/// A secret as a test arranges it.
#[derive(Clone, Debug, Default)]
struct Vault(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    current: Option<&'static str>,
    previous: Option<&'static str>,
    down: bool,
}

impl Vault {
    fn put(&self, key: &'static str) {
        let mut held = self.0.lock().unwrap();
        held.previous = held.current.replace(key);
    }

    fn set_down(&self, down: bool) {
        self.0.lock().unwrap().down = down;
    }

    fn server(&self) -> Server {
        let vault = self.clone();
        Server::start(move |asked, _| {
            let held = vault.0.lock().unwrap();
            if held.down {
                return Reply::error(400, "AccessDeniedException");
            }
            assert_eq!(asked.body["SecretId"], "the-arn");
            let (label, key) = match asked.body["VersionStage"].as_str().unwrap() {
                "AWSCURRENT" => ("current", held.current),
                "AWSPREVIOUS" => ("previous", held.previous),
                other => panic!("{other}"),
            };
            match key {
                Some(key) => Reply::ok(&json!({"SecretString": key, "VersionId": format!("{label}-{key}")})),
                None => Reply::error(400, "ResourceNotFoundException"),
            }
        })
    }
}

struct Bench {
    vault: Vault,
    server: Server,
    keys: Keys<ManualClock>,
}

fn bench(put: &[&'static str]) -> Bench {
    let vault = Vault::default();
    put.iter().for_each(|key| vault.put(key));
    let server = vault.server();
    let clock = ManualClock::at(Timestamp(1_700_000_000_000));
    let keys = Keys::new(server.clients().secrets_manager(), "the-arn", clock);
    Bench { vault, server, keys }
}

impl Bench {
    async fn current(&self) -> Result<String, Unavailable> {
        self.keys.current().await.map(|key| key.value.expose().clone())
    }

    async fn instead_of(&self, rejected: &str) -> Result<Option<String>, Unavailable> {
        let rejected = Key { value: Secret::new(rejected.to_owned()), version: "any".to_owned() };
        let other = self.keys.replacement(&rejected).await?;
        Ok(other.map(|key| key.value.expose().clone()))
    }

    fn reads(&self) -> usize {
        self.server.asked().len()
    }
}

const SHORT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_key_is_read_once_for_all_who_ask_and_again_when_it_is_old() {
    let bench = bench(&["key-one-1"]);
    let all = join_all((0..50).map(|_| bench.keys.current())).await;
    assert!(all.into_iter().all(|key| key.unwrap().version == "current-key-one-1"));
    assert_eq!(bench.reads(), 1);
    bench.vault.put("key-two-2");
    bench.keys.clock.advance(FRESH - SHORT);
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
    bench.keys.clock.advance(SHORT);
    let all = join_all((0..50).map(|_| bench.current())).await;
    assert_eq!(bench.reads(), 2, "one reads it, the others go on with the old one");
    assert_eq!(all.iter().filter(|key| *key.as_ref().unwrap() == "key-two-2").count(), 1);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
}

#[tokio::test]
async fn a_failed_first_read_fails_all_who_wait_and_is_left_alone_for_a_moment() {
    let bench = bench(&["key-one-1"]);
    bench.vault.set_down(true);
    for told in join_all((0..20).map(|_| bench.current())).await {
        assert_eq!(told.unwrap_err().store, "Secrets Manager");
    }
    assert_eq!(bench.reads(), 1);
    bench.vault.set_down(false);
    bench.keys.clock.advance(PAUSE_WITHOUT - SHORT);
    bench.current().await.unwrap_err();
    bench.keys.clock.advance(SHORT);
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
}

#[tokio::test]
async fn a_key_in_hand_outlives_an_outage_for_hours_and_no_longer() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    bench.vault.set_down(true);
    bench.keys.clock.advance(FRESH);
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
    assert_eq!(bench.reads(), 2, "Secrets Manager is not hammered");
    bench.keys.clock.advance(PAUSE_WITH);
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
    assert_eq!(bench.reads(), 3);
    bench.keys.clock.advance(STALE);
    bench.current().await.unwrap_err();
    bench.vault.set_down(false);
    bench.keys.clock.advance(PAUSE_WITHOUT);
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
}

#[tokio::test]
async fn a_clock_that_is_set_back_costs_a_read_and_nothing_else() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    let earlier = Keys { clock: ManualClock::at(Timestamp(1)), ..bench.keys };
    assert_eq!(earlier.current().await.unwrap().value.expose(), "key-one-1");
    assert_eq!(bench.server.asked().len(), 2);
}

#[tokio::test]
async fn a_rejected_key_is_read_anew_once_for_all_who_were_rejected() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    bench.vault.put("key-two-2");
    for other in join_all((0..50).map(|_| bench.instead_of("key-one-1"))).await {
        assert_eq!(other.unwrap().as_deref(), Some("key-two-2"));
    }
    assert_eq!(bench.reads(), 2);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
}

#[tokio::test]
async fn where_the_current_key_is_rejected_the_one_before_stands_in_until_there_is_a_new_one() {
    let bench = bench(&["key-one-1", "key-two-2"]);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
    for other in join_all((0..50).map(|_| bench.instead_of("key-two-2"))).await {
        assert_eq!(other.unwrap().as_deref(), Some("key-one-1"));
    }
    assert_eq!(bench.reads(), 3, "the first, the current one anew, the one before");
    assert_eq!(bench.current().await.unwrap(), "key-one-1", "nobody else is rejected first");
    bench.vault.put("key-three-3");
    bench.keys.clock.advance(RECHECK);
    assert_eq!(bench.current().await.unwrap(), "key-three-3");
}

#[tokio::test]
async fn a_rejected_key_is_never_a_fallback() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    // Leaked, and then replaced by one that does not work either.
    assert_eq!(bench.instead_of("key-one-1").await.unwrap(), None);
    bench.vault.put("key-two-2");
    bench.keys.clock.advance(RECHECK);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
    assert_eq!(bench.instead_of("key-two-2").await.unwrap(), None);
    bench.keys.clock.advance(REJECTED * 100);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
    assert_eq!(bench.instead_of("key-two-2").await.unwrap(), None);
}

#[tokio::test]
async fn a_rejected_key_is_not_read_anew_all_the_time() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    for _ in 0..20 {
        assert_eq!(bench.instead_of("key-one-1").await.unwrap(), None);
    }
    assert_eq!(bench.reads(), 3, "the first, then both versions once");
    bench.keys.clock.advance(RECHECK);
    bench.vault.put("key-two-2");
    assert_eq!(bench.instead_of("key-one-1").await.unwrap().as_deref(), Some("key-two-2"));
}

#[tokio::test]
async fn a_rejection_that_passes_brings_the_current_key_back() {
    let bench = bench(&["key-one-1", "key-two-2"]);
    bench.current().await.unwrap();
    bench.instead_of("key-two-2").await.unwrap();
    assert_eq!(bench.current().await.unwrap(), "key-one-1");
    bench.keys.clock.advance(REJECTED);
    assert_eq!(bench.current().await.unwrap(), "key-two-2");
}

#[tokio::test]
async fn a_rejection_while_secrets_manager_fails_is_told_and_not_repeated() {
    let bench = bench(&["key-one-1"]);
    bench.current().await.unwrap();
    bench.vault.set_down(true);
    for _ in 0..5 {
        bench.instead_of("key-one-1").await.unwrap_err();
    }
    assert_eq!(bench.reads(), 2);
}

#[tokio::test]
async fn what_the_secret_holds_is_in_no_error() {
    for (put, wanted) in [(&["no key at all"][..], "letters, digits"), (&["{\"v\":9}"], "JSON"), (&[], "no value yet")]
    {
        let bench = bench(put);
        let told = bench.current().await.unwrap_err();
        let cause = std::error::Error::source(&told).unwrap().to_string();
        assert!(cause.contains(wanted), "{cause}");
        assert!(!format!("{told:?}").contains("no key at all"));
    }
}

#[tokio::test]
async fn a_garbled_answer_shows_nothing_of_itself() {
    let server = Server::start(|_, _| Reply::Is(200, r#"{"SecretString":"key-one-1","VersionId":7"#.to_owned()));
    let keys = Keys::new(server.clients().secrets_manager(), "the-arn", ManualClock::default());
    let told = keys.current().await.unwrap_err();
    assert!(!format!("{told:?}").contains("key-one-1"));
}
