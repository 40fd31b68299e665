//! Secrets Manager's side of a rotation, and what follows when one dies.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rotation::event::Request;
use rotation::plan::{Step, key_id};
use rotation::{Error, Job, Minting};
use shared::clock::Timestamp;
use shared::ports::secrets::{Stage, VersionId};

use super::world::{CANARY, World};

pub(crate) const ARN: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:gatehouse/gemini-key-AbCdEf";
/// How long a step may take, and how much later it is killed.
const STEP_MS: u64 = 4 * 60_000;
const KILL_MS: u64 = 60_000;
pub(crate) const MONTH: Duration = Duration::from_secs(30 * 86_400);

pub(crate) type Rotation = Job<World, World, World, World, World>;

pub(crate) fn job(world: &World) -> Rotation {
    let minting = Minting::Own(world.clone());
    let (store, probe, timer, notices) = (world.clone(), world.clone(), world.clone(), world.clone());
    Job { store, minting, probe, timer, notices, secret: ARN.to_owned() }
}

pub(crate) fn version(name: &str) -> VersionId {
    VersionId(name.to_owned())
}

/// How often a future may be polled before it is dropped.
pub(crate) type Polls = Option<usize>;

/// Polls a future to its end; `None` where its process died, by a fault, by the clock or by `polls`.
pub(crate) fn drive<T>(world: &World, polls: &mut Polls, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match polls {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return Some(done);
        }
        let mut state = world.state();
        if state.dead || state.now > state.until.saturating_add(KILL_MS) {
            // Secrets Manager hears of it once the function's time is up.
            state.dead = false;
            state.now += STEP_MS;
            return None;
        }
    }
}

fn request(step: Step, token: &str) -> Request {
    Request { step, secret: ARN.to_owned(), version: version(token), pass: None }
}

fn start(world: &World) -> Timestamp {
    let mut state = world.state();
    state.until = state.now + STEP_MS;
    Timestamp(state.until)
}

/// What was printed of an error must not hold a key.
fn silent(error: &Error) {
    let mut text = format!("{error:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!text.contains(CANARY), "an error tells a key");
}

/// One step; whether it ended well.
pub(crate) fn step(world: &World, polls: &mut Polls, step: Step, token: &str) -> Option<Result<(), Error>> {
    let job = job(world);
    let until = start(world);
    let ended = drive(world, polls, job.step(&request(step, token), until));
    world.state().until = u64::MAX;
    if let Some(Err(error)) = &ended {
        silent(error);
    }
    ended
}

/// Announces the version, unless it is known.
pub(crate) fn announce(world: &World, token: &str) -> bool {
    let token = version(token);
    world.change("announcement", |state| {
        let known = state.secrets.describe().versions.contains_key(&token);
        known || state.secrets.begin(&token, state.now).is_ok()
    })
}

/// A whole rotation, stopped by the first step that fails; the error, or `None` within where the process died.
pub(crate) fn rotate(world: &World, polls: &mut Polls, token: &str) -> Result<(), Option<Error>> {
    assert!(announce(world, token), "a rotation is stuck");
    for next in Step::ALL {
        step(world, polls, next, token).ok_or(None)?.map_err(Some)?;
    }
    Ok(())
}

/// Every step called twice at a time, the two taking turns as `turns` says.
pub(crate) fn rotate_twice(world: &World, token: &str, turns: u64) {
    assert!(announce(world, token), "a rotation is stuck");
    for next in Step::ALL {
        let (one, other) = (job(world), job(world));
        let until = start(world);
        let request = request(next, token);
        let (mut one, mut other) =
            (Some(Box::pin(one.step(&request, until))), Some(Box::pin(other.step(&request, until))));
        let mut turns = turns;
        let mut context = Context::from_waker(Waker::noop());
        while one.is_some() || other.is_some() {
            turns = turns.rotate_right(1);
            let turn = if (turns & 1 == 0 && one.is_some()) || other.is_none() { &mut one } else { &mut other };
            let Some(future) = turn else { break };
            let ready = future.as_mut().poll(&mut context).is_ready();
            let mut state = world.state();
            if ready || std::mem::take(&mut state.dead) || state.now > state.until + KILL_MS {
                *turn = None;
            }
        }
    }
}

/// What an operator does about a rotation that is stuck.
pub(crate) fn unstick(world: &World) {
    world.change("unsticking", |state| {
        let pending = state.secrets.holder(&Stage::Pending);
        if let Some(pending) = pending.filter(|pending| Some(pending) != state.secrets.holder(&Stage::Current).as_ref())
        {
            state.secrets.transfer(&Stage::Pending, Some(&pending), None).unwrap();
        }
    });
}

/// What an operator does about a new key that is no good.
pub(crate) fn roll_back(world: &World) {
    world.change("rollback", |state| {
        let (current, previous) = (state.secrets.holder(&Stage::Current), state.secrets.holder(&Stage::Previous));
        if previous.is_some() {
            state.secrets.transfer(&Stage::Current, current.as_ref(), previous.as_ref()).unwrap();
        }
    });
}

/// Rotates until it is done, without further faults than those planned. Where keys are in the way that the provider
/// thinks to be in use, that takes until it has forgotten their use.
pub(crate) fn converge(world: &World, token: &str) {
    let mut last = None;
    for _ in 0..4 {
        match rotate(world, &mut None, token) {
            Ok(()) => {
                let state = world.state();
                assert_eq!(state.secrets.holder(&Stage::Current), Some(version(token)));
                let pending = state.secrets.holder(&Stage::Pending);
                assert!(pending.is_none() || pending == state.secrets.holder(&Stage::Current));
                return;
            }
            Err(Some(Error::NoRoom(_))) => world.wait(Duration::from_secs(8 * 86_400)),
            Err(error) => last = error,
        }
    }
    panic!("it does not converge: {last:?}");
}

/// After a month and one more rotation nothing is left of whatever happened.
pub(crate) fn settles(world: &World) {
    world.wait(MONTH);
    rotate(world, &mut None, "settling").unwrap();
    let state = world.state();
    let described = state.secrets.describe();
    let read: Vec<_> = described.versions.keys().map(|version| key_id(ARN, version)).collect();
    assert!(state.secrets.holder(&Stage::Pending).is_none());
    assert_eq!(described.versions.len(), if described.holder(&Stage::Previous).is_some() { 2 } else { 1 });
    assert!(state.google.live_ids().iter().all(|id| read.contains(id)), "an old key is left");
    assert!(state.google.live_ids().iter().all(|id| state.google.served(id)), "a served key is not marked");
    drop(state);
    nothing_felt(world);
}

pub(crate) fn nothing_felt(world: &World) {
    let state = world.state();
    if let Some(violation) = state.violations.first() {
        let log: Vec<_> = state.log.iter().map(|(name, _)| *name).collect();
        panic!("{violation}; faults {:?}; effects {}", state.faults, log.join(" "));
    }
    assert!(!format!("{:?}", state.notices).contains(CANARY), "a notice tells a key");
}

/// A secret that has just been made.
pub(crate) fn brand_new() -> World {
    World::new()
}

/// A secret with a key that an operator has pasted.
pub(crate) fn pasted() -> World {
    let world = World::new();
    world.change("paste", |state| {
        let key = state.google.own_key("mine");
        state.secrets.put(&version("pasted"), &key, &Stage::Current, state.now).unwrap();
    });
    world
}

/// A secret that has been rotated twice, a month ago and two: its next rotation retires a key.
pub(crate) fn steady() -> World {
    let world = brand_new();
    for token in ["first", "second"] {
        rotate(&world, &mut None, token).unwrap();
        world.wait(MONTH);
    }
    world
}

/// As [`steady`], with an orphan of a rotation that died before it was finished: there is no room for another key.
pub(crate) fn crowded() -> World {
    let world = steady();
    assert!(announce(&world, "orphan"));
    for next in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        step(&world, &mut None, next, "orphan").unwrap().unwrap();
    }
    unstick(&world);
    world
}
