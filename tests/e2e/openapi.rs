//! `/openapi.json` says what is so: schemathesis makes requests from it, right ones and wrong ones, and holds the
//! answers against it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tests::gate::{Gate, Setup};
use tests::gemini::{Gemini, Request, Script, answer, cases};
use tests::sdk::{Sdk, script};
use tests::wait;

use crate::ROOMY;

/// What every answer is checked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,negative_data_rejection,unsupported_method,ignored_auth";

/// How long it may take. It takes some forty seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// Says something to whoever asks, so that what the gate lets through is answered with 200.
fn obliging(request: &Request) -> Script {
    if matches!(request.action(), Some("generateContent" | "streamGenerateContent")) {
        return Script::answer(request, &answer::text("Hello from the double."));
    }
    cases::brain(request)
}

async fn described(gate: &Gate) -> Value {
    let client = gate.client();
    let reply = client.send(client.anonymous(Method::GET, "/openapi.json"), "").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), "public, max-age=3600", "{reply:?}");
    reply.json()
}

/// The document as it is for a gate that allows one model: which there are, only the policy says, and names made up
/// would all be refused.
fn for_one_model(mut document: Value) -> Value {
    let model = json!({"enum": ["gemini-3.5-flash"]});
    let schemas = ["/components/parameters/Model/schema", "/components/schemas/OpenAiRequest/properties/model"];
    for place in schemas {
        *document.pointer_mut(place).unwrap_or_else(|| panic!("{place}")) = model.clone();
    }
    document
}

#[tokio::test]
async fn the_document_needs_no_key_and_tells_no_secret() {
    let gemini = Gemini::start(cases::brain).await;
    let gate = Gate::start(&gemini).await;
    let document = described(&gate).await;
    assert_eq!(document["openapi"], "3.1.0");
    for path in ["/{version}/models/{model}:generateContent", "/v1/chat/completions", "/v1/models", "/healthz"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let text = document.to_string();
    assert!(!text.contains(&gate.key) && !text.contains(gemini.key()));
    let client = gate.client();
    let head = client.send(client.anonymous(Method::HEAD, "/openapi.json"), "").await;
    assert_eq!((head.status.as_u16(), head.text().as_str()), (200, ""), "{head:?}");
    let post = client.post("/openapi.json", &json!({})).await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD"), "{post:?}");
}

/// What schemathesis is let loose on.
struct Visit {
    /// The header that holds the key, with `KEY` in its place.
    credential: &'static str,
    /// Routes, by an option of its own.
    paths: [&'static str; 2],
    /// How many requests it makes up for a route in its last phase.
    examples: &'static str,
    /// How many it makes up at least, in all.
    least: u64,
}

#[tokio::test]
async fn schemathesis_finds_no_answer_that_the_document_does_not_foresee() {
    // The other bases are `/v1` by other names, and their largest route would be tried twice more.
    let paths = ["--exclude-path-regex", "^/(openai/v1|v1beta/openai)/chat/"];
    let visit = Visit { credential: "x-goog-api-key: KEY", paths, examples: "20", least: 1000 };
    visit.finds_nothing().await;
}

#[tokio::test]
async fn nor_does_it_where_the_key_is_a_bearer_and_the_answers_are_openais() {
    let paths = ["--include-path-regex", "^/v1/"];
    let visit = Visit { credential: "Authorization: Bearer KEY", paths, examples: "10", least: 100 };
    visit.finds_nothing().await;
}

impl Visit {
    async fn finds_nothing(&self) {
        let gemini = Gemini::start(obliging).await;
        let gate = Setup::default().policy(ROOMY).start(&gemini).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("openapi.json");
        fs::write(&file, for_one_model(described(&gate).await).to_string()).unwrap();
        let report = folder.path().join("report.json");
        let told = self.run(&gate, &file, &report).await;
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap_or_else(|_| panic!("{told}"))).unwrap();
        assert_eq!((&report["failures"], &report["errors"]), (&json!([]), &json!([])), "{told}");
        assert_eq!((&report["complete"], &report["exit_code"]), (&json!(true), &json!(0)), "{told}");
        let generated = report["test_cases"]["generated"].as_u64();
        assert!(generated.is_some_and(|cases| cases > self.least), "{told}");
        // A limit that refuses all of them would leave nothing tested.
        assert_eq!(report["warnings"]["rate_limited"], json!([]), "{told}");
        for (route, phases) in report["valid_rates"].as_object().unwrap() {
            let of = |outcome: &str| -> u64 {
                phases.as_object().unwrap().values().filter_map(|phase| phase[outcome].as_u64()).sum()
            };
            let open = ["GET /healthz", "GET /openapi.json"].contains(&route.as_str());
            assert!(of("accepted") > 0 && (open || of("rejected") > 0), "{route} was not tried both ways:\n{told}");
        }
        assert_eq!(report["operations"]["tested"], report["operations"]["selected"], "{told}");
    }

    /// What schemathesis prints. What it counted and found is in its report.
    async fn run(&self, gate: &Gate, document: &Path, report: &Path) -> String {
        let mut command = script(Sdk::Schemathesis, "schemathesis_run.py").await;
        command.current_dir(document.parent().unwrap());
        command.arg("run").arg(document).args(["--url", &gate.endpoint, "--checks", CHECKS]);
        command.arg("--header").arg(self.credential.replace("KEY", &gate.key)).args(self.paths);
        command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", self.examples, "--seed", "1"]);
        command.args(["--generation-database", "none", "--continue-on-failure", "--no-shrink"]);
        command.args(["--no-color", "--report", "json", "--report-json-path"]).arg(report);
        let ran = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = wait::done("run schemathesis", wait::done("wait for schemathesis", ran));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}
