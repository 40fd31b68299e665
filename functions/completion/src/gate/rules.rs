//! The policy in force, which may change while the gate runs.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use shared::clock::{Clock, Timestamp};
use shared::policy::Compiled;
use shared::ports::Unavailable;
use shared::telemetry::Chain;
use tokio::sync::Mutex;

use super::Fetch;

/// How old what was read may be when a request begins.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// How soon a store that failed, or holds no usable policy, is asked again: soon while there is none in force, and
/// everybody waits for one; later while there is.
const AGAIN_WITHOUT: Duration = Duration::from_secs(1);
const AGAIN_WITH: Duration = Duration::from_secs(5);

/// The policy in force. A request keeps the one it began with.
///
/// Where it comes from a store, it is read when a request begins and what was read last is too old: a function may be
/// frozen between requests, so that nothing could watch the store meanwhile. One request reads; those beside it go on
/// with the policy in force, and before there is one they wait for what comes of the read. A policy that cannot be used is refused, and the one in force stays; before the first that
/// can be used there is none.
#[derive(Debug)]
pub struct Rules {
    in_force: RwLock<Option<Arc<Compiled>>>,
    store: Option<Store>,
}

struct Store {
    read: Fetch<Option<String>>,
    /// Held by who reads.
    last: Mutex<Last>,
}

/// What was found when the store was last read.
#[derive(Debug, Default)]
struct Last {
    text: Option<Option<String>>,
    /// Why it was refused.
    refused: Option<&'static str>,
    /// When the read had ended, and how long it is good for.
    read: Option<(Timestamp, Duration)>,
}

impl Last {
    /// Whether to read again. A clock that was set back tells nothing of how old it is.
    fn is_due(&self, now: Timestamp) -> bool {
        self.read.is_none_or(|(at, good_for)| now < at || now.since(at) >= good_for)
    }
}

impl Rules {
    /// Begins with this policy.
    #[must_use]
    pub fn new(first: Compiled) -> Self {
        Self { in_force: RwLock::new(Some(Arc::new(first))), store: None }
    }

    /// Follows the policy's text in a store. `None` from there is a fault: an empty text is the embedded policy.
    #[must_use]
    pub fn following(read: Fetch<Option<String>>) -> Self {
        Self { in_force: RwLock::new(None), store: Some(Store { read, last: Mutex::default() }) }
    }

    /// The policy for a request that begins now; `None` where there has been none that can be used. What comes of a
    /// change is told to `scribe` before.
    pub(super) async fn current(&self, clock: &impl Clock, scribe: &impl Scribe) -> Option<Arc<Compiled>> {
        if let Some(store) = &self.store {
            self.follow(store, clock, scribe).await;
        }
        self.in_force()
    }

    /// The policy in force; `None` before the first.
    pub(super) fn in_force(&self) -> Option<Arc<Compiled>> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another policy in force for the requests that come from now on: that is on record before.
    pub(super) async fn adopt(&self, next: Compiled, scribe: &impl Scribe) -> Result<(), Unavailable> {
        let (before, to) = (self.in_force(), next.policy.version());
        match before.as_ref().map(|before| before.policy.version()) {
            Some(from) if from == to => return Ok(()),
            Some(from) => {
                scribe.tell(Told::Change { from, to }).await?;
                tracing::info!(code = "policy_changed", from, to, "another policy is in force");
            }
            None => scribe.tell(Told::Begin { to }).await?,
        }
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(next));
        Ok(())
    }

    /// Puts on record that another policy was refused, and why. The policy in force stays in force; before the first
    /// there is nothing to tell but the log's own line.
    pub(super) async fn refuse(&self, code: &str, scribe: &impl Scribe) -> Result<(), Unavailable> {
        let Some(stays) = self.in_force() else { return Ok(()) };
        scribe.tell(Told::Refuse { code, stays: stays.policy.version() }).await
    }

    async fn follow(&self, store: &Store, clock: &impl Clock, scribe: &impl Scribe) {
        let mut last = if self.in_force().is_none() {
            store.last.lock().await
        } else {
            // Somebody else is reading.
            let Ok(last) = store.last.try_lock() else { return };
            last
        };
        if !last.is_due(clock.now()) {
            return;
        }
        let sound = self.read(store, &mut last, scribe).await;
        let good_for = match (sound, self.in_force()) {
            (true, _) => FRESH_FOR,
            (false, Some(_)) => AGAIN_WITH,
            (false, None) => AGAIN_WITHOUT,
        };
        last.read = Some((clock.now(), good_for));
    }

    /// Whether the store was read, and holds what is now in force.
    async fn read(&self, store: &Store, last: &mut Last, scribe: &impl Scribe) -> bool {
        let text = match (store.read)().await {
            Ok(text) => text,
            Err(unavailable) => {
                tracing::warn!(code = "policy_unread", error = %Chain(&unavailable), "the policy cannot be read");
                return false;
            }
        };
        if last.text.as_ref() == Some(&text) {
            if let Some(reason) = last.refused {
                tracing::error!(code = REFUSED, reason, "the store still holds the policy that was refused");
            }
            return last.refused.is_none();
        }
        let built = build(text.clone()).await;
        let refused = built.as_ref().err().copied();
        let recorded = match built {
            Ok(compiled) => self.adopt(compiled, scribe).await,
            Err(code) => self.refuse(code, scribe).await,
        };
        if let Err(unavailable) = recorded {
            let error = Chain(&unavailable);
            tracing::error!(code = "policy_unrecorded", %error, "the policy in force stays until this is on record");
            return false;
        }
        (last.text, last.refused) = (Some(text), refused);
        refused.is_none()
    }
}

/// The code of the log line that tells of a policy which cannot be used.
const REFUSED: &str = "policy_refused";

/// Builds a policy, or gives the code of why it is none, which the log explains.
async fn build(text: Option<String>) -> Result<Compiled, &'static str> {
    let Some(text) = text else {
        let reason = "policy_absent";
        tracing::error!(code = REFUSED, reason, "there is no policy in the store");
        return Err(reason);
    };
    let build = move || match text.trim() {
        "" => Ok(Compiled::embedded()),
        _ => Compiled::parse("the policy", &text),
    };
    // It takes a while, and other requests are under way.
    let built = tokio::task::spawn_blocking(build).await.map_err(|_| {
        // The panic hook has told where.
        let reason = "policy_unbuildable";
        tracing::error!(code = REFUSED, reason, "the policy could not be built");
        reason
    })?;
    built.map_err(|invalid| {
        let reason = "policy_invalid";
        tracing::error!(code = REFUSED, reason, error = %Chain(&invalid), "the policy in the store cannot be used");
        reason
    })
}

/// What is told of the policy in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told<'t> {
    /// It is the first.
    Begin { to: &'t str },
    /// It follows another.
    Change { from: &'t str, to: &'t str },
    /// It stays, since another was refused for this reason.
    Refuse { code: &'t str, stays: &'t str },
}

/// Keeps what is told of the policy.
pub(super) trait Scribe: Sync {
    /// Returns once it is kept.
    fn tell(&self, told: Told<'_>) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
