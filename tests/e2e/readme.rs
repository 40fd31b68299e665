//! What the README shows works as it is printed there.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::gate::{Printed, command};
use tests::sdk::{Sdk, script};
use tests::wait;
use tokio::process::{Child, Command};

/// The address in the snippets; what runs in a test listens elsewhere.
const ADDRESS: &str = "http://127.0.0.1:8080";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The one fenced block of a language that holds a word.
fn snippet(language: &str, word: &str) -> String {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    let found: Vec<_> = blocks.filter(|block| block.contains(word)).collect();
    assert_eq!(found.len(), 1, "{language} blocks with {word}");
    found[0].to_owned()
}

/// What `cargo run` starts, on another port and with its own data.
async fn newcomer(data: &Path) -> (Child, String, String) {
    let mut command = command();
    command.args(["up", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let mut child = command.spawn().unwrap();
    let printed = Printed::of(&mut child);
    let line = wait::until("the line", || async { printed.stdout().split_once('\n').map(|(line, _)| line.to_owned()) });
    let told: Value = serde_json::from_str(&line.await).unwrap();
    (child, told["endpoint"].as_str().unwrap().to_owned(), told["key"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_curl_snippet_answers_as_it_says() {
    let data = tempfile::tempdir().unwrap();
    let (_child, endpoint, key) = newcomer(data.path()).await;
    let shown = snippet("sh", "curl").replace(ADDRESS, &endpoint);
    let (export, rest) = shown.split_once("\n\n").unwrap();
    assert!(export.starts_with("export GATEHOUSE_KEY="), "{export}");
    let output = Command::new("bash").arg("-c").arg(rest).env("GATEHOUSE_KEY", key).output().await.unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(answer["candidates"][0]["content"]["parts"][0]["text"], "write to [REDACTED:email]");
}

/// What a Python snippet prints in its SDK's environment.
async fn printed(sdk: Sdk, word: &str) -> String {
    let data = tempfile::tempdir().unwrap();
    let (_child, endpoint, key) = newcomer(data.path()).await;
    let file = data.path().join("snippet.py");
    fs::write(&file, snippet("python", word).replace(ADDRESS, &endpoint)).unwrap();
    let output = script(sdk, file).await.env("GATEHOUSE_KEY", key).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_google_snippet_prints_what_it_says() {
    let printed = printed(Sdk::Python3, "genai").await;
    assert_eq!(printed, "write to [REDACTED:email]\nBlockedReason.PROHIBITED_CONTENT\n");
}

#[tokio::test]
async fn the_openai_snippet_prints_what_it_says() {
    let printed = printed(Sdk::OpenAiPython, "import OpenAI").await;
    assert_eq!(printed, "write to [REDACTED:email]\ncontent_filter\n");
}

#[test]
fn the_functions_readme_lists_every_code_and_setting() {
    let listed = fs::read_to_string(repository().join("functions/completion/README.md")).unwrap();
    let codes = fs::read_to_string(repository().join("functions/completion/src/problem.rs")).unwrap();
    let settings = fs::read_to_string(repository().join("functions/completion/src/config.rs")).unwrap();
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let codes: Vec<_> = codes.lines().filter(|line| line.contains("=> \"")).filter_map(quoted).collect();
    let settings: Vec<_> = settings.lines().filter(|line| line.starts_with("pub const")).filter_map(quoted).collect();
    assert!(codes.len() > 20 && settings.len() >= 4, "{codes:?} {settings:?}");
    for name in codes.iter().chain(&settings) {
        assert!(listed.contains(&format!("| `{name}` |")), "{name} is not listed");
    }
}
