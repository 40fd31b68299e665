//! The warehouse on AWS: records go through the real drain into the bucket, their object's key into the queue of the
//! warehouse, and from there into BigQuery, with a token of Google's for the function's role. BigQuery is down at first,
//! takes rows without a word, wants another token, and will never take some: at the end it has the rest, and the view
//! that ships would show each once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use http::header::AUTHORIZATION;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use shared::audit::{Entry, Kind, Link, Record, warehouse};
use shared::fakes::entry;
use tests::aws::bucket::Bucket;
use tests::aws::runtime::{Function, Setup};
use tests::aws::server::{Body, Server, json as answer};
use tests::{gate, wait};

use super::losses::chain;

/// How BigQuery behaves.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Down,
    /// Rows are taken, and no answer comes.
    Silent,
    /// The token is no longer good.
    Unauthorised,
    Well,
}

#[derive(Default)]
struct Cloud {
    mood: Mood,
    /// What was sent to each queue, with its reason.
    queues: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// Every row that was taken, as often as it was.
    table: Vec<Value>,
    /// The tokens that were given to the pool's identity.
    tokens: usize,
    refused: usize,
}

type Shared = Arc<Mutex<Cloud>>;

const ACCOUNT: &str = "drain@project.iam.gserviceaccount.com";
const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/aws";

async fn serve(cloud: Shared, request: Request<Incoming>) -> Option<Response<Body>> {
    let (parts, body) = request.into_parts();
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (target, bearer, path) = (header("x-amz-target"), header(AUTHORIZATION.as_str()), parts.uri.path().to_owned());
    let body = String::from_utf8(body.collect().await.ok()?.to_bytes().to_vec()).ok()?;
    let silent = {
        let mut cloud = cloud.lock().unwrap();
        let answered = match (target.as_deref(), path.as_str()) {
            (Some("AmazonSQS.SendMessage"), _) => send(&mut cloud, &body),
            (None, "/v1/token") if body.contains(&encoded(AUDIENCE)) && body.contains("AWS4-HMAC-SHA256") => {
                answer(200, &json!({"access_token": "pool", "issued_token_type": "x", "token_type": "Bearer"}))
            }
            (None, path) if path == format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken") => {
                assert_eq!(bearer.as_deref(), Some("Bearer pool"));
                cloud.tokens += 1;
                let token = format!("account-{}", cloud.tokens);
                answer(200, &json!({"accessToken": token, "expireTime": "2999-01-01T00:00:00Z"}))
            }
            (None, "/bigquery/v2/projects/project/datasets/audit/tables/audit_records/insertAll") => {
                let body: Value = serde_json::from_str(&body).ok()?;
                insert(&mut cloud, bearer.as_deref(), &body)
            }
            _ => answer(400, &json!({"error": {"code": 400, "status": "UNEXPECTED", "message": path}})),
        };
        if cloud.mood != Mood::Silent || !path.ends_with("insertAll") {
            return Some(answered);
        }
        std::future::pending::<Option<Response<Body>>>()
    };
    silent.await
}

/// As a form within a form has it.
fn encoded(text: &str) -> String {
    text.replace('/', "%2F").replace(':', "%3A")
}

fn send(cloud: &mut Cloud, body: &str) -> Response<Body> {
    let sent: Value = serde_json::from_str(body).unwrap_or_default();
    let queue = sent["QueueUrl"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    let reason = sent["MessageAttributes"]["reason"]["StringValue"].as_str().map(str::to_owned);
    let text = sent["MessageBody"].as_str().unwrap_or_default().to_owned();
    cloud.queues.entry(queue).or_default().push((text, reason));
    answer(200, &json!({"MessageId": "m", "MD5OfMessageBody": ""}))
}

fn insert(cloud: &mut Cloud, bearer: Option<&str>, body: &Value) -> Response<Body> {
    let told = |reason: &str| json!({"error": {"code": 0, "errors": [{"reason": reason}]}});
    match cloud.mood {
        Mood::Down => {
            cloud.refused += 1;
            return answer(503, &told("backendError"));
        }
        Mood::Unauthorised => {
            cloud.mood = Mood::Well;
            cloud.tokens = 100;
            return answer(401, &told("authError"));
        }
        Mood::Silent | Mood::Well => {}
    }
    if bearer != Some(format!("Bearer account-{}", cloud.tokens).as_str()) {
        return answer(401, &told("authError"));
    }
    let mut errors = Vec::new();
    for (index, row) in body["rows"].as_array().into_iter().flatten().enumerate() {
        if row["json"]["model"] == "invalid" {
            errors.push(json!({"index": index, "errors": [{"reason": "invalid", "location": "model"}]}));
        } else {
            cloud.table.push(row.clone());
        }
    }
    answer(200, &json!({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors}))
}

/// Messages of the queue with this name, as SQS hands them over.
fn event(queue: &str, bodies: &[String]) -> Value {
    let messages: Vec<(usize, &str)> = bodies.iter().map(String::as_str).enumerate().collect();
    let mut event = super::losses::event(&messages);
    for record in event["Records"].as_array_mut().unwrap() {
        record["eventSourceARN"] = json!(format!("arn:aws:sqs:eu-west-1:123456789012:{queue}"));
    }
    event
}

/// Hands messages over; which are to come again.
async fn deliver(function: &Function, queue: &str, bodies: &[String]) -> Vec<String> {
    let answer = function.invoke(&event(queue, bodies)).await.unwrap();
    let failed = answer["batchItemFailures"].as_array().unwrap().iter();
    failed.map(|one| bodies[one["itemIdentifier"].as_str().unwrap().parse::<usize>().unwrap()].clone()).collect()
}

/// A chain, of which the warehouse will never take the last.
fn records(writer: u8) -> Vec<String> {
    let mut lines = chain(writer, 20, 5);
    let last = Record::from_line(lines.last().unwrap()).unwrap();
    let Record { writer_id, seq, hash, .. } = last;
    let link = Link { record_id: format!("{writer}-x"), writer_id, seq: seq + 1, prev_hash: hash, voids: Vec::new() };
    let invalid = Entry { model: "invalid".to_owned(), ..entry(Kind::Outcome) };
    lines.push(Record::seal(Entry { request_id: format!("{writer}-x"), ..invalid }, link).to_line());
    lines
}

/// What the view that ships makes rows equal by.
fn keys_of_the_view() -> Vec<String> {
    let [_, view] = warehouse::schema("project.audit");
    let (_, rest) = view.split_once("PARTITION BY ").unwrap();
    let (keys, _) = rest.split_once(" ORDER BY").unwrap();
    keys.split(", ").map(|key| key.trim_matches('`').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warehouse_catches_up_with_whatever_it_did_not_take() {
    let (bucket, cloud) = (Bucket::start().await, Shared::default());
    let shared = Arc::clone(&cloud);
    let server = Server::start(move |request| serve(Arc::clone(&shared), request)).await;
    let queue = |name: &str| format!("{}/{name}", server.url());
    let function = Setup::new("warehouse-drain", gate::built("drain"))
        .env("AWS_ENDPOINT_URL", bucket.url())
        .env("AWS_ENDPOINT_URL_SQS", server.url())
        .env("AUDIT_BUCKET", "audit")
        .env("DEAD_QUEUE_URL", queue("dead"))
        .env("WAREHOUSE_QUEUE_URL", queue("warehouse"))
        .env("WAREHOUSE_POISON_QUEUE_URL", queue("poison"))
        .env("BIGQUERY_DATASET", "project.audit")
        .env("GOOGLE_AUDIENCE", AUDIENCE)
        .env("WAREHOUSE_SERVICE_ACCOUNT", ACCOUNT)
        .env("GOOGLE_BASE_URL", server.url())
        .start()
        .await;
    let set = |mood: Mood| cloud.lock().unwrap().mood = mood;

    // It is down: the bucket has everything all the same, and the queue every object's key.
    let mut lines = Vec::new();
    for writer in 1..=3 {
        let batch = records(writer);
        assert_eq!(deliver(&function, "audit", &batch).await, [""; 0]);
        lines.extend(batch);
    }
    let keys: Vec<String> = cloud.lock().unwrap().queues["warehouse"]
        .iter()
        .map(|(key, _)| key.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let stored: Vec<String> = bucket.objects().into_keys().filter(|key| key.starts_with("records/")).collect();
    assert_eq!(keys, stored);
    assert_eq!(deliver(&function, "warehouse", &keys).await, keys);
    let tried = |cloud: &Cloud| (cloud.table.len(), cloud.refused);
    assert_eq!(tried(&cloud.lock().unwrap()), (0, 4), "the first alone is tried");

    // It takes rows, and the function is killed before it learns of that.
    set(Mood::Silent);
    let event = event("warehouse", &keys[..1]);
    let (invoked, ()) = tokio::join!(function.invoke(&event), async {
        wait::until("rows to be taken", || async { (!cloud.lock().unwrap().table.is_empty()).then_some(()) }).await;
        function.kill().await;
    });
    assert!(invoked.is_err());

    set(Mood::Unauthorised);
    assert_eq!(deliver(&function, "warehouse", &keys).await, [""; 0], "{}", function.printed());
    let cloud = cloud.lock().unwrap();
    let written: Vec<Record> = lines.iter().map(|line| Record::from_line(line).unwrap()).collect();
    let hashes = |invalid: bool| -> BTreeSet<String> {
        let of = written.iter().filter(|record| (record.entry.model == "invalid") == invalid);
        of.map(|record| record.hash.to_string()).collect()
    };
    let rows: Vec<Vec<&Value>> =
        cloud.table.iter().map(|row| keys_of_the_view().iter().map(|key| &row["json"][key]).collect()).collect();
    assert!(rows.iter().flatten().all(|value| !value.is_null()), "{rows:?}");
    let shown: BTreeSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(shown.len(), hashes(false).len());
    assert!(cloud.table.len() > shown.len(), "a lost answer makes doubles, which the view is for");
    let taken: BTreeSet<String> =
        cloud.table.iter().map(|row| row["json"]["hash"].as_str().unwrap().to_owned()).collect();
    assert_eq!(taken, hashes(false));
    assert!(!cloud.queues.contains_key("dead"), "what is stored lies among what is stored nowhere else");
    let poison: BTreeSet<String> = cloud.queues["poison"]
        .iter()
        .map(|(line, reason)| {
            assert_eq!(reason.as_deref(), Some("invalid (model)"));
            Record::from_line(line).unwrap().hash.to_string()
        })
        .collect();
    assert_eq!(poison, hashes(true));
}
