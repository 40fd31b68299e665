//! Every field that an official SDK can send, or that a client replays, is decided: it has a row in its surface's
//! table, or stands beneath one that says what becomes of all of it.

use completion::surface::Surface;
use shared::fields::{Table, Treatment};
use tests::sdk::{Sdk, script};
use tests::wait;

/// The paths that a script prints.
async fn paths(sdk: Sdk, file: &'static str) -> Vec<String> {
    let output = wait::done("run the script", script(sdk, file).await.output().await);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let paths: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(paths.len() > 100, "too few fields to have looked at all: {paths:?}");
    paths
}

/// Whether a field is decided. Beneath a row that forwards, each field needs its own.
fn decided(table: &Table, path: &str) -> bool {
    let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
    for end in ends {
        let reached = path.get(..end).unwrap();
        match table.treatment(reached.trim_end_matches("[]")) {
            None => return false,
            Some(Treatment::Clamp | Treatment::Forward) => {}
            Some(Treatment::Ignore | Treatment::Opaque | Treatment::Refuse(_)) => return true,
        }
    }
    true
}

async fn assert_decided(surface: Surface, sdk: Sdk, file: &'static str) {
    let paths = paths(sdk, file).await;
    let open: Vec<_> = paths.iter().filter(|path| !decided(surface.fields(), path)).collect();
    assert!(open.is_empty(), "{sdk:?} can send fields that nobody has decided about: {open:#?}");
    assert!(!decided(surface.fields(), "a_field_of_tomorrow"));
}

#[tokio::test]
async fn every_field_of_google_genai_2_is_decided() {
    assert_decided(Surface::Gemini, Sdk::Python2, "gemini_fields.py").await;
}

#[tokio::test]
async fn every_field_of_google_genai_3_is_decided() {
    assert_decided(Surface::Gemini, Sdk::Python3, "gemini_fields.py").await;
}

#[tokio::test]
async fn every_field_of_openai_is_decided() {
    assert_decided(Surface::OpenAi, Sdk::OpenAiPython, "openai_fields.py").await;
}
