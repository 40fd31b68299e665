//! The policy in force, which may change while the gate runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use shared::clock::Timestamp;
use shared::policy::Compiled;
use shared::telemetry::Chain;
use tokio::sync::Mutex;

use super::Fetch;

/// How old what was read may be when a request begins, in milliseconds.
const FRESH_FOR: u64 = 30_000;

/// How soon a store that failed, or holds no usable policy, is asked again: soon while there is none in force, and
/// everybody waits for one; later while there is.
const AGAIN_WITHOUT: u64 = 1_000;
const AGAIN_WITH: u64 = 5_000;

/// The policy in force. A request keeps the one it began with.
///
/// Where it comes from a store, it is read when a request begins and what was read last is too old: a function may be
/// frozen between requests, so that nothing could watch the store meanwhile. One request reads; those beside it go on
/// with the policy in force. A policy that cannot be used is refused, and the one in force stays; before the first that
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
    text: Option<String>,
    refused: bool,
    /// When to read again.
    due: Timestamp,
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

    /// The policy for a request that begins now; `None` where there has been none that can be used.
    pub async fn current(&self, now: Timestamp) -> Option<Arc<Compiled>> {
        if let Some(store) = &self.store {
            self.follow(store, now).await;
        }
        self.in_force()
    }

    /// Puts another policy in force for the requests that come from now on, and tells the log.
    pub fn adopt(&self, next: Compiled) {
        let next = Arc::new(next);
        let to = next.policy.version().to_owned();
        let before = self.in_force.write().unwrap_or_else(PoisonError::into_inner).replace(next);
        let from = before.as_ref().map(|before| before.policy.version());
        if from.is_some_and(|from| from != to) {
            tracing::info!(code = "policy_changed", from, to, "another policy is in force");
        }
    }

    fn in_force(&self) -> Option<Arc<Compiled>> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn follow(&self, store: &Store, now: Timestamp) {
        let mut last = if self.in_force().is_none() {
            store.last.lock().await
        } else {
            // Somebody else is reading.
            let Ok(last) = store.last.try_lock() else { return };
            last
        };
        if now < last.due {
            return;
        }
        let sound = self.read(store, &mut last).await;
        let wait = match (sound, self.in_force()) {
            (true, _) => FRESH_FOR,
            (false, Some(_)) => AGAIN_WITH,
            (false, None) => AGAIN_WITHOUT,
        };
        last.due = Timestamp(now.0.saturating_add(wait));
    }

    /// Whether the store was read, and holds what is now in force.
    async fn read(&self, store: &Store, last: &mut Last) -> bool {
        let text = match (store.read)().await {
            Ok(Some(text)) => text,
            Ok(None) => {
                tracing::error!(code = "policy_refused", "there is no policy in the store; the one in force stays so");
                return false;
            }
            Err(unavailable) => {
                tracing::warn!(code = "policy_unread", error = %Chain(&unavailable), "the policy cannot be read");
                return false;
            }
        };
        if last.text.as_ref() == Some(&text) {
            if last.refused {
                tracing::error!(code = "policy_refused", "the policy in the store is still the one that was refused");
            }
            return !last.refused;
        }
        let candidate = text.clone();
        // Building a policy takes a while, and other requests are under way.
        let build = move || match candidate.trim() {
            "" => Ok(Compiled::embedded()),
            _ => Compiled::parse("the policy", &candidate),
        };
        let built = tokio::task::spawn_blocking(build).await;
        last.text = Some(text);
        last.refused = true;
        match built {
            Ok(Ok(compiled)) => {
                last.refused = false;
                self.adopt(compiled);
            }
            Ok(Err(invalid)) => {
                tracing::error!(code = "policy_refused", error = %Chain(&invalid), "the policy in force stays in force");
            }
            // The panic hook has told where.
            Err(_) => tracing::error!(code = "policy_refused", "the policy could not be built"),
        }
        !last.refused
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex as Lock;

    use shared::ports::Unavailable;

    use super::*;

    /// Rules that read these texts, one after the other, and how often they did.
    fn reading(texts: &[Option<&'static str>]) -> (Rules, Arc<Lock<VecDeque<Option<&'static str>>>>) {
        let left = Arc::new(Lock::new(texts.iter().copied().collect::<VecDeque<_>>()));
        let texts = left.clone();
        let read = move || -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
            let next = texts.lock().unwrap().pop_front().expect("one read more than there should be");
            Box::pin(async move {
                tokio::task::yield_now().await;
                match next {
                    Some("down") => Err(Unavailable { store: "policy", cause: "gone".into() }),
                    other => Ok(other.map(str::to_owned)),
                }
            })
        };
        (Rules::following(Box::new(read)), left)
    }

    async fn version(rules: &Rules, now: u64) -> Option<String> {
        rules.current(Timestamp(now)).await.map(|rules| rules.policy.version().to_owned())
    }

    #[tokio::test]
    async fn it_is_read_at_the_first_request_and_again_once_it_is_too_old() {
        let (rules, left) = reading(&[Some(""), Some(""), Some("# other\n")]);
        let first = version(&rules, 0).await;
        assert_eq!(first, Some(Compiled::embedded().policy.version().to_owned()));
        assert_eq!(version(&rules, FRESH_FOR - 1).await, first);
        assert_eq!(left.lock().unwrap().len(), 2);
        assert_eq!(version(&rules, FRESH_FOR).await, first);
        assert_ne!(version(&rules, 2 * FRESH_FOR).await, first);
    }

    #[tokio::test]
    async fn a_bad_policy_is_refused_and_the_old_one_kept() {
        let (rules, left) =
            reading(&[Some(""), Some("nonsense"), Some("nonsense"), None, Some("down"), Some("# new\n")]);
        let first = version(&rules, 0).await;
        for number in 0..4 {
            assert_eq!(version(&rules, FRESH_FOR + number * AGAIN_WITH).await, first);
        }
        assert_eq!(left.lock().unwrap().len(), 1);
        assert_ne!(version(&rules, FRESH_FOR + 4 * AGAIN_WITH).await, first);
    }

    #[tokio::test]
    async fn before_the_first_good_one_there_is_none_and_the_store_is_asked_again_soon() {
        for fault in [Some("nonsense"), Some("down"), None] {
            let (rules, left) = reading(&[fault, Some("")]);
            assert_eq!(version(&rules, 0).await, None);
            assert_eq!(version(&rules, AGAIN_WITHOUT - 1).await, None);
            assert_eq!(left.lock().unwrap().len(), 1);
            assert!(version(&rules, AGAIN_WITHOUT).await.is_some());
        }
    }

    #[tokio::test]
    async fn one_request_reads_and_those_beside_it_go_on() {
        let (rules, _left) = reading(&[Some(""), Some("# other\n")]);
        let (one, other) = tokio::join!(version(&rules, 0), version(&rules, 0));
        assert!(one.is_some() && one == other);
        let (reader, beside) = tokio::join!(version(&rules, FRESH_FOR), version(&rules, FRESH_FOR));
        assert_eq!(beside, one);
        assert_ne!(reader, one);
    }
}
