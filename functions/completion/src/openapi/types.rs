//! What kind of value each field of a request takes.

use serde_json::{Value, json};
use shared::policy::{Category, Threshold};

use crate::surface::Surface;

/// A field's path, and the schema of its value.
type Typed = (&'static str, fn() -> Value);

/// What the tables of fields do not tell.
pub(super) struct Fields {
    /// Fields that hold a value of their own, be it beside or instead of fields beneath them.
    pub(super) types: &'static [Typed],
    /// Fields that must be there. A list that must be there must not be empty.
    pub(super) required: &'static [&'static str],
}

pub(super) const fn of(surface: Surface) -> &'static Fields {
    match surface {
        Surface::Gemini => &GEMINI,
        Surface::OpenAi => &OPENAI,
    }
}

const GEMINI: Fields = Fields {
    types: &[
        ("contents[].role", || words(&["", "function", "model", "user"])),
        ("contents[].parts[].text", text),
        ("contents[].parts[].thought", boolean),
        ("contents[].parts[].thoughtSignature", text),
        ("contents[].parts[].inlineData.mimeType", text),
        ("contents[].parts[].inlineData.data", text),
        ("contents[].parts[].functionCall.id", token),
        ("contents[].parts[].functionCall.name", text),
        ("contents[].parts[].functionCall.args", object),
        ("contents[].parts[].functionResponse.id", token),
        ("contents[].parts[].functionResponse.name", text),
        ("contents[].parts[].functionResponse.response", object),
        ("contents[].parts[].executableCode.language", token),
        ("contents[].parts[].executableCode.code", text),
        ("contents[].parts[].codeExecutionResult.outcome", token),
        ("contents[].parts[].codeExecutionResult.output", text),
        ("contents[].parts[].partMetadata", object),
        ("systemInstruction.parts[].text", text),
        ("safetySettings[].category", category),
        ("safetySettings[].threshold", threshold),
        // Of tools and `toolConfig` the gate reads the names of fields; that their values are right is Gemini's to say.
        ("tools[].functionDeclarations[].name", text),
        ("tools[].functionDeclarations[].description", text),
        ("tools[].functionDeclarations[].parameters", object),
        ("tools[].functionDeclarations[].parametersJsonSchema", object),
        ("tools[].functionDeclarations[].response", object),
        ("tools[].functionDeclarations[].responseJsonSchema", object),
        ("toolConfig.functionCallingConfig.mode", text),
        ("toolConfig.functionCallingConfig.allowedFunctionNames", texts),
        ("store", || json!({"enum": [false]})),
        ("generationConfig.candidateCount", || json!({"enum": [1]})),
        ("generationConfig.enableEnhancedCivicAnswers", || json!({"enum": [false]})),
        ("generationConfig.frequencyPenalty", number),
        ("generationConfig.maxOutputTokens", positive),
        ("generationConfig.presencePenalty", number),
        ("generationConfig.responseJsonSchema", object),
        ("generationConfig.responseLogprobs", || json!({"enum": [false]})),
        ("generationConfig.responseMimeType", text),
        ("generationConfig.responseModalities", || json!({"type": "array", "items": {"enum": ["TEXT"]}})),
        ("generationConfig.responseSchema", object),
        ("generationConfig.seed", integer),
        ("generationConfig.stopSequences", texts),
        ("generationConfig.temperature", number),
        ("generationConfig.thinkingConfig.includeThoughts", boolean),
        ("generationConfig.thinkingConfig.thinkingBudget", budget),
        ("generationConfig.thinkingConfig.thinkingLevel", level),
        ("generationConfig.topK", number),
        ("generationConfig.topP", number),
    ],
    required: &[
        "contents",
        "contents[].parts",
        "contents[].parts[].inlineData.mimeType",
        "contents[].parts[].inlineData.data",
        "contents[].parts[].functionCall.name",
        "contents[].parts[].functionResponse.name",
        "contents[].parts[].functionResponse.response",
        "contents[].parts[].executableCode.code",
        "contents[].parts[].codeExecutionResult.outcome",
        "systemInstruction.parts[].text",
        "safetySettings[].category",
        "safetySettings[].threshold",
    ],
};

const OPENAI: Fields = Fields {
    types: &[
        ("messages[].role", || words(&["assistant", "developer", "system", "tool", "user"])),
        ("messages[].name", text),
        ("messages[].content", text),
        ("messages[].content[].type", || words(&["image_url", "input_audio", "refusal", "text"])),
        ("messages[].content[].text", text),
        ("messages[].content[].refusal", text),
        ("messages[].content[].image_url.url", || json!({"type": "string", "pattern": "^data:"})),
        ("messages[].content[].input_audio.data", text),
        ("messages[].content[].input_audio.format", text),
        ("messages[].refusal", text),
        ("messages[].tool_call_id", text),
        ("messages[].tool_calls[].id", text),
        ("messages[].tool_calls[].type", function),
        ("messages[].tool_calls[].function.name", text),
        ("messages[].tool_calls[].function.arguments", text),
        ("messages[].tool_calls[].extra_content.google.thought_signature", text),
        ("model", model_of_a_body),
        ("frequency_penalty", number),
        ("logit_bias", || json!({"type": "object", "maxProperties": 0})),
        ("logprobs", || json!({"enum": [false]})),
        ("max_completion_tokens", positive),
        ("max_tokens", positive),
        ("modalities", || json!({"enum": [["text"]]})),
        ("n", || json!({"enum": [1]})),
        ("parallel_tool_calls", || json!({"enum": [true]})),
        ("presence_penalty", number),
        ("reasoning_effort", || words(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])),
        ("response_format.type", || words(&["json_object", "json_schema", "text"])),
        ("response_format.json_schema.schema", object),
        ("safety_identifier", text),
        ("seed", integer),
        ("service_tier", || words(&["auto", "default"])),
        ("stop", || json!({"anyOf": [text(), texts()]})),
        ("store", || json!({"enum": [false]})),
        ("stream", boolean),
        ("stream_options.include_usage", boolean),
        ("temperature", number),
        ("tool_choice", || words(&["auto", "none", "required"])),
        ("tool_choice.type", || words(&["allowed_tools", "function"])),
        ("tool_choice.function.name", text),
        ("tool_choice.allowed_tools.mode", || words(&["required"])),
        ("tool_choice.allowed_tools.tools[].type", text),
        ("tool_choice.allowed_tools.tools[].function.name", text),
        ("tools[].type", function),
        ("tools[].function.name", text),
        ("tools[].function.description", text),
        ("tools[].function.parameters", object),
        ("top_logprobs", || json!({"enum": [0]})),
        ("top_p", number),
        ("user", text),
        ("verbosity", || words(&["medium"])),
        ("extra_body.google.safety_settings[].category", category),
        ("extra_body.google.safety_settings[].threshold", threshold),
        ("extra_body.google.thinking_config.include_thoughts", boolean),
        ("extra_body.google.thinking_config.thinking_budget", budget),
        ("extra_body.google.thinking_config.thinking_level", level),
    ],
    required: &[
        "messages",
        "messages[].role",
        "messages[].content[].type",
        "messages[].content[].image_url.url",
        "messages[].content[].input_audio.data",
        "messages[].content[].input_audio.format",
        "messages[].tool_calls[].id",
        "messages[].tool_calls[].function",
        "messages[].tool_calls[].function.name",
        "model",
        "response_format.type",
        "tool_choice.type",
        "tool_choice.function.name",
        "tool_choice.allowed_tools.mode",
        "tool_choice.allowed_tools.tools[].function",
        "tool_choice.allowed_tools.tools[].function.name",
        "tools[].function",
        "tools[].function.name",
        "extra_body.google.safety_settings[].category",
        "extra_body.google.safety_settings[].threshold",
    ],
};

/// The schema of a field that may be null, which is the same as absent.
pub(super) fn null_or(mut schema: Value) -> Value {
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    } else if let Some(Value::Array(kinds)) = schema.get_mut("anyOf") {
        kinds.push(json!({"type": "null"}));
    } else if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    schema
}

/// A model's name, where it is part of a path.
pub(super) fn model() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})
}

/// The value of `x-gatehouse-documents`.
pub(super) fn documents() -> Value {
    json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]+(,[0-9]+\.[0-9]+)*$"})
}

fn model_of_a_body() -> Value {
    json!({"type": "string", "pattern": "^(models/)?[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})
}

fn boolean() -> Value {
    json!({"type": "boolean"})
}

fn integer() -> Value {
    json!({"type": "integer"})
}

fn positive() -> Value {
    json!({"type": "integer", "minimum": 1})
}

fn number() -> Value {
    json!({"type": "number"})
}

fn object() -> Value {
    json!({"type": "object"})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn texts() -> Value {
    json!({"type": "array", "items": text()})
}

/// A word that stands for something and says nothing.
fn token() -> Value {
    json!({"type": "string", "pattern": "^[!-~]{0,256}$"})
}

fn words(known: &[&str]) -> Value {
    json!({"enum": known})
}

fn function() -> Value {
    words(&["function"])
}

fn budget() -> Value {
    json!({"type": "integer", "minimum": -1})
}

fn level() -> Value {
    json!({"type": "string", "pattern": "^[A-Za-z_]{1,40}$"})
}

fn category() -> Value {
    use Category::{DangerousContent, Harassment, HateSpeech, SexuallyExplicit};
    words(&[DangerousContent, Harassment, HateSpeech, SexuallyExplicit].map(Category::wire_name))
}

/// The policy may refuse the laxer of them.
fn threshold() -> Value {
    use Threshold::{BlockLowAndAbove, BlockMediumAndAbove, BlockNone, BlockOnlyHigh, Off};
    let known = [BlockLowAndAbove, BlockMediumAndAbove, BlockNone, BlockOnlyHigh, Off].map(Threshold::wire_name);
    words(&[&known[..], &["HARM_BLOCK_THRESHOLD_UNSPECIFIED"]].concat())
}
