//! A store of record and a queue in memory, that fail as a plan says: before they did it, or after, with the answer
//! lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use super::lock;
use crate::ports::Unavailable;
use crate::ports::trail::{Created, Outbox, Store};

/// Objects and messages in memory. Clones share them.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Vec<u8>>,
    sent: Vec<(String, Option<String>)>,
    calls: u64,
    plan: Option<Plan>,
}

/// What becomes of the call with a number, from 0: `None` lets it pass.
pub type Plan = Box<dyn FnMut(u64) -> Option<Broken> + Send>;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It was not done.
    Before,
    /// It was done, and nobody learned of it.
    After,
}

impl Memory {
    /// Fails calls by a plan from now on, counted anew.
    pub fn plan(&self, plan: impl FnMut(u64) -> Option<Broken> + Send + 'static) {
        let mut inner = lock(&self.0);
        inner.calls = 0;
        inner.plan = Some(Box::new(plan));
    }

    /// Fails no more.
    pub fn heal(&self) {
        lock(&self.0).plan = None;
    }

    /// All objects, by their keys.
    #[must_use]
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.0).objects.clone()
    }

    /// Puts these in place of all objects.
    pub fn set(&self, objects: BTreeMap<String, Vec<u8>>) {
        lock(&self.0).objects = objects;
    }

    /// What was sent, with its reason.
    #[must_use]
    pub fn sent(&self) -> Vec<(String, Option<String>)> {
        lock(&self.0).sent.clone()
    }

    fn call<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> Result<T, Unavailable> {
        let mut inner = lock(&self.0);
        let call = inner.calls;
        inner.calls += 1;
        let broken = inner.plan.as_mut().and_then(|plan| plan(call));
        let down = || Unavailable { store: "memory", cause: "it is broken".into() };
        if broken == Some(Broken::Before) {
            return Err(down());
        }
        let done = act(&mut inner);
        if broken.is_some() { Err(down()) } else { Ok(done) }
    }
}

/// Lets whoever else waits go first, as a request over a network does.
pub async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Store for Memory {
    async fn create(&self, key: &str, body: Vec<u8>) -> Result<Created, Unavailable> {
        turn().await;
        self.call(|inner| {
            if inner.objects.contains_key(key) {
                return Created::There;
            }
            inner.objects.insert(key.to_owned(), body);
            Created::New
        })
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        turn().await;
        self.call(|inner| inner.objects.get(key).cloned())
    }

    async fn list(&self, prefix: &str, after: &str) -> Result<Vec<String>, Unavailable> {
        turn().await;
        self.call(|inner| {
            let keys = inner.objects.keys().filter(|key| key.starts_with(prefix) && key.as_str() > after);
            keys.cloned().collect()
        })
    }
}

impl Outbox for Memory {
    async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
        self.call(|inner| inner.sent.push((body.to_owned(), reason.map(str::to_owned))))
    }
}
