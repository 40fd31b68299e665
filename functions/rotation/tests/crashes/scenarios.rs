//! What operators do, and what Google does, told one by one.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rotation::event::Request;
use rotation::plan::early::Early;
use rotation::plan::outlook::Wrong;
use rotation::plan::{Step, key_id};
use rotation::ports::Notice;
use rotation::{Error, Job, Minting};
use shared::clock::Timestamp;
use shared::ports::secrets::{Stage, VersionId};

use super::rig::{
    ARN, MONTH, Rotation, announce, brand_new, converge, crowded, drive, job, nothing_felt, pasted, roll_back, rotate,
    settles, steady, step, unstick, version,
};
use super::world::{CACHED_MS, Fault, World};

fn current(world: &World) -> Option<VersionId> {
    world.state().secrets.holder(&Stage::Current)
}

fn effects(world: &World) -> Vec<&'static str> {
    world.state().log.iter().map(|(name, _)| *name).collect()
}

/// A job for a bundle that may not mint.
fn supplied(world: &World) -> Rotation {
    Job { minting: Minting::Supplied, ..job(world) }
}

fn request(step: Step) -> Request {
    Request { step, secret: ARN.to_owned(), version: version("third"), pass: None }
}

const FOREVER: Timestamp = Timestamp(u64::MAX);

#[test]
fn a_brand_new_secret_gets_its_first_key() {
    let world = brand_new();
    rotate(&world, &mut None, "third").unwrap();
    assert_eq!(current(&world), Some(version("third")));
    nothing_felt(&world);
}

#[test]
fn nothing_is_promoted_before_it_is_proven_at_every_frontend() {
    let world = pasted();
    world.state().google.spreads_ms = [1_000, 60_000, 150_000];
    rotate(&world, &mut None, "third").unwrap();
    nothing_felt(&world);
}

#[test]
fn a_key_that_does_not_spread_in_time_fails_the_step_and_the_next_run_waits_on() {
    let world = pasted();
    world.state().google.spreads_ms = [0, 0, 600_000];
    assert!(matches!(rotate(&world, &mut None, "third"), Err(Some(Error::KeyRefused(_)))));
    assert_eq!(current(&world), Some(version("pasted")));
    let keys = world.state().google.live_ids();
    world.wait(Duration::from_secs(600));
    converge(&world, "third");
    assert_eq!(world.state().google.live_ids(), keys, "the retry made another key");
    nothing_felt(&world);
}

#[test]
fn a_dry_run_proves_the_current_key_and_changes_nothing() {
    let world = pasted();
    assert!(announce(&world, "dry"));
    let log = effects(&world).len();
    step(&world, &mut None, Step::TestSecret, "dry").unwrap().unwrap();
    let done = effects(&world).split_off(log);
    assert!(done.iter().all(|name| ["describe", "read", "probe"].contains(name)), "{done:?}");
    unstick(&world);
    assert_eq!(current(&world), Some(version("pasted")));
}

#[test]
fn a_dry_run_of_a_new_secret_proves_that_keys_can_be_listed() {
    let world = brand_new();
    assert!(announce(&world, "dry"));
    step(&world, &mut None, Step::TestSecret, "dry").unwrap().unwrap();
    assert_eq!(effects(&world).last(), Some(&"list"));
    let refused = brand_new();
    assert!(announce(&refused, "dry"));
    refused.state().faults = vec![(4, Fault::Permanent)];
    assert!(matches!(step(&refused, &mut None, Step::TestSecret, "dry"), Some(Err(Error::Mint { .. }))));
}

#[test]
fn a_key_that_google_fails_to_make_is_asked_for_again() {
    let world = pasted();
    world.state().google.fails = 1;
    let failed = rotate(&world, &mut None, "third").unwrap_err().unwrap();
    assert_eq!(
        (failed.code(), failed.to_string()),
        ("unminted", "the key service gave up to mint a key: INTERNAL".into())
    );
    converge(&world, "third");
    nothing_felt(&world);
}

#[test]
fn a_key_that_is_still_in_use_stays_and_is_told() {
    let world = steady();
    let older = key_id(ARN, &version("first"));
    let string = format!("{}-{older}", super::world::CANARY);
    world.wait(Duration::from_secs(3_600));
    world.change("a forgotten consumer", |state| state.google.used(&string, false, state.now));
    world.wait(Duration::from_secs(3_600));
    rotate(&world, &mut None, "third").unwrap();
    assert_eq!(world.state().notices, [Notice::InUse(older.clone())]);
    assert!(world.state().google.live_ids().contains(&older));
    settles(&world);
    assert!(!world.state().google.live_ids().contains(&older));
}

#[test]
fn an_orphan_goes_though_it_was_probed_minutes_ago() {
    let world = crowded();
    rotate(&world, &mut None, "third").unwrap();
    let orphan = key_id(ARN, &version("orphan"));
    assert!(!world.state().google.live_ids().contains(&orphan));
    nothing_felt(&world);
}

#[test]
fn with_three_keys_in_use_no_fourth_is_made() {
    let world = steady();
    // A rotation, another one right after it: what was current minutes ago may be in use for days.
    rotate(&world, &mut None, "third").unwrap();
    rotate(&world, &mut None, "fourth").unwrap();
    assert!(matches!(rotate(&world, &mut None, "fifth"), Err(Some(Error::NoRoom(3)))));
    assert_eq!(current(&world), Some(version("fourth")));
    nothing_felt(&world);
    // An operator who knows better revokes the one that is neither current nor previous.
    let cached = Duration::from_millis(CACHED_MS + 1);
    drive(&world, &mut None, job(&world).revoke(&version("second"), cached, FOREVER)).unwrap().unwrap();
    converge(&world, "fifth");
    nothing_felt(&world);
}

#[test]
fn an_operators_own_key_is_never_deleted() {
    let world = pasted();
    for token in ["a", "b", "c"] {
        rotate(&world, &mut None, token).unwrap();
        world.wait(MONTH);
    }
    assert!(world.state().google.is_there("mine"));
    nothing_felt(&world);
}

#[test]
fn an_old_key_that_an_operator_keeps_under_a_stage_is_known_by_its_string() {
    let world = steady();
    let older = key_id(ARN, &version("first"));
    world.change("paste", |state| {
        let key = state.secrets.key(&version("first")).unwrap();
        state.secrets.put(&version("by-hand"), &key, &Stage::Other("KEEP".to_owned()), state.now).unwrap();
    });
    world.wait(MONTH);
    rotate(&world, &mut None, "third").unwrap();
    assert!(world.state().google.live_ids().contains(&older), "a version's key is gone");
    nothing_felt(&world);
}

#[test]
fn a_key_that_was_made_current_by_hand_is_marked_by_the_next_rotation() {
    let world = steady();
    assert!(announce(&world, "by-hand"));
    for next in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        step(&world, &mut None, next, "by-hand").unwrap().unwrap();
    }
    world.change("an operator", |state| {
        let current = state.secrets.holder(&Stage::Current);
        state.secrets.transfer(&Stage::Current, current.as_ref(), Some(&version("by-hand"))).unwrap();
        state.secrets.transfer(&Stage::Pending, Some(&version("by-hand")), None).unwrap();
    });
    world.wait(MONTH);
    rotate(&world, &mut None, "third").unwrap();
    assert!(world.state().google.served(&key_id(ARN, &version("by-hand"))));
    nothing_felt(&world);
}

#[test]
fn what_an_operator_makes_current_while_a_rotation_finishes_stands() {
    let start = steady();
    assert!(announce(&start, "third"));
    for next in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        step(&start, &mut None, next, "third").unwrap().unwrap();
    }
    for polls in 2.. {
        let world = start.fork();
        let (job, request) = (job(&world), request(Step::FinishSecret));
        let mut finishing = pin!(job.step(&request, FOREVER));
        let mut context = Context::from_waker(Waker::noop());
        if (0..polls).any(|_| finishing.as_mut().poll(&mut context).is_ready())
            || current(&world) == Some(version("third"))
        {
            break;
        }
        roll_back(&world);
        let ended = loop {
            if let Poll::Ready(ended) = finishing.as_mut().poll(&mut context) {
                break ended;
            }
        };
        assert!(matches!(ended, Err(Error::Moved)), "after {polls} polls");
        assert_eq!(current(&world), Some(version("first")));
        nothing_felt(&world);
    }
}

#[test]
fn a_rollback_stands_whatever_runs_again() {
    let world = steady().fork();
    // It dies between making the version current and taking the pending stage off it.
    let golden = world.fork();
    rotate(&golden, &mut None, "third").unwrap();
    let promoted = effects(&golden).iter().position(|name| *name == "promote").unwrap();
    world.state().faults = vec![(promoted, Fault::DieAfter)];
    rotate(&world, &mut None, "third").unwrap_err();
    assert_eq!(current(&world), Some(version("third")));
    roll_back(&world);
    assert_eq!(current(&world), Some(version("second")));
    let refused = step(&world, &mut None, Step::FinishSecret, "third").unwrap().unwrap_err();
    assert_eq!(refused.code(), "rolled_back");
    assert_eq!(current(&world), Some(version("second")));
    // It is no longer pending, so that nobody has to unstick what follows.
    converge(&world, "fourth");
    nothing_felt(&world);
}

#[test]
fn a_version_that_was_cancelled_is_not_promoted() {
    let world = pasted();
    assert!(announce(&world, "third"));
    for next in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        step(&world, &mut None, next, "third").unwrap().unwrap();
    }
    unstick(&world);
    let refused = step(&world, &mut None, Step::FinishSecret, "third").unwrap().unwrap_err();
    assert_eq!(refused.code(), "version_unknown");
    assert_eq!(current(&world), Some(version("pasted")));
}

#[test]
fn a_swept_key_whose_rotation_goes_on_is_brought_back() {
    let world = steady();
    assert!(announce(&world, "third"));
    step(&world, &mut None, Step::CreateSecret, "third").unwrap().unwrap();
    let third = key_id(ARN, &version("third"));
    unstick(&world);
    converge(&world, "fourth");
    assert!(!world.state().google.live_ids().contains(&third));
    world.change("an operator", |state| {
        state.secrets.transfer(&Stage::Pending, None, Some(&version("third"))).unwrap();
    });
    for next in [Step::SetSecret, Step::TestSecret, Step::FinishSecret] {
        step(&world, &mut None, next, "third").unwrap().unwrap();
    }
    assert_eq!(current(&world), Some(version("third")));
    assert!(world.state().notices.contains(&Notice::Restored(third)));
    nothing_felt(&world);
}

#[test]
fn a_supplied_key_goes_the_same_way_and_nothing_is_minted() {
    let world = pasted();
    world.change("supply", |state| {
        let key = state.google.own_key("next");
        state.secrets.put(&version("mine"), &key, &Stage::Other("SUPPLIED".to_owned()), state.now).unwrap();
    });
    assert!(announce(&world, "third"));
    let job = supplied(&world);
    for next in Step::ALL {
        drive(&world, &mut None, job.step(&request(next), FOREVER)).unwrap().unwrap();
    }
    assert_eq!(current(&world), Some(version("third")));
    assert!(!effects(&world).iter().any(|name| ["create", "list", "find", "delete", "mark"].contains(name)));
    nothing_felt(&world);
}

#[test]
fn without_a_supplied_key_the_rotation_says_so() {
    let world = pasted();
    assert!(announce(&world, "third"));
    let failed = drive(&world, &mut None, supplied(&world).step(&request(Step::CreateSecret), FOREVER));
    assert_eq!(failed.unwrap().unwrap_err().code(), "unsupplied");
}

#[test]
fn a_step_for_another_secret_is_not_done() {
    let world = pasted();
    let request = Request { secret: "arn:of:another".to_owned(), ..request(Step::CreateSecret) };
    let failed = drive(&world, &mut None, job(&world).step(&request, FOREVER));
    assert_eq!(failed.unwrap().unwrap_err().code(), "wrong_secret");
    assert!(effects(&world).is_empty());
}

#[test]
fn an_early_rotation_is_asked_for_once_an_hour() {
    let world = steady();
    let hasten = || drive(&world, &mut None, job(&world).hasten()).unwrap().unwrap();
    assert_eq!(hasten(), Early::Rotate);
    assert_eq!(world.state().secrets.wanted, 1);
    assert!(announce(&world, "third"));
    assert_eq!(hasten(), Early::UnderWay);
    converge(&world, "third");
    assert!(matches!(hasten(), Early::TooSoon { .. }));
    world.wait(Duration::from_secs(3_600));
    assert_eq!(hasten(), Early::Rotate);
}

/// Polls a future, and does what it waits for once it has asked for a rotation.
fn with_rotation<T>(world: &World, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        if std::mem::take(&mut world.state().secrets.wanted) > 0 {
            rotate(world, &mut None, "third").unwrap();
        }
    }
}

#[test]
fn a_compromised_current_key_goes_once_nobody_can_hold_it() {
    let world = steady();
    let leaked = key_id(ARN, &version("second"));
    let job = job(&world);
    let cached = Duration::from_millis(CACHED_MS + 1);
    with_rotation(&world, job.revoke(&version("second"), cached, FOREVER)).unwrap();
    assert_eq!(current(&world), Some(version("third")));
    assert_eq!(world.state().secrets.holder(&Stage::Previous), None, "a rollback would lead to the leaked key");
    assert!(!world.state().google.live_ids().contains(&leaked));
    nothing_felt(&world);
    // Again, as after a crash: nothing is left to do.
    drive(&world, &mut None, job.revoke(&version("second"), cached, FOREVER)).unwrap().unwrap();
    settles(&world);
}

#[test]
fn a_revocation_may_die_anywhere_and_run_again() {
    let cached = Duration::from_millis(CACHED_MS + 1);
    let start = steady();
    rotate(&start, &mut None, "third").unwrap();
    for polls in 0.. {
        let world = start.fork();
        let job = job(&world);
        let ended = drive(&world, &mut Some(polls), job.revoke(&version("second"), cached, FOREVER)).is_some();
        drive(&world, &mut None, job.revoke(&version("second"), cached, FOREVER)).unwrap().unwrap();
        assert!(!world.state().google.live_ids().contains(&key_id(ARN, &version("second"))));
        nothing_felt(&world);
        if ended {
            break;
        }
    }
}

#[test]
fn a_key_that_others_made_is_not_revoked() {
    let world = pasted();
    let refused = drive(&world, &mut None, job(&world).revoke(&version("pasted"), Duration::ZERO, FOREVER));
    assert_eq!(refused.unwrap().unwrap_err().code(), "not_ours");
    assert!(world.state().google.is_there("mine"));
}

#[test]
fn a_rotation_that_outlives_its_cancellation_promotes_no_key_that_was_swept() {
    let start = steady();
    assert!(announce(&start, "third"));
    for next in [Step::CreateSecret, Step::SetSecret, Step::TestSecret] {
        step(&start, &mut None, next, "third").unwrap().unwrap();
    }
    for polls in 0.. {
        let world = start.fork();
        let (job, request) = (job(&world), request(Step::FinishSecret));
        let mut finishing = pin!(job.step(&request, FOREVER));
        let mut context = Context::from_waker(Waker::noop());
        if (0..polls).any(|_| finishing.as_mut().poll(&mut context).is_ready()) {
            break;
        }
        // Meanwhile it is cancelled, and another rotation begins, which needs room.
        unstick(&world);
        assert!(announce(&world, "fourth"));
        let _ = step(&world, &mut None, Step::CreateSecret, "fourth");
        while finishing.as_mut().poll(&mut context).is_pending() {}
        for next in [Step::SetSecret, Step::TestSecret, Step::FinishSecret] {
            let _ = step(&world, &mut None, next, "fourth");
        }
        nothing_felt(&world);
        unstick(&world);
        settles(&world);
    }
}

#[test]
fn a_test_that_took_the_pending_version_for_a_dry_run_does_not_let_an_unproven_key_pass() {
    let world = pasted();
    world.state().google.spreads_ms = [1_000, 60_000, 150_000];
    // What was before each change is kept from here on.
    world.state().faults = vec![(usize::MAX, Fault::Stale)];
    assert!(announce(&world, "third"));
    for next in [Step::CreateSecret, Step::SetSecret] {
        step(&world, &mut None, next, "third").unwrap().unwrap();
    }
    let begun = effects(&world).len();
    world.state().faults = (1..=3).map(|read| (begun + read, Fault::Stale)).collect();
    step(&world, &mut None, Step::TestSecret, "third").unwrap().unwrap();
    let tested = effects(&world).split_off(begun);
    assert_eq!(tested[..5], ["describe", "read", "read", "read", "read"], "it found the value after all");
    step(&world, &mut None, Step::FinishSecret, "third").unwrap().unwrap();
    assert_eq!(current(&world), Some(version("third")));
    nothing_felt(&world);
}

/// As [`steady`], with consumers that have sent nothing for longer than Google remembers a use.
fn idle() -> World {
    let world = steady();
    world.state().idle = true;
    world.wait(Duration::from_secs(8 * 86_400));
    world
}

/// A rotation that dies between marking its key and making it current, and is found again ten days later.
fn resumed_after_ten_days(world: &World) {
    let golden = world.fork();
    rotate(&golden, &mut None, "third").unwrap();
    let promoted = effects(&golden).iter().position(|name| *name == "promote").unwrap();
    let begun = effects(world).len();
    world.state().faults = vec![(begun + promoted, Fault::DieBefore)];
    rotate(world, &mut None, "third").unwrap_err();
    assert!(world.state().google.served(&key_id(ARN, &version("third"))));
    world.wait(Duration::from_secs(10 * 86_400));
    rotate(world, &mut None, "third").unwrap();
}

#[test]
fn a_key_that_was_marked_days_before_it_became_current_outlives_two_rotations_at_once() {
    let world = pasted();
    resumed_after_ten_days(&world);
    rotate(&world, &mut None, "fourth").unwrap();
    rotate(&world, &mut None, "fifth").unwrap();
    nothing_felt(&world);
    settles(&world);
}

#[test]
fn a_key_that_hardly_anybody_uses_outlives_a_resumed_rotation_and_one_right_after_it() {
    let world = idle();
    resumed_after_ten_days(&world);
    rotate(&world, &mut None, "fourth").unwrap();
    nothing_felt(&world);
    settles(&world);
}

#[test]
fn a_key_that_hardly_anybody_uses_outlives_two_rotations_at_once() {
    let world = idle();
    rotate(&world, &mut None, "third").unwrap();
    rotate(&world, &mut None, "fourth").unwrap();
    nothing_felt(&world);
    settles(&world);
}

#[test]
fn a_key_that_was_rolled_back_from_outlives_the_rotation_right_after_it() {
    let world = idle();
    roll_back(&world);
    rotate(&world, &mut None, "third").unwrap();
    nothing_felt(&world);
    settles(&world);
}

#[test]
fn a_look_changes_nothing_and_tells_what_keeps_the_next_rotation_from_beginning() {
    let world = steady();
    let log = effects(&world).len();
    let look = || drive(&world, &mut None, job(&world).look()).unwrap().unwrap();
    assert_eq!(look().wrong, []);
    let asked = effects(&world).split_off(log);
    assert!(asked.iter().all(|name| ["describe", "read", "list"].contains(name)), "{asked:?}");
    assert!(announce(&world, "third"));
    let stuck = look();
    assert_eq!(stuck.wrong, [Wrong::Stuck(version("third"))]);
    assert_eq!(stuck.next, [], "a rotation that cannot begin was promised");
    converge(&world, "third");
    assert_eq!(look().wrong, []);
}
