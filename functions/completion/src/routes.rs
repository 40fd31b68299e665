//! Which request is for what. What is not listed here is not found.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem};

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /healthz`
    Health,
    /// `POST /{version}/models/{model}:{operation}`
    Gemini {
        /// The model as the path names it, without `models/`.
        model: String,
        /// What is asked of it.
        operation: Operation,
    },
    /// `GET /{version}/models`
    Models,
    /// `GET /{version}/models/{model}`
    Model(String),
}

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `countTokens`
    Count,
    /// `generateContent`
    Generate,
    /// `streamGenerateContent`
    Stream,
}

impl Operation {
    /// The name in audit records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Generate => "generate",
            Self::Stream => "stream",
        }
    }
}

/// Versions of the Gemini API whose paths are taken. Google's Python 3.x client says `v1`, its others `v1beta`.
const VERSIONS: [&str; 3] = ["v1", "v1alpha", "v1beta"];

/// Longest model name; Google's have some thirty characters.
const LONGEST_MODEL: usize = 64;

impl Route {
    /// The route of a request.
    ///
    /// # Errors
    /// A [`Problem`] when there is none.
    pub fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Problem> {
        if path == "/healthz" {
            return only(Self::Health, method, "GET, HEAD");
        }
        let (version, rest) = path.strip_prefix('/').and_then(|path| path.split_once('/')).ok_or_else(unknown)?;
        if !VERSIONS.contains(&version) {
            return Err(unknown());
        }
        if rest == "models" {
            return only(Self::Models, method, "GET");
        }
        let Some(rest) = rest.strip_prefix("models/") else {
            return Err(if is_api(rest) { unsupported() } else { unknown() });
        };
        // Clients may escape the colon.
        let rest = percent_decode_str(rest).decode_utf8().map_err(|_| unknown())?;
        let Some((model, operation)) = rest.rsplit_once(':') else {
            return only(Self::Model(named(&rest)?), method, "GET");
        };
        let operation = match operation {
            "countTokens" => Operation::Count,
            "generateContent" => Operation::Generate,
            "streamGenerateContent" => Operation::Stream,
            _ => return Err(unsupported()),
        };
        let route = only(Self::Gemini { model: named(model)?, operation }, method, "POST")?;
        if operation == Operation::Stream && !query.is_some_and(asks_for_events) {
            return Err(Problem::new(Code::UnsupportedApi, "streams come as server-sent events only: add ?alt=sse"));
        }
        Ok(route)
    }
}

fn only(route: Route, method: &Method, allowed: &'static str) -> Result<Route, Problem> {
    if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
        return Ok(route);
    }
    let problem = Problem::new(Code::MethodNotAllowed, format!("this route takes {allowed}"));
    Err(Problem { allow: Some(allowed), ..problem })
}

fn asks_for_events(query: &str) -> bool {
    query.split('&').any(|pair| pair == "alt=sse")
}

fn named(model: &str) -> Result<String, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let begins_well = model.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && model.len() <= LONGEST_MODEL && model.bytes().all(plain) && !model.contains("..") {
        return Ok(model.to_owned());
    }
    let message = "a model's name has letters, digits, '.', '-' and '_', as in gemini-3.5-flash";
    Err(Problem { field: Some("model".into()), ..Problem::new(Code::InvalidField, message) })
}

/// First segments of Google's other APIs, to be told apart from a mistyped path.
fn is_api(rest: &str) -> bool {
    let first = rest.split(['/', ':', '?']).next().unwrap_or_default();
    matches!(
        first,
        "auth_tokens"
            | "batches"
            | "cachedContents"
            | "corpora"
            | "dynamic"
            | "fileSearchStores"
            | "files"
            | "interactions"
            | "operations"
            | "tunedModels"
    )
}

fn unknown() -> Problem {
    Problem::new(Code::UnknownRoute, "there is no such route; see GET /{version}/models for what can be called")
}

fn unsupported() -> Problem {
    let message = "this gate offers generateContent, streamGenerateContent, countTokens and models; \
                   embeddings, files, caches, batches, live and interactions are not passed on";
    Problem::new(Code::UnsupportedApi, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(method: &Method, path: &str) -> Code {
        Route::of(method, path, None).unwrap_err().code
    }

    #[test]
    fn takes_each_version_and_an_escaped_colon() {
        for path in
            ["/v1/models/m-1.5:countTokens", "/v1beta/models/m-1.5%3AcountTokens", "/v1alpha/models/m-1.5:countTokens"]
        {
            let route = Route::of(&Method::POST, path, None).unwrap();
            assert_eq!(route, Route::Gemini { model: "m-1.5".into(), operation: Operation::Count }, "{path}");
        }
    }

    #[test]
    fn a_stream_is_asked_for_as_events() {
        let path = "/v1beta/models/m:streamGenerateContent";
        assert!(Route::of(&Method::POST, path, Some("x=1&alt=sse")).is_ok());
        assert!(Route::of(&Method::POST, path, Some("alt=json")).unwrap_err().message.contains("alt=sse"));
    }

    #[test]
    fn what_is_not_listed_is_not_found() {
        for path in [
            "/",
            "",
            "/v1",
            "/v2/models",
            "/v1beta/",
            "/v1beta/model",
            "//models",
            "/v1beta/models/",
            "/admin",
            "/v1betas/models",
        ] {
            let problem = Route::of(&Method::GET, path, None).unwrap_err();
            assert!(problem.code.status() == 404 || problem.code == Code::InvalidField, "{path}: {problem:?}");
        }
    }

    #[test]
    fn names_the_apis_that_are_not_offered() {
        for path in
            ["/v1beta/files", "/v1beta/interactions", "/v1beta/cachedContents/x", "/v1beta/models/m:batchEmbedContents"]
        {
            assert_eq!(code(&Method::POST, path), Code::UnsupportedApi, "{path}");
        }
    }

    #[test]
    fn refuses_a_model_that_leads_elsewhere() {
        for model in ["..%2Fx", "../x", "a/b", "..", ".", "a..b", "", "%00", "é", "x%20y"] {
            let path = format!("/v1beta/models/{model}:generateContent");
            assert_eq!(code(&Method::POST, &path), Code::InvalidField, "{model}");
        }
    }

    #[test]
    fn tells_the_methods_that_a_route_takes() {
        let problem = Route::of(&Method::PUT, "/v1beta/models", None).unwrap_err();
        assert_eq!((problem.code, problem.allow), (Code::MethodNotAllowed, Some("GET")));
    }
}
