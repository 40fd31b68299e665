//! What this gate answers, in `OpenAPI` 3.1: `GET /openapi.json`.
//!
//! Request bodies are made from the tables of fields that requests are held against, so that the two cannot drift;
//! what kind of value a field takes is in [`types`].

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
const ERRORS: [&str; 8] = ["400", "401", "404", "405", "429", "500", "502", "503"];

/// Statuses that only come where a body is sent and Gemini is asked.
const ASKING_ERRORS: [&str; 5] = ["403", "408", "413", "415", "504"];

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
    let mut paths = Map::new();
    let mut add = |path: &str, item: Value| paths.insert(path.to_owned(), item);
    let (google, count, chat) = (examples::google(), examples::count(), examples::chat());
    // No schema fits a stream: that of an event would be read as the whole's, and the other way round.
    let events = json!({"text/event-stream": {}});
    add(
        "/{version}/models/{model}:generateContent",
        operation("post", Of::Google, "An answer", || {
            (Some(google.clone()), whole("GoogleAnswer"), &["Version", "Model", "User", "Documents"])
        }),
    );
    add(
        "/{version}/models/{model}:streamGenerateContent",
        operation("post", Of::Google, "An answer, as events", || {
            (Some(google.clone()), events.clone(), &["Version", "Model", "Events", "User", "Documents"])
        }),
    );
    add(
        "/{version}/models/{model}:countTokens",
        operation("post", Of::Google, "The tokens of a prompt", || {
            (Some(count.clone()), whole("GoogleCount"), &["Version", "Model", "User", "Documents"])
        }),
    );
    add(
        "/{version}/models",
        operation("get", Of::Google, "The allowed models", || (None, whole("GoogleModels"), &["OwnVersion"])),
    );
    add(
        "/{version}/models/{model}",
        operation("get", Of::Google, "One of them", || (None, whole("GoogleModel"), &["OwnVersion", "Model"])),
    );
    // The credential tells whose words these two answer in.
    add(
        "/v1/models",
        operation("get", Of::Either, "The allowed models", || (None, either("GoogleModels", "OpenAiModels"), &[])),
    );
    add(
        "/v1/models/{model}",
        operation("get", Of::Either, "One of them", || (None, either("GoogleModel", "OpenAiModel"), &["Model"])),
    );
    let mut completion = whole("OpenAiAnswer");
    if let (Some(completion), Value::Object(events)) = (completion.as_object_mut(), events.clone()) {
        completion.extend(events);
    }
    for base in ["/v1"].iter().chain(&FURTHER_BASES) {
        add(
            &format!("{base}/chat/completions"),
            operation("post", Of::OpenAi, "A completion, whole or as events", || {
                (Some(chat.clone()), completion.clone(), &["User", "Documents"])
            }),
        );
    }
    for base in FURTHER_BASES {
        add(
            &format!("{base}/models"),
            operation("get", Of::OpenAi, "The allowed models", || (None, whole("OpenAiModels"), &[])),
        );
        add(
            &format!("{base}/models/{{model}}"),
            operation("get", Of::OpenAi, "One of them", || (None, whole("OpenAiModel"), &["Model"])),
        );
    }
    let health = json!({"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]});
    add("/healthz", open("Whether it runs", &health));
    add("/openapi.json", open("This document", &json!({"type": "object", "required": ["openapi"]})));
    paths
}

/// In whose words a route answers.
#[derive(Clone, Copy)]
enum Of {
    Either,
    Google,
    OpenAi,
}

/// What a route takes, what it answers, and the names of its parameters.
type Exchange = (Option<Value>, Value, &'static [&'static str]);

fn operation(method: &str, of: Of, summary: &str, exchange: impl Fn() -> Exchange) -> Value {
    let (body, answer, parameters) = exchange();
    let error = match of {
        Of::Either => "#/components/responses/EitherError",
        Of::Google => "#/components/responses/GoogleError",
        Of::OpenAi => "#/components/responses/OpenAiError",
    };
    let mut responses = Map::new();
    responses.insert("200".into(), json!({"description": summary, "content": answer}));
    let asking = if body.is_some() { &ASKING_ERRORS[..] } else { &[] };
    responses.extend(ERRORS.iter().chain(asking).map(|status| ((*status).to_owned(), json!({"$ref": error}))));
    let parameters: Value =
        parameters.iter().map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
    let mut operation = json!({"summary": summary, "parameters": parameters, "responses": responses});
    if let (Some(body), Some(fields)) = (body, operation.as_object_mut()) {
        fields.insert("requestBody".into(), json!({"required": true, "content": {"application/json": body}}));
    }
    json!({method: operation})
}

/// A route that needs no key.
fn open(summary: &str, schema: &Value) -> Value {
    let answer = json!({"description": summary, "content": {"application/json": {"schema": schema}}});
    let wrong = json!({"$ref": "#/components/responses/GoogleError"});
    let responses = json!({"200": answer, "405": wrong});
    json!({"get": {"summary": summary, "security": [], "responses": responses}})
}

fn whole(name: &str) -> Value {
    json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}})
}

fn either(one: &str, other: &str) -> Value {
    let schema = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    json!({"application/json": {"schema": {"anyOf": [schema(one), schema(other)]}}})
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
