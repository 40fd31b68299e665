//! Google's API Keys service: mints keys for Gemini and unmints them.
//!
//! Over REST, since Google's own clients for it know no `serviceAccountEmail`: what they mint is a standard key, which
//! Gemini refuses. Only a key that is bound to a service account and restricted to the Generative Language API, in the
//! call that makes it, is an *auth key*. Source: discovery document `apikeys` v2, revision 20260818.
//!
//! Keys of this bundle carry its name and the secret's in their annotations; others are not seen. A key's string
//! travels in one answer only, and in no URL.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::rest;
use super::token::Tokens;
use crate::clock::Timestamp;
use crate::ports::mint::{Check, Error, Key, KeyId, Mint, Operation, Page, Progress};
use crate::secret::Secret;

/// Where the service lives, unless a setting points elsewhere.
pub const BASE_URL: &str = "https://apikeys.googleapis.com";

/// What a token must be good for.
pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What minted keys open, and nothing else.
const OPENS: &str = "generativelanguage.googleapis.com";

/// Annotations of a key: whose it is, for which secret, and since when consumers may have it, in milliseconds.
const BUNDLE: &str = "gatehouse-bundle";
const SECRET: &str = "gatehouse-secret";
const SERVED: &str = "gatehouse-served";

/// Keys to a page. The service allows 300.
const PAGE: usize = 100;

/// What kind of keys to mint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bound to this service account, by e-mail: what Gemini takes.
    Auth {
        /// The account.
        service_account: String,
    },
    /// Bound to none. Gemini refuses them; other hosts of its API may not.
    Standard,
}

/// Whose keys they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The Google project, by id or number.
    pub project: String,
    /// The bundle's name.
    pub name: String,
    /// Tells one secret's keys from another's: a hash of its ARN, of characters that an annotation may have.
    pub secret: String,
    /// What kind of keys to mint.
    pub kind: Kind,
}

/// A client of the API Keys service.
#[derive(Debug)]
pub struct Client<T> {
    http: reqwest::Client,
    base: Url,
    tokens: T,
    bundle: Bundle,
}

impl<T: Tokens> Client<T> {
    /// A client of the service at `base`.
    pub const fn new(http: reqwest::Client, base: Url, tokens: T, bundle: Bundle) -> Self {
        Self { http, base, tokens, bundle }
    }

    fn keys(&self) -> String {
        format!("projects/{}/locations/global/keys", self.bundle.project)
    }

    fn key(&self, id: &KeyId) -> String {
        format!("{}/{id}", self.keys())
    }

    async fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v2/{path}", self.base.path().trim_end_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let token = self.tokens.token().await.map_err(|error| Error::Unavailable(error.into()))?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| Error::Unavailable("the access token holds illegal characters".into()))?;
        bearer.set_sensitive(true);
        Ok(self.http.request(method, url).header(AUTHORIZATION, bearer))
    }

    /// Sends a request. A token that is no longer taken is not used again.
    async fn send<A: DeserializeOwned>(&self, request: RequestBuilder) -> Result<A, Error> {
        let answer = rest::call(request).await;
        if matches!(answer, Err(rest::Error::Status { http: 401, .. })) {
            self.tokens.forget().await;
        }
        answer.map_err(told)
    }

    fn annotations(&self, served: Option<Timestamp>) -> Value {
        let mut annotations = json!({BUNDLE: self.bundle.name, SECRET: self.bundle.secret});
        if let (Some(Timestamp(since)), Some(map)) = (served, annotations.as_object_mut()) {
            map.insert(SERVED.to_owned(), since.to_string().into());
        }
        annotations
    }

    /// The key, where it is one of this bundle's for this secret.
    fn own(&self, written: Written) -> Option<Key> {
        let says = |name: &str| written.annotations.get(name).and_then(Value::as_str);
        if says(BUNDLE) != Some(&self.bundle.name) || says(SECRET) != Some(&self.bundle.secret) {
            return None;
        }
        // A mark that cannot be read still says that the key was served.
        let served = says(SERVED).map(|since| Timestamp(since.parse().unwrap_or(0)));
        let id = KeyId(written.name.rsplit('/').next()?.to_owned());
        let created = time(&written.create_time).unwrap_or_default();
        Some(Key { id, created, deleted: !written.delete_time.is_empty(), served, etag: written.etag })
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok().map(Timestamp)
}

fn json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.to_string())
}

/// A key as the service writes it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Written {
    name: String,
    annotations: serde_json::Map<String, Value>,
    create_time: String,
    delete_time: String,
    etag: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct List {
    keys: Vec<Written>,
    next_page_token: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Running {
    name: String,
    done: bool,
    error: Option<Failed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failed {
    code: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revealed {
    key_string: String,
}

impl<T: Tokens> Mint for Client<T> {
    async fn create(&self, id: &KeyId) -> Result<Operation, Error> {
        let mut key = json!({
            "displayName": format!("{} {}", self.bundle.name, id).chars().take(63).collect::<String>(),
            "annotations": self.annotations(None),
            "restrictions": {"apiTargets": [{"service": OPENS}]},
        });
        if let (Kind::Auth { service_account }, Some(key)) = (&self.bundle.kind, key.as_object_mut()) {
            key.insert("serviceAccountEmail".to_owned(), service_account.as_str().into());
        }
        let request = self.request(Method::POST, &self.keys(), &[("keyId", &id.0)]).await?;
        operation(self.send(json(request, &key)).await)
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, Error> {
        let request = self.request(Method::GET, &operation.0, &[]).await?;
        match self.send::<Running>(request).await {
            Ok(Running { error: Some(Failed { code }), .. }) => {
                Ok(Progress::Failed { reason: canonical(code).to_owned() })
            }
            Ok(Running { done: true, .. }) => Ok(Progress::Done),
            Ok(_) => Ok(Progress::Running),
            Err(Error::Absent) => Ok(Progress::Gone),
            Err(error) => Err(error),
        }
    }

    async fn reveal(&self, id: &KeyId) -> Result<Secret<String>, Error> {
        let request = self.request(Method::GET, &format!("{}/keyString", self.key(id)), &[]).await?;
        let Revealed { key_string } = self.send(request).await?;
        Ok(Secret::new(key_string))
    }

    async fn find(&self, id: &KeyId) -> Result<Option<Key>, Error> {
        let request = self.request(Method::GET, &self.key(id), &[]).await?;
        match self.send::<Written>(request).await {
            Ok(written) => Ok(self.own(written)),
            Err(Error::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, page: Option<&str>) -> Result<Page, Error> {
        let size = PAGE.to_string();
        let mut query = vec![("showDeleted", "true"), ("pageSize", &*size)];
        query.extend(page.map(|page| ("pageToken", page)));
        let request = self.request(Method::GET, &self.keys(), &query).await?;
        let List { keys, next_page_token } = self.send(request).await?;
        let next = (!next_page_token.is_empty()).then_some(next_page_token);
        Ok(Page { keys: keys.into_iter().filter_map(|key| self.own(key)).collect(), next })
    }

    async fn mark(&self, key: &Key, since: Timestamp) -> Result<Operation, Error> {
        let request = self.request(Method::PATCH, &self.key(&key.id), &[("updateMask", "annotations")]).await?;
        let body = json!({"annotations": self.annotations(Some(since)), "etag": key.etag});
        operation(self.send(json(request, &body)).await).map_err(changed)
    }

    async fn delete(&self, key: &Key, check: Check) -> Result<Operation, Error> {
        let usage = match check {
            Check::Use => "CHECK",
            Check::Nothing => "SKIP",
        };
        let query = [("etag", &*key.etag), ("checkExistingUsage", usage)];
        let request = self.request(Method::DELETE, &self.key(&key.id), &query).await?;
        let deleted = operation(self.send(request).await);
        deleted.map_err(|error| match (check, error) {
            // It may also mean that the key has changed. Either way it stays.
            (Check::Use, Error::Refused { reason }) if reason == PRECONDITION => Error::InUse,
            (_, error) => changed(error),
        })
    }

    async fn undelete(&self, id: &KeyId) -> Result<Operation, Error> {
        let request = self.request(Method::POST, &format!("{}:undelete", self.key(id)), &[]).await?;
        operation(self.send(json(request, &json!({}))).await).map_err(changed)
    }
}

const PRECONDITION: &str = "FAILED_PRECONDITION";

/// A precondition that was not named is the etag's.
fn changed(error: Error) -> Error {
    let precondition = matches!(&error, Error::Refused { reason } if reason == PRECONDITION);
    if precondition { Error::Changed } else { error }
}

fn operation(answer: Result<Running, Error>) -> Result<Operation, Error> {
    let Running { name, .. } = answer?;
    // It becomes part of a URL.
    let sound = name.starts_with("operations/")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte))
        && !name.contains("..");
    if sound { Ok(Operation(name)) } else { Err(Error::Unavailable("it names no operation".into())) }
}

fn told(error: rest::Error) -> Error {
    let rest::Error::Status { http, status, reason, after } = error else { return Error::Unavailable(error.into()) };
    match (status.as_str(), http) {
        ("ALREADY_EXISTS", _) => Error::Exists,
        ("ABORTED", _) | (_, 412) => Error::Changed,
        ("NOT_FOUND", _) => Error::Absent,
        ("RESOURCE_EXHAUSTED", _) | (_, 429) => Error::Limited { after: after.filter(|after| *after > Duration::ZERO) },
        ("UNAVAILABLE" | "INTERNAL" | "DEADLINE_EXCEEDED" | "UNKNOWN", _) | (_, 401 | 408 | 500..) => {
            Error::Unavailable(rest::Error::Status { http, status, reason, after }.into())
        }
        // Something on the way that is not the service.
        ("", _) => Error::Refused { reason: format!("HTTP_{http}") },
        (PRECONDITION, _) => Error::Refused { reason: status },
        _ if reason.is_empty() => Error::Refused { reason: status },
        _ => Error::Refused { reason: format!("{status} ({reason})") },
    }
}

/// The name of a code in `google.rpc.Code`, as an operation's error has it.
const fn canonical(code: i64) -> &'static str {
    match code {
        3 => "INVALID_ARGUMENT",
        5 => "NOT_FOUND",
        6 => "ALREADY_EXISTS",
        7 => "PERMISSION_DENIED",
        8 => "RESOURCE_EXHAUSTED",
        9 => PRECONDITION,
        10 => "ABORTED",
        13 => "INTERNAL",
        14 => "UNAVAILABLE",
        16 => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    }
}
