//! Access tokens for Google's APIs.
//!
//! A token is fetched when it is needed, kept until shortly before the end that Google named, by the wall clock, and
//! fetched by one caller while others wait for it. That holds in a function whose environment is frozen for an hour
//! between two calls: nothing runs in the background, and no clock that stands still is trusted. A fetch that fails
//! changes nothing; the next call tries again, and a token that is still good goes on being used.
//!
//! That is also why `google-cloud-auth` is not used. It refreshes in a task of its own, which a frozen environment does
//! not run, keeps the end of a token on the monotonic clock, and gives up for good after one error that it takes for
//! permanent, until the credentials are built anew (1.18, read in its source).

pub mod federation;
pub mod laptop;
mod signature;

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;

use super::rest;
use crate::clock::{Clock, Timestamp};
use crate::ports::Cause;
use crate::secret::Secret;

/// Hands out tokens that are good now.
pub trait Tokens: Send + Sync + 'static {
    /// A token that is good for some minutes.
    ///
    /// # Errors
    /// [`Error`] where there is none; the next call tries again.
    fn token(&self) -> impl Future<Output = Result<Secret<String>, Error>> + Send;

    /// Told that the last token was not taken: the next one is fetched anew.
    fn forget(&self) -> impl Future<Output = ()> + Send;
}

/// Where tokens come from.
pub trait Source: Send + Sync + 'static {
    /// A new token.
    ///
    /// # Errors
    /// [`Error`].
    fn fetch(&self, now: Timestamp) -> impl Future<Output = Result<Token, Error>> + Send;
}

/// A token and its end.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself.
    pub value: Secret<String>,
    /// When it ends.
    pub ends: Timestamp,
}

/// There is no token.
#[derive(Debug, thiserror::Error)]
#[error("there is no access token: could not {what}")]
pub struct Error {
    /// Which step failed.
    pub what: &'static str,
    /// Why.
    #[source]
    pub cause: Cause,
}

impl Error {
    fn at(what: &'static str) -> impl FnOnce(rest::Error) -> Self {
        move |cause| Self { what, cause: cause.into() }
    }
}

/// A token with less time left is renewed: requests take time, and clocks differ.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// A token with less time left is not used at all.
const USED_UNTIL: Duration = Duration::from_secs(30);

/// Keeps the token of a [`Source`] as long as it is good.
#[derive(Debug)]
pub struct Kept<S, C> {
    source: S,
    clock: C,
    token: Mutex<Option<Token>>,
}

impl<S: Source, C: Clock> Kept<S, C> {
    /// Keeps the tokens of `source`.
    pub fn new(source: S, clock: C) -> Self {
        Self { source, clock, token: Mutex::new(None) }
    }
}

impl<S: Source, C: Clock> Tokens for Kept<S, C> {
    async fn token(&self) -> Result<Secret<String>, Error> {
        // Held while a token is fetched: that is what others wait for. Whoever gives up waiting, or fetching, leaves
        // it as it was.
        let mut kept = self.token.lock().await;
        let left = |token: &Token| token.ends.since(self.clock.now());
        if let Some(token) = kept.as_ref().filter(|token| left(token) > RENEWED_BEFORE) {
            return Ok(token.value.clone());
        }
        match self.source.fetch(self.clock.now()).await {
            Ok(token) => {
                let value = token.value.clone();
                *kept = Some(token);
                Ok(value)
            }
            Err(error) => match kept.as_ref().filter(|token| left(token) > USED_UNTIL) {
                Some(token) => {
                    tracing::warn!("an access token could not be renewed; the one before it is still good");
                    Ok(token.value.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn forget(&self) {
        *self.token.lock().await = None;
    }
}

#[cfg(test)]
mod tests;
