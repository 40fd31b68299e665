//! The operator's command on AWS, as the real program against moto; and Secrets Manager and SQS by the adapters that
//! the functions use.

use std::collections::HashMap;
use std::process::{Output, Stdio};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use serde_json::Value;
use shared::audit::{Entry, Hash, Kind, Link, Record, WriterId};
use shared::aws::secrets_manager::{Keys, Peppers, put_first_key};
use shared::aws::sqs::Queue;
use shared::aws::{Access, Clients};
use shared::clock::SystemClock;
use shared::config::Reader;
use shared::fakes::entry;
use shared::ports::{AuditQueue as _, Keys as _};
use shared::secret::Secret;
use tests::aws::moto::Moto;
use tests::aws::{ACCOUNT, REGION};
use tests::gate;
use tokio::process::Command;

const KEY: &str = "not-a-real-key";

fn settings(moto: &Moto) -> HashMap<&str, &str> {
    HashMap::from([
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
        ("AWS_ENDPOINT_URL", moto.url()),
        // A profile, a role or a metadata service of the machine is nobody's business here.
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ])
}

fn clients(moto: &Moto) -> Clients {
    let settings = settings(moto);
    let mut read = Reader::new(&settings);
    let access = Access::read(&mut read);
    Clients::new(read.finish(access).unwrap()).unwrap()
}

async fn secret(clients: &Clients, name: &str) -> String {
    let made = clients.secrets_manager().create_secret().name(name).send().await.unwrap();
    made.arn.unwrap()
}

async fn queue(clients: &Clients, name: &str) -> String {
    clients.sqs().create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

/// Runs the command with these settings and nothing else.
async fn run(settings: &HashMap<&str, &str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(gate::binary());
    command.args(arguments).env_clear().envs(settings).stdin(Stdio::null());
    command.output().await.unwrap()
}

async fn succeeds(moto: &Moto, arguments: &[&str]) -> String {
    let output = run(&settings(moto), arguments).await;
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn fails(settings: &HashMap<&str, &str>, arguments: &[&str]) -> String {
    let output = run(settings, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains("canary-secret"), "{told}");
    told
}

/// What Terraform would have made.
async fn bundle(moto: &Moto) -> Clients {
    let clients = clients(moto);
    for name in ["gate/pepper", "gate/gemini-key"] {
        secret(&clients, name).await;
    }
    for name in ["gate-audit", "gate-audit-dead"] {
        queue(&clients, name).await;
    }
    for name in ["gate-callers", "gate-policy"] {
        table(&clients, name).await;
    }
    clients
}

async fn table(clients: &Clients, name: &str) {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let id = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let table = clients.dynamodb().create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    table.attribute_definitions(id.build().unwrap()).key_schema(key.build().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn the_operator_gives_a_bundle_its_secrets_once() {
    let moto = Moto::start().await;
    let clients = bundle(&moto).await;
    let first = succeeds(&moto, &["init", "--aws", "gate"]).await;
    assert!(first.contains("gate/pepper: made") && first.contains("--gemini-key-file"), "{first}");
    let pepper = Peppers::new(clients.secrets_manager(), "gate/pepper").get().await.unwrap().id().to_owned();

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
    let path = file.path().to_str().unwrap();
    let second = succeeds(&moto, &["init", "--aws", "gate", "--gemini-key-file", path]).await;
    assert!(second.contains("gate/pepper: there already") && second.contains("gate/gemini-key: put"), "{second}");
    assert!(!second.contains(KEY));
    std::fs::write(file.path(), "another-key").unwrap();
    let third = succeeds(&moto, &["init", "--aws", "gate", "--gemini-key-file", path]).await;
    assert!(third.contains("gate/gemini-key: there already"), "{third}");

    let key = Keys::new(clients.secrets_manager(), "gate/gemini-key", SystemClock).current().await.unwrap();
    assert_eq!(key.value.expose(), KEY);
    assert_eq!(Peppers::new(clients.secrets_manager(), "gate/pepper").get().await.unwrap().id(), pepper);
    std::fs::write(file.path(), "two words").unwrap();
    let told = fails(&settings(&moto), &["init", "--aws", "gate", "--gemini-key-file", path]).await;
    assert!(told.contains("no Gemini key") && !told.contains("two words"), "{told}");
}

#[tokio::test]
async fn the_operator_keeps_callers_and_reads_the_policy_and_the_queues() {
    let moto = Moto::start().await;
    let clients = bundle(&moto).await;
    let key = succeeds(&moto, &["caller", "add", "app", "--aws", "gate"]).await;
    assert!(key.starts_with("gh_"), "{key}");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/team-app");
    succeeds(&moto, &["caller", "add", "team", "--aws", "gate", "--role", &role]).await;
    let listed = succeeds(&moto, &["caller", "--aws", "gate", "list", "--json"]).await;
    let listed: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["name"], &listed[1]["role"]), (&"app".into(), &role.into()));
    assert!(fails(&settings(&moto), &["caller", "add", "app", "--aws", "gate"]).await.contains("already"));
    let revoked = succeeds(&moto, &["caller", "revoke", "app", "--aws", "gate", "--json"]).await;
    assert!(serde_json::from_str::<Value>(&revoked).unwrap()["revoked"].is_string());
    assert!(fails(&settings(&moto), &["caller", "revoke", "nobody", "--aws", "gate"]).await.contains("caller list"));

    let put = async |toml: &str| {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let item = clients.dynamodb().put_item().table_name("gate-policy").item("id", text("policy"));
        item.item("toml", text(toml)).send().await.unwrap();
    };
    assert!(fails(&settings(&moto), &["policy", "show", "--aws", "gate"]).await.contains("table gate-policy"));
    put("").await;
    assert_eq!(succeeds(&moto, &["policy", "show", "--aws", "gate"]).await, shared::policy::DEFAULT);
    let own = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(own.path(), "[generation]\ndefault_output_tokens = 1000\n").unwrap();
    let check = ["policy", "check", own.path().to_str().unwrap(), "--aws", "gate"];
    assert!(succeeds(&moto, &check).await.contains("policy_file"));
    put(&std::fs::read_to_string(own.path()).unwrap()).await;
    assert!(succeeds(&moto, &check).await.contains("gate goes by this policy"));
    assert_eq!(
        succeeds(&moto, &["policy", "show", "--aws", "gate"]).await,
        std::fs::read_to_string(own.path()).unwrap()
    );

    let url = clients.sqs().get_queue_url().queue_name("gate-audit").send().await.unwrap().queue_url.unwrap();
    Queue::new(clients.sqs(), url).append(&record(0)).await.unwrap();
    let status = succeeds(&moto, &["audit", "status", "--aws", "gate"]).await;
    assert_eq!(status, "gate-audit\t1\t0\t0\ngate-audit-dead\t0\t0\t0\n");
    // A bundle with a warehouse has more of them.
    for queue in ["gate-warehouse", "gate-warehouse-dead", "gate-warehouse-poison"] {
        clients.sqs().create_queue().queue_name(queue).send().await.unwrap();
    }
    let status = succeeds(&moto, &["audit", "status", "--aws", "gate"]).await;
    let queues: Vec<&str> = status.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(
        queues,
        ["gate-audit", "gate-audit-dead", "gate-warehouse", "gate-warehouse-dead", "gate-warehouse-poison"]
    );
}

#[tokio::test]
async fn every_mistake_of_the_operator_is_told_with_its_remedy() {
    let moto = Moto::start().await;
    let right = settings(&moto);
    for command in [&["caller", "list"][..], &["audit", "status"], &["policy", "show"], &["init"]] {
        let arguments = [command, &["--aws", "elsewhere"]].concat();
        let told = fails(&right, &arguments).await;
        assert!(told.contains("elsewhere") && told.contains("name_prefix") && told.contains(REGION), "{told}");
    }
    let without = |names: &[&str]| {
        let mut settings = right.clone();
        settings.retain(|name, _| !names.contains(name));
        settings
    };
    let told = fails(&without(&["AWS_REGION"]), &["caller", "list", "--aws", "gate"]).await;
    assert!(told.contains("set AWS_REGION"), "{told}");
    let nobody = without(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    for command in [&["caller", "list"][..], &["audit", "status"], &["init"]] {
        let told = fails(&nobody, &[command, &["--aws", "gate"]].concat()).await;
        assert!(told.contains("no AWS credentials"), "{told}");
    }
    let mut gone = right.clone();
    gone.insert("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let told = fails(&gone, &["audit", "status", "--aws", "gate"]).await;
    assert!(told.contains("could not be reached"), "{told}");
    let output = run(&right, &["caller", "list", "--aws", "No_Prefix"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn the_key_is_read_from_secrets_manager_and_replaced() {
    let moto = Moto::start().await;
    let clients = clients(&moto);
    let client = clients.secrets_manager();
    let arn = secret(&clients, "gate/gemini-key").await;
    let fresh = || Keys::new(client.clone(), &arn, SystemClock);
    fresh().current().await.unwrap_err();
    assert!(put_first_key(&client, &arn, &Secret::new(KEY.to_owned())).await.unwrap());
    assert!(!put_first_key(&client, &arn, &Secret::new("another-key".to_owned())).await.unwrap());
    let keys = fresh();
    let first = keys.current().await.unwrap();
    assert_eq!(first.value.expose(), KEY);
    let rotated = r#"{"v":1,"key":"the-next-key","key_id":"g0123"}"#;
    client.put_secret_value().secret_id(&arn).secret_string(rotated).send().await.unwrap();
    let second = keys.replacement(&first).await.unwrap().unwrap();
    assert_eq!((second.value.expose().as_str(), second.version.as_str()), ("the-next-key", "g0123"));
    // Another environment begins with the new one, and falls back to the old.
    let other = fresh();
    let current = other.current().await.unwrap();
    assert_eq!(other.replacement(&current).await.unwrap().unwrap().value.expose(), KEY);
}

fn record(seq: u64) -> Record {
    let entry =
        Entry { prompt: Some("\u{0}\u{b}\u{fffe}\u{ffff}\u{7f}\n<&>\"ä😀".to_owned()), ..entry(Kind::Intent) };
    let (record_id, writer_id) = ("0".repeat(36), WriterId::new([1; 16]));
    Record::seal(entry, Link { record_id, writer_id, seq, prev_hash: Hash::ZERO, voids: Vec::new() })
}

#[tokio::test]
async fn records_reach_sqs_as_they_are_however_many_at_once() {
    let moto = Moto::start().await;
    let clients = clients(&moto);
    let url = queue(&clients, "gate-audit").await;
    let audit = Queue::new(clients.sqs(), &url);
    let records: Vec<Record> = (0..30).map(record).collect();
    for told in join_all(records.iter().map(|record| audit.append(record))).await {
        told.unwrap();
    }
    let mut kept = Vec::new();
    while kept.len() < records.len() {
        let got = clients.sqs().receive_message().queue_url(&url).max_number_of_messages(10).send().await.unwrap();
        let messages = got.messages.unwrap_or_default();
        assert!(!messages.is_empty(), "{} of {} arrived", kept.len(), records.len());
        kept.extend(messages.into_iter().map(|message| Record::from_line(&message.body.unwrap()).unwrap()));
    }
    kept.sort_by_key(|record| record.seq);
    assert_eq!(kept, records);
}
