//! A true drop-in: the official SDKs, unchanged but for base URL and key, and Google's own protos for what we send.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::Stdio;

use serde_json::json;
use tests::gate::Setup;
use tests::gemini::Gemini;
use tests::gemini::cases::{self, SIGNATURE};
use tests::sdk::{Sdk, script};
use tests::wait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// What every SDK of Google's does.
const CASES: &[&str] = &[
    "batches_not_served",
    "blocked_by_gemini",
    "blocked_by_the_gate",
    "blocked_by_the_gate_streamed",
    "blocked_output",
    "budget_spent",
    "caches_not_served",
    "chat",
    "count_tokens",
    "embeddings_not_served",
    "files_not_served",
    "generate",
    "image",
    "json_mode",
    "json_schema",
    "midstream_error",
    "models_get",
    "models_list",
    "rate_limited",
    "redacted",
    "redacted_stream",
    "stream",
    "thoughts_dropped",
    "tools",
    "tools_streamed",
    "tools_without_signature",
    "unknown_model",
    "upstream_400",
    "upstream_429",
    "upstream_500",
    "upstream_key_rejected",
    "wrong_key",
];

/// What only Google's Python SDK does: it calls functions by itself.
const PYTHON_CASES: &[&str] = &["tools_called_by_the_sdk"];

/// What every SDK of `OpenAI`'s does.
const OPENAI_CASES: &[&str] = &[
    "bad_request",
    "batches_not_served",
    "blocked_by_gemini",
    "blocked_by_the_gate",
    "blocked_by_the_gate_streamed",
    "blocked_output",
    "blocked_parse",
    "budget_spent",
    "chat",
    "chat_by_turns",
    "cut_stream",
    "embeddings_not_served",
    "files_not_served",
    "image",
    "json_object",
    "json_schema",
    "midstream_error",
    "models_get",
    "models_list",
    "other_bases",
    "parse",
    "parse_tools",
    "rate_limited",
    "redacted",
    "redacted_stream",
    "responses_not_served",
    "stream",
    "stream_helper",
    "stream_with_usage",
    "tools",
    "tools_streamed",
    "tools_without_signature",
    "unknown_model",
    "upstream_400",
    "upstream_429",
    "upstream_429_is_not_retried_when_futile",
    "upstream_500",
    "upstream_key_rejected",
    "wrong_key",
];

/// The policy that the cases are for: an end user who is named asks once, and then meets a limit.
pub(crate) const POLICY: &str = "[admission.user]\nrequests_per_minute = 1\nburst = 1\nusd = \"0.10\"\n";

/// A script that does what a user of an SDK does, and all its cases.
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    sdk: Sdk,
    file: &'static str,
    cases: &'static [&'static [&'static str]],
}

const GOOGLE_2: Suite = Suite { sdk: Sdk::Python2, file: "conformance.py", cases: &[CASES, PYTHON_CASES] };
const GOOGLE_3: Suite = Suite { sdk: Sdk::Python3, ..GOOGLE_2 };
const GOOGLE_NODE: Suite = Suite { sdk: Sdk::Node, file: "conformance.mjs", cases: &[CASES] };
const OPENAI_3: Suite = Suite { sdk: Sdk::OpenAiPython, file: "openai_conformance.py", cases: &[OPENAI_CASES] };
const OPENAI_NODE: Suite = Suite { sdk: Sdk::Node, file: "openai.mjs", cases: &[OPENAI_CASES] };

/// All of them.
pub(crate) const SUITES: [Suite; 5] = [GOOGLE_2, GOOGLE_3, GOOGLE_NODE, OPENAI_3, OPENAI_NODE];

impl Suite {
    /// Runs it against an endpoint under [`POLICY`]: every case goes well, and no other is there.
    pub(crate) async fn conforms(&self, endpoint: &str, key: &str) {
        let mut command = script(self.sdk, self.file).await;
        command.env("BASE_URL", endpoint).env("API_KEY", key).env("SIGNATURE", SIGNATURE);
        let (printed, errors) = output(&mut command, "").await;
        let wanted: BTreeSet<String> = self.cases.concat().iter().map(|name| format!("ok {name}")).collect();
        let seen: BTreeSet<String> = printed.lines().map(ToOwned::to_owned).collect();
        let missing: Vec<_> = wanted.difference(&seen).collect();
        let unforeseen: Vec<_> = seen.difference(&wanted).collect();
        assert!(
            missing.is_empty() && unforeseen.is_empty(),
            "missing {missing:#?}, instead {unforeseen:#?}:\n{errors}"
        );
    }

    /// The same before a gate of its own, whose Gemini is sent nothing that it would refuse.
    async fn conforms_on_a_laptop(&self) -> Gemini {
        let gemini = Gemini::start(cases::brain).await;
        let gate = Setup::default().policy(POLICY).start(&gemini).await;
        self.conforms(&gate.endpoint, &gate.key).await;
        gemini.assert_faultless();
        gemini
    }
}

/// Gemini was sent nothing but what Google's own protos have a field for.
async fn assert_known_to_protos(gemini: &Gemini) {
    let mut lines = String::new();
    for request in gemini.requests().iter().filter(|request| request.body.is_some()) {
        writeln!(lines, "{}", json!({"path": request.path, "body": request.body})).unwrap();
    }
    let (printed, errors) = output(&mut script(Sdk::Python2, "protos.py").await, &lines).await;
    let refused: Vec<_> = printed.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert!(refused.is_empty(), "{refused:#?}\n{errors}");
    assert_eq!(printed.lines().count(), lines.lines().count(), "{errors}");
    assert!(lines.lines().count() > 10, "too little was sent to prove anything");
}

/// What a script prints, on its two streams, once it has read `input`.
async fn output(command: &mut Command, input: &str) -> (String, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = wait::done("start the script", command.spawn());
    let mut stdin = child.stdin.take().unwrap();
    wait::done("write to the script", stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output = wait::done("read from the script", child.wait_with_output().await);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn google_genai_2_for_python_works_and_gemini_is_sent_what_its_protos_know() {
    assert_known_to_protos(&GOOGLE_2.conforms_on_a_laptop().await).await;
}

#[tokio::test]
async fn google_genai_3_for_python_works() {
    GOOGLE_3.conforms_on_a_laptop().await;
}

#[tokio::test]
async fn google_genai_for_node_works() {
    GOOGLE_NODE.conforms_on_a_laptop().await;
}

#[tokio::test]
async fn openai_3_for_python_works_and_gemini_is_sent_what_its_protos_know() {
    assert_known_to_protos(&OPENAI_3.conforms_on_a_laptop().await).await;
}

#[tokio::test]
async fn openai_6_for_node_works() {
    OPENAI_NODE.conforms_on_a_laptop().await;
}
