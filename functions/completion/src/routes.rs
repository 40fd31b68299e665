//! Which request is for what. What is not listed here is not found.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::problem::{Code, Problem};
use crate::surface::Surface;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /openapi.json`
    Description,
    /// `GET /healthz`
    Health,
    /// What Gemini is asked, by way of the gate.
    Ask(Target),
    /// `GET …/models`
    Models,
    /// `GET …/models/{model}`
    Model(String),
}

/// What Gemini is asked, as far as the path tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `POST …/chat/completions`. Model and operation stand in the body.
    Chat,
    /// `POST /{version}/models/{model}:{operation}`
    Gemini {
        /// The model as the path names it, without `models/`.
        model: String,
        /// What is asked of it.
        operation: Operation,
    },
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

/// Where `OpenAI`'s API begins. `/v1beta/openai` is what Google's own compatible endpoint says.
const OPENAI_BASES: [&str; 3] = ["/openai/v1/", "/v1beta/openai/", "/v1/"];

/// First segments that only `OpenAI` has beneath `/v1`.
const OPENAI_APIS: [&str; 19] = [
    "assistants",
    "audio",
    "chat",
    "completions",
    "containers",
    "conversations",
    "embeddings",
    "evals",
    "fine_tuning",
    "images",
    "moderations",
    "organization",
    "realtime",
    "responses",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
    "webhooks",
];

/// The surface that alone has this path; `None` where both could.
#[must_use]
pub fn claim(path: &str) -> Option<Surface> {
    let Some(rest) = path.strip_prefix("/v1/") else {
        let openai = path.starts_with("/openai") || path.starts_with("/v1beta/openai");
        return Some(if openai { Surface::OpenAi } else { Surface::Gemini });
    };
    let first = rest.split('/').next().unwrap_or_default();
    if OPENAI_APIS.contains(&first) {
        return Some(Surface::OpenAi);
    }
    let operates = [":", "%3A", "%3a"].iter().any(|colon| rest.contains(colon));
    operates.then_some(Surface::Gemini)
}

impl Route {
    /// The route of a request on a surface.
    ///
    /// # Errors
    /// A [`Problem`] when there is none.
    pub fn of(surface: Surface, method: &Method, path: &str, query: Option<&str>) -> Result<Self, Problem> {
        match path {
            "/healthz" => return only(Self::Health, method, "GET, HEAD"),
            "/openapi.json" => return only(Self::Description, method, "GET, HEAD"),
            _ => {}
        }
        match surface {
            Surface::Gemini => Self::gemini(method, path, query),
            Surface::OpenAi => Self::openai(method, path),
        }
    }

    fn openai(method: &Method, path: &str) -> Result<Self, Problem> {
        let rest = OPENAI_BASES.iter().find_map(|base| path.strip_prefix(base)).ok_or_else(not_openai)?;
        match rest {
            "chat/completions" => only(Self::Ask(Target::Chat), method, "POST"),
            "models" => only(Self::Models, method, "GET"),
            _ => {
                let model = rest.strip_prefix("models/").filter(|model| !model.is_empty()).ok_or_else(not_openai)?;
                let model = percent_decode_str(model).decode_utf8().map_err(|_| not_openai())?;
                only(Self::Model(bare(&model)?), method, "GET")
            }
        }
    }

    fn gemini(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Problem> {
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
        if rest.is_empty() {
            return Err(unknown());
        }
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
        let route = only(Self::Ask(Target::Gemini { model: named(model)?, operation }), method, "POST")?;
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

/// The bare name of a model, which a client may give with `models/` before it, as Google's lists do.
///
/// # Errors
/// A [`Problem`] when it is no name of a model.
pub fn bare(model: &str) -> Result<String, Problem> {
    named(model.strip_prefix("models/").unwrap_or(model))
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

fn not_openai() -> Problem {
    let message = "this gate offers POST /v1/chat/completions, GET /v1/models and GET /v1/models/{model}; responses, \
                   embeddings, completions, files, batches, images, audio and assistants are not passed on";
    Problem::new(Code::UnsupportedApi, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gemini(method: &Method, path: &str, query: Option<&str>) -> Result<Route, Problem> {
        Route::of(Surface::Gemini, method, path, query)
    }

    fn openai(method: &Method, path: &str) -> Result<Route, Problem> {
        Route::of(Surface::OpenAi, method, path, None)
    }

    fn code(method: &Method, path: &str) -> Code {
        gemini(method, path, None).unwrap_err().code
    }

    #[test]
    fn takes_each_version_and_an_escaped_colon() {
        for path in
            ["/v1/models/m-1.5:countTokens", "/v1beta/models/m-1.5%3AcountTokens", "/v1alpha/models/m-1.5:countTokens"]
        {
            let route = gemini(&Method::POST, path, None).unwrap();
            let target = Target::Gemini { model: "m-1.5".into(), operation: Operation::Count };
            assert_eq!(route, Route::Ask(target), "{path}");
        }
    }

    #[test]
    fn a_stream_is_asked_for_as_events() {
        let path = "/v1beta/models/m:streamGenerateContent";
        assert!(gemini(&Method::POST, path, Some("x=1&alt=sse")).is_ok());
        assert!(gemini(&Method::POST, path, Some("alt=json")).unwrap_err().message.contains("alt=sse"));
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
            let problem = gemini(&Method::GET, path, None).unwrap_err();
            assert_eq!(problem.code.status(), 404, "{path}: {problem:?}");
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
        let problem = gemini(&Method::PUT, "/v1beta/models", None).unwrap_err();
        assert_eq!((problem.code, problem.allow), (Code::MethodNotAllowed, Some("GET")));
    }

    #[test]
    fn openais_api_is_beneath_each_of_its_bases() {
        for base in ["/v1", "/openai/v1", "/v1beta/openai"] {
            assert_eq!(openai(&Method::POST, &format!("{base}/chat/completions")), Ok(Route::Ask(Target::Chat)));
            assert_eq!(openai(&Method::GET, &format!("{base}/models")), Ok(Route::Models));
            for name in ["m-1.5", "models/m-1.5", "models%2Fm-1.5"] {
                assert_eq!(openai(&Method::GET, &format!("{base}/models/{name}")), Ok(Route::Model("m-1.5".into())));
            }
            let problem = openai(&Method::GET, &format!("{base}/chat/completions")).unwrap_err();
            assert_eq!((problem.code, problem.allow), (Code::MethodNotAllowed, Some("POST")));
        }
    }

    #[test]
    fn what_openai_offers_and_this_gate_does_not_is_named() {
        for path in
            ["/v1/responses", "/v1/chat/completions/x", "/openai/v1/", "/openai/v1/models/", "/v1/files", "/v1/chat"]
        {
            let problem = openai(&Method::POST, path).unwrap_err();
            assert_eq!(problem.code, Code::UnsupportedApi, "{path}");
            assert!(problem.message.contains("/v1/chat/completions"), "{path}");
        }
        assert_eq!(openai(&Method::GET, "/v1/models/..%2Fx").unwrap_err().code, Code::InvalidField);
    }
}
