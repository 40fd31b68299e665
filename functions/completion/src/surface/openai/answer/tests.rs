use shared::conversation::{Json, Provenance};

use super::*;
use crate::routes::Operation;
use crate::surface::Ask;

fn voice(usage_event: bool) -> Voice {
    let request = Request {
        model: "gemini-3.5-flash".into(),
        operation: Operation::Stream,
        user: None,
        usage_event,
        ask: Ask::default(),
    };
    Voice::new(&request, "019ab1de-7c11-7aaa-8bbb-0123456789ab", 1_700_000_000)
}

fn chunk(parts: Vec<Part>, finish: Option<&str>) -> Chunk {
    let candidate = Candidate { parts, finish_reason: finish.map(str::to_owned), ..Candidate::default() };
    Chunk { candidates: vec![candidate], ..Chunk::default() }
}

fn text(text: &str) -> Part {
    Part::text(Provenance::Model, text)
}

fn call(id: Option<&str>, signature: Option<&str>) -> Part {
    let content = Content::Call { id: id.map(str::to_owned), name: "look".into(), args: Json(json!({"a": 1})) };
    Part { provenance: Provenance::Model, content, thought_signature: signature.map(|text| Signature(text.into())) }
}

fn used() -> Usage {
    Usage { prompt: 10, cached: 4, candidates: 5, thoughts: 20, tool_use: 1, total: 36 }
}

fn events(bytes: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let lines = text.split_terminator("\n\n").map(|line| line.strip_prefix("data: ").unwrap().to_owned());
    lines.map(|json| serde_json::from_str(&json).unwrap_or(Value::String(json))).collect()
}

#[test]
fn a_whole_answer_is_a_completion() {
    let told = Chunk {
        usage: Some(used()),
        model_version: Some("gemini-3.5-flash-001".into()),
        ..chunk(vec![text("one "), text("two")], Some("STOP"))
    };
    assert_eq!(
        voice(false).whole(&told).unwrap(),
        json!({
            "id": "chatcmpl-019ab1de-7c11-7aaa-8bbb-0123456789ab",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gemini-3.5-flash-001",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "one two", "refusal": null},
                "logprobs": null,
                "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": 11,
                "completion_tokens": 25,
                "total_tokens": 36,
                "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
        })
    );
}

#[test]
fn calls_have_ids_arguments_as_text_and_their_signature() {
    let told = chunk(vec![call(Some("g-1"), Some("c2ln+/==")), call(None, None)], Some("STOP"));
    let choice = voice(false).whole(&told).unwrap()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let function = json!({"name": "look", "arguments": "{\"a\":1}"});
    let calls = json!([
        {"id": "g-1", "type": "function", "function": function,
         "extra_content": {"google": {"thought_signature": "c2ln+/=="}}},
        {"id": "call_gh_7aaa8bbb0123456789ab_1", "type": "function", "function": function},
    ]);
    assert_eq!(choice["message"]["tool_calls"], calls);
}

#[test]
fn a_stream_has_one_id_a_role_first_and_its_end_last() {
    let mut voice = voice(true);
    let mut bytes = voice.piece(&chunk(vec![text("one")], None)).unwrap().to_vec();
    assert!(voice.piece(&chunk(Vec::new(), None)).unwrap().is_empty());
    bytes.extend(voice.piece(&chunk(vec![call(None, None)], None)).unwrap());
    let last = Chunk { usage: Some(used()), ..chunk(vec![call(None, None)], Some("STOP")) };
    bytes.extend(voice.piece(&last).unwrap());
    bytes.extend(voice.end());
    let events = events(&bytes);
    let deltas: Vec<_> = events.iter().take(4).map(|event| event["choices"][0]["delta"].clone()).collect();
    assert_eq!(deltas[0], json!({"content": "one", "role": "assistant"}));
    let places = [&deltas[1]["tool_calls"][0]["index"], &deltas[2]["tool_calls"][0]["index"]];
    assert_eq!(places, [0, 1]);
    assert_eq!(deltas[3], json!({}));
    let reasons: Vec<_> = events.iter().take(4).map(|event| &event["choices"][0]["finish_reason"]).collect();
    assert_eq!(reasons, [&Value::Null, &Value::Null, &Value::Null, &json!("tool_calls")]);
    assert!(events.iter().take(4).all(|event| event.get("usage") == Some(&Value::Null)), "{events:?}");
    assert_eq!((&events[4]["choices"], &events[4]["usage"]["completion_tokens"]), (&json!([]), &json!(25)));
    assert_eq!(events[5], "[DONE]");
    assert!(events.iter().take(5).all(|event| event["id"] == events[0]["id"] && event["created"] == 1_700_000_000));
}

#[test]
fn a_stream_tells_no_usage_unasked() {
    let mut voice = voice(false);
    let last = Chunk { usage: Some(used()), ..chunk(vec![text("x")], Some("STOP")) };
    let mut bytes = voice.piece(&last).unwrap().to_vec();
    bytes.extend(voice.end());
    assert!(events(&bytes).iter().all(|event| event.get("usage").is_none()));
}

#[test]
fn each_ending_has_its_word() {
    for (reason, word) in [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("A_REASON_OF_TOMORROW", "content_filter"),
    ] {
        let told = voice(false).whole(&chunk(vec![text("some")], Some(reason))).unwrap();
        assert_eq!(told["choices"][0]["finish_reason"], word, "{reason}");
        assert_eq!(told["choices"][0]["message"]["content"], "some", "{reason}");
    }
    let filtered = voice(false).whole(&chunk(vec![call(None, None)], Some("SAFETY"))).unwrap();
    assert_eq!(filtered["choices"][0]["finish_reason"], "content_filter", "a filtered answer is never a success");
    for reason in ["MALFORMED_FUNCTION_CALL", "OTHER", "MISSING_THOUGHT_SIGNATURE"] {
        let problem = voice(false).whole(&chunk(vec![text("some")], Some(reason))).unwrap_err();
        assert_eq!(problem.code, Code::ProviderUnfinished);
        assert!(voice(false).piece(&chunk(vec![text("some")], Some(reason))).is_err());
    }
}

#[test]
fn a_blocked_prompt_is_a_refusal_without_content() {
    let blocked = Chunk { block_reason: Some("PROHIBITED_CONTENT".into()), ..Chunk::default() };
    let choice = voice(false).whole(&blocked).unwrap()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "content_filter");
    assert_eq!(choice["message"], json!({"role": "assistant", "content": null, "refusal": WITHHELD}));
    let mut voice = voice(false);
    assert!(voice.piece(&blocked).unwrap().is_empty());
    let events = events(&voice.end());
    assert_eq!(events[0]["choices"][0]["delta"], json!({"refusal": WITHHELD, "role": "assistant"}));
    assert_eq!(events[0]["choices"][0]["finish_reason"], "content_filter");
}
