//! Google tokens on a laptop: the application-default credentials that `gcloud auth application-default login` leaves.
//!
//! Only a person's own credentials are read. A service account's key in a file is what this bundle exists to avoid.

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::super::rest;
use super::federation::{at, ends};
use super::{Error, Source, Token};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// Where Google renews a person's tokens, unless a setting points elsewhere.
pub const OAUTH_URL: &str = "https://oauth2.googleapis.com";

/// Tokens of the person who has logged in.
pub struct Laptop {
    http: reqwest::Client,
    oauth: Url,
    person: Person,
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "type")]
    kind: String,
    client_id: String,
    client_secret: String,
    refresh_token: String,
}

#[derive(Deserialize)]
struct Renewed {
    access_token: String,
    expires_in: u64,
}

/// It is no person's credentials. What it is, is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these are no application-default credentials of a person; run `gcloud auth application-default login`")]
pub struct NoPerson;

impl Laptop {
    /// Reads what the file `application_default_credentials.json` holds.
    ///
    /// # Errors
    /// [`NoPerson`].
    pub fn read(http: reqwest::Client, oauth: Url, file: &Secret<String>) -> Result<Self, NoPerson> {
        let person: Person = serde_json::from_str(file.expose()).map_err(|_| NoPerson)?;
        if person.kind == "authorized_user" { Ok(Self { http, oauth, person }) } else { Err(NoPerson) }
    }
}

impl fmt::Debug for Laptop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Laptop").finish_non_exhaustive()
    }
}

impl Source for Laptop {
    async fn fetch(&self, now: Timestamp) -> Result<Token, Error> {
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", &self.person.client_id)
            .append_pair("client_secret", &self.person.client_secret)
            .append_pair("refresh_token", &self.person.refresh_token)
            .finish();
        let request = self.http.post(at(&self.oauth, "token"));
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let renewed = rest::call(request.body(body)).await.map_err(Error::at("renew the person's token"))?;
        let Renewed { access_token, expires_in } = renewed;
        Ok(Token { value: Secret::new(access_token), ends: ends(now, expires_in) })
    }
}
