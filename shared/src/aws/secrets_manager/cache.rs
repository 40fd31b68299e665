//! What is known of the provider's key, and what to do by it. Pure: times come as arguments.

use std::sync::Arc;
use std::time::Duration;

use super::keys::Error;
use crate::clock::Timestamp;
use crate::ports::Key;
use crate::secret::Secret;

/// How long a key is used without asking. A rotation keeps the key before, so that a cached one works for at least a
/// whole rotation more: this only bounds how long a replaced key stays in use.
pub(super) const FRESH: Duration = Duration::from_secs(5 * 60);

/// How long a key is used while Secrets Manager cannot be read. Rotations are at least four hours apart, its shortest
/// interval: within it a cached key is at worst the previous one, which still works. An outage that lasts longer is a
/// mistake in somebody's permissions, and should show.
pub(super) const STALE: Duration = Duration::from_secs(4 * 60 * 60);

/// The pause after a failed read while there is a key to go on with.
pub(super) const PAUSE_WITH: Duration = Duration::from_secs(60);

/// The pause after a failed read while there is none: every request fails meanwhile.
pub(super) const PAUSE_WITHOUT: Duration = Duration::from_secs(5);

/// The pause between two reads that a rejected key asks for.
pub(super) const RECHECK: Duration = Duration::from_secs(10);

/// How long a rejected key that is still the current one is left out where another works. A new key is not known to
/// all of the provider's machines at once, so a rejection may pass.
pub(super) const REJECTED: Duration = Duration::from_secs(10 * 60);

/// Rejected keys that are remembered; a process that meets more has met the first long ago.
const REJECTIONS: usize = 16;

/// What is known.
#[derive(Default)]
pub(super) struct Cache {
    /// The version in use, and when it was read.
    current: Option<(Key, Timestamp)>,
    /// The version before it, once looked up: there may be none.
    previous: Option<Option<Key>>,
    /// Keys that the provider rejected, and when last. None of them is ever a fallback.
    rejected: Vec<(Secret<String>, Timestamp)>,
    /// The last read, where it failed.
    failed: Option<(Arc<Error>, Timestamp)>,
    /// The last read that a rejection asked for.
    rechecked: Option<Timestamp>,
}

/// What to do for a key.
#[derive(Debug)]
pub(super) enum Current {
    /// Read the secret; should that fail, or another be about it, go on with this one.
    Read(Option<Key>),
    /// Fail as the last read did, a moment ago.
    Refuse(Arc<Error>),
    /// Use this one.
    Use(Key),
}

/// What to do for another key than a rejected one.
#[derive(Debug)]
pub(super) enum Other {
    /// There is none.
    Nothing,
    /// Read the version in use.
    ReadCurrent,
    /// Read the version before.
    ReadPrevious,
    /// Fail as the last read did, a moment ago.
    Refuse(Arc<Error>),
    /// Use this one.
    Use(Key),
}

impl Cache {
    pub(super) fn current(&self, now: Timestamp) -> Current {
        let Some((current, read)) = &self.current else {
            return self.refusal(now, PAUSE_WITHOUT).map_or(Current::Read(None), Current::Refuse);
        };
        let key = self.chosen(current, now);
        // A rejected key is left as soon as there is a new one.
        let fresh = if self.rejected_within(current, now) { RECHECK } else { FRESH };
        if within(fresh, *read, now) {
            return Current::Use(key);
        }
        if now.since(*read) < STALE {
            return if self.refusal(now, PAUSE_WITH).is_some() { Current::Use(key) } else { Current::Read(Some(key)) };
        }
        self.refusal(now, PAUSE_WITHOUT).map_or(Current::Read(None), Current::Refuse)
    }

    /// What to do once `rejected` is known to be.
    pub(super) fn other(&self, rejected: &Key, now: Timestamp) -> Other {
        let current = self.current.as_ref().map(|(key, _)| key);
        if let Some(current) = current
            && !same(current, rejected)
            && !self.rejected_within(current, now)
        {
            return Other::Use(current.clone());
        }
        let read = |next| self.refusal(now, PAUSE_WITHOUT).map_or(next, Other::Refuse);
        if !self.rechecked.is_some_and(|at| within(RECHECK, at, now)) {
            return read(Other::ReadCurrent);
        }
        match &self.previous {
            None => read(Other::ReadPrevious),
            Some(Some(key)) if !self.rejected_ever(key) => Other::Use(key.clone()),
            Some(_) => Other::Nothing,
        }
    }

    pub(super) fn reject(&mut self, key: &Key, now: Timestamp) {
        self.rejected.retain(|(value, _)| value.expose() != key.value.expose());
        if self.rejected.len() == REJECTIONS {
            self.rejected.remove(0);
        }
        self.rejected.push((key.value.clone(), now));
    }

    /// A rejection asks for a read, whatever comes of it.
    pub(super) const fn recheck(&mut self, now: Timestamp) {
        self.rechecked = Some(now);
    }

    pub(super) fn found_current(&mut self, key: Key, now: Timestamp) {
        self.failed = None;
        if !self.current.as_ref().is_some_and(|(known, _)| same(known, &key)) {
            self.previous = None;
        }
        self.current = Some((key, now));
    }

    pub(super) fn found_previous(&mut self, key: Option<Key>) {
        self.failed = None;
        self.previous = Some(key);
    }

    pub(super) fn fail(&mut self, error: Arc<Error>, now: Timestamp) {
        self.failed = Some((error, now));
    }

    /// The current key, unless it was rejected and the one before was not.
    fn chosen(&self, current: &Key, now: Timestamp) -> Key {
        let previous = self.previous.as_ref().and_then(Option::as_ref).filter(|key| !self.rejected_ever(key));
        previous.filter(|_| self.rejected_within(current, now)).unwrap_or(current).clone()
    }

    fn rejected_ever(&self, key: &Key) -> bool {
        self.rejected.iter().any(|(value, _)| value.expose() == key.value.expose())
    }

    fn rejected_within(&self, key: &Key, now: Timestamp) -> bool {
        let at = self.rejected.iter().find(|(value, _)| value.expose() == key.value.expose()).map(|(_, at)| *at);
        at.is_some_and(|at| within(REJECTED, at, now))
    }

    fn refusal(&self, now: Timestamp, pause: Duration) -> Option<Arc<Error>> {
        let (error, at) = self.failed.as_ref()?;
        within(pause, *at, now).then(|| Arc::clone(error))
    }
}

/// Whether `now` is in the time that begins at `from`. A clock that was set back is outside.
fn within(time: Duration, from: Timestamp, now: Timestamp) -> bool {
    now >= from && now.since(from) < time
}

fn same(one: &Key, other: &Key) -> bool {
    one.value.expose() == other.value.expose()
}
