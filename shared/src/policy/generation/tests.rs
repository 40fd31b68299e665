//! What becomes of each field, by table.

use serde_json::json;

use super::*;
use crate::policy::Policy;

fn generation() -> Generation {
    Policy::embedded().generation
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// What is sent for `config`, and the fields that were moved.
fn sent(config: Value) -> (Value, Vec<String>) {
    let mut config = map(config);
    let clamped = generation().clamp(&mut config).unwrap();
    for one in &clamped {
        let name = one.field.strip_prefix("generationConfig.").unwrap();
        assert_eq!(config[name], one.to, "the receipt tells what is sent");
    }
    (config.into(), clamped.into_iter().map(|one| one.field).collect())
}

#[test]
fn every_field_is_kept_or_moved_into_its_range() {
    let cases = [
        (json!({"temperature": 0.7}), json!({"temperature": 0.7})),
        (json!({"temperature": 2}), json!({"temperature": 2})),
        (json!({"temperature": 9}), json!({"temperature": 2.0})),
        (json!({"temperature": -1}), json!({"temperature": 0.0})),
        (json!({"topP": 0.95}), json!({"topP": 0.95})),
        (json!({"topP": 1.5}), json!({"topP": 1.0})),
        (json!({"topK": 40}), json!({"topK": 40})),
        (json!({"topK": 40.0}), json!({"topK": 40.0})),
        (json!({"topK": 0}), json!({"topK": 1})),
        (json!({"topK": 5000}), json!({"topK": 1000})),
        (json!({"maxOutputTokens": 10}), json!({"maxOutputTokens": 10})),
        (json!({"maxOutputTokens": 70_000}), json!({"maxOutputTokens": 65_536})),
        (json!({"maxOutputTokens": u64::MAX}), json!({"maxOutputTokens": 65_536})),
        (json!({"candidateCount": 1}), json!({"candidateCount": 1})),
        (json!({"seed": -7}), json!({"seed": -7})),
        (
            json!({"presencePenalty": 0.5, "frequencyPenalty": 0}),
            json!({"presencePenalty": 0.5, "frequencyPenalty": 0}),
        ),
        (json!({"stopSequences": ["a", "b"]}), json!({"stopSequences": ["a", "b"]})),
        (json!({"responseMimeType": "application/json"}), json!({"responseMimeType": "application/json"})),
        (json!({"responseSchema": {"type": "OBJECT"}}), json!({"responseSchema": {"type": "OBJECT"}})),
        (json!({"responseJsonSchema": {}}), json!({"responseJsonSchema": {}})),
        (json!({"responseModalities": ["TEXT"]}), json!({"responseModalities": ["TEXT"]})),
        (json!({"responseLogprobs": false}), json!({})),
        (json!({"speechConfig": null, "temperature": null}), json!({})),
        (json!({"thinkingConfig": {"thinkingLevel": "LOW"}}), json!({"thinkingConfig": {"thinkingLevel": "LOW"}})),
        (json!({"thinkingConfig": {"thinkingBudget": 0}}), json!({"thinkingConfig": {"thinkingBudget": 0}})),
        (json!({"thinkingConfig": {"thinkingBudget": 512}}), json!({"thinkingConfig": {"thinkingBudget": 512}})),
        (json!({"thinkingConfig": {"thinkingBudget": 32_768}}), json!({"thinkingConfig": {"thinkingBudget": 24_576}})),
        (json!({"thinkingConfig": {"thinkingBudget": -1}}), json!({"thinkingConfig": {"thinkingBudget": 24_576}})),
        (json!({"thinkingConfig": {"includeThoughts": true}}), json!({"thinkingConfig": {"includeThoughts": false}})),
    ];
    for (asked, mut wanted) in cases {
        let (mut sent, clamped) = sent(asked.clone());
        let moved = asked.as_object().unwrap().iter().any(|(name, value)| wanted.get(name).is_some_and(|w| w != value));
        assert_eq!(!clamped.is_empty(), moved, "{asked}: {clamped:?}");
        if wanted.get("maxOutputTokens").is_none() {
            assert_eq!(sent.as_object_mut().unwrap().remove("maxOutputTokens"), Some(json!(8192)), "{asked}");
        }
        assert_eq!(sent.take(), wanted.take(), "{asked}");
    }
}

#[test]
fn a_number_of_tokens_is_an_integer_however_it_is_written_and_its_writing_is_no_change() {
    for written in ["10", "10.0", "1e1", "1E+1", "100e-1"] {
        let config: Value = serde_json::from_str(&format!("{{\"maxOutputTokens\": {written}}}")).unwrap();
        assert_eq!(sent(config), (json!({"maxOutputTokens": 10}), Vec::new()), "{written}");
    }
}

#[test]
fn every_wrong_field_is_refused_by_name_with_a_remedy() {
    let cases = [
        json!({"candidateCount": 2}),
        json!({"candidateCount": 0}),
        json!({"candidateCount": "1"}),
        json!({"maxOutputTokens": 0}),
        json!({"maxOutputTokens": -5}),
        json!({"maxOutputTokens": 1.5}),
        json!({"maxOutputTokens": "100"}),
        json!({"maxOutputTokens": [100]}),
        json!({"temperature": "hot"}),
        json!({"topP": {}}),
        json!({"topK": true}),
        json!({"seed": 0.5}),
        json!({"presencePenalty": "x"}),
        json!({"stopSequences": "stop"}),
        json!({"stopSequences": [1]}),
        json!({"stopSequences": ["1", "2", "3", "4", "5", "6"]}),
        json!({"responseMimeType": "image/png"}),
        json!({"responseMimeType": 1}),
        json!({"responseSchema": "x"}),
        json!({"responseModalities": ["TEXT", "AUDIO"]}),
        json!({"responseModalities": "TEXT"}),
        json!({"responseLogprobs": true}),
        json!({"logprobs": 5}),
        json!({"speechConfig": {}}),
        json!({"mediaResolution": "MEDIA_RESOLUTION_LOW"}),
        json!({"max_output_tokens": 5}),
        json!({"thinkingConfig": []}),
        json!({"thinkingConfig": {"thinkingBudget": -2}}),
        json!({"thinkingConfig": {"thinkingBudget": "1"}}),
        json!({"thinkingConfig": {"thinkingLevel": 1}}),
        json!({"thinkingConfig": {"thinkingLevel": "as deep as you like"}}),
        json!({"thinkingConfig": {"thinkingLevel": ""}}),
        json!({"thinkingConfig": {"includeThoughts": 1}}),
        json!({"thinkingConfig": {"depth": 1}}),
    ];
    for case in cases {
        let refusals = generation().clamp(&mut map(case.clone())).unwrap_err();
        let name = case.as_object().unwrap().keys().next().unwrap();
        assert_eq!(refusals.len(), 1, "{case}");
        assert_eq!(refusals[0].field, format!("generationConfig.{name}"), "{case}");
        assert!(!refusals[0].remedy.is_empty(), "{case}");
    }
}

#[test]
fn all_refusals_are_told_at_once() {
    let refusals = generation().clamp(&mut map(json!({"topP": "x", "seed": 1, "wings": 2}))).unwrap_err();
    let fields: Vec<&str> = refusals.iter().map(|refusal| refusal.field.as_str()).collect();
    assert_eq!(fields, ["generationConfig.topP", "generationConfig.wings"]);
}

#[test]
fn a_refusal_never_repeats_a_value_and_little_of_a_name() {
    let name = format!("plan \u{202e}<script>{}", "x".repeat(5000));
    let config = json!({(name): "the secret wish", "topP": "the secret wish", "responseMimeType": "the secret wish"});
    let refusals = generation().clamp(&mut map(config)).unwrap_err();
    let shown = format!("{refusals:?}");
    assert_eq!(refusals.len(), 3);
    assert!(!shown.contains("wish") && !shown.contains('<') && !shown.contains('\u{202e}'), "{shown}");
    assert!(shown.len() < 1500, "{}", shown.len());
}

#[test]
fn the_policy_can_admit_further_fields() {
    let generation = Generation { extra_fields: vec!["mediaResolution".into()], ..generation() };
    let mut config = map(json!({"mediaResolution": "MEDIA_RESOLUTION_LOW"}));
    assert_eq!(generation.clamp(&mut config), Ok(Vec::new()));
    assert_eq!(config["mediaResolution"], "MEDIA_RESOLUTION_LOW");
}

#[test]
fn an_extra_field_cannot_take_the_bound_off_a_known_one() {
    let generation = Generation { extra_fields: vec!["maxOutputTokens".into()], ..generation() };
    let mut config = map(json!({"maxOutputTokens": 1_000_000}));
    assert_eq!(generation.clamp(&mut config).unwrap().len(), 1);
    assert_eq!(config["maxOutputTokens"], 65_536);
}

#[test]
fn clamping_twice_changes_nothing_more() {
    let mut config = map(json!({"temperature": 9, "topK": 0, "maxOutputTokens": 99_999, "thinkingConfig": {
        "thinkingBudget": -1, "includeThoughts": true}}));
    assert_eq!(generation().clamp(&mut config).unwrap().len(), 4);
    let once = config.clone();
    assert_eq!(generation().clamp(&mut config), Ok(Vec::new()));
    assert_eq!(config, once);
}

#[test]
fn the_order_of_fields_is_kept() {
    let (sent, _) = sent(json!({"topP": 1, "temperature": 3, "seed": 1}));
    let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert_eq!(names, ["topP", "temperature", "seed", "maxOutputTokens"]);
}
