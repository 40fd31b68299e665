//! BigQuery over REST: rows in by `tabledata.insertAll`, answers out by `jobs.query`.
//!
//! Over REST, since Google's own crates have no writer. Source: discovery document `bigquery` v2, revision 20261009.
//! Three things about `insertAll` decide how it is used here. An answer of 200 may say that every row failed. A quota is
//! a 403 that only its reason tells from a missing permission. And `insertId` removes doubles only as far as it happens
//! to: the table is at least once, and a view removes them.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::rest;
use super::token::Tokens;
use crate::config::Setting;
use crate::ports::warehouse::{Error, Fate, Row, Warehouse};

/// Where the service lives, unless a setting points elsewhere.
pub const BASE_URL: &str = "https://bigquery.googleapis.com";

/// What a token must be good for that may add rows and nothing else.
pub const INSERT_SCOPE: &str = "https://www.googleapis.com/auth/bigquery.insertdata";

/// Rows to a page of an answer, which keeps it well under what is read.
const PAGE: u32 = 1000;

/// How long a request waits for a query to end, in milliseconds, before it is asked again.
const WAIT_MS: u64 = 10_000;

/// How long a query may take in all.
const QUERY_WITHIN: Duration = Duration::from_secs(5 * 60);

/// A dataset: `PROJECT.DATASET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    project: String,
    name: String,
}

impl Dataset {
    /// A table of the dataset as SQL spells it, without the backquotes.
    #[must_use]
    pub fn table(&self, table: &str) -> String {
        format!("{self}.{table}")
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.project, self.name)
    }
}

impl Setting for Dataset {
    const WANTED: &'static str = "PROJECT.DATASET";

    fn parse(text: &str) -> Option<Self> {
        // A project may have its organisation's domain before a colon, which holds dots too. Both become part of a URL
        // and of SQL.
        let (project, name) = text.rsplit_once('.')?;
        let letters = |text: &str, extra: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(&byte))
        };
        (letters(project, b"-.:") && !project.contains("..") && letters(name, b"_") && text.len() <= 1024)
            .then(|| Self { project: project.to_owned(), name: name.to_owned() })
    }
}

/// A client of BigQuery for one dataset.
#[derive(Debug)]
pub struct Client<T> {
    http: reqwest::Client,
    base: Url,
    tokens: T,
    dataset: Dataset,
}

impl<T: Tokens> Client<T> {
    /// A client of the service at `base`.
    pub const fn new(http: reqwest::Client, base: Url, tokens: T, dataset: Dataset) -> Self {
        Self { http, base, tokens, dataset }
    }

    /// The table of this name, to write to.
    pub const fn table(self, name: &'static str) -> Table<T> {
        Table { client: self, name }
    }

    /// Runs a statement in GoogleSQL and waits for its rows: each column as BigQuery spells it, or nothing.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unavailable`] also where it takes longer than five minutes.
    pub async fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let until = Instant::now() + QUERY_WITHIN;
        let body = json!({"query": sql, "useLegacySql": false, "timeoutMs": WAIT_MS, "maxResults": PAGE});
        let mut answer: Answer = self.send(self.post("queries", body.to_string()).await?).await?;
        let mut rows = Vec::new();
        let job = answer.job_reference.take();
        loop {
            rows.extend(answer.rows.into_iter().map(Answered::cells));
            let page = match (answer.job_complete, answer.page_token) {
                (true, None) => return Ok(rows),
                (true, Some(page)) => Some(page),
                (false, _) if Instant::now() > until => return Err(unavailable("the query takes too long")),
                (false, _) => None,
            };
            let Some(Job { job_id, location }) = &job else { return Err(unavailable("it names no job")) };
            let mut query = vec![("maxResults", PAGE.to_string()), ("timeoutMs", WAIT_MS.to_string())];
            query.extend(location.clone().map(|location| ("location", location)));
            query.extend(page.map(|page| ("pageToken", page)));
            let mut url = self.url("queries");
            url.path_segments_mut().map_err(|()| unavailable("the address has no path"))?.push(job_id);
            url.query_pairs_mut().extend_pairs(query);
            answer = self.send(self.request(Method::GET, url).await?).await?;
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let base = self.base.path().trim_end_matches('/');
        url.set_path(&format!("{base}/bigquery/v2/projects/{}/{path}", self.dataset.project));
        url
    }

    async fn post(&self, path: &str, body: String) -> Result<RequestBuilder, Error> {
        let request = self.request(Method::POST, self.url(path)).await?;
        Ok(request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body))
    }

    async fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Error> {
        let token = self.tokens.token().await.map_err(|error| Error::Unavailable(error.into()))?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| unavailable("the access token holds illegal characters"))?;
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
}

/// A table that takes rows.
#[derive(Debug)]
pub struct Table<T> {
    client: Client<T>,
    name: &'static str,
}

impl<T: Tokens> Warehouse for Table<T> {
    async fn insert(&self, rows: &[Row]) -> Result<Vec<Fate>, Error> {
        let path = format!("datasets/{}/tables/{}/insertAll", self.client.dataset.name, self.name);
        let request = self.client.post(&path, body(rows)).await?;
        let Inserted { kind, insert_errors } = self.client.send(request).await?;
        // Anything else is no answer of BigQuery's, and says nothing about rows.
        if kind != "bigquery#tableDataInsertAllResponse" {
            return Err(unavailable("the answer is not insertAll's"));
        }
        fates(rows.len(), insert_errors)
    }
}

/// The request. Valid rows are to be kept beside invalid ones.
fn body(rows: &[Row]) -> String {
    let mut body = String::from(r#"{"skipInvalidRows":true,"ignoreUnknownValues":false,"rows":["#);
    for (index, Row { id, json }) in rows.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        body.push_str(&format!(r#"{comma}{{"insertId":{},"json":{json}}}"#, Value::from(id.as_str())));
    }
    body.push_str("]}");
    body
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inserted {
    kind: String,
    insert_errors: Vec<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    index: usize,
    #[serde(default)]
    errors: Vec<Wrong>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrong {
    reason: String,
    location: String,
}

/// What became of each row: no word about it means that it is kept.
fn fates(count: usize, failed: Vec<Failed>) -> Result<Vec<Fate>, Error> {
    let mut fates = vec![Fate::Kept; count];
    for Failed { index, errors } in failed {
        let fate = fates.get_mut(index).ok_or_else(|| unavailable("it tells of a row that was not sent"))?;
        // Of several reasons, the row's own fault decides; BigQuery names a row more than once where several fail.
        match errors.iter().find(|wrong| wrong.reason == "invalid") {
            Some(Wrong { location, .. }) => *fate = Fate::Invalid { reason: named("invalid", location) },
            None if *fate == Fate::Kept => *fate = Fate::Again,
            None => {}
        }
    }
    Ok(fates)
}

/// A reason with the field it is about. A field's name has few characters: anything else may quote the row.
fn named(reason: &str, location: &str) -> String {
    let sound = !location.is_empty()
        && location.len() <= 64
        && location.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]".contains(&byte));
    if sound { format!("{reason} ({location})") } else { reason.to_owned() }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    job_complete: bool,
    job_reference: Option<Job>,
    page_token: Option<String>,
    rows: Vec<Answered>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    job_id: String,
    location: Option<String>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    f: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    v: Option<String>,
}

impl Answered {
    fn cells(self) -> Vec<Option<String>> {
        self.f.into_iter().map(|cell| cell.v).collect()
    }
}

fn unavailable(why: &'static str) -> Error {
    Error::Unavailable(why.into())
}

/// By reason first: BigQuery's 403 is a missing permission or a quota. Source of the reasons: BigQuery's error table and
/// what Google's own client tries again (google-cloud-bigquery, `retry.py`), 2026-11.
fn told(error: rest::Error) -> Error {
    let rest::Error::Status { http, status, reason, after } = error else { return Error::Unavailable(error.into()) };
    match (reason.as_str(), http) {
        ("rateLimitExceeded" | "quotaExceeded" | "jobRateLimitExceeded" | "RATE_LIMIT_EXCEEDED", _) | (_, 429) => {
            Error::Limited { reason, after: after.filter(|after| *after > Duration::ZERO) }
        }
        ("backendError" | "internalError" | "badGateway" | "tableUnavailable" | "timeout", _)
        | (_, 401 | 408 | 500..) => Error::Unavailable(rest::Error::Status { http, status, reason, after }.into()),
        ("notFound", _) | (_, 404) => Error::Absent,
        // Something on the way that is not the service.
        ("", _) if status.is_empty() => Error::Refused { reason: format!("HTTP_{http}") },
        ("", _) => Error::Refused { reason: status },
        _ => Error::Refused { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dataset_is_what_can_stand_in_a_url_and_in_sql() {
        let legacy = Dataset::parse("example.com:p-1.d_1").unwrap();
        assert_eq!((&*legacy.project, &*legacy.name), ("example.com:p-1", "d_1"));
        assert_eq!(Dataset::parse("p.d").unwrap().table("audit"), "p.d.audit");
        for wrong in ["", "p", "p.", ".d", "p.d-1", "p/x.d", "p`.d", "p..x.d", "p.d d", "p?.d"] {
            assert_eq!(Dataset::parse(wrong), None, "{wrong}");
        }
    }
}
