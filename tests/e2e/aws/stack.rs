//! The whole of `infra/`, applied to the emulations, and functions that run with what Terraform gave them.

use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shared::audit::{Kind, Record};
use tempfile::TempDir;
use tests::aws::endpoint::Endpoint;
use tests::aws::event_source::EventSource;
use tests::aws::runtime::{Function, Setup};
use tests::aws::terraform::Terraform;
use tests::client::Reply;
use tests::gate;
use tests::gemini::{Gemini, Request, Script, cases};
use tests::rotating::World;
use tests::wait;
use tokio::process::Command;

/// What all resources of the bundle are named after.
pub(super) const PREFIX: &str = "gatehouse";

type Brain = Arc<dyn Fn(&Request) -> Script + Send + Sync>;

/// A deployed bundle.
pub(super) struct Stack {
    pub(super) endpoint: Endpoint,
    pub(super) terraform: Terraform,
    pub(super) gemini: Gemini,
    /// Google, and the versions of the key's secret.
    pub(super) world: Arc<World>,
    pub(super) outputs: Value,
    brain: Arc<Mutex<Brain>>,
    environment: Vec<(String, String)>,
    binary: PathBuf,
    files: TempDir,
    /// What brings the audit queue's messages to the drain.
    pub(super) records: EventSource,
}

/// How a message begins that is no record.
pub(super) const POISON: &str = "poison";

/// Whether a record says what is about to be done.
pub(super) fn is_intent(record: &Record) -> bool {
    record.entry.kind == Kind::Intent
}

impl Stack {
    /// Applies `infra/`, and meanwhile builds the function as it is shipped.
    pub(super) async fn apply() -> Self {
        let brain: Arc<Mutex<Brain>> = Arc::new(Mutex::new(Arc::new(cases::brain)));
        let asked = Arc::clone(&brain);
        let world = Arc::new(World::start().await);
        let minted = Arc::clone(&world);
        let answers = move |request: &Request| {
            let brain = Arc::clone(&*asked.lock().unwrap());
            brain(request)
        };
        let gemini = Gemini::start_with_keys(answers, move |key| minted.takes(key)).await;
        let files = wait::done("make a folder", tempfile::tempdir());
        let endpoint = Endpoint::start().await;
        endpoint.rotate_in("gatehouse/gemini-key", Arc::clone(&world));
        let (binary, terraform) = tokio::join!(release(), async {
            let variables = variables(&zip(&files).await, &gemini, &world);
            let terraform = Terraform::start(&endpoint.url(), &variables).await;
            terraform.apply().await;
            terraform
        });
        let key = files.path().join("gemini-key");
        wait::done("write the key", std::fs::write(&key, gemini.key()));
        let outputs = terraform.outputs().await;
        let environment = environment_of(outputs["function_name"].as_str().unwrap(), &endpoint).await;
        let output = |name: &str| outputs[name].as_str().unwrap();
        let records = EventSource::new("drain", output("audit_queue_url"), output("audit_queue_arn"));
        let stack = Self { endpoint, terraform, gemini, world, outputs, brain, environment, binary, files, records };
        stack.operator(&["init", "--gemini-key-file", key.to_str().unwrap()]).await;
        stack
    }

    /// The names and values that Terraform gave the function.
    pub(super) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// What Terraform has given the function since.
    pub(super) async fn changed_environment(&self) -> Vec<(String, String)> {
        environment_of(self.outputs["function_name"].as_str().unwrap(), &self.endpoint).await
    }

    /// The names and values that Terraform gave the function of this name.
    pub(super) async fn environment_of(&self, name: &str) -> Vec<(String, String)> {
        environment_of(name, &self.endpoint).await
    }

    /// What the function that replaces the key is called.
    pub(super) fn rotation_name(&self) -> String {
        self.outputs["rotation_function_name"].as_str().unwrap().to_owned()
    }

    /// Answers of Gemini's from now on.
    pub(super) fn answer_by(&self, brain: impl Fn(&Request) -> Script + Send + Sync + 'static) {
        *self.brain.lock().unwrap() = Arc::new(brain);
    }

    /// The function as Lambda would run it.
    pub(super) fn function(&self) -> Setup {
        let name = self.outputs["function_name"].as_str().unwrap();
        Setup::new(name, &self.binary)
            .envs(self.environment.iter().cloned())
            .env("AWS_ENDPOINT_URL", self.endpoint.url())
            .access_key("completion")
    }

    /// Another function of the bundle, as Lambda would run it: the one whose name is this output, with what Terraform
    /// gave it, from the binary that Cargo built for the tests. Its calls are told by the access key `by`.
    pub(super) async fn other_function(&self, output: &str, binary: &str, by: &str) -> Setup {
        let name = self.outputs[output].as_str().unwrap();
        Setup::new(name, gate::built(binary))
            .envs(environment_of(name, &self.endpoint).await)
            .env("AWS_ENDPOINT_URL", self.endpoint.url())
            .access_key(by)
    }

    /// The function, with its door open.
    pub(super) async fn start(&self) -> Function {
        self.function().start().await
    }

    /// The bundle's operator says something, and what is answered is JSON.
    pub(super) async fn operator(&self, words: &[&str]) -> Value {
        let output = self.operator_says(words).await;
        assert!(output.status.success(), "gatehouse {words:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The same, however it ends.
    pub(super) async fn operator_says(&self, words: &[&str]) -> Output {
        let mut command = gate::command();
        command.args(words).args(["--aws", PREFIX]).current_dir(self.files.path());
        command.env("AWS_ENDPOINT_URL", self.endpoint.url()).env("AWS_REGION", tests::aws::REGION);
        command.env("AWS_ACCESS_KEY_ID", "operator").env("AWS_SECRET_ACCESS_KEY", "none");
        wait::done("run gatehouse", command.output().await)
    }

    /// A new caller's key.
    pub(super) async fn caller(&self) -> String {
        self.named_caller().await.1
    }

    /// A new caller's name and key.
    pub(super) async fn named_caller(&self) -> (String, String) {
        let name = tests::canary("caller");
        let added = self.operator(&["caller", "add", &name, "--json"]).await;
        (name, added["key"].as_str().unwrap_or_else(|| panic!("{added}")).to_owned())
    }

    /// Puts a policy where the functions read it; each takes it over in its time.
    pub(super) async fn put_policy(&self, toml: &str) {
        let item = json!({"id": {"S": "policy"}, "toml": {"S": toml}});
        let put = json!({"TableName": self.outputs["policy_table"], "Item": item});
        self.endpoint.call("DynamoDB_20120810.PutItem", &put).await;
    }

    /// The accounts of the caller of this name in the ledger.
    pub(super) async fn accounts(&self, name: &str) -> Vec<Value> {
        let scan = json!({"TableName": self.outputs["ledger_table"]});
        let all = self.endpoint.call("DynamoDB_20120810.Scan", &scan).await;
        let mut items = all["Items"].as_array().unwrap().clone();
        items.retain(|item| item["subject"]["S"] == format!("caller/{name}"));
        items
    }

    /// Everything as it was before a step.
    pub(super) async fn calm(&self) {
        self.endpoint.heal();
        self.endpoint.withhold_items(false);
        self.put_policy("").await;
        self.answer_by(cases::brain);
    }

    /// The records of a request.
    pub(super) async fn records_of(&self, reply: &Reply) -> Vec<Record> {
        let id = reply.header("x-gatehouse-request-id");
        let all = self.all_records().await;
        all.into_iter().filter(|record| record.entry.request_id == id).collect()
    }

    /// Every record that was ever in the queue.
    pub(super) async fn all_records(&self) -> Vec<Record> {
        self.records.take(&self.endpoint).await;
        let mut lines = self.records.bodies();
        lines.retain(|line| !line.starts_with(POISON));
        lines.iter().map(|line| Record::from_line(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }
}

/// The names and values that the emulated Lambda holds for a function.
pub(super) async fn environment_of(name: &str, endpoint: &Endpoint) -> Vec<(String, String)> {
    let told = endpoint.get("lambda", &format!("/2015-03-31/functions/{name}/configuration")).await;
    let variables = told["Environment"]["Variables"].as_object().unwrap();
    variables.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// The variables without a default, and what makes the bundle one for a test.
fn variables(zip: &std::path::Path, gemini: &Gemini, world: &World) -> Value {
    json!({
        "url_auth": "NONE",
        "reserved_concurrency": 20,
        "spend_per_hour_usd": 10,
        "alarm_emails": ["oncall@example.com"],
        "name_prefix": PREFIX,
        "tags": {"team": "search"},
        "zip_path": zip,
        "drain_zip_path": zip,
        "rotation_zip_path": zip,
        "rotation": {
            "google_project": "p-1",
            "google_audience":
                "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gatehouse/providers/aws",
            "mint_service_account": "rotator@p-1.iam.gserviceaccount.com",
            "key_service_account": "caller@p-1.iam.gserviceaccount.com",
            "google_base_url": world.url(),
        },
        // Gone when it is destroyed, too.
        "audit_lock_mode": "off",
        "architecture": "x86_64",
        "gemini_base_url": gemini.url(),
        // Gone when it is destroyed.
        "deletion_protection": false,
        "secret_recovery_days": 0,
    })
}

/// A zip for the emulated Lambda, which keeps it and does not run it.
async fn zip(files: &TempDir) -> PathBuf {
    let folder = files.path();
    wait::done("write the bootstrap", std::fs::write(folder.join("bootstrap"), "kept, not run"));
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-c", "bootstrap.zip", "bootstrap"]).current_dir(folder);
    let ended = wait::done("run python3", python.status().await);
    assert!(ended.success(), "python3 could not write a zip: {ended}");
    folder.join("bootstrap.zip")
}

/// The function as it ships: built for release, by the lock file.
async fn release() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "-p", "completion", "--locked", "--message-format", "json"]);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).kill_on_drop(true);
    let output = wait::done("run cargo", cargo.output().await);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8_lossy(&output.stdout);
    let messages = printed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages.filter(|message| message["target"]["name"] == "completion");
    let mut binaries = built.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    binaries.next_back().unwrap_or_else(|| panic!("cargo built no binary `completion`"))
}
