//! The adapters to Google against a server on this machine that answers as it is told and keeps what it was asked.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at what it does not expect")]

#[path = "google/bigquery.rs"]
mod bigquery;

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use shared::clock::Timestamp;
use shared::conversation::Conversation;
use shared::google::api_keys::{self, Bundle, Kind};
use shared::google::gemini;
use shared::google::probe::Probe;
use shared::google::token::federation::{Credentials, Endpoints, Federation, Identity};
use shared::google::token::laptop::{Laptop, NoPerson};
use shared::google::token::{self, Source as _, Tokens};
use shared::host::{self, Body, Door, Received};
use shared::ports::mint::{Check, Error, Key, KeyId, Mint as _, Operation, Probe as _, Progress, Verdict};
use shared::ports::{self, Deadlines, Failure, Keys, Model as _, Prompt, Unavailable};
use shared::secret::Secret;
use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;
use url::Url;

struct Asked {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: String,
}

impl Asked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

#[derive(Clone, Default)]
struct Double {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl Double {
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    fn answers<V: ToString>(&self, answers: impl IntoIterator<Item = (u16, V)>) {
        self.answers.lock().unwrap().extend(answers.into_iter().map(|(status, body)| (status, body.to_string())));
    }
}

/// Runs a test in front of a double.
async fn with<T, F: Future<Output = T>>(test: impl FnOnce(Double, Url) -> F) -> T {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}/prefix/", listener.local_addr().unwrap())).unwrap();
    let double = Double::default();
    let answering = double.clone();
    let answer = move |request: Request<Received>| {
        let Double { asked, answers } = answering.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            let url = head.uri.to_string();
            asked.lock().unwrap().push(Asked { method: head.method, url, headers: head.headers, body });
            let (status, body) = answers.lock().unwrap().pop_front().unwrap_or((404, String::new()));
            Response::builder().status(status).body(Body::Full(Some(body.into()))).unwrap()
        }
    };
    tokio::select! {
        _ = host::serve(Door::Http(listener), answer, pending()) => unreachable!("it serves until the test is over"),
        done = test(double, base) => done,
    }
}

fn client() -> reqwest::Client {
    // The second of two tests in this process finds one installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::new()
}

#[derive(Default)]
struct Given(AtomicUsize);

impl Tokens for Given {
    async fn token(&self) -> Result<Secret<String>, token::Error> {
        Ok(Secret::new(format!("hush-token-{}", self.0.load(Ordering::SeqCst))))
    }

    async fn forget(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn mint(base: Url, kind: Kind) -> api_keys::Client<Given> {
    let bundle = Bundle { project: "p-1".into(), name: "gatehouse".into(), secret: "5ec".into(), kind };
    api_keys::Client::new(client(), base, Given::default(), bundle)
}

fn auth() -> Kind {
    Kind::Auth { service_account: "caller@p-1.iam.gserviceaccount.com".to_owned() }
}

fn id() -> KeyId {
    KeyId("g0123".to_owned())
}

fn key() -> Key {
    Key { id: id(), created: Timestamp(0), deleted: false, served: None, etag: "W/\"e+1\"".to_owned() }
}

fn refusal(http: u16, status: &str) -> (u16, Value) {
    (http, json!({"error": {"code": http, "message": "hush-message", "status": status}}))
}

#[tokio::test]
async fn a_key_is_bound_and_restricted_by_the_call_that_makes_it() {
    with(async |double, base| {
        double.answers([(200, json!({"name": "operations/akmf.p7-1"}))]);
        let operation = mint(base, auth()).create(&id()).await.unwrap();
        assert_eq!(operation, Operation("operations/akmf.p7-1".to_owned()));
        let [asked] = &double.asked()[..] else { unreachable!("one request") };
        assert_eq!(asked.method, Method::POST);
        assert_eq!(asked.url, "/prefix/v2/projects/p-1/locations/global/keys?keyId=g0123");
        assert_eq!(asked.header("authorization"), "Bearer hush-token-0");
        let expected = json!({
            "displayName": "gatehouse g0123",
            "annotations": {"gatehouse-bundle": "gatehouse", "gatehouse-secret": "5ec"},
            "restrictions": {"apiTargets": [{"service": "generativelanguage.googleapis.com"}]},
            "serviceAccountEmail": "caller@p-1.iam.gserviceaccount.com",
        });
        assert_eq!(asked.json(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_standard_key_is_bound_to_nobody() {
    with(async |double, base| {
        double.answers([(200, json!({"name": "operations/1"}))]);
        mint(base, Kind::Standard).create(&id()).await.unwrap();
        assert!(double.asked()[0].json().get("serviceAccountEmail").is_none());
    })
    .await;
}

#[tokio::test]
async fn an_operation_is_told_by_what_has_become_of_it() {
    with(async |double, base| {
        double.answers([
            (200, json!({"name": "operations/1"})),
            (200, json!({"name": "operations/1", "done": true, "response": {"keyString": "hush"}})),
            (200, json!({"name": "operations/1", "done": true, "error": {"code": 9, "message": "hush"}})),
            refusal(404, "NOT_FOUND"),
        ]);
        let (mint, operation) = (mint(base, auth()), Operation("operations/1".to_owned()));
        assert_eq!(mint.poll(&operation).await.unwrap(), Progress::Running);
        assert_eq!(mint.poll(&operation).await.unwrap(), Progress::Done);
        let failed = Progress::Failed { reason: "FAILED_PRECONDITION".to_owned() };
        assert_eq!(mint.poll(&operation).await.unwrap(), failed);
        assert_eq!(mint.poll(&operation).await.unwrap(), Progress::Gone);
        assert_eq!(double.asked()[0].url, "/prefix/v2/operations/1");
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_would_lead_elsewhere_is_not_followed() {
    with(async |double, base| {
        for name in ["operations/../keys", "projects/p/keys", "operations/a?b", ""] {
            double.answers([(200, json!({"name": name}))]);
            assert!(matches!(mint(base.clone(), auth()).create(&id()).await, Err(Error::Unavailable(_))), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_revealed_and_not_printed() {
    with(async |double, base| {
        double.answers([(200, json!({"keyString": "hush-key"}))]);
        let revealed = mint(base, auth()).reveal(&id()).await.unwrap();
        assert_eq!(revealed.expose(), "hush-key");
        assert_eq!(double.asked()[0].url, "/prefix/v2/projects/p-1/locations/global/keys/g0123/keyString");
    })
    .await;
}

#[tokio::test]
async fn only_the_bundles_own_keys_for_this_secret_are_listed() {
    with(async |double, base| {
        let key = |id: &str, secret: &str, more: Value| {
            let mut key = json!({"name": format!("projects/7/locations/global/keys/{id}"), "etag": "e",
                "createTime": "2026-11-01T00:00:00.5Z",
                "annotations": {"gatehouse-bundle": "gatehouse", "gatehouse-secret": secret}});
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            key
        };
        let served = json!({"annotations": {"gatehouse-bundle": "gatehouse", "gatehouse-secret": "5ec",
            "gatehouse-served": "1799999999999"}});
        let page = json!({"keys": [key("g1", "5ec", json!({})), key("g2", "other", json!({})),
            key("g3", "5ec", json!({"deleteTime": "2026-11-02T00:00:00Z"})),
            {"name": "projects/7/locations/global/keys/mine"}, key("g4", "5ec", served)], "nextPageToken": "a&b"});
        double.answers([(200, page), (200, json!({}))]);
        let mint = mint(base, auth());
        let listed = mint.list(None).await.unwrap();
        let ids: Vec<_> = listed.keys.iter().map(|key| (&*key.id.0, key.deleted, key.served)).collect();
        let since = Some(Timestamp(1_799_999_999_999));
        assert_eq!(ids, [("g1", false, None), ("g3", true, None), ("g4", false, since)]);
        assert_eq!(listed.keys[0].created, Timestamp(1_793_491_200_500));
        let last = mint.list(listed.next.as_deref()).await.unwrap();
        assert!(last.keys.is_empty() && last.next.is_none());
        let asked = double.asked();
        assert!(asked[0].url.ends_with("/keys?showDeleted=true&pageSize=100"), "{}", asked[0].url);
        assert!(asked[1].url.ends_with("&pageToken=a%26b"), "{}", asked[1].url);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_ours_is_not_found() {
    with(async |double, base| {
        double.answers([(200, json!({"name": "projects/7/locations/global/keys/g0123"})), refusal(404, "NOT_FOUND")]);
        let mint = mint(base, auth());
        assert_eq!(mint.find(&id()).await.unwrap(), None);
        assert_eq!(mint.find(&id()).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_deleted_as_it_was_seen_and_only_if_unused() {
    with(async |double, base| {
        double.answers([(200, json!({"name": "operations/1"}))]);
        double.answers([refusal(400, "FAILED_PRECONDITION"), refusal(400, "FAILED_PRECONDITION")]);
        double.answers([refusal(409, "ABORTED")]);
        let mint = mint(base, auth());
        mint.delete(&key(), Check::Use).await.unwrap();
        assert!(matches!(mint.delete(&key(), Check::Use).await, Err(Error::InUse)));
        assert!(matches!(mint.delete(&key(), Check::Nothing).await, Err(Error::Changed)));
        assert!(matches!(mint.delete(&key(), Check::Use).await, Err(Error::Changed)));
        let asked = double.asked();
        assert_eq!(asked[0].method, Method::DELETE);
        assert!(
            asked[0].url.ends_with("/keys/g0123?etag=W%2F%22e%2B1%22&checkExistingUsage=CHECK"),
            "{}",
            asked[0].url
        );
        assert!(asked[2].url.ends_with("checkExistingUsage=SKIP"), "{}", asked[2].url);
    })
    .await;
}

#[tokio::test]
async fn a_mark_changes_annotations_only_and_undeleting_asks_for_it() {
    with(async |double, base| {
        double.answers([(200, json!({"name": "operations/1"})), (200, json!({"name": "operations/2"}))]);
        let mint = mint(base, auth());
        mint.mark(&key(), Timestamp(7)).await.unwrap();
        mint.undelete(&id()).await.unwrap();
        let asked = double.asked();
        assert_eq!(asked[0].method, Method::PATCH);
        assert!(asked[0].url.ends_with("/keys/g0123?updateMask=annotations"), "{}", asked[0].url);
        let annotations = json!({"gatehouse-bundle": "gatehouse", "gatehouse-secret": "5ec", "gatehouse-served": "7"});
        assert_eq!(asked[0].json(), json!({"annotations": annotations, "etag": key().etag}));
        assert!(asked[1].url.ends_with("/keys/g0123:undelete"), "{}", asked[1].url);
    })
    .await;
}

#[tokio::test]
async fn errors_are_told_apart_by_googles_own_names_and_tell_no_words_of_its() {
    with(async |double, base| {
        let mint = mint(base, auth());
        let mut told = Vec::new();
        for (http, status) in [
            (409, "ALREADY_EXISTS"),
            (404, "NOT_FOUND"),
            (429, "RESOURCE_EXHAUSTED"),
            (503, "UNAVAILABLE"),
            (403, "PERMISSION_DENIED"),
            (400, "hush lower case"),
        ] {
            double.answers([refusal(http, status)]);
            told.push(format!("{:?}", mint.create(&id()).await.unwrap_err()));
        }
        double.answers([(502, "<html>hush</html>")]);
        told.push(format!("{:?}", mint.create(&id()).await.unwrap_err()));
        assert!(!told.concat().contains("hush"), "{told:?}");
        let names = ["Exists", "Absent", "Limited", "Unavailable", "PERMISSION_DENIED", "HTTP_400", "Unavailable"];
        for (told, name) in told.iter().zip(names) {
            assert!(told.contains(name), "{told} is not {name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_names_googles_exact_reason() {
    with(async |double, base| {
        let disabled = json!({"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "hush",
            "details": [{"@type": "type.googleapis.com/google.rpc.Help"}, {"reason": "SERVICE_DISABLED"}]}});
        double.answers([(403, disabled)]);
        let error = mint(base, auth()).create(&id()).await.unwrap_err();
        assert_eq!(error.to_string(), "the key service refuses: PERMISSION_DENIED (SERVICE_DISABLED)");
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_replaced_by_the_next_request() {
    with(async |double, base| {
        double.answers([refusal(401, "UNAUTHENTICATED"), (200, json!({"keyString": "k"}))]);
        let mint = mint(base, auth());
        assert!(matches!(mint.reveal(&id()).await, Err(Error::Unavailable(_))));
        mint.reveal(&id()).await.unwrap();
        let asked = double.asked();
        let tokens: Vec<_> = asked.iter().map(|asked| asked.header("authorization")).collect();
        assert_eq!(tokens, ["Bearer hush-token-0", "Bearer hush-token-1"]);
    })
    .await;
}

fn federation(base: &Url) -> Federation {
    let credentials = Credentials {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: Secret::new("hush-secret".to_owned()),
        session_token: Some(Secret::new("session+token".to_owned())),
        region: "eu-west-1".to_owned(),
    };
    let identity = Identity {
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/v".to_owned(),
        service_account: "rotator@p-1.iam.gserviceaccount.com".to_owned(),
        scope: api_keys::SCOPE,
    };
    Federation::new(client(), Endpoints { sts: base.clone(), iam_credentials: base.clone() }, credentials, identity)
}

#[tokio::test]
async fn a_role_becomes_a_service_account_without_a_google_key() {
    with(async |double, base| {
        double.answers([
            (200, json!({"access_token": "pool-token", "expires_in": 3600, "token_type": "Bearer"})),
            (200, json!({"accessToken": "hush-token", "expireTime": "2027-01-15T08:30:00Z"})),
        ]);
        let token = federation(&base).fetch(Timestamp(1_800_000_000_000)).await.unwrap();
        assert_eq!((token.value.expose().as_str(), token.ends), ("hush-token", Timestamp(1_800_001_800_000)));
        let asked = double.asked();
        assert_eq!(asked[0].url, "/prefix/v1/token");
        let form: std::collections::HashMap<String, String> =
            url::form_urlencoded::parse(asked[0].body.as_bytes()).into_owned().collect();
        assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
        assert_eq!(form["subject_token_type"], "urn:ietf:params:aws:token-type:aws4_request");
        assert!(form["subject_token"].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._*".contains(&byte)));
        // As an escaped text is read where `+` is itself.
        let escaped = form["subject_token"].replace('+', "%2B");
        let shown: Value = url::form_urlencoded::parse(format!("t={escaped}").as_bytes())
            .next()
            .map(|(_, text)| serde_json::from_str(&text).unwrap())
            .unwrap();
        assert_eq!(shown["url"], "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
        assert_eq!((&shown["method"], &shown["body"]), (&"POST".into(), &"".into()));
        let headers: Vec<_> = shown["headers"].as_array().unwrap().iter().map(|h| h["key"].as_str().unwrap()).collect();
        let expected = ["host", "x-amz-date", "x-amz-security-token", "x-goog-cloud-target-resource", "Authorization"];
        assert_eq!(headers, expected);
        assert_eq!(shown["headers"][2]["value"], "session+token");
        let account = "rotator@p-1.iam.gserviceaccount.com";
        assert_eq!(asked[1].url, format!("/prefix/v1/projects/-/serviceAccounts/{account}:generateAccessToken"));
        assert_eq!(asked[1].header("authorization"), "Bearer pool-token");
        assert_eq!(asked[1].json(), json!({"scope": [api_keys::SCOPE], "lifetime": "3600s"}));
    })
    .await;
}

#[tokio::test]
async fn a_refused_exchange_names_the_step_and_no_secret() {
    with(async |double, base| {
        double.answers([(400, json!({"error": "invalid_grant", "error_description": "hush"}))]);
        let error = federation(&base).fetch(Timestamp(1_800_000_000_000)).await.unwrap_err();
        assert_eq!(error.to_string(), "there is no access token: could not exchange the role's identity");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn on_a_laptop_a_persons_token_is_renewed() {
    with(async |double, base| {
        double.answers([(200, json!({"access_token": "hush-token", "expires_in": 3599}))]);
        let file = json!({"type": "authorized_user", "client_id": "i", "client_secret": "s&s", "refresh_token": "r",
            "quota_project_id": "p"});
        let laptop = Laptop::read(client(), base.clone(), &Secret::new(file.to_string())).unwrap();
        let token = laptop.fetch(Timestamp(1000)).await.unwrap();
        assert_eq!((token.value.expose().as_str(), token.ends), ("hush-token", Timestamp(3_600_000)));
        let asked = double.asked();
        assert_eq!(asked[0].body, "grant_type=refresh_token&client_id=i&client_secret=s%26s&refresh_token=r");
        let service = json!({"type": "service_account", "client_id": "i", "client_secret": "s", "refresh_token": "r"});
        let read = Laptop::read(client(), base, &Secret::new(service.to_string()));
        assert_eq!(read.unwrap_err(), NoPerson);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_proven_on_the_path_that_requests_take() {
    with(async |double, base| {
        double.answers([(200, json!({"totalTokens": 1}))]);
        let invalid = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "details": [{"reason": "API_KEY_INVALID"}]}});
        let blocked = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
            "details": [{"reason": "API_KEY_SERVICE_BLOCKED"}]}});
        double.answers([
            (400, invalid),
            (403, blocked),
            refusal(429, "RESOURCE_EXHAUSTED"),
            refusal(503, "UNAVAILABLE"),
        ]);
        double.answers([refusal(404, "NOT_FOUND"), refusal(400, "INVALID_ARGUMENT"), (200, json!({}))]);
        let (probe, key) = (Probe::new(client(), &base, "gemini-3.5-flash"), Secret::new("hush-key".to_owned()));
        let mut verdicts = Vec::new();
        for _ in 0..8 {
            verdicts.push(match probe.probe(&key).await {
                Verdict::Accepted => "accepted",
                Verdict::Rejected(_) => "rejected",
                Verdict::Inconclusive(_) => "inconclusive",
            });
        }
        assert_eq!(verdicts[..3], ["accepted", "rejected", "rejected"]);
        assert_eq!(verdicts[3..], ["inconclusive"; 5]);
        let asked = double.asked();
        assert_eq!(asked[0].url, "/prefix/v1beta/models/gemini-3.5-flash:countTokens");
        assert_eq!(asked[0].header("x-goog-api-key"), "hush-key");
    })
    .await;
}

#[tokio::test]
async fn a_gemini_that_cannot_be_reached_says_nothing_of_a_key() {
    let closed = Url::parse("http://127.0.0.1:1").unwrap();
    let probe = Probe::new(client(), &closed, "m");
    assert!(matches!(probe.probe(&Secret::new("k".to_owned())).await, Verdict::Inconclusive(_)));
    let bad = probe.probe(&Secret::new("a\nb".to_owned())).await;
    assert_eq!(bad, Verdict::Rejected("it holds illegal characters"));
}

/// Keys of which each is good until it is rejected.
struct Row(&'static [&'static str]);

impl Keys for Row {
    async fn current(&self) -> Result<ports::Key, Unavailable> {
        Ok(key_called(self.0[0]))
    }

    async fn replacement(&self, rejected: &ports::Key) -> Result<Option<ports::Key>, Unavailable> {
        let place = self.0.iter().position(|name| *name == rejected.version).unwrap();
        match self.0.get(place + 1) {
            Some(&"unread") => Err(Unavailable { store: "row", cause: "it is down".into() }),
            next => Ok(next.map(|name| key_called(name))),
        }
    }
}

fn key_called(name: &str) -> ports::Key {
    ports::Key { value: Secret::new(format!("hush-{name}")), version: name.to_owned() }
}

/// A log, as JSON.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("hush"), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Counts with these keys, and what the log has of it.
async fn counted(
    double: &Double,
    base: Url,
    keys: &'static [&'static str],
) -> (Result<u64, Failure>, Vec<Value>, usize) {
    let log = Log::default();
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(lines);
    let prompt = Prompt {
        model: "gemini-3.5-flash".to_owned(),
        conversation: Conversation::default(),
        tools: Vec::new(),
        tool_config: None,
        generation: serde_json::Map::new(),
        safety: Vec::new(),
    };
    let told = gemini::Client::new(base, Row(keys), Deadlines::default()).unwrap().count(&prompt).await;
    let lines = log.lines().into_iter().filter(|line| line["target"] == "shared::google::gemini").collect();
    (told.map(|count| count.usage.total), lines, double.asked().len())
}

#[tokio::test]
async fn a_rejected_key_that_another_stands_in_for_is_told_to_the_operator() {
    with(async |double, base| {
        let leaked = json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
           "message": "Your API key was reported as leaked."}});
        double.answers([(403, leaked), refusal(401, "UNAUTHENTICATED"), (200, json!({"totalTokens": 3}))]);
        let (told, log, asked) = counted(&double, base, &["one", "two", "three"]).await;
        assert_eq!((told.unwrap(), asked), (3, 3));
        let told: Vec<_> = log.iter().map(|line| [&line["code"], &line["leaked"], &line["key_version"]]).collect();
        let (code, yes, no) = (json!("provider_key"), json!(true), json!(false));
        assert_eq!(told, [[&code, &yes, &json!("one")], [&code, &no, &json!("two")]]);
    })
    .await;
}

/// Whoever asked tells the operator.
#[tokio::test]
async fn a_rejected_key_without_another_is_the_answer_and_told_by_nobody_else() {
    for keys in [&["one"][..], &["one", "unread"]] {
        with(async |double, base| {
            double.answers([refusal(401, "UNAUTHENTICATED")]);
            let (told, log, asked) = counted(&double, base, keys).await;
            assert!(matches!(told, Err(Failure::KeyRejected { status: 401, leaked: false })));
            assert_eq!(asked, 1);
            assert!(log.iter().all(|line| line["code"].is_null()), "{log:?}");
        })
        .await;
    }
}
