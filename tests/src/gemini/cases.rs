//! A double that the prompt tells what to answer: a user text with `case:NAME` in it chooses the case.
//!
//! The SDK suites speak to this one, since a script in another language cannot hand a closure to the double.

use serde_json::{Value, json};

use super::answer::{Answer, blocked, chunk, chunks, text};
use super::errors::{Known, error};
use super::{Request, Script};

/// The signature that comes with the call of `case:tools`: base64 with every character that a careless encoder changes.
pub const SIGNATURE: &str = "+//+BwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYn/++++w==";

/// Answers by the case that the prompt names.
///
/// # Panics
/// Never: a prompt that names no case is answered with a 400 that says so.
#[must_use]
pub fn brain(request: &Request) -> Script {
    match request.action() {
        Some("countTokens") => Script::json(
            200,
            &json!({"totalTokens": 7, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}]}),
        ),
        Some(_) => generate(request),
        None => models(request),
    }
}

fn generate(request: &Request) -> Script {
    let case = case(request).unwrap_or_default();
    if let Some(name) = case.strip_prefix("error-") {
        return Known::named(&name.replace('-', "_")).script();
    }
    match case {
        "hello" => Script::answer(request, &text("Hello from the double.")),
        "stream" => Script::events(&chunks(&["One, ", "two, ", "three."])),
        "chat" => Script::answer(request, &text(&format!("Contents so far: {}.", request.contents().len()))),
        "tools" => tools(request),
        "json" => json_mode(request),
        "json-object" => json_object(request),
        "long" => long(request),
        "image" => image(request),
        "blocked" => Script::answer(request, &blocked("PROHIBITED_CONTENT")),
        "safety" => Script::answer(request, &Answer::new().finish("SAFETY").value()),
        "midstream" => Script::stream().event(&chunk("This will not ")).event(&error(
            503,
            "UNAVAILABLE",
            "The model is overloaded.",
        )),
        "cut" => Script::stream().event(&chunk("This will not ")).cut(),
        "redact" if request.streams() => Script::events(&chunks(&["Write to ada.love", "lace@exam", "ple.org today."])),
        "redact" => Script::json(200, &text("Write to ada.lovelace@example.org today.")),
        "thoughts" => Script::answer(
            request,
            &Answer::new().thought("Hm, what to say?").text("Thought about it.").finish("STOP").value(),
        ),
        other => refuse(&format!("the double knows no case {other:?}")),
    }
}

fn refuse(why: &str) -> Script {
    Script::json(400, &error(400, "INVALID_ARGUMENT", why))
}

/// The word after the last `case:`.
fn case(request: &Request) -> Option<&str> {
    let texts = request.parts().rev().filter_map(|part| part.get("text").and_then(Value::as_str));
    texts.filter_map(|text| text.rsplit_once("case:")).map(|(_, rest)| word(rest)).next()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The first turn is answered with a signed call; the second is checked, and answered from the tool's result.
fn tools(request: &Request) -> Script {
    let Some(reply) = request.parts().find_map(|part| part.get("functionResponse")) else {
        let declared = request.body.as_ref().and_then(|body| body.pointer("/tools/0/functionDeclarations/0/name"));
        if declared != Some(&json!("get_weather")) {
            return refuse("no function get_weather is declared");
        }
        let call = Answer::new().call("get_weather", &json!({"city": "Oslo"}), SIGNATURE);
        return Script::answer(request, &call.finish("STOP").value());
    };
    let call = request.parts().find(|part| part.get("functionCall").is_some());
    let signature = call.and_then(|call| call.get("thoughtSignature")).and_then(Value::as_str).unwrap_or_default();
    // The Python SDK sends the same bytes back in the alphabet for URLs, which Gemini takes as well.
    if signature.replace('-', "+").replace('_', "/") != SIGNATURE {
        return refuse("the signature did not come back byte for byte");
    }
    // Where the Python SDK calls the function itself, it wraps what came of it.
    let degrees = reply.pointer("/response/degrees").or_else(|| reply.pointer("/response/result/degrees"));
    let degrees = degrees.and_then(Value::as_i64).unwrap_or_default();
    Script::answer(request, &text(&format!("It is {degrees} degrees in Oslo.")))
}

fn json_mode(request: &Request) -> Script {
    let config = request.body.as_ref().and_then(|body| body.get("generationConfig"));
    let asked = config.and_then(|config| config.get("responseMimeType")) == Some(&json!("application/json"));
    let schema = config.and_then(|config| config.get("responseSchema").or_else(|| config.get("responseJsonSchema")));
    if !asked || schema.is_none() {
        return refuse("JSON mode came without its media type or its schema");
    }
    Script::answer(request, &text(r#"{"name": "Ada", "age": 36}"#))
}

fn json_object(request: &Request) -> Script {
    let config = request.body.as_ref().and_then(|body| body.get("generationConfig"));
    let Some(config) = config.filter(|config| config["responseMimeType"] == "application/json") else {
        return refuse("JSON mode came without its media type");
    };
    if config.get("responseSchema").or_else(|| config.get("responseJsonSchema")).is_some() {
        return refuse("JSON mode came with a schema that nobody has sent");
    }
    Script::answer(request, &text(r#"{"any": ["thing"]}"#))
}

/// As long an answer as may be, by its usage.
fn long(request: &Request) -> Script {
    let most = request.body.as_ref().and_then(|body| body.pointer("/generationConfig/maxOutputTokens"));
    let most = most.and_then(Value::as_u64).unwrap_or_default();
    let mut answer = text("And so on.");
    answer["usageMetadata"] =
        json!({"promptTokenCount": 11, "candidatesTokenCount": most, "totalTokenCount": 11 + most});
    Script::answer(request, &answer)
}

fn image(request: &Request) -> Script {
    let image = request.parts().find_map(|part| part.get("inlineData"));
    // The Python SDK spells it as the protos do, and so may whoever passes it on.
    let media_type = image.and_then(|image| image.get("mimeType").or_else(|| image.get("mime_type")));
    let media_type = media_type.and_then(Value::as_str).unwrap_or("nothing");
    let length = image.and_then(|image| image.get("data")).and_then(Value::as_str).map_or(0, str::len);
    Script::answer(request, &text(&format!("I see {media_type} of {length} characters.")))
}

fn models(request: &Request) -> Script {
    match request.model() {
        None => Script::json(200, &json!({"models": [model("gemini-3.5-flash")]})),
        Some(name @ "gemini-3.5-flash") => Script::json(200, &model(name)),
        Some(_) => Known::named("model_gone").script(),
    }
}

fn model(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"),
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    })
}
