//! Google tokens for a function on AWS, without any Google key: Workload Identity Federation.
//!
//! A request that only this function's role could have signed is shown to Google, which has AWS say whose it is, and
//! gives a token of the pool's; with that token, one of a service account is asked for. Source: AIP-4117, discovery
//! documents `sts` (20261028) and `iamcredentials` (20260630).

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::super::rest;
use super::{Error, Source, Token, signature};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// Where Google exchanges tokens, unless a setting points elsewhere.
pub const STS_URL: &str = "https://sts.googleapis.com";
/// Where Google gives tokens of service accounts, unless a setting points elsewhere.
pub const IAM_CREDENTIALS_URL: &str = "https://iamcredentials.googleapis.com";

/// How long a token of a service account is asked to last: what is allowed without further permission.
const LIFETIME_SECONDS: u64 = 3600;

/// The credentials of a function's role, as Lambda puts them into its environment. They are the same for as long as the
/// environment lives.
#[derive(Clone)]
pub struct Credentials {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_key: Secret<String>,
    /// `AWS_SESSION_TOKEN`; a role has one.
    pub session_token: Option<Secret<String>>,
    /// `AWS_REGION`.
    pub region: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("region", &self.region).finish_non_exhaustive()
    }
}

/// Whom to be, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider in the pool:
    /// `//iam.googleapis.com/projects/N/locations/global/workloadIdentityPools/P/providers/V`.
    pub audience: String,
    /// The service account to be, by e-mail.
    pub service_account: String,
    /// What the token must be good for.
    pub scope: &'static str,
}

/// Where Google is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The security token service.
    pub sts: Url,
    /// The service account credentials API.
    pub iam_credentials: Url,
}

/// Tokens of a service account, for a role.
#[derive(Debug)]
pub struct Federation {
    http: reqwest::Client,
    endpoints: Endpoints,
    credentials: Credentials,
    identity: Identity,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    access_token: String,
    expire_time: String,
}

impl Federation {
    /// Tokens for `identity`, by these credentials.
    pub const fn new(
        http: reqwest::Client,
        endpoints: Endpoints,
        credentials: Credentials,
        identity: Identity,
    ) -> Self {
        Self { http, endpoints, credentials, identity }
    }

    /// What Google is shown: the signed request as JSON, with everything but letters, digits and `-._~*` encoded.
    fn subject(&self, now: Timestamp) -> Option<Secret<String>> {
        let signed = signature::sign(&self.credentials, &self.identity.audience, now)?;
        let headers: Vec<_> = signed.headers.iter().map(|(name, value)| json!({"key": name, "value": value})).collect();
        let shown = json!({"url": signed.url, "method": "POST", "headers": headers, "body": ""}).to_string();
        // Google reads `+` as itself here.
        Some(Secret::new(byte_serialize(shown.as_bytes()).collect::<String>().replace('+', "%20")))
    }

    async fn exchange(&self, now: Timestamp) -> Result<Secret<String>, Error> {
        const WHAT: &str = "exchange the role's identity";
        let subject = self.subject(now).ok_or_else(|| Error { what: WHAT, cause: "the clock shows no time".into() })?;
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("audience", &self.identity.audience)
            // The pool's token is only good for asking for another.
            .append_pair("scope", "https://www.googleapis.com/auth/cloud-platform")
            .append_pair("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
            .append_pair("subject_token_type", "urn:ietf:params:aws:token-type:aws4_request")
            .append_pair("subject_token", subject.expose())
            .finish();
        let request = self.http.post(at(&self.endpoints.sts, "v1/token"));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let Exchanged { access_token } = rest::call(request.body(body)).await.map_err(Error::at(WHAT))?;
        Ok(Secret::new(access_token))
    }
}

impl Source for Federation {
    async fn fetch(&self, now: Timestamp) -> Result<Token, Error> {
        const WHAT: &str = "become the service account";
        let pool = self.exchange(now).await?;
        let account = &self.identity.service_account;
        let path = format!("v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        let illegal = || Error { what: WHAT, cause: "the token holds illegal characters".into() };
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", pool.expose())).map_err(|_| illegal())?;
        bearer.set_sensitive(true);
        let body = json!({"scope": [self.identity.scope], "lifetime": format!("{LIFETIME_SECONDS}s")});
        let request = self
            .http
            .post(at(&self.endpoints.iam_credentials, &path))
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body.to_string());
        let Generated { access_token, expire_time } = rest::call(request).await.map_err(Error::at(WHAT))?;
        let named: Option<jiff::Timestamp> = expire_time.parse().ok();
        let named = named.and_then(|end| u64::try_from(end.as_millisecond()).ok()).map(Timestamp);
        // Never trusted for longer than was asked for, whatever the two clocks say.
        let longest = Timestamp(now.0.saturating_add(LIFETIME_SECONDS * 1000));
        Ok(Token { value: Secret::new(access_token), ends: named.unwrap_or(now).min(longest) })
    }
}

/// A path beneath an endpoint, which may have a path of its own.
pub(super) fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

/// When a token ends that lasts so many seconds.
pub(super) fn ends(now: Timestamp, seconds: u64) -> Timestamp {
    let lasts = Duration::from_secs(seconds).as_millis();
    Timestamp(now.0.saturating_add(u64::try_from(lasts).unwrap_or(u64::MAX)))
}
