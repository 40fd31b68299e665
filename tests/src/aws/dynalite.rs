//! `DynamoDB` on this machine: dynalite, which changes an item atomically as AWS does, behind a door of our own.
//!
//! The door adds what dynalite lacks and AWS has: the item that a failed condition was held against, and transactions.
//! It also breaks what a test wants to see broken, and remembers what it was asked.

use std::path::Path;
use std::process::Stdio;

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{Client, Reply};
use crate::{sdk, wait};

mod door;
mod transaction;

use door::Door;
pub use door::{Call, Fault};

/// A `DynamoDB` that is empty at first. It is killed when it is dropped.
#[derive(Debug)]
pub struct Dynalite {
    door: Door,
    _server: Child,
}

impl Dynalite {
    /// Starts one without tables.
    ///
    /// # Panics
    /// When it cannot be installed or does not start.
    pub async fn start() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("aws/node");
        let script = move || sdk::node_script(&source, "aws", "node", "dynalite.mjs".as_ref());
        let script = wait::done("install dynalite", tokio::task::spawn_blocking(script).await);
        let mut command = Command::from(script);
        command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = wait::done("start dynalite", command.spawn());
        let mut lines = BufReader::new(server.stdout.take().expect("its output is piped")).lines();
        let port = wait::done("read dynalite's port", wait::within("dynalite's port", lines.next_line()).await);
        let port = port.expect("dynalite tells its port");
        Self { door: Door::before(format!("http://127.0.0.1:{port}")).await, _server: server }
    }

    /// Starts one with the tables of a bundle: `PREFIX-callers`, `PREFIX-ledger` and `PREFIX-policy`.
    pub async fn with_tables(prefix: &str) -> Self {
        let dynalite = Self::start().await;
        dynalite.create_tables(prefix).await;
        dynalite
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.door.url()
    }

    /// Creates the tables of a bundle.
    pub async fn create_tables(&self, prefix: &str) {
        self.create_table(&format!("{prefix}-callers"), "id", None).await;
        self.create_table(&format!("{prefix}-ledger"), "subject", Some("window")).await;
        self.create_table(&format!("{prefix}-policy"), "id", None).await;
    }

    async fn create_table(&self, name: &str, hash: &str, range: Option<&str>) {
        let keys = || [Some((hash, "HASH", "S")), range.map(|range| (range, "RANGE", "N"))].into_iter().flatten();
        let schema: Vec<_> = keys().map(|(name, role, _)| json!({"AttributeName": name, "KeyType": role})).collect();
        let types: Vec<_> =
            keys().map(|(name, _, kind)| json!({"AttributeName": name, "AttributeType": kind})).collect();
        let table = json!({
            "TableName": name, "KeySchema": schema, "AttributeDefinitions": types, "BillingMode": "PAY_PER_REQUEST",
        });
        self.call("CreateTable", &table).await;
        wait::until("the table to be active", || async {
            let described = self.call("DescribeTable", &json!({"TableName": name})).await;
            (described["Table"]["TableStatus"] == "ACTIVE").then_some(())
        })
        .await;
    }

    /// Calls an operation behind the door: nothing breaks it, and nobody remembers it.
    ///
    /// # Panics
    /// When it fails.
    pub async fn call(&self, operation: &str, body: &Value) -> Value {
        let reply = call(self.door.server(), operation, body).await;
        assert_eq!(reply.status, 200, "{operation} {body}: {reply:?}");
        reply.json()
    }

    /// What happens to the calls from now on: `None` lets one pass.
    pub fn break_by(&self, brain: impl Fn(&Call) -> Option<Fault> + Send + Sync + 'static) {
        self.door.break_by(brain);
    }

    /// Whether failed conditions come without their item from now on.
    pub fn withhold_items(&self, withheld: bool) {
        self.door.withhold_items(withheld);
    }

    /// What came to the door since it was last asked.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        self.door.take_calls()
    }
}

/// Dynalite wants a signature and does not check it.
async fn call(server: &str, operation: &str, body: &Value) -> Reply {
    let client = Client::new(server, "");
    let request = client
        .anonymous(Method::POST, "/")
        .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=f");
    client.send(request, body.to_string()).await
}
