//! The world of a rotation: one clock, one Secrets Manager, one Google, and faults at chosen effects. After every
//! effect the invariants are looked at, through the eyes of consumers that keep a key as long as they may.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use rotation::ports::{Notice, Notices, Timer};
use shared::clock::{Clock, Timestamp};
use shared::ports::secrets::Stage;

use super::google::Google;
use super::secrets::Secrets;

/// How long a consumer keeps a key before it reads the secret again.
pub(crate) const CACHED_MS: u64 = 5 * 60_000;

/// What every key in this world contains, so that one that is printed shows.
pub(crate) const CANARY: &str = "canary";

/// What goes wrong with an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies before it.
    DieBefore,
    /// The process dies after it, and before it learns how it went.
    DieAfter,
    /// It fails, and may be asked again.
    Transient,
    /// It takes hold, and its answer is lost.
    Lost,
    /// It is one too many.
    Throttled,
    /// It is refused for good.
    Permanent,
    /// It takes hold, and its answer comes when time is up.
    Slow,
    /// It tells of the world as it was one change ago.
    Stale,
    /// It tells of the world as it was three changes ago.
    Staler,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::DieBefore,
        Self::DieAfter,
        Self::Transient,
        Self::Lost,
        Self::Throttled,
        Self::Permanent,
        Self::Slow,
        Self::Stale,
        Self::Staler,
    ];

    /// Those that differ in what they do to an effect: a read has nothing to take hold, a write looks at nothing.
    pub(crate) const fn all(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Read => &[
                Self::DieBefore,
                Self::Transient,
                Self::Throttled,
                Self::Permanent,
                Self::Slow,
                Self::Stale,
                Self::Staler,
            ],
            Kind::Write => &[
                Self::DieBefore,
                Self::DieAfter,
                Self::Transient,
                Self::Lost,
                Self::Throttled,
                Self::Permanent,
                Self::Slow,
            ],
        }
    }

    /// Those whose effect on what comes after differs, which is what matters in pairs.
    pub(crate) const fn paired(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Read => &[Self::DieBefore, Self::Transient, Self::Permanent, Self::Slow, Self::Stale],
            Kind::Write => &[Self::DieBefore, Self::DieAfter, Self::Lost, Self::Permanent, Self::Slow],
        }
    }
}

/// How a service answers where it does not do as it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Permanent,
    Throttled,
    Transient,
}

/// What an effect may do: a service's state is changed, or looked at as it is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) secrets: Secrets,
    pub(crate) google: Google,
    /// What was before each of the last changes, the latest last.
    past: Vec<(Secrets, Google)>,
    /// Names of the effects so far.
    pub(crate) log: Vec<(&'static str, Kind)>,
    pub(crate) faults: Vec<(usize, Fault)>,
    /// The process has died; its future must not be polled again.
    pub(crate) dead: bool,
    /// When the process will be killed.
    pub(crate) until: u64,
    /// When somebody last began to look at the keys.
    pub(crate) looked: u64,
    /// The keys that consumers may hold, and when each was last current.
    held: BTreeMap<String, u64>,
    /// Consumers hold keys and send nothing, so that Google cannot know who may need one.
    pub(crate) idle: bool,
    pub(crate) notices: Vec<Notice>,
    pub(crate) violations: Vec<String>,
}

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct World(Arc<Mutex<State>>);

impl World {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            now: 1_800_000_000_000,
            secrets: Secrets::default(),
            google: Google::default(),
            past: Vec::new(),
            log: Vec::new(),
            faults: Vec::new(),
            dead: false,
            until: u64::MAX,
            looked: 0,
            held: BTreeMap::new(),
            idle: false,
            notices: Vec::new(),
            violations: Vec::new(),
        })))
    }

    /// A world of its own, in the state of this one.
    pub(crate) fn fork(&self) -> Self {
        let state = self.state();
        Self(Arc::new(Mutex::new(State {
            now: state.now,
            secrets: state.secrets.clone(),
            google: state.google.clone(),
            past: state.past.clone(),
            log: Vec::new(),
            faults: Vec::new(),
            dead: false,
            until: u64::MAX,
            looked: state.looked,
            held: state.held.clone(),
            idle: state.idle,
            notices: Vec::new(),
            violations: Vec::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass, with nothing happening.
    pub(crate) fn wait(&self, time: Duration) {
        let mut state = self.state();
        state.now += u64::try_from(time.as_millis()).unwrap();
        state.check("time");
    }

    /// Something that somebody else does.
    pub(crate) fn change<T>(&self, name: &'static str, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        state.remember();
        let done = change(&mut state);
        state.check(name);
        done
    }

    /// One effect of the job, with whatever fault is planned for it. Before and after it is a point at which the
    /// future may be dropped.
    pub(crate) async fn effect<T, E>(
        &self,
        name: &'static str,
        kind: Kind,
        trouble: impl FnOnce(Trouble) -> Result<T, E>,
        apply: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        Yield::default().await;
        let fault = self.state().begin(name, kind);
        match fault {
            Some(Fault::DieBefore) => return self.die().await,
            Some(Fault::Transient) => return trouble(Trouble::Transient),
            Some(Fault::Throttled) => return trouble(Trouble::Throttled),
            Some(Fault::Permanent) => return trouble(Trouble::Permanent),
            Some(Fault::DieAfter | Fault::Lost | Fault::Slow | Fault::Stale | Fault::Staler) | None => {}
        }
        let answer = {
            let mut state = self.state();
            match (kind, fault) {
                (Kind::Read, Some(Fault::Stale)) => state.looking_back(1, apply),
                (Kind::Read, Some(Fault::Staler)) => state.looking_back(3, apply),
                (Kind::Read, _) => apply(&mut state),
                (Kind::Write, _) => {
                    state.remember();
                    apply(&mut state)
                }
            }
        };
        self.state().check(name);
        match fault {
            Some(Fault::DieAfter) => return self.die().await,
            Some(Fault::Lost) => return trouble(Trouble::Transient),
            Some(Fault::Slow) => {
                let mut state = self.state();
                state.now = state.now.max(state.until);
            }
            _ => {}
        }
        Yield::default().await;
        answer
    }

    async fn die<T>(&self) -> T {
        self.state().dead = true;
        pending().await
    }
}

impl State {
    fn begin(&mut self, name: &'static str, kind: Kind) -> Option<Fault> {
        let index = self.log.len();
        self.log.push((name, kind));
        self.now += 50;
        self.faults.iter().find(|(at, _)| *at == index).map(|(_, fault)| *fault)
    }

    fn remember(&mut self) {
        // Copies cost more than all else, and only a stale look needs them.
        if !self.faults.iter().any(|(_, fault)| matches!(fault, Fault::Stale | Fault::Staler)) {
            return;
        }
        self.past.push((self.secrets.clone(), self.google.clone()));
        if self.past.len() > 4 {
            self.past.remove(0);
        }
    }

    fn looking_back<T>(&mut self, changes: usize, look: impl FnOnce(&mut Self) -> T) -> T {
        let Some(at) = self.past.len().checked_sub(changes) else { return look(self) };
        let mut then = self.past[at].clone();
        std::mem::swap(&mut self.secrets, &mut then.0);
        std::mem::swap(&mut self.google, &mut then.1);
        let seen = look(self);
        std::mem::swap(&mut self.secrets, &mut then.0);
        std::mem::swap(&mut self.google, &mut then.1);
        seen
    }

    /// I2: no key is made where the look at the keys has shown that there are enough. One that was in the making then
    /// has not shown, and a look that is stale shows fewer; what comes of it is found at the end.
    pub(crate) fn check_room(&mut self) {
        let stale = self.faults.iter().any(|(_, fault)| matches!(fault, Fault::Stale | Fault::Staler));
        if !stale && self.google.shown_live(self.looked) >= 3 {
            self.violations.push("a fourth key is made".to_owned());
        }
    }

    /// I1: every key that a consumer may hold works, wherever it is used.
    pub(crate) fn check(&mut self, after: &'static str) {
        let now = self.now;
        if let Some(version) = self.secrets.holder(&Stage::Current) {
            match self.secrets.key(&version) {
                Some(key) => {
                    let held = self.held.insert(key.clone(), now).is_some();
                    if !self.idle {
                        self.google.used(&key, held, now);
                    }
                }
                None => self.violations.push(format!("after {after}: the current version holds nothing")),
            }
        }
        self.held.retain(|_, last| *last + CACHED_MS >= now);
        for key in self.held.keys() {
            if !self.idle {
                self.google.used(key, true, now);
            }
            if !self.google.works_everywhere(key, now) {
                self.violations.push(format!("after {after}: {key} fails a consumer"));
            }
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp(self.state().now)
    }
}

impl Timer for World {
    async fn sleep(&self, time: Duration) {
        Yield::default().await;
        self.wait(time);
    }
}

impl Notices for World {
    fn tell(&self, notice: &Notice) {
        self.state().notices.push(notice.clone());
    }
}

/// Pending once: a point at which a future may be dropped.
#[derive(Debug, Default)]
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
