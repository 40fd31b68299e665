//! What this gate answers, in `OpenAPI` 3.1: `GET /openapi.json`.
//!
//! Request bodies are made from the tables of fields that requests are held against, so that the two cannot drift;
//! what kind of value a field takes is in `types.rs`.

mod answers;
mod examples;
mod requests;
mod types;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::surface::Surface;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(describe().to_string()));

/// The document, made when it is first asked for.
#[must_use]
pub fn document() -> Bytes {
    DOCUMENT.clone()
}

const ABOUT: &str = "A guarded Gemini endpoint that speaks Google's API and OpenAI's. A field that is not named here is \
    refused by name. Null is the same as absent. On Google's API fields may also be spelt in snake_case, and one object \
    may stand where a list of them is meant. The operator's policy may admit further tools and generation settings.";

/// Where `OpenAI`'s API begins besides `/v1`.
const FURTHER_BASES: [&str; 2] = ["/openai/v1", "/v1beta/openai"];

/// Statuses of every route that wants a key.
const ERRORS: [&str; 7] = ["400", "401", "404", "405", "429", "500", "503"];

/// Statuses that only come where a body is sent and Gemini is asked.
const ASKING_ERRORS: [&str; 6] = ["403", "408", "413", "415", "502", "504"];

fn describe() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Gatehouse", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "security": [{"google": []}, {"bearer": []}],
        "paths": paths(),
        "components": {
            "securitySchemes": {
                "google": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "parameters": parameters(),
            "responses": {
                "GoogleError": error("#/components/schemas/GoogleError"),
                "OpenAiError": error("#/components/schemas/OpenAiError"),
                "EitherError": error("#/components/schemas/EitherError"),
            },
            "schemas": schemas(),
        },
    })
}

fn paths() -> Map<String, Value> {
    let asks = |of, summary, body: &Value, answer, parameters| {
        Route { of, summary, body: Some(body.clone()), answer, parameters }.item()
    };
    let lists = |of, summary, names: &[&str], parameters| {
        Route { of, summary, body: None, answer: whole(names), parameters }.item()
    };
    let (request, chat) = (examples::google(), examples::chat());
    // No schema fits a stream: that of an event would be read as the whole's, and the other way round.
    let events = json!({"text/event-stream": {}});
    let completion = json!({"application/json": any_of(&["OpenAiAnswer"]), "text/event-stream": {}});
    let mut paths = Map::new();
    let mut add = |path: &str, item: Value| paths.insert(path.to_owned(), item);
    add(
        "/{version}/models/{model}:generateContent",
        asks(Of::Google, "An answer", &request, whole(&["GoogleAnswer"]), ASKING),
    );
    add(
        "/{version}/models/{model}:streamGenerateContent",
        asks(Of::Google, "An answer, as events", &request, events, STREAMING),
    );
    add(
        "/{version}/models/{model}:countTokens",
        asks(Of::Google, "The tokens of a prompt", &examples::count(), whole(&["GoogleCount"]), ASKING),
    );
    let (all, one) = ("The allowed models", "An allowed model");
    add("/{version}/models", lists(Of::Google, all, &["GoogleModels"], &["OwnVersion"]));
    add("/{version}/models/{model}", lists(Of::Google, one, &["GoogleModel"], &["OwnVersion", "Model"]));
    // The credential tells whose words these two answer in.
    add("/v1/models", lists(Of::Either, all, &["GoogleModels", "OpenAiModels"], &[]));
    add("/v1/models/{model}", lists(Of::Either, one, &["GoogleModel", "OpenAiModel"], &["Model"]));
    for base in FURTHER_BASES {
        add(&format!("{base}/models"), lists(Of::OpenAi, all, &["OpenAiModels"], &[]));
        add(&format!("{base}/models/{{model}}"), lists(Of::OpenAi, one, &["OpenAiModel"], &["Model"]));
    }
    for base in ["/v1"].iter().chain(&FURTHER_BASES) {
        let summary = "A completion, whole or as events";
        let parameters = &["User", "Documents"];
        add(&format!("{base}/chat/completions"), asks(Of::OpenAi, summary, &chat, completion.clone(), parameters));
    }
    let health = json!({"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]});
    add("/healthz", open("Whether it runs", &health));
    add("/openapi.json", open("This document", &json!({"type": "object", "required": ["openapi"]})));
    paths
}

/// Parameters of what is asked by Google's API.
const ASKING: &[&str] = &["Version", "Model", "User", "Documents"];

/// The same, where events are asked for.
const STREAMING: &[&str] = &["Version", "Model", "Events", "User", "Documents"];

/// In whose words a route answers.
#[derive(Clone, Copy)]
enum Of {
    Either,
    Google,
    OpenAi,
}

/// A route that wants a key.
struct Route {
    of: Of,
    summary: &'static str,
    /// What it takes; where it takes nothing, nobody asks Gemini.
    body: Option<Value>,
    /// What it answers, by media type.
    answer: Value,
    parameters: &'static [&'static str],
}

impl Route {
    fn item(self) -> Value {
        let error = match self.of {
            Of::Either => "EitherError",
            Of::Google => "GoogleError",
            Of::OpenAi => "OpenAiError",
        };
        let error = json!({"$ref": format!("#/components/responses/{error}")});
        let asking: &[&str] = if self.body.is_some() { &ASKING_ERRORS } else { &[] };
        let mut responses = Map::new();
        responses.insert("200".into(), json!({"description": self.summary, "content": self.answer}));
        responses.extend(ERRORS.iter().chain(asking).map(|status| ((*status).to_owned(), error.clone())));
        let parameter = |name: &&str| json!({"$ref": format!("#/components/parameters/{name}")});
        let parameters: Value = self.parameters.iter().map(parameter).collect();
        match self.body {
            None => json!({"get": {"summary": self.summary, "parameters": parameters, "responses": responses}}),
            Some(body) => json!({"post": {
                "summary": self.summary,
                "parameters": parameters,
                "requestBody": {"required": true, "content": {"application/json": body}},
                "responses": responses,
            }}),
        }
    }
}

/// A route that needs no key.
fn open(summary: &str, schema: &Value) -> Value {
    let answer = json!({"description": summary, "content": {"application/json": {"schema": schema}}});
    let wrong = json!({"$ref": "#/components/responses/GoogleError"});
    let responses = json!({"200": answer, "405": wrong});
    json!({"get": {"summary": summary, "security": [], "responses": responses}})
}

/// An answer in JSON of one of these schemas.
fn whole(names: &[&str]) -> Value {
    json!({"application/json": any_of(names)})
}

fn any_of(names: &[&str]) -> Value {
    let schemas: Value = names.iter().map(|name| json!({"$ref": format!("#/components/schemas/{name}")})).collect();
    json!({"schema": {"anyOf": schemas}})
}

fn error(schema: &str) -> Value {
    json!({
        "description": "Why it is not answered; the README lists every code",
        "content": {"application/json": {"schema": {"$ref": schema}}},
    })
}

fn parameters() -> Value {
    let header = |name: &str, about: &str, schema: Value| json!({"name": name, "in": "header", "description": about, "schema": schema});
    let path = |name: &str, schema: Value| json!({"name": name, "in": "path", "required": true, "schema": schema});
    let documents = "Parts that are documents, as turn.part from 0";
    json!({
        "Version": path("version", json!({"enum": ["v1", "v1alpha", "v1beta"]})),
        // Beneath `/v1` the same route is OpenAI's too.
        "OwnVersion": path("version", json!({"enum": ["v1alpha", "v1beta"]})),
        "Model": path("model", types::model()),
        "Events": {"name": "alt", "in": "query", "required": true, "schema": {"enum": ["sse"]}},
        "User": header("x-gatehouse-user", "The end user", json!({"type": "string", "minLength": 1, "maxLength": 256})),
        "Documents": header("x-gatehouse-documents", documents, types::documents()),
    })
}

fn schemas() -> Map<String, Value> {
    let mut schemas = answers::schemas();
    let mut google = requests::schema(Surface::Gemini);
    schemas.insert("GoogleRequest".into(), google.clone());
    // Within a count a request may name its model, as Google's clients have it; the path's is the one that counts.
    if let Some(properties) = google.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("model".into(), json!({}));
    }
    let count = json!({
        "type": "object",
        "properties": {"generateContentRequest": google},
        "required": ["generateContentRequest"],
        "additionalProperties": false,
    });
    schemas.insert("GoogleCountRequest".into(), count);
    schemas.insert("OpenAiRequest".into(), requests::schema(Surface::OpenAi));
    schemas
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference in a value.
    fn references(value: &Value) -> Vec<String> {
        match value {
            Value::Object(fields) => {
                let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
                own.into_iter().chain(fields.values().flat_map(references)).collect()
            }
            Value::Array(items) => items.iter().flat_map(references).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = describe();
        let references = references(&document);
        assert!(references.len() > 50, "{references:?}");
        for reference in references {
            let place = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(place).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_route_it_describes_is_one() {
        for (path, item) in paths() {
            for (method, operation) in item.as_object().unwrap() {
                let filled = path.replace("{version}", "v1beta").replace("{model}", "m");
                let method = http::Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
                let surface = Surface::of(&filled, &http::HeaderMap::new());
                let events = operation["parameters"].to_string().contains("Events").then_some("alt=sse");
                let route = crate::routes::Route::of(surface, &method, &filled, events);
                assert!(route.is_ok(), "{method} {path}: {route:?}");
            }
        }
    }

    #[test]
    fn it_is_small_enough_to_read() {
        assert!(document().len() < 48 << 10, "{}", document().len());
    }
}
