//! Google's API Keys service and Gemini's view of its keys: a key is made by an operation, reaches three frontends one
//! by one, lives on for a while where it was deleted, comes back within 30 days, and its use is known with a delay.

use std::collections::BTreeMap;

use shared::clock::Timestamp;
use shared::ports::mint::{Check, Error, Key, KeyId, Mint, Operation, Page, Probe, Progress, Verdict};
use shared::secret::Secret;

use super::world::{CANARY, Kind, State, Trouble, World};

/// Until a key that was deleted is refused: reports say about a minute.
const LINGERS_MS: u64 = 60_000;
/// Until the service knows of a use.
const USE_SHOWS_MS: u64 = 10 * 60_000;
/// How long a use keeps a key from being deleted.
const IN_USE_MS: u64 = 7 * 86_400_000;
/// Keys to a page.
const PAGE: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Google {
    keys: BTreeMap<KeyId, Kept>,
    operations: BTreeMap<String, Work>,
    /// Until a new key is taken by each frontend.
    pub(crate) spreads_ms: [u64; 3],
    /// Until an operation is done.
    work_ms: u64,
    /// How often an operation's end is an error.
    pub(crate) fails: usize,
    probes: usize,
}

#[derive(Clone, Debug)]
struct Work {
    done: u64,
    failed: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Kept {
    ours: bool,
    string: String,
    created: u64,
    ready: [u64; 3],
    deleted: Option<u64>,
    served: Option<u64>,
    etag: u64,
    /// From when to when it was used without a pause, the latest last.
    used: Vec<(u64, u64)>,
}

impl Default for Google {
    fn default() -> Self {
        Self {
            keys: BTreeMap::new(),
            operations: BTreeMap::new(),
            spreads_ms: [300, 900, 1_400],
            work_ms: 1_500,
            fails: 0,
            probes: 0,
        }
    }
}

impl Google {
    /// A key of the operator's own, old and known everywhere.
    pub(crate) fn own_key(&mut self, name: &str) -> String {
        let string = format!("{CANARY}-{name}");
        let kept = Kept {
            ours: false,
            string: string.clone(),
            created: 0,
            ready: [0; 3],
            deleted: None,
            served: None,
            etag: 0,
            used: Vec::new(),
        };
        self.keys.insert(KeyId(name.to_owned()), kept);
        string
    }

    /// Operations are done, and keys known everywhere, by the next look.
    pub(crate) fn be_quick(&mut self) {
        (self.work_ms, self.spreads_ms) = (0, [0; 3]);
    }

    /// Keys of the bundle that a list shows as alive.
    pub(crate) fn shown_live(&self, now: u64) -> usize {
        self.keys.keys().filter_map(|id| self.shown(id, now)).filter(|key| !key.deleted).count()
    }

    pub(crate) fn live_ids(&self) -> Vec<KeyId> {
        let live = self.keys.iter().filter(|(_, kept)| kept.ours && kept.deleted.is_none());
        live.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn served(&self, id: &KeyId) -> bool {
        self.keys.get(id).is_some_and(|kept| kept.served.is_some())
    }

    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.keys.get(&KeyId(name.to_owned())).is_some_and(|kept| kept.deleted.is_none())
    }

    /// A use, which has gone on since the last one or stands alone.
    pub(crate) fn used(&mut self, string: &str, going_on: bool, now: u64) {
        if let Some(kept) = self.keys.values_mut().find(|kept| kept.string == string) {
            if !going_on {
                kept.used.push((now, now));
            }
            if let Some((_, last)) = kept.used.last_mut() {
                *last = now;
            }
        }
    }

    /// Whether every frontend takes the key, as strictly as a consumer may find it: deleted is refused at once.
    pub(crate) fn works_everywhere(&self, string: &str, now: u64) -> bool {
        let kept = self.keys.values().find(|kept| kept.string == string);
        kept.is_some_and(|kept| kept.deleted.is_none() && kept.ready.iter().all(|ready| *ready <= now))
    }

    /// One frontend after the other, and a deleted key as leniently as a prober may find it.
    fn takes(&mut self, string: &str, now: u64) -> bool {
        self.probes += 1;
        let frontend = self.probes % 3;
        let kept = self.keys.values().find(|kept| kept.string == string);
        kept.is_some_and(|kept| {
            kept.ready[frontend] <= now && kept.deleted.is_none_or(|deleted| now <= deleted + LINGERS_MS)
        })
    }

    fn operation(&mut self, now: u64) -> Operation {
        let name = format!("operations/{}", self.operations.len());
        let failed = if self.fails > 0 { Some("INTERNAL") } else { None };
        self.fails = self.fails.saturating_sub(1);
        self.operations.insert(name.clone(), Work { done: now + self.work_ms, failed });
        Operation(name)
    }

    fn live_key(&mut self, key: &Key) -> Result<&mut Kept, Error> {
        let kept = self.keys.get_mut(&key.id).ok_or(Error::Absent)?;
        if kept.deleted.is_some() {
            return Err(Error::Absent);
        }
        if kept.etag.to_string() == key.etag { Ok(kept) } else { Err(Error::Changed) }
    }

    fn shown(&self, id: &KeyId, now: u64) -> Option<Key> {
        // It is there once the operation that makes it is done.
        let kept = self.keys.get(id).filter(|kept| kept.ours && kept.created <= now)?;
        Some(Key {
            id: id.clone(),
            created: Timestamp(kept.created),
            deleted: kept.deleted.is_some(),
            served: kept.served.map(Timestamp),
            etag: kept.etag.to_string(),
        })
    }
}

fn fail<T>(trouble: Trouble) -> Result<T, Error> {
    Err(match trouble {
        Trouble::Permanent => Error::Refused { reason: "PERMISSION_DENIED".to_owned() },
        Trouble::Throttled => Error::Limited { after: None },
        Trouble::Transient => Error::Unavailable("told to".into()),
    })
}

impl Mint for World {
    async fn create(&self, id: &KeyId) -> Result<Operation, Error> {
        let create = |state: &mut State| {
            if state.google.keys.contains_key(id) {
                return Err(Error::Exists);
            }
            state.check_room();
            let (google, now) = (&mut state.google, state.now);
            let operation = google.operation(now);
            if google.operations[&operation.0].failed.is_none() {
                let created = now + google.work_ms;
                let kept = Kept {
                    ours: true,
                    string: format!("{CANARY}-{id}"),
                    created,
                    ready: google.spreads_ms.map(|lag| created + lag),
                    deleted: None,
                    served: None,
                    etag: 0,
                    used: Vec::new(),
                };
                google.keys.insert(id.clone(), kept);
            }
            Ok(operation)
        };
        self.effect("create", Kind::Write, fail, create).await
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, Error> {
        let poll = |state: &mut State| {
            Ok(match state.google.operations.get(&operation.0) {
                None => Progress::Gone,
                Some(work) if work.done > state.now => Progress::Running,
                Some(Work { failed: Some(reason), .. }) => Progress::Failed { reason: (*reason).to_owned() },
                Some(_) => Progress::Done,
            })
        };
        self.effect("poll", Kind::Read, fail, poll).await
    }

    async fn reveal(&self, id: &KeyId) -> Result<Secret<String>, Error> {
        let reveal = |state: &mut State| match state.google.shown(id, state.now) {
            Some(key) if !key.deleted => Ok(Secret::new(state.google.keys[id].string.clone())),
            _ => Err(Error::Absent),
        };
        self.effect("reveal", Kind::Read, fail, reveal).await
    }

    async fn find(&self, id: &KeyId) -> Result<Option<Key>, Error> {
        self.effect("find", Kind::Read, fail, |state| Ok(state.google.shown(id, state.now))).await
    }

    async fn list(&self, page: Option<&str>) -> Result<Page, Error> {
        let list = |state: &mut State| {
            let first = page.map_or(0, |page| page.parse::<usize>().unwrap());
            if first == 0 {
                state.looked = state.now;
            }
            let (google, now) = (&state.google, state.now);
            let all: Vec<Key> = google.keys.keys().filter_map(|id| google.shown(id, now)).collect();
            let next = (first + PAGE < all.len()).then(|| (first + PAGE).to_string());
            Ok(Page { keys: all.into_iter().skip(first).take(PAGE).collect(), next })
        };
        self.effect("list", Kind::Read, fail, list).await
    }

    async fn mark(&self, key: &Key, since: Timestamp) -> Result<Operation, Error> {
        let mark = |state: &mut State| {
            let kept = state.google.live_key(key)?;
            (kept.served, kept.etag) = (Some(since.0), kept.etag + 1);
            Ok(state.google.operation(state.now))
        };
        self.effect("mark", Kind::Write, fail, mark).await
    }

    async fn delete(&self, key: &Key, check: Check) -> Result<Operation, Error> {
        let delete = |state: &mut State| {
            let now = state.now;
            let kept = state.google.live_key(key)?;
            // What is known of it ends some minutes ago.
            let in_use = |(first, last): &(u64, u64)| {
                let known = (*last).min(now - USE_SHOWS_MS);
                *first <= known && known + IN_USE_MS > now
            };
            if check == Check::Use && kept.used.iter().any(in_use) {
                return Err(Error::InUse);
            }
            (kept.deleted, kept.etag) = (Some(now), kept.etag + 1);
            Ok(state.google.operation(now))
        };
        self.effect("delete", Kind::Write, fail, delete).await
    }

    async fn undelete(&self, id: &KeyId) -> Result<Operation, Error> {
        let undelete = |state: &mut State| {
            let now = state.now;
            let Google { spreads_ms, work_ms, .. } = state.google;
            let kept = state.google.keys.get_mut(id).ok_or(Error::Absent)?;
            if kept.deleted.take().is_none() {
                return Err(Error::Changed);
            }
            kept.etag += 1;
            // It has to reach the frontends anew.
            kept.ready = spreads_ms.map(|lag| now + work_ms + lag);
            Ok(state.google.operation(now))
        };
        self.effect("undelete", Kind::Write, fail, undelete).await
    }
}

impl Probe for World {
    async fn probe(&self, key: &Secret<String>) -> Verdict {
        let trouble = |trouble| {
            Ok(match trouble {
                Trouble::Permanent => Verdict::Rejected("told to"),
                Trouble::Throttled => Verdict::Inconclusive("throttled"),
                Trouble::Transient => Verdict::Inconclusive("told to"),
            })
        };
        let probe = |state: &mut State| {
            let now = state.now;
            let taken = state.google.takes(key.expose(), now);
            if taken {
                state.google.used(key.expose(), false, now);
            }
            Ok::<_, std::convert::Infallible>(if taken { Verdict::Accepted } else { Verdict::Rejected("unknown key") })
        };
        match self.effect("probe", Kind::Read, trouble, probe).await {
            Ok(verdict) => verdict,
        }
    }
}
