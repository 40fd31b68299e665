//! Google as a rotation meets it: tokens for a role, keys that are made by operations and reach Gemini some requests
//! later, deletion that asks for recent use, and Gemini itself, which answers whoever has a living key.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use super::{Asked, CANARY, PERSON, TOKEN, Told};

/// Probes that a new key is refused for, since it has not reached every server yet.
const SPREADS: usize = 2;

/// How often an operation is looked at before it is done.
const WORKS: usize = 1;

/// For so long a use keeps a key from being deleted, in days.
const IN_USE: i64 = 7;

#[derive(Debug, Default)]
pub(super) struct Google {
    keys: BTreeMap<String, Key>,
    /// How often each operation was looked at.
    operations: Vec<usize>,
    made: usize,
    tokens: usize,
}

#[derive(Debug)]
struct Key {
    string: String,
    annotations: Value,
    created: Timestamp,
    deleted: Option<Timestamp>,
    used: Option<Timestamp>,
    refuses: usize,
    etag: usize,
}

/// An error as Google's APIs spell it.
pub(super) fn error(code: u16, status: &str, reason: &str) -> Value {
    json!({"error": {"code": code, "status": status, "message": "API key not valid.",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]}})
}

fn refused(code: u16, status: &str) -> Option<Told> {
    Some((code, error(code, status, "")))
}

impl Google {
    pub(super) fn living(&self) -> usize {
        self.keys.values().filter(|key| key.deleted.is_none()).count()
    }

    pub(super) const fn made(&self) -> usize {
        self.made
    }

    pub(super) fn alive(&self) -> BTreeSet<String> {
        self.keys.iter().filter(|(_, key)| key.deleted.is_none()).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn id(&self, string: &str) -> Option<String> {
        self.keys.iter().find(|(_, key)| key.string == string).map(|(id, _)| id.clone())
    }

    /// Makes a key that has reached every server already.
    pub(super) fn mint(&mut self, id: &str, annotations: &Value) -> String {
        let key = Key { refuses: 0, ..Key::new(annotations.clone()) };
        let string = key.string.clone();
        self.made += 1;
        self.keys.insert(id.to_owned(), key);
        string
    }

    pub(super) fn remove(&mut self, id: &str) {
        let key = self.keys.get_mut(id).unwrap_or_else(|| panic!("there is no key {id}"));
        (key.deleted, key.etag) = (Some(now()), key.etag + 1);
    }

    /// `None` for a key that was never made.
    pub(super) fn takes(&mut self, string: &str) -> Option<bool> {
        let key = self.keys.values_mut().find(|key| key.string == string)?;
        if key.deleted.is_some() || key.refuses > 0 {
            key.refuses = key.refuses.saturating_sub(1);
            return Some(false);
        }
        key.used = Some(now());
        Some(true)
    }

    pub(super) fn age(&mut self, days: u32) {
        let millis = i64::from(days) * 86_400_000;
        let earlier = |at: Timestamp| at.checked_sub(millis.milliseconds()).unwrap_or(at);
        for key in self.keys.values_mut() {
            (key.created, key.used) = (earlier(key.created), key.used.map(earlier));
            let served = key.annotations["gatehouse-served"].as_str().and_then(|since| since.parse::<i64>().ok());
            if let Some(since) = served {
                key.annotations["gatehouse-served"] = (since - millis).to_string().into();
            }
        }
    }

    /// `None` for what it does not know.
    pub(super) fn serve(&mut self, asked: &Asked) -> Option<Told> {
        let path = asked.path.as_str();
        if path == "/v1/token" {
            return self.exchange(asked);
        }
        if path == "/token" {
            return Some(self.renew(asked));
        }
        if path.ends_with(":generateAccessToken") {
            let ends = now().checked_add(1.hour()).ok()?;
            return Some((
                200,
                json!({"accessToken": format!("{TOKEN}-{}", self.tokens), "expireTime": ends.to_string()}),
            ));
        }
        if let Some(method) = path.strip_prefix("/v1beta/models/").and_then(|path| path.rsplit_once(':')) {
            return Some(self.gemini(method.1, asked.header("x-goog-api-key")));
        }
        if !asked.header("authorization").starts_with(&format!("Bearer {TOKEN}")) {
            return refused(401, "UNAUTHENTICATED");
        }
        if let Some(number) = path.strip_prefix("/v2/operations/") {
            let looks = self.operations.get_mut(number.parse::<usize>().ok()?)?;
            *looks += 1;
            return Some((200, json!({"name": format!("operations/{number}"), "done": *looks > WORKS})));
        }
        let rest = path.strip_prefix("/v2/projects/p-1/locations/global/keys")?;
        self.keys(rest.strip_prefix('/').unwrap_or(rest), asked)
    }

    /// The pool's token, for a signed question to AWS of who this is.
    fn exchange(&mut self, asked: &Asked) -> Option<Told> {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        if !form.contains("subject_token_type=urn%3Aietf%3Aparams%3Aaws%3Atoken-type%3Aaws4_request") {
            return refused(400, "INVALID_ARGUMENT");
        }
        self.tokens += 1;
        let token = format!("{TOKEN}-pool-{}", self.tokens);
        Some((200, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600})))
    }

    /// A person's token, for what `gcloud auth application-default login` has left.
    fn renew(&mut self, asked: &Asked) -> Told {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        if !form.split('&').any(|pair| pair == format!("refresh_token={PERSON}")) {
            return (400, json!({"error": "invalid_grant"}));
        }
        self.tokens += 1;
        let token = format!("{TOKEN}-person-{}", self.tokens);
        (200, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}))
    }

    fn gemini(&mut self, method: &str, string: &str) -> Told {
        if self.takes(string) != Some(true) {
            return (400, error(400, "INVALID_ARGUMENT", "API_KEY_INVALID"));
        }
        if method == "countTokens" {
            return (200, json!({"totalTokens": 1}));
        }
        let answer = json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]},
            "finishReason": "STOP", "index": 0}], "modelVersion": "gemini-3.5-flash", "responseId": "r",
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}});
        (200, answer)
    }

    fn keys(&mut self, id: &str, asked: &Asked) -> Option<Told> {
        if id.is_empty() {
            return if asked.method == Method::GET {
                let keys: Vec<Value> = self.keys.iter().map(|(id, key)| key.written(id)).collect();
                Some((200, json!({"keys": keys})))
            } else {
                self.create(asked)
            };
        }
        if let Some(id) = id.strip_suffix("/keyString") {
            let key = self.keys.get(id)?;
            return Some((200, json!({"keyString": key.string})));
        }
        let (id, undelete) = id.strip_suffix(":undelete").map_or((id, false), |id| (id, true));
        let Some(key) = self.keys.get_mut(id) else { return refused(404, "NOT_FOUND") };
        if asked.method == Method::GET {
            return Some((200, key.written(id)));
        }
        if undelete {
            key.deleted = None;
        } else if asked.method == Method::PATCH {
            if asked.json()["etag"] != key.etag() {
                return refused(409, "ABORTED");
            }
            key.annotations = asked.json()["annotations"].clone();
        } else if asked.method == Method::DELETE {
            if !asked.says("etag", &key.etag()) {
                return refused(409, "ABORTED");
            }
            let recent = now().checked_sub((IN_USE * 24).hours()).ok()?;
            if asked.says("checkExistingUsage", "CHECK") && key.used.is_some_and(|used| used > recent) {
                return refused(400, "FAILED_PRECONDITION");
            }
            key.deleted = Some(now());
        } else {
            return None;
        }
        key.etag += 1;
        Some(self.begin())
    }

    fn create(&mut self, asked: &Asked) -> Option<Told> {
        let id = asked.query.strip_prefix("keyId=")?.to_owned();
        let body = asked.json();
        // Gemini takes no other kind, and a key that opens more than Gemini is one too many.
        let opens = json!({"apiTargets": [{"service": "generativelanguage.googleapis.com"}]});
        if body["serviceAccountEmail"] != "caller@p-1.iam.gserviceaccount.com" || body["restrictions"] != opens {
            return refused(400, "INVALID_ARGUMENT");
        }
        if self.keys.contains_key(&id) {
            return refused(409, "ALREADY_EXISTS");
        }
        self.made += 1;
        self.keys.insert(id, Key::new(body["annotations"].clone()));
        Some(self.begin())
    }

    fn begin(&mut self) -> Told {
        self.operations.push(0);
        (200, json!({"name": format!("operations/{}", self.operations.len() - 1)}))
    }
}

impl Key {
    fn new(annotations: Value) -> Self {
        Self {
            string: format!("{CANARY}{}", crate::canary("k")),
            annotations,
            created: now(),
            deleted: None,
            used: None,
            refuses: SPREADS,
            etag: 0,
        }
    }

    fn etag(&self) -> String {
        format!("e{}", self.etag)
    }

    fn written(&self, id: &str) -> Value {
        let mut key = json!({"name": format!("projects/p-1/locations/global/keys/{id}"), "etag": self.etag(),
            "annotations": self.annotations, "createTime": self.created.to_string()});
        if let Some(deleted) = self.deleted {
            key["deleteTime"] = deleted.to_string().into();
        }
        key
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}
