//! Starting and not starting: one line for programs, a reason and a remedy for people.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tests::canary;
use tests::client::Client;
use tests::gate::{Printed, command};
use tests::gemini::Script;
use tests::{audit, wait};

use crate::{GENERATE, gate_before, prompt};

/// Runs a start that should fail.
async fn fail(data: &Path, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let mut command = command();
    command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
    command.envs(env.iter().copied());
    let Output { status, stdout, stderr } =
        wait::done("run gatehouse", wait::within("gatehouse to give up", command.output()).await);
    assert!(!status.success(), "it started");
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    String::from_utf8_lossy(&stderr).into_owned()
}

#[tokio::test]
async fn prints_one_line_for_programs_and_no_more() {
    let (gemini, mut gate) = gate_before(Script::empty(500, "text/plain")).await;
    let line = gate.stdout();
    gate.stop().await;
    assert_eq!(gate.stdout(), line, "something was printed later");
    let told: Value = serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap();
    let fields: Vec<_> = told.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["endpoint", "key", "upstream"]);
    assert!(!line.contains(gemini.key()));
}

#[tokio::test]
async fn answers_from_an_offline_model_that_says_so_where_there_is_no_key() {
    let home = tempfile::tempdir().unwrap();
    let mut command = command();
    command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(home.path());
    let mut child = command.spawn().unwrap();
    let printed = Printed::of(&mut child);
    let line = wait::until("the line", || async { printed.stdout().split_once('\n').map(|(line, _)| line.to_owned()) });
    let told: Value = serde_json::from_str(&line.await).unwrap();
    let client = Client::new(told["endpoint"].as_str().unwrap(), told["key"].as_str().unwrap());
    let reply = client.post(GENERATE, &prompt("Hello!")).await;
    assert!(reply.answer().to_lowercase().contains("offline"), "{reply:?}");
    let reply = client.post(GENERATE, &prompt("Please repeat: ada.lovelace@example.org")).await;
    assert!(reply.answer().contains("[REDACTED:email]"), "{reply:?}");
    assert!(!reply.answer().contains("ada.lovelace"), "{reply:?}");
}

#[tokio::test]
async fn a_port_in_use_is_told_with_a_remedy_and_leaves_no_trace() {
    let home = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = command();
    command.args(["up", "--listen", &address, "--data"]).arg(home.path());
    let output = wait::within("gatehouse to give up", command.output()).await.unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains(&address) && told.contains("--listen"), "{told}");
    assert!(audit::files(home.path()).is_empty(), "{:?}", audit::files(home.path()));
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_or_is_wrong_is_told_by_name_and_place() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("missing.toml");
    let told = fail(home.path(), &["--policy", missing.to_str().unwrap()], &[]).await;
    assert!(told.contains("missing.toml"), "{told}");
    let wrong = home.path().join("wrong.toml");
    std::fs::write(&wrong, "[limits]\nmax_body_bites = 3\n").unwrap();
    let told = fail(home.path(), &["--policy", wrong.to_str().unwrap()], &[]).await;
    assert!(told.contains("wrong.toml") && told.contains("max_body_bites") && told.contains('2'), "{told}");
}

#[tokio::test]
async fn every_wrong_setting_is_told_at_once_and_no_value_is() {
    let home = tempfile::tempdir().unwrap();
    let planted = canary("value");
    let env = [("IDLE_SECONDS", planted.as_str()), ("TOTAL_SECONDS", "-1"), ("GEMINI_BASE_URL", planted.as_str())];
    let told = fail(home.path(), &[], &[&env[..], &[("GEMINI_API_KEY", planted.as_str())]].concat()).await;
    for (name, _) in env {
        assert!(told.contains(name), "{name} is missing: {told}");
    }
    assert!(!told.contains(&planted), "{told}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_one_is_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("taken");
    std::fs::write(&file, "").unwrap();
    let told = fail(&file, &[], &[]).await;
    assert!(told.contains("taken"), "{told}");
}
