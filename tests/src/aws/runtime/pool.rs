//! The environments of a function: started when needed, one invocation at a time each, frozen in between.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::api::{Answer, Notes};
use super::environment::Environment;
use super::{Failure, Setup};
use crate::gate::Printed;
use crate::wait;

#[derive(Debug)]
pub(super) struct Pool {
    setup: Setup,
    notes: Arc<Notes>,
    state: Arc<Mutex<State>>,
    invocations: AtomicUsize,
    /// What goes on in an environment after its answer has begun.
    following: Mutex<JoinSet<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// The one that has waited longest comes first, so that all of them get work.
    idle: VecDeque<Arc<Environment>>,
    running: Vec<Arc<Environment>>,
    /// Those of the running that get no more work.
    retired: Vec<Arc<Environment>>,
    starting: usize,
    printed: Vec<Printed>,
}

/// A place among the environments that may run, until the environment itself takes it.
struct Place(Arc<Mutex<State>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().unwrap().starting -= 1;
    }
}

impl Pool {
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            notes: Arc::default(),
            state: Arc::default(),
            invocations: AtomicUsize::new(0),
            following: Mutex::default(),
        }
    }

    pub(super) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(super) fn invocations(&self) -> usize {
        self.invocations.load(Ordering::Relaxed)
    }

    pub(super) fn environments(&self) -> Vec<Arc<Environment>> {
        self.state.lock().unwrap().running.clone()
    }

    pub(super) fn printed(&self) -> Vec<Printed> {
        self.state.lock().unwrap().printed.clone()
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.starting == 0 && state.idle.len() == state.running.len()
    }

    /// Runs one invocation; `None` when every environment is busy.
    pub(super) async fn invoke(&self, payload: Bytes, id: &str) -> Option<Answer> {
        let environment = match self.acquire().await? {
            Ok(environment) => environment,
            Err(failure) => return Some(Answer::Failed(failure)),
        };
        self.invocations.fetch_add(1, Ordering::Relaxed);
        let answer = environment.invoke(id, payload, self.setup.timeout);
        let end = self.follow(environment);
        Some(tokio::select! {
            biased;
            Ok(answer) = answer => answer,
            Ok(failure) = end => Answer::Failed(failure),
            else => Answer::Failed(Failure::new("Runtime.InvalidResponse", "")),
        })
    }

    /// Sees an environment through its invocation: back among the idle, or to its end.
    fn follow(&self, environment: Arc<Environment>) -> oneshot::Receiver<Failure> {
        let (ended, end) = oneshot::channel();
        let (state, notes) = (Arc::clone(&self.state), Arc::clone(&self.notes));
        let (timeout, freezes) = (self.setup.timeout, self.setup.freezes);
        let mut all = self.following.lock().unwrap();
        while all.try_join_next().is_some() {}
        all.spawn(async move {
            let idle = tokio::time::timeout(timeout, environment.idle()).await;
            if idle == Ok(true) {
                let retired = state.lock().unwrap().retired.iter().any(|old| Arc::ptr_eq(old, &environment));
                if retired {
                    environment.kill().await;
                    forget(&state, &environment);
                    return;
                }
                if freezes {
                    environment.signal("STOP").await;
                }
                state.lock().unwrap().idle.push_back(environment);
                return;
            }
            let failure = if idle.is_err() {
                environment.kill().await;
                Failure::new("Sandbox.Timedout", &format!("it was busy for {timeout:?}"))
            } else {
                environment.death()
            };
            notes.failure(&failure);
            forget(&state, &environment);
            let _answered_already = ended.send(failure);
        });
        end
    }

    /// An environment that waits for work, new if need be.
    async fn acquire(&self) -> Option<Result<Arc<Environment>, Failure>> {
        let place = {
            let mut state = self.state.lock().unwrap();
            match state.idle.pop_front() {
                Some(idle) => Ok(idle),
                None if state.running.len() + state.starting < self.setup.concurrency => {
                    state.starting += 1;
                    Err(Place(Arc::clone(&self.state)))
                }
                None => return None,
            }
        };
        match place {
            Ok(idle) => {
                idle.signal("CONT").await;
                Some(Ok(idle))
            }
            Err(place) => Some(self.start(place).await),
        }
    }

    async fn start(&self, place: Place) -> Result<Arc<Environment>, Failure> {
        let environment = Arc::new(Environment::start(&self.setup, &self.notes).await);
        {
            let mut state = self.state.lock().unwrap();
            state.printed.push(environment.printed().clone());
            state.running.push(Arc::clone(&environment));
        }
        drop(place);
        if wait::within("the function to ask for its first invocation", environment.idle()).await {
            return Ok(environment);
        }
        environment.printed().finish().await;
        forget(&self.state, &environment);
        let failure = environment.death();
        self.notes.failure(&failure);
        Err(failure)
    }

    pub(super) async fn provision(&self, environments: usize) {
        for _ in self.environments().len()..environments {
            self.state.lock().unwrap().starting += 1;
            let started = self.start(Place(Arc::clone(&self.state))).await;
            let started = wait::done("start an environment", started);
            if self.setup.freezes {
                started.signal("STOP").await;
            }
            self.state.lock().unwrap().idle.push_back(started);
        }
    }

    pub(super) async fn signal(&self, name: &str) {
        for environment in self.environments() {
            environment.signal(name).await;
        }
    }

    pub(super) async fn retire(&self) {
        let idle: Vec<_> = {
            let mut state = self.state.lock().unwrap();
            state.retired = state.running.clone();
            state.idle.drain(..).collect()
        };
        for environment in idle {
            environment.kill().await;
            forget(&self.state, &environment);
        }
    }

    pub(super) fn has_no_retired(&self) -> bool {
        self.state.lock().unwrap().retired.is_empty()
    }

    pub(super) async fn kill(&self) {
        for environment in self.environments() {
            environment.kill().await;
            forget(&self.state, &environment);
        }
    }
}

fn forget(state: &Mutex<State>, gone: &Arc<Environment>) {
    let mut state = state.lock().unwrap();
    let other = |environment: &Arc<Environment>| !Arc::ptr_eq(environment, gone);
    state.running.retain(other);
    state.retired.retain(other);
    state.idle.retain(other);
}
