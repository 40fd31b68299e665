//! Reads how an answer is to be made: generation, tools, safety.

use serde_json::{Map, Value, json};

use super::fields::{NEUTRAL, Neutral};
use super::messages::function_only;
use crate::problem::{Code, Problem};
use crate::surface::object::Object;

/// Settings that have another name at Gemini, and the same meaning.
const RENAMED: [(&str, &str); 5] = [
    ("frequency_penalty", "frequencyPenalty"),
    ("presence_penalty", "presencePenalty"),
    ("seed", "seed"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
];

/// Takes the fields away that ask for nothing, and refuses those of them that ask for something.
pub(super) fn neutral(body: &mut Object, ignored: &mut Vec<String>) -> Result<(), Problem> {
    for Neutral { name, harmless, remedy } in NEUTRAL {
        match body.take(name) {
            None => {}
            Some(value) if harmless(&value) => ignored.push((*name).to_owned()),
            Some(_) => return Err(Problem::at(Code::RefusedField, name, remedy)),
        }
    }
    Ok(())
}

/// What only Gemini has: `extra_body.google`, empty where it is absent.
pub(super) fn google(body: &mut Object) -> Result<Object, Problem> {
    let google = body.object("extra_body")?.map(|mut extra| extra.object("google")).transpose()?.flatten();
    google.map_or_else(|| Object::of(json!({}), "extra_body.google"), Ok)
}

/// `generationConfig`.
pub(super) fn generation(body: &mut Object, google: &mut Object, model: &str) -> Result<Map<String, Value>, Problem> {
    let mut config = Map::new();
    for (name, geminis) in RENAMED {
        config.extend(body.take(name).map(|value| (geminis.to_owned(), value)));
    }
    config.extend(most_tokens(body)?.map(|most| ("maxOutputTokens".to_owned(), most)));
    config.extend(body.take("stop").map(|stop| {
        let stop = if stop.is_string() { json!([stop]) } else { stop };
        ("stopSequences".to_owned(), stop)
    }));
    config.extend(format(body)?);
    config.extend(thinking(body, google, model)?.map(|thinking| ("thinkingConfig".to_owned(), thinking)));
    Ok(config)
}

/// The newer and the older name of the same bound, which both count what the model thinks.
fn most_tokens(body: &mut Object) -> Result<Option<Value>, Problem> {
    match (body.take("max_completion_tokens"), body.take("max_tokens")) {
        (Some(newer), Some(older)) if newer != older => {
            Err(Problem::invalid("max_tokens", "is not max_completion_tokens; give one of them"))
        }
        (newer, older) => Ok(newer.or(older)),
    }
}

fn format(body: &mut Object) -> Result<Map<String, Value>, Problem> {
    let mut config = Map::new();
    let Some(mut format) = body.object("response_format")? else { return Ok(config) };
    let kind = format.required_string("type")?;
    let schema = match kind.as_str() {
        "text" => return Ok(config),
        "json_object" => None,
        "json_schema" => {
            let mut wrapped = format.required_object("json_schema")?;
            wrapped.opaque_object("schema")?
        }
        _ => return Err(Problem::invalid("response_format.type", "must be text, json_object or json_schema")),
    };
    format.finish()?;
    config.insert("responseMimeType".into(), "application/json".into());
    config.extend(schema.map(|schema| ("responseJsonSchema".to_owned(), schema)));
    Ok(config)
}

/// `thinkingConfig`. Models before Gemini 3 take a number of tokens, the later ones a level; the numbers are those of
/// Google's own compatible endpoint (ai.google.dev/gemini-api/docs/openai, as others quote it in 2026-11).
fn thinking(body: &mut Object, google: &mut Object, model: &str) -> Result<Option<Value>, Problem> {
    let own = google.object("thinking_config")?;
    let Some(effort) = body.string("reasoning_effort")? else {
        return Ok(own.map(|own| own.into_fields().into_iter().map(|(name, value)| (geminis(&name), value)).collect()));
    };
    if own.is_some() {
        let message = "asks for what extra_body.google.thinking_config asks for; give one of them";
        return Err(Problem::invalid("reasoning_effort", message));
    }
    let (level, budget) = match effort.as_str() {
        "none" if budgets(model) => ("", 0),
        "none" => return Err(Problem::invalid("reasoning_effort", "this model always thinks; use minimal or low")),
        "minimal" => ("MINIMAL", 1024),
        "low" => ("LOW", 1024),
        "medium" => ("MEDIUM", 8192),
        "high" | "xhigh" | "max" => ("HIGH", 24_576),
        _ => {
            return Err(Problem::invalid("reasoning_effort", "must be none, minimal, low, medium, high, xhigh or max"));
        }
    };
    Ok(Some(if budgets(model) { json!({"thinkingBudget": budget}) } else { json!({"thinkingLevel": level}) }))
}

fn geminis(name: &str) -> String {
    match name {
        "include_thoughts" => "includeThoughts",
        "thinking_budget" => "thinkingBudget",
        "thinking_level" => "thinkingLevel",
        other => other,
    }
    .to_owned()
}

/// Whether a model is of a generation before 3, whose thinking is bounded by a number and whose calls need no
/// signature.
pub(super) fn budgets(model: &str) -> bool {
    model.starts_with("gemini-1") || model.starts_with("gemini-2")
}

/// Safety settings: category and threshold.
pub(super) fn safety(google: &mut Object) -> Result<Vec<(String, String)>, Problem> {
    let setting =
        |mut setting: Object| Ok((setting.required_string("category")?, setting.required_string("threshold")?));
    google.objects("safety_settings")?.into_iter().map(setting).collect()
}

/// Declared functions as Gemini takes them.
pub(super) fn tools(body: &mut Object) -> Result<Vec<Value>, Problem> {
    let tools = body.objects("tools")?;
    let functions = tools.into_iter().map(declaration).collect::<Result<Vec<_>, _>>()?;
    Ok(if functions.is_empty() { Vec::new() } else { vec![json!({"functionDeclarations": functions})] })
}

fn declaration(mut tool: Object) -> Result<Value, Problem> {
    function_only(&mut tool)?;
    let mut function = tool.required_object("function")?;
    let mut declared = Map::new();
    declared.insert("name".into(), function.required_string("name")?.into());
    declared.extend(function.string("description")?.map(|text| ("description".to_owned(), text.into())));
    let parameters = function.opaque_object("parameters")?;
    declared.extend(parameters.map(|schema| ("parametersJsonSchema".to_owned(), schema)));
    Ok(declared.into())
}

/// `toolConfig`: which functions may or must be called.
pub(super) fn tool_config(body: &mut Object, declared: bool) -> Result<Option<Value>, Problem> {
    if !body.has("tool_choice") {
        return Ok(None);
    }
    let (mode, names) = if body.is_string("tool_choice") {
        let mode = match body.required_string("tool_choice")?.as_str() {
            "auto" => "AUTO",
            "none" => "NONE",
            "required" => "ANY",
            _ => return Err(Problem::invalid("tool_choice", "must be none, auto, required or a function's name")),
        };
        (mode, None)
    } else {
        ("ANY", Some(chosen(body.required_object("tool_choice")?)?))
    };
    if !declared {
        return match mode {
            "ANY" => Err(Problem::invalid("tool_choice", "asks for a function, and tools declares none")),
            _ => Ok(None),
        };
    }
    let mut config = Map::new();
    config.insert("mode".into(), mode.into());
    config.extend(names.map(|names| ("allowedFunctionNames".to_owned(), names.into())));
    Ok(Some(json!({"functionCallingConfig": config})))
}

fn chosen(mut choice: Object) -> Result<Vec<String>, Problem> {
    let names = match choice.required_string("type")?.as_str() {
        "function" => vec![choice.required_object("function")?.required_string("name")?],
        "allowed_tools" => {
            let mut allowed = choice.required_object("allowed_tools")?;
            if allowed.required_string("mode")? != "required" {
                let message = "must be required: Gemini bounds its choice only where it must call; send fewer tools";
                return Err(Problem::at(Code::RefusedField, "tool_choice.allowed_tools.mode", message));
            }
            let tools = allowed.objects("tools")?.into_iter();
            tools.map(|mut tool| tool.required_object("function")?.required_string("name")).collect::<Result<_, _>>()?
        }
        _ => return Err(Problem::invalid("tool_choice.type", "must be function or allowed_tools")),
    };
    choice.finish()?;
    Ok(names)
}
