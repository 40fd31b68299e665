//! Every fault at every effect, every pair of faults, and death at every await.

use super::rig::{
    brand_new, converge, crowded, nothing_felt, pasted, roll_back, rotate, rotate_twice, settles, steady, unstick,
};
use super::world::{Fault, Kind, World};

/// How things go on after a rotation has failed.
#[derive(Clone, Copy, Debug)]
enum Recovery {
    /// Secrets Manager tries again with the same version.
    Same,
    /// An operator clears the way, and a new version is tried.
    New,
    /// Secrets Manager tries again, twice at a time.
    Twice,
    /// An operator makes the previous version current, whatever was; a rerun may be refused; a new version follows.
    RolledBack,
}

impl Recovery {
    const ALL: [Self; 4] = [Self::Same, Self::New, Self::Twice, Self::RolledBack];

    fn follow(self, world: &World) {
        match self {
            Self::Same => converge(world, "third"),
            Self::New => {
                unstick(world);
                converge(world, "fourth");
            }
            Self::Twice => {
                rotate_twice(world, "third", 0b0110_1001);
                converge(world, "third");
            }
            Self::RolledBack => {
                roll_back(world);
                let _ = rotate(world, &mut None, "third");
                unstick(world);
                converge(world, "fourth");
            }
        }
        nothing_felt(world);
    }
}

type Start = (&'static str, fn() -> World);

const STARTS: [Start; 4] = [("brand new", brand_new), ("pasted", pasted), ("steady", steady), ("crowded", crowded)];

/// The effects of a rotation that nothing happens to.
fn effects(start: &World) -> Vec<Kind> {
    let world = start.fork();
    rotate(&world, &mut None, "third").unwrap();
    nothing_felt(&world);
    let effects = world.state().log.iter().map(|(_, kind)| *kind).collect();
    settles(&world);
    effects
}

fn with(start: &World, faults: &[(usize, Fault)], recovery: Recovery) -> World {
    let world = start.fork();
    world.state().faults = faults.to_vec();
    let _ = rotate(&world, &mut None, "third");
    recovery.follow(&world);
    world
}

#[test]
fn a_rotation_without_faults_is_not_felt() {
    for (name, start) in STARTS {
        assert!(effects(&start()).len() > 20, "{name}");
    }
}

#[test]
fn any_fault_at_any_effect_is_not_felt_and_any_rerun_converges() {
    for (_, start) in STARTS {
        let start = start();
        for (at, kind) in effects(&start).into_iter().enumerate() {
            for fault in Fault::all(kind) {
                for recovery in Recovery::ALL {
                    settles(&with(&start, &[(at, *fault)], recovery));
                }
            }
        }
    }
}

/// All pairs, the second of which may strike while the first is being recovered from. Services are quick here, since a
/// further look at an operation meets no other faults than the first.
fn any_pair(start: fn() -> World) {
    let start = start();
    start.state().google.be_quick();
    let effects = effects(&start).len();
    for first in 0..effects {
        let Some(kind) = kind_of(&with(&start, &[], Recovery::Same), first) else { continue };
        for (nth, fault) in Fault::paired(kind).iter().enumerate() {
            // Each way on follows a quarter of the faults; the singles are followed by all of them.
            let recovery = Recovery::ALL[(first + nth) % Recovery::ALL.len()];
            // What comes after the first fault, whatever it has led to.
            let alone = with(&start, &[(first, *fault)], recovery);
            for second in first + 1..effects + 10 {
                let Some(kind) = kind_of(&alone, second) else { continue };
                for then in Fault::paired(kind) {
                    with(&start, &[(first, *fault), (second, *then)], recovery);
                }
            }
        }
    }
}

/// What kind an effect is of, unless it is one in the middle of several alike.
fn kind_of(world: &World, at: usize) -> Option<Kind> {
    let state = world.state();
    let (name, kind) = *state.log.get(at)?;
    let alike = |at: Option<usize>| at.and_then(|at| state.log.get(at)).is_some_and(|(other, _)| *other == name);
    (!alike(at.checked_sub(1)) || !alike(at.checked_add(1))).then_some(kind)
}

#[test]
fn any_pair_of_faults_is_not_felt_when_the_secret_is_new() {
    any_pair(brand_new);
}

#[test]
fn any_pair_of_faults_is_not_felt_when_an_old_key_is_retired() {
    any_pair(steady);
}

#[test]
fn any_pair_of_faults_is_not_felt_when_there_is_no_room() {
    any_pair(crowded);
}

#[test]
fn death_at_any_await_is_not_felt_and_any_rerun_converges() {
    for (_, start) in STARTS {
        let start = start();
        for polls in 0.. {
            let mut deaths = 0;
            for recovery in Recovery::ALL {
                let world = start.fork();
                deaths += usize::from(rotate(&world, &mut Some(polls), "third").is_err());
                recovery.follow(&world);
                settles(&world);
            }
            if deaths == 0 {
                break;
            }
        }
    }
}

#[test]
fn the_same_rotation_twice_at_a_time_is_not_felt() {
    for (_, start) in STARTS {
        let start = start();
        for turns in 0..512_u64 {
            // Whatever turns they take, and also far apart.
            let turns = if turns < 256 { turns } else { (turns - 256) << 24 | 0x00ff_0000_ffff_0000 };
            let world = start.fork();
            rotate_twice(&world, "third", turns);
            converge(&world, "third");
            nothing_felt(&world);
        }
    }
}
