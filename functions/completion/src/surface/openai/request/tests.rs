use proptest::prelude::*;
use serde_json::json;
use shared::conversation::{Content, Json, Part, Provenance, Role, Signature};

use super::*;
use crate::problem::Code;

const PLACEHOLDER: &str = "skip_thought_signature_validator";

fn request(body: Value) -> Result<Request, Problem> {
    read(body, &mut Documents::default(), &Policy::embedded())
}

/// A request of one user's message, with more fields.
fn with(more: Value) -> Value {
    let mut body = json!({"model": "gemini-3.5-flash", "messages": [{"role": "user", "content": "hi"}]});
    let fields = body.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    body
}

fn messages(messages: Value) -> Value {
    json!({"model": "gemini-3.5-flash", "messages": messages})
}

fn generation(more: Value) -> Value {
    request(with(more)).unwrap().ask.generation.into()
}

fn refused(body: Value) -> (Code, String) {
    let problem = request(body).unwrap_err();
    (problem.code, problem.field.unwrap_or_default())
}

#[test]
fn instructions_come_in_order_and_turns_keep_theirs() {
    let request = request(messages(json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "three"}, {"type": "text", "text": "four"}]},
    ])))
    .unwrap();
    let caller = |text: &str| Part::text(Provenance::Caller, text);
    assert_eq!(request.ask.conversation.system, [caller("Be brief."), caller("Be kind.")]);
    let turns: Vec<_> = request.ask.conversation.turns.iter().map(|turn| (turn.role, turn.parts.clone())).collect();
    let user = |text: &str| Part::text(Provenance::User, text);
    assert_eq!(
        turns,
        [
            (Role::User, vec![user("one")]),
            (Role::Model, vec![Part::text(Provenance::Model, "two")]),
            (Role::User, vec![user("three"), user("four")]),
        ]
    );
}

#[test]
fn a_document_is_one_by_its_messages_name_or_by_the_header() {
    let body = messages(json!([
        {"role": "user", "name": "document", "content": [{"type": "text", "text": "a"}]},
        {"role": "user", "name": "ada", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
    ]));
    let request = read(body, &mut Documents::parse("1.1").unwrap(), &Policy::embedded()).unwrap();
    let provenances: Vec<_> =
        request.ask.conversation.turns.iter().flat_map(|turn| &turn.parts).map(|part| part.provenance).collect();
    assert_eq!(provenances, [Provenance::Document, Provenance::User, Provenance::Document]);
    assert_eq!(request.ask.ignored, ["messages[1].name"]);
}

fn calling(extra: Value) -> Value {
    let mut first =
        json!({"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"a\": 1}"}});
    first.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    messages(json!([
        {"role": "user", "content": "look twice"},
        {"role": "assistant", "content": null, "tool_calls": [
            first,
            {"id": "call_gh_x_1", "type": "function", "function": {"name": "find", "arguments": ""}},
        ]},
        {"role": "tool", "tool_call_id": "call_1", "content": "{\"degrees\": 12}"},
        {"role": "tool", "tool_call_id": "call_gh_x_1", "content": [{"type": "text", "text": "no luck"}]},
    ]))
}

#[test]
fn replies_find_their_functions_and_stand_in_one_turn() {
    let signed = json!({"extra_content": {"google": {"thought_signature": "c2ln+/=="}}});
    let request = request(calling(signed)).unwrap();
    let turns = &request.ask.conversation.turns;
    assert_eq!(turns.len(), 3);
    let call = |id: Option<&str>, name: &str, args: Value| Content::Call {
        id: id.map(str::to_owned),
        name: name.into(),
        args: Json(args),
    };
    assert_eq!(turns[1].parts[0].content, call(Some("call_1"), "look", json!({"a": 1})));
    assert_eq!(turns[1].parts[0].thought_signature, Some(Signature("c2ln+/==".into())));
    assert_eq!(turns[1].parts[1].content, call(None, "find", json!({})));
    assert_eq!(turns[1].parts[1].thought_signature, None);
    let reply = |id: Option<&str>, name: &str, response: Value| Part {
        provenance: Provenance::Tool,
        content: Content::Reply { id: id.map(str::to_owned), name: name.into(), response: Json(response) },
        thought_signature: None,
    };
    let replies =
        [reply(Some("call_1"), "look", json!({"degrees": 12})), reply(None, "find", json!({"output": "no luck"}))];
    assert_eq!(turns[2].parts, replies);
    assert_eq!(request.ask.placeholders, 0);
}

#[test]
fn a_lost_signature_is_replaced_and_counted_where_the_model_asks_for_one() {
    let request_ = request(calling(json!({}))).unwrap();
    let call = &request_.ask.conversation.turns[1].parts[0];
    assert_eq!(call.thought_signature, Some(Signature(PLACEHOLDER.into())));
    assert_eq!(request_.ask.placeholders, 1);
    let mut older = calling(json!({}));
    older["model"] = json!("models/gemini-2.5-flash");
    let request = request(older).unwrap();
    assert_eq!(request.model, "gemini-2.5-flash");
    assert_eq!((&request.ask.conversation.turns[1].parts[0].thought_signature, request.ask.placeholders), (&None, 0));
}

#[test]
fn a_replayed_answer_may_carry_all_that_a_client_puts_into_it() {
    let request = request(messages(json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho", "refusal": null, "audio": null, "function_call": null,
         "annotations": [], "tool_calls": null, "parsed": {"a": 1}},
        {"role": "assistant", "content": null, "refusal": "No."},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "and now?"},
    ])))
    .unwrap();
    let texts: Vec<_> = request.ask.conversation.turns.iter().map(|turn| turn.parts[0].judged_text()).collect();
    assert_eq!(texts, ["hi", "ho", "No.", "and now?"]);
    assert_eq!(request.ask.ignored, ["messages[].annotations", "messages[].parsed", "messages[3]"]);
}

#[test]
fn media_come_as_data_and_from_nowhere_else() {
    let image =
        |url: &str| messages(json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]));
    let request_ = request(image("data:image/png;base64,aGk=")).unwrap();
    let content = Content::Inline { mime_type: "image/png".into(), data: "aGk=".into() };
    assert_eq!(request_.ask.conversation.turns[0].parts[0].content, content);
    let path = "messages[0].content[0].image_url.url";
    for url in ["https://example.org/a.png", "http://169.254.169.254/", "file:///etc/passwd", "gs://b/o", ""] {
        assert_eq!(refused(image(url)), (Code::RefusedField, path.into()), "{url}");
    }
    for url in ["data:image/png,aGk=", "data:image/svg+xml;base64,aGk=", "data:image/png;base64,!", "data:;base64,"] {
        assert_eq!(refused(image(url)), (Code::InvalidField, path.into()), "{url}");
    }
}

#[test]
fn settings_take_geminis_names() {
    let config = generation(json!({"temperature": 0.5, "top_p": 0.9, "seed": 7, "presence_penalty": 1,
        "frequency_penalty": -1, "max_tokens": 5, "max_completion_tokens": 5, "stop": "END"}));
    let wanted = json!({"frequencyPenalty": -1, "presencePenalty": 1, "seed": 7, "temperature": 0.5, "topP": 0.9,
        "maxOutputTokens": 5, "stopSequences": ["END"]});
    assert_eq!(config, wanted);
    assert_eq!(generation(json!({"stop": ["a", "b"]})), json!({"stopSequences": ["a", "b"]}));
}

#[test]
fn formats_become_a_media_type_and_a_schema() {
    let schema = json!({"type": "object", "additionalProperties": false});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "strict": true, "schema": schema}});
    let wanted = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    assert_eq!(generation(json!({"response_format": format})), wanted);
    let wanted = json!({"responseMimeType": "application/json"});
    assert_eq!(generation(json!({"response_format": {"type": "json_object"}})), wanted);
    assert_eq!(generation(json!({"response_format": {"type": "text"}})), json!({}));
}

#[test]
fn effort_becomes_a_level_or_for_older_models_a_number() {
    for (effort, level, budget) in
        [("minimal", "MINIMAL", 1024), ("low", "LOW", 1024), ("medium", "MEDIUM", 8192), ("max", "HIGH", 24_576)]
    {
        let config = generation(json!({"reasoning_effort": effort}));
        assert_eq!(config, json!({"thinkingConfig": {"thinkingLevel": level}}));
        let config = generation(json!({"model": "gemini-2.5-pro", "reasoning_effort": effort}));
        assert_eq!(config, json!({"thinkingConfig": {"thinkingBudget": budget}}));
    }
    let config = generation(json!({"model": "gemini-2.5-flash", "reasoning_effort": "none"}));
    assert_eq!(config, json!({"thinkingConfig": {"thinkingBudget": 0}}));
    let own = json!({"extra_body": {"google": {"thinking_config": {"thinking_budget": 9, "include_thoughts": true},
        "safety_settings": [{"category": "c", "threshold": "t"}]}}});
    let request = request(with(own)).unwrap();
    let config = json!({"thinkingConfig": {"thinkingBudget": 9, "includeThoughts": true}});
    assert_eq!(Value::from(request.ask.generation), config);
    assert_eq!(request.ask.safety, [("c".to_owned(), "t".to_owned())]);
}

#[test]
fn functions_are_declared_and_chosen_as_gemini_does() {
    let tools = json!([{"type": "function", "function": {"name": "look", "description": "Looks.", "strict": true,
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}]);
    let declared = json!([{"functionDeclarations": [{"name": "look", "description": "Looks.",
        "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}]}]);
    let only = json!({"mode": "ANY", "allowedFunctionNames": ["look"]});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "look"}}]}});
    for (choice, config) in [
        (json!("auto"), json!({"mode": "AUTO"})),
        (json!("none"), json!({"mode": "NONE"})),
        (json!("required"), json!({"mode": "ANY"})),
        (json!({"type": "function", "function": {"name": "look"}}), only.clone()),
        (allowed, only),
    ] {
        let ask = request(with(json!({"tools": tools, "tool_choice": choice}))).unwrap().ask;
        assert_eq!(Value::from(ask.tools), declared);
        assert_eq!(ask.tool_config, Some(json!({"functionCallingConfig": config})), "{choice}");
    }
}

#[test]
fn what_asks_for_nothing_is_taken_and_named() {
    let neutral = json!({"logit_bias": {}, "logprobs": false, "modalities": ["text"], "n": 1, "store": false,
        "parallel_tool_calls": true, "service_tier": "auto", "top_logprobs": 0, "verbosity": "medium",
        "metadata": {"a": "b"}, "prompt_cache_key": "k", "user": null});
    let ignored = request(with(neutral)).unwrap().ask.ignored;
    assert_eq!(ignored.len(), 11, "{ignored:?}");
}

#[test]
fn refuses_by_name_what_it_does_not_take() {
    let field = |name: &str, value: Value| with(json!({name: value}));
    for (name, value) in [
        ("logit_bias", json!({"1": 2})),
        ("logprobs", json!(true)),
        ("modalities", json!(["text", "audio"])),
        ("n", json!(2)),
        ("parallel_tool_calls", json!(false)),
        ("service_tier", json!("flex")),
        ("store", json!(true)),
        ("top_logprobs", json!(3)),
        ("verbosity", json!("low")),
        ("audio", json!({})),
        ("functions", json!([])),
        ("function_call", json!("auto")),
        ("moderation", json!({})),
        ("web_search_options", json!({})),
    ] {
        assert_eq!(refused(field(name, value)), (Code::RefusedField, name.into()));
    }
    assert_eq!(refused(field("novelty", json!(1))), (Code::UnknownField, "novelty".into()));
    assert_eq!(refused(field("maxTokens", json!(1))), (Code::UnknownField, "maxTokens".into()));
}

#[test]
fn refuses_what_contradicts_itself_or_has_the_wrong_shape() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    let text = json!({"role": "user", "content": "hi"});
    for (body, field) in [
        (json!({"messages": [text]}), "model"),
        (with(json!({"model": "../x"})), "model"),
        (with(json!({"max_tokens": 1, "max_completion_tokens": 2})), "max_tokens"),
        (with(json!({"user": "a", "safety_identifier": "b"})), "user"),
        (with(json!({"stream_options": {"include_usage": true}})), "stream_options"),
        (with(json!({"stream": "yes"})), "stream"),
        (with(json!({"reasoning_effort": "none"})), "reasoning_effort"),
        (with(json!({"reasoning_effort": "huge"})), "reasoning_effort"),
        (with(json!({"tool_choice": "required"})), "tool_choice"),
        (with(json!({"tools": [tool], "tool_choice": "sometimes"})), "tool_choice"),
        (with(json!({"tools": [{"type": "custom"}]})), "tools[0].type"),
        (with(json!({"response_format": {"type": "xml"}})), "response_format.type"),
        (messages(json!([])), "messages"),
        (messages(json!([{"role": "system", "content": "x"}])), "messages"),
        (messages(json!([{"role": "wizard", "content": "x"}])), "messages[0].role"),
        (messages(json!([{"role": "user"}])), "messages[0].content"),
        (messages(json!([{"role": "user", "content": 7}])), "messages[0].content"),
        (messages(json!([{"role": "user", "content": [{"type": "video"}]}])), "messages[0].content[0].type"),
        (messages(json!([{"role": "user", "content": "x", "tool_call_id": "y"}])), "messages[0].tool_call_id"),
        (messages(json!([{"role": "tool", "tool_call_id": "y", "content": "x"}])), "messages[0].tool_call_id"),
        (messages(json!([{"role": "system", "content": "x", "tool_calls": []}])), "messages[0].tool_calls"),
        (
            messages(json!([{"role": "user", "content": [{"type": "text", "text": "x", "image_url": {"url": "y"}}]}])),
            "messages[0].content[0].image_url",
        ),
        (with(json!({"response_format": {"type": "json_object", "json_schema": {}}})), "response_format.json_schema"),
        (
            messages(
                json!([{"role": "assistant", "tool_calls": [{"id": "y", "function": {"name": "f", "arguments": "[]"}}]}]),
            ),
            "messages[0].tool_calls[0].function.arguments",
        ),
    ] {
        assert_eq!(refused(body.clone()), (Code::InvalidField, field.to_owned()), "{body}");
    }
}

#[test]
fn a_stream_tells_its_usage_when_asked() {
    let streamed = request(with(json!({"stream": true, "stream_options": {"include_usage": true}}))).unwrap();
    assert_eq!((streamed.operation, streamed.usage_event), (Operation::Stream, true));
    let whole = request(with(json!({"stream": false, "stream_options": null}))).unwrap();
    assert_eq!((whole.operation, whole.usage_event), (Operation::Generate, false));
}

fn any_json() -> impl Strategy<Value = Value> {
    // Names of the format make most bodies go deep before they are refused.
    let name = prop::sample::select(vec![
        "role",
        "content",
        "type",
        "text",
        "image_url",
        "url",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "tool_call_id",
        "messages",
        "tools",
        "tool_choice",
        "stop",
        "user",
        "extra_content",
        "google",
        "refusal",
    ]);
    let word =
        prop::sample::select(vec!["user", "assistant", "tool", "system", "text", "function", "{}", "data:;base64,"]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let fields = prop::collection::btree_map(name.clone(), inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn never_panics_and_names_the_field_in_few_words(messages in any_json(), more in any_json()) {
        let body = json!({"model": "gemini-3.5-flash", "messages": messages, "tool_choice": more, "tools": more});
        if let Err(problem) = request(body) {
            prop_assert!(problem.field.is_some() && problem.message.len() < 400, "{}", problem.message);
        }
    }

    #[test]
    fn every_message_reaches_the_conversation(texts in prop::collection::vec(".{1,20}", 1..8)) {
        let told = texts.iter().map(|text| json!({"role": "user", "content": text})).collect::<Value>();
        let conversation = request(messages(told)).unwrap().ask.conversation;
        let read: Vec<_> = conversation.turns.iter().map(|turn| turn.parts[0].judged_text().into_owned()).collect();
        prop_assert_eq!(read, texts);
    }
}
