//! One address for all of AWS: what `AWS_ENDPOINT_URL` names for Terraform, for the functions and for the operator.
//!
//! It hands each call to the emulation that is faithful for it: the data of `DynamoDB` to dynalite, the versions of a
//! secret that is rotated to a [`World`] where there is one, all else to moto. It remembers who called what, and breaks what a test wants to see broken.

use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::dynalite::Dynalite;
pub use super::dynalite::Fault;
use super::moto::Moto;
use super::server::{Body, Server, whole};
use crate::client::{Client, Reply};
use crate::rotating::World;
use crate::wait;

/// What of `DynamoDB` is data, and so must be changed atomically. The rest describes tables: moto knows more of that.
const DATA: &[&str] = &[
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "UpdateItem",
];

/// What of a secret concerns its versions and their rotation, of which moto has other notions than AWS.
const ROTATED: &[&str] = &[
    "CancelRotateSecret",
    "DescribeSecret",
    "GetSecretValue",
    "ListSecretVersionIds",
    "PutSecretValue",
    "RotateSecret",
    "UpdateSecretVersionStage",
];

/// A call as it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The id of the access key that it was signed with: who called.
    pub by: String,
    /// The service, as signatures name it, such as `dynamodb`.
    pub service: String,
    /// The operation, such as `UpdateItem`; method and path where the service has no names for them.
    pub action: String,
    /// The parameters, where they are JSON.
    pub body: Value,
}

/// The address. It stops when it is dropped, emulations and all.
#[derive(Debug)]
pub struct Endpoint {
    server: Server,
    shared: Arc<Shared>,
}

type Brain = Arc<dyn Fn(&Call) -> Option<Fault> + Send + Sync>;

struct Shared {
    moto: Moto,
    dynalite: Dynalite,
    /// A secret's name, and who holds its versions.
    rotated: OnceLock<(&'static str, Arc<World>)>,
    brain: Mutex<Brain>,
    calls: Mutex<Vec<Call>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("moto", &self.moto).field("dynalite", &self.dynalite).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// Starts the emulations and stands before them.
    pub async fn start() -> Self {
        let (moto, dynalite) = tokio::join!(Moto::start(), Dynalite::start());
        let brain: Brain = Arc::new(|_| None);
        let shared = Arc::new(Shared {
            moto,
            dynalite,
            rotated: OnceLock::new(),
            brain: Mutex::new(brain),
            calls: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |request| {
            let shared = Arc::clone(&serving);
            async move { shared.answer(request).await }
        })
        .await;
        Self { server, shared }
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Has the versions of the secret with this name, once it is made, be held and rotated in `world`.
    ///
    /// # Panics
    /// The second time.
    pub fn rotate_in(&self, name: &'static str, world: Arc<World>) {
        assert!(self.shared.rotated.set((name, world)).is_ok(), "one secret is rotated already");
    }

    /// What happens to the calls from now on: `None` lets one pass.
    pub fn break_by(&self, brain: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        *self.shared.brain.lock().unwrap() = Arc::new(brain);
    }

    /// Lets every call pass from now on.
    pub fn heal(&self) {
        self.break_by(|_| None);
    }

    /// Whether failed conditions in `DynamoDB` come without their item from now on.
    pub fn withhold_items(&self, withheld: bool) {
        self.shared.dynalite.withhold_items(withheld);
    }

    /// Every call so far, also those that were broken.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Calls an operation of a service that speaks JSON, past everything: nothing breaks it, and nobody remembers it.
    ///
    /// # Panics
    /// When it fails.
    pub async fn call(&self, target: &str, body: &Value) -> Value {
        if let Some(operation) = target.strip_prefix("DynamoDB_20120810.") {
            return self.shared.dynalite.call(operation, body).await;
        }
        let client = Client::new(self.shared.moto.url(), "");
        let service = service_of(target);
        let request = client
            .anonymous(http::Method::POST, "/")
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", credential("tests", service));
        let reply = client.send(request, body.to_string()).await;
        assert_eq!(reply.status, 200, "{target} {body}: {reply:?}");
        reply.json()
    }

    /// The same in the name of another, whom the call is remembered of: what AWS itself does for a function.
    pub async fn call_as(&self, by: &str, target: &str, body: &Value) -> Value {
        self.remember(by, target, body);
        self.call(target, body).await
    }

    /// Remembers a call of another's that need not be made.
    pub fn remember(&self, by: &str, target: &str, body: &Value) {
        let service = service_of(target).to_owned();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.shared.calls.lock().unwrap().push(Call { by: by.to_owned(), service, action, body: body.clone() });
    }

    /// Answers Athena's next query with these rows, of which the first is the columns' names: nothing runs queries here.
    ///
    /// # Panics
    /// When it fails.
    pub async fn next_rows(&self, rows: &[&[&str]]) {
        let cells = |row: &&[&str]| row.iter().map(|cell| json!({"VarCharValue": cell})).collect::<Vec<_>>();
        let rows: Vec<Value> = rows.iter().map(|row| json!({"Data": cells(row)})).collect();
        let results = json!({"account_id": super::ACCOUNT, "region": super::REGION,
            "results": [{"rows": rows, "column_info": []}]});
        let reply =
            Client::new(self.shared.moto.url(), "").post("/moto-api/static/athena/query-results", &results).await;
        assert!(reply.status.is_success(), "{reply:?}");
    }

    /// Puts something in an object's place, as nobody but an intruder could.
    ///
    /// # Panics
    /// When it fails.
    pub async fn put_object(&self, bucket: &str, key: &str, body: &[u8]) {
        let client = Client::new(self.shared.moto.url(), "");
        let request = client.anonymous(http::Method::PUT, &format!("/{bucket}/{key}"));
        let request = request.header("authorization", credential("intruder", "s3"));
        let reply = client.send(request, body.to_vec()).await;
        assert_eq!(reply.status, 200, "{bucket} {key}: {reply:?}");
    }

    /// GETs from a service that speaks REST, such as Lambda.
    ///
    /// # Panics
    /// When it fails.
    pub async fn get(&self, service: &str, path: &str) -> Value {
        let client = Client::new(self.shared.moto.url(), "");
        let request = client.anonymous(http::Method::GET, path).header("authorization", credential("tests", service));
        let reply = client.send(request, "").await;
        // moto answers some of Lambda's with 201.
        assert!(reply.status.is_success(), "{service} {path}: {reply:?}");
        reply.json()
    }
}

/// The service that an operation is of.
fn service_of(target: &str) -> &'static str {
    match target.split('.').next() {
        Some("AmazonSQS") => "sqs",
        Some("AWSGlue") => "glue",
        Some("AmazonAthena") => "athena",
        Some("DynamoDB_20120810") => "dynamodb",
        Some("TrentService") => "kms",
        _ => "secretsmanager",
    }
}

/// The head of a signature, from which moto knows the service. None of the emulations checks the rest.
fn credential(key: &str, service: &str) -> String {
    let scope = format!("{key}/20260101/{}/{service}/aws4_request", super::REGION);
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none")
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Body>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let call = Call::read(&parts, &body);
        let brain = Arc::clone(&*self.brain.lock().unwrap());
        let fault = brain(&call);
        self.calls.lock().unwrap().push(call.clone());
        match fault {
            Some(Fault::HangUp) => return None,
            Some(Fault::Refuse(status, kind)) => return Some(refusal(status, kind, &call)),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::LoseReply) | None => {}
        }
        let told = match self.rotates(&call) {
            Some(world) => self.rotated(&parts, body, &call, world).await,
            None => Some(response(self.done(&parts, body, &call).await)),
        };
        if fault == Some(Fault::LoseReply) { None } else { told }
    }

    /// Who holds what is called for, where it is a secret's versions.
    fn rotates(&self, call: &Call) -> Option<&World> {
        let (name, world) = self.rotated.get()?;
        let id = call.body["SecretId"].as_str()?;
        let is = id.rsplit(':').next().and_then(|full| full.strip_prefix(name)).is_some();
        (is && call.service == "secretsmanager" && ROTATED.contains(&call.action.as_str())).then_some(&**world)
    }

    /// What describes the secret besides is moto's.
    async fn rotated(&self, parts: &Parts, body: Bytes, call: &Call, world: &World) -> Option<Response<Body>> {
        if call.action != "DescribeSecret" {
            return world.answer(parts, body).await;
        }
        let described = pass(self.moto.url(), parts, body.clone()).await;
        let told = world.answer(parts, body).await?;
        if described.status != 200 || told.status() != 200 {
            return Some(if told.status() == 200 { response(described) } else { told });
        }
        let told = told.into_body().collect().await.ok()?.to_bytes();
        let told: Map<String, Value> = serde_json::from_slice(&told).ok()?;
        let mut all: Map<String, Value> = serde_json::from_slice(&described.body).ok()?;
        all.extend(told);
        Some(super::server::json(200, &Value::Object(all)))
    }

    async fn done(&self, parts: &Parts, body: Bytes, call: &Call) -> Reply {
        if call.service != "dynamodb" {
            let reply = pass(self.moto.url(), parts, body).await;
            if let Some((name, world)) = self.rotated.get()
                && call.action == "CreateSecret"
                && call.body["Name"] == *name
            {
                world.adopt(reply.json()["ARN"].as_str().unwrap_or_else(|| panic!("a secret was not made: {reply:?}")));
            }
            return reply;
        }
        if DATA.contains(&call.action.as_str()) {
            return pass(&self.dynalite.endpoint(), parts, body).await;
        }
        let reply = pass(self.moto.url(), parts, body).await;
        if reply.status == 200 {
            self.follow(call).await;
        }
        reply
    }

    /// Makes and drops in dynalite the tables that were made and dropped in moto.
    async fn follow(&self, call: &Call) {
        let name = json!({"TableName": call.body["TableName"]});
        match call.action.as_str() {
            "CreateTable" => {
                let mut table = name.clone();
                for field in ["KeySchema", "AttributeDefinitions"] {
                    table[field] = call.body[field].clone();
                }
                table["BillingMode"] = json!("PAY_PER_REQUEST");
                self.dynalite.call("CreateTable", &table).await;
                wait::until("the table to be active", || async {
                    let described = self.dynalite.call("DescribeTable", &name).await;
                    (described["Table"]["TableStatus"] == "ACTIVE").then_some(())
                })
                .await;
            }
            "DeleteTable" => {
                self.dynalite.call("DeleteTable", &name).await;
            }
            _ => {}
        }
    }
}

impl Call {
    fn read(parts: &Parts, body: &Bytes) -> Self {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scope = header("authorization").split("Credential=").nth(1).unwrap_or_default();
        let mut words = scope.split(['/', ',']);
        let by = words.next().unwrap_or_default().to_owned();
        let service = words.nth(2).unwrap_or_default().to_owned();
        if let Some((action, body)) = Some(parts).filter(|_| service == "s3").and_then(of_s3) {
            return Self { by, service, action: action.to_owned(), body };
        }
        let action = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
        let body = if header("content-type").starts_with("application/x-www-form-urlencoded") {
            form(&String::from_utf8_lossy(body))
        } else {
            serde_json::from_slice(body).unwrap_or_default()
        };
        let named = if action.is_empty() { body["Action"].as_str().unwrap_or_default().to_owned() } else { action };
        let action = if named.is_empty() { format!("{} {}", parts.method, parts.uri.path()) } else { named };
        Self { by, service, action, body }
    }
}

/// What is done to objects, by S3's own names for operations and parameters; the rest of S3 keeps method and path.
fn of_s3(parts: &Parts) -> Option<(&'static str, Value)> {
    let (bucket, key) = parts.uri.path().trim_start_matches('/').split_once('/').unwrap_or((parts.uri.path(), ""));
    let query = form(parts.uri.query().unwrap_or_default());
    let about_object = query.as_object().is_none_or(|query| query.keys().all(|name| name == "x-id"));
    let bucket = bucket.trim_start_matches('/');
    let decoded = percent_decode_str(key).decode_utf8_lossy();
    match parts.method {
        http::Method::GET if key.is_empty() && query["list-type"] == "2" => {
            Some(("ListObjectsV2", json!({"Bucket": bucket, "Prefix": query["prefix"]})))
        }
        http::Method::GET if !key.is_empty() && about_object => {
            Some(("GetObject", json!({"Bucket": bucket, "Key": decoded})))
        }
        http::Method::PUT if !key.is_empty() && about_object => {
            let created = parts.headers.get("if-none-match").and_then(|value| value.to_str().ok());
            Some(("PutObject", json!({"Bucket": bucket, "Key": decoded, "IfNoneMatch": created})))
        }
        _ => None,
    }
}

fn form(body: &str) -> Value {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(name, value)| (decode(name), json!(decode(value)))).collect::<Map<_, _>>())
}

async fn pass(server: &str, parts: &Parts, body: Bytes) -> Reply {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    // The host stays as it was: moto makes the URLs of queues from it.
    let mut request = Request::builder().method(&parts.method).uri(path);
    for (name, value) in &parts.headers {
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            request = request.header(name, value);
        }
    }
    Client::new(server, "").send(request, body).await
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(whole(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    for own in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(own);
    }
    response
}

fn refusal(status: u16, kind: &str, call: &Call) -> Response<Body> {
    let told = json!({"__type": format!("com.amazonaws.{}#{kind}", call.service), "message": "told to fail"});
    let mut response = super::server::json(status, &told);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
