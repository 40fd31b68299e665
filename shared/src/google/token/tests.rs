use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Waker};

use serde::{Deserialize, Serialize};

use super::federation::Credentials;
use super::*;
use crate::clock::ManualClock;

const GOLDEN: &str = include_str!("../../../tests/signature/golden.json");

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Case {
    now: u64,
    region: String,
    audience: String,
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
    signed: BTreeMap<String, String>,
}

#[test]
fn the_signature_is_what_botocore_signs() {
    let cases: Vec<Case> = serde_json::from_str(GOLDEN).unwrap();
    assert!(cases.len() >= 3);
    for case in cases {
        let credentials = Credentials {
            access_key: case.access_key,
            secret_key: Secret::new(case.secret_key),
            session_token: case.session_token.map(Secret::new),
            region: case.region,
        };
        let signed = signature::sign(&credentials, &case.audience, Timestamp(case.now)).unwrap();
        let mut headers: BTreeMap<String, String> =
            signed.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        // It is signed by both, and left to the HTTP client by botocore.
        assert_eq!(headers.remove("host"), Some(format!("sts.{}.amazonaws.com", credentials.region)));
        assert_eq!(headers, case.signed);
    }
}

/// A Python that has botocore: the machine's, or one of our own.
fn python() -> String {
    static PYTHON: OnceLock<String> = OnceLock::new();
    let has = |python: &str| {
        let output = Command::new(python).args(["-c", "import botocore.auth"]).stderr(Stdio::null()).status();
        output.is_ok_and(|status| status.success())
    };
    let find = || {
        if has("python3") {
            return "python3".to_owned();
        }
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/botocore");
        let own = home.join("bin/python").display().to_string();
        if !has(&own) {
            assert!(Command::new("python3").args(["-m", "venv"]).arg(&home).status().unwrap().success());
            let pip = Command::new(&own).args(["-m", "pip", "install", "--quiet", "botocore"]).status();
            assert!(pip.unwrap().success());
        }
        own
    };
    PYTHON.get_or_init(find).clone()
}

#[test]
fn the_golden_signatures_are_what_the_botocore_of_today_signs() {
    use std::io::Write as _;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/signature/sign.py");
    let mut child = Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(GOLDEN.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let today: Vec<Case> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(today, serde_json::from_str::<Vec<Case>>(GOLDEN).unwrap());
}

#[test]
fn credentials_do_not_print() {
    let hush = || "hush".to_owned();
    let credentials = Credentials {
        access_key: hush(),
        secret_key: Secret::new(hush()),
        session_token: Some(Secret::new(hush())),
        region: "eu-west-1".to_owned(),
    };
    assert_eq!(format!("{credentials:?}"), r#"Credentials { region: "eu-west-1", .. }"#);
}

#[derive(Clone, Default)]
struct Hands(Arc<ManualClock>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// Tokens numbered in the order of fetching, each good for an hour.
#[derive(Clone, Default)]
struct Numbered {
    fetched: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl Source for Numbered {
    async fn fetch(&self, now: Timestamp) -> Result<Token, Error> {
        let number = self.fetched.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::task::yield_now().await;
        if self.down.load(Ordering::SeqCst) {
            return Err(Error { what: "fetch", cause: "told to".into() });
        }
        Ok(Token { value: Secret::new(number.to_string()), ends: federation::ends(now, 3600) })
    }
}

fn kept() -> (Kept<Numbered, Hands>, Numbered, Hands) {
    let (source, clock) = (Numbered::default(), Hands::default());
    (Kept::new(source.clone(), clock.clone()), source, clock)
}

async fn told(kept: &Kept<Numbered, Hands>) -> Result<String, &'static str> {
    kept.token().await.map(|token| token.expose().clone()).map_err(|error| error.what)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[tokio::test]
async fn a_token_is_fetched_when_it_is_needed_and_kept_while_it_is_good() {
    let (kept, source, clock) = kept();
    assert_eq!(source.fetched.load(Ordering::SeqCst), 0);
    assert_eq!(told(&kept).await, Ok("1".to_owned()));
    clock.0.advance(minutes(54));
    assert_eq!(told(&kept).await, Ok("1".to_owned()));
    clock.0.advance(minutes(1));
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
}

#[tokio::test]
async fn a_frozen_environment_that_wakes_days_later_fetches_anew() {
    let (kept, _, clock) = kept();
    told(&kept).await.unwrap();
    clock.0.advance(minutes(3 * 1440));
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
}

#[tokio::test]
async fn a_failed_fetch_poisons_nothing() {
    let (kept, source, clock) = kept();
    source.down.store(true, Ordering::SeqCst);
    assert_eq!(told(&kept).await, Err("fetch"));
    source.down.store(false, Ordering::SeqCst);
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
    // Due for renewal, which fails, but still good.
    clock.0.advance(minutes(57));
    source.down.store(true, Ordering::SeqCst);
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
    clock.0.advance(minutes(3));
    assert_eq!(told(&kept).await, Err("fetch"));
    source.down.store(false, Ordering::SeqCst);
    assert_eq!(told(&kept).await, Ok("5".to_owned()));
}

#[tokio::test]
async fn a_token_that_was_not_taken_is_not_used_again() {
    let (kept, _, _) = kept();
    told(&kept).await.unwrap();
    kept.forget().await;
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
}

#[tokio::test]
async fn many_who_need_a_token_fetch_one() {
    let (kept, source, _) = kept();
    let (one, other, third) = tokio::join!(told(&kept), told(&kept), told(&kept));
    assert_eq!((one.unwrap(), other.unwrap(), third.unwrap()), ("1".into(), "1".into(), "1".into()));
    assert_eq!(source.fetched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_fetch_that_is_dropped_leaves_the_way_free() {
    let (kept, _, _) = kept();
    {
        let mut begun = pin!(kept.token());
        assert!(begun.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(told(&kept).await, Ok("2".to_owned()));
}
