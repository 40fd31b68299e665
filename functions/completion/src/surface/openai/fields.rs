//! Every field of a chat completion request and what becomes of it.
//!
//! Source: the types of openai 3.54.0 for Python and Google's page on its own compatible endpoint, read 2026-11. What
//! has no row is unknown and refused by name.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use shared::fields::{Table, Treatment};

use crate::surface::remedies::{CACHES, LOGPROBS, SPEECH, TIER};

const CUSTOM: &str = "tools are functions here; declare it as one, with JSON arguments";
const FILES: &str = "files hold what no guard has read; send text, or media as a data: URL in image_url";
const TOOLS: &str = "use tools and tool_calls, which replace it";

const REQUEST: &[(&str, Treatment)] = {
    use Treatment::{Clamp, Forward, Ignore, Opaque, Refuse};
    &[
        ("messages", Forward),
        ("messages[].role", Forward),
        // `document` marks a user's message as one; any other name has no effect.
        ("messages[].name", Forward),
        ("messages[].content", Forward),
        ("messages[].content[].type", Forward),
        ("messages[].content[].text", Forward),
        ("messages[].content[].refusal", Forward),
        ("messages[].content[].image_url", Forward),
        ("messages[].content[].image_url.url", Forward),
        ("messages[].content[].image_url.detail", Ignore),
        ("messages[].content[].input_audio", Forward),
        ("messages[].content[].input_audio.data", Forward),
        ("messages[].content[].input_audio.format", Forward),
        ("messages[].content[].file", Refuse(FILES)),
        ("messages[].content[].prompt_cache_breakpoint", Ignore),
        ("messages[].refusal", Forward),
        ("messages[].tool_call_id", Forward),
        ("messages[].tool_calls", Forward),
        ("messages[].tool_calls[].id", Forward),
        ("messages[].tool_calls[].type", Forward),
        ("messages[].tool_calls[].index", Ignore),
        ("messages[].tool_calls[].function", Forward),
        ("messages[].tool_calls[].function.name", Forward),
        ("messages[].tool_calls[].function.arguments", Forward),
        ("messages[].tool_calls[].function.parsed_arguments", Ignore),
        ("messages[].tool_calls[].custom", Refuse(CUSTOM)),
        ("messages[].tool_calls[].extra_content", Forward),
        ("messages[].tool_calls[].extra_content.google", Forward),
        ("messages[].tool_calls[].extra_content.google.thought_signature", Forward),
        ("messages[].function_call", Refuse(TOOLS)),
        ("messages[].annotations", Ignore),
        ("messages[].audio", Refuse(SPEECH)),
        ("messages[].parsed", Ignore),
        ("model", Forward),
        ("audio", Refuse(SPEECH)),
        ("frequency_penalty", Clamp),
        ("function_call", Refuse(TOOLS)),
        ("functions", Refuse(TOOLS)),
        ("logit_bias", Opaque),
        ("logprobs", Clamp),
        ("max_completion_tokens", Clamp),
        ("max_tokens", Clamp),
        // It tags completions that OpenAI stores; none is stored here.
        ("metadata", Ignore),
        ("modalities", Clamp),
        ("moderation", Refuse("this gate judges every request by its own policy")),
        ("n", Clamp),
        ("parallel_tool_calls", Clamp),
        // A hint that makes an answer come sooner, and changes no word of it. So are the caching options.
        ("prediction", Ignore),
        ("presence_penalty", Clamp),
        ("prompt_cache_key", Ignore),
        ("prompt_cache_options", Ignore),
        ("prompt_cache_retention", Ignore),
        ("reasoning_effort", Clamp),
        ("response_format", Forward),
        ("response_format.type", Forward),
        ("response_format.json_schema", Forward),
        ("response_format.json_schema.name", Ignore),
        ("response_format.json_schema.description", Ignore),
        ("response_format.json_schema.schema", Opaque),
        ("response_format.json_schema.strict", Ignore),
        ("safety_identifier", Forward),
        ("seed", Clamp),
        ("service_tier", Clamp),
        ("stop", Clamp),
        ("store", Clamp),
        ("stream", Forward),
        ("stream_options", Forward),
        ("stream_options.include_obfuscation", Ignore),
        ("stream_options.include_usage", Forward),
        ("temperature", Clamp),
        ("tool_choice", Forward),
        ("tool_choice.type", Forward),
        ("tool_choice.function", Forward),
        ("tool_choice.function.name", Forward),
        ("tool_choice.custom", Refuse(CUSTOM)),
        ("tool_choice.allowed_tools", Forward),
        ("tool_choice.allowed_tools.mode", Forward),
        ("tool_choice.allowed_tools.tools", Forward),
        ("tool_choice.allowed_tools.tools[].type", Forward),
        ("tool_choice.allowed_tools.tools[].function", Forward),
        ("tool_choice.allowed_tools.tools[].function.name", Forward),
        ("tools", Forward),
        ("tools[].type", Forward),
        ("tools[].custom", Refuse(CUSTOM)),
        ("tools[].function", Forward),
        ("tools[].function.name", Forward),
        ("tools[].function.description", Forward),
        ("tools[].function.parameters", Opaque),
        ("tools[].function.strict", Ignore),
        ("top_logprobs", Clamp),
        ("top_p", Clamp),
        ("user", Forward),
        ("verbosity", Clamp),
        ("web_search_options", Refuse("this tool is billed apart, and is not offered on this surface")),
        // What only Gemini has, where Google's own compatible endpoint takes it.
        ("extra_body", Forward),
        ("extra_body.google", Forward),
        ("extra_body.google.cached_content", Refuse(CACHES)),
        ("extra_body.google.safety_settings", Forward),
        ("extra_body.google.safety_settings[].category", Forward),
        ("extra_body.google.safety_settings[].threshold", Clamp),
        ("extra_body.google.thinking_config", Forward),
        ("extra_body.google.thinking_config.include_thoughts", Clamp),
        ("extra_body.google.thinking_config.thinking_budget", Clamp),
        ("extra_body.google.thinking_config.thinking_level", Clamp),
    ]
};

/// A field that is taken only with a value that asks for nothing.
pub(super) struct Neutral {
    pub(super) name: &'static str,
    /// Whether a value asks for nothing.
    pub(super) harmless: fn(&Value) -> bool,
    /// Why no other is taken, or what to do instead.
    pub(super) remedy: &'static str,
}

const fn neutral(name: &'static str, harmless: fn(&Value) -> bool, remedy: &'static str) -> Neutral {
    Neutral { name, harmless, remedy }
}

pub(super) const NEUTRAL: &[Neutral] = &[
    neutral("logit_bias", |value| value.as_object().is_some_and(Map::is_empty), "Gemini has no such bias"),
    neutral("logprobs", |value| *value == false, LOGPROBS),
    neutral("modalities", |value| *value == json!(["text"]), "answers are text here"),
    neutral("n", |value| *value == 1, "one choice is answered; ask again for another"),
    neutral("parallel_tool_calls", |value| *value == true, "Gemini may call several functions at once; leave it out"),
    neutral("service_tier", |value| *value == "auto" || *value == "default", TIER),
    neutral("store", |value| *value == false, "nothing is stored"),
    neutral("top_logprobs", |value| *value == 0, LOGPROBS),
    neutral("verbosity", |value| *value == "medium", "say in the prompt how long the answer should be"),
];

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| Table::exact(REQUEST));

/// The fields of `chat.completions.create`.
#[must_use]
pub fn table() -> &'static Table {
    &TABLE
}

/// How this surface names a field that is bounded under Gemini's name.
#[must_use]
pub fn spelt(path: &str) -> &str {
    match path {
        "contents" => "messages",
        "generationConfig.frequencyPenalty" => "frequency_penalty",
        "generationConfig.maxOutputTokens" => "max_completion_tokens",
        "generationConfig.presencePenalty" => "presence_penalty",
        "generationConfig.responseJsonSchema" => "response_format.json_schema.schema",
        "generationConfig.responseMimeType" => "response_format",
        "generationConfig.seed" => "seed",
        "generationConfig.stopSequences" => "stop",
        "generationConfig.temperature" => "temperature",
        "generationConfig.thinkingConfig" => "reasoning_effort",
        "generationConfig.topP" => "top_p",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_field_has_two_rows_and_each_has_a_parent_that_lets_it_be_reached() {
        let paths: BTreeSet<&str> = REQUEST.iter().map(|(path, _)| *path).collect();
        assert_eq!(paths.len(), REQUEST.len());
        for (path, _) in REQUEST {
            let Some((parent, _)) = path.rsplit_once('.') else { continue };
            assert!(paths.contains(parent.trim_end_matches("[]")), "{path} has no parent");
        }
    }

    #[test]
    fn a_field_with_a_neutral_value_has_a_row_that_lets_it_in() {
        for Neutral { name, .. } in NEUTRAL {
            assert!(matches!(table().treatment(name), Some(Treatment::Clamp | Treatment::Opaque)), "{name}");
        }
    }
}
