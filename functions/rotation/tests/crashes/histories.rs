//! Long random histories: rotations with faults, reruns, rollbacks and waits, over many versions.

use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;

use super::rig::{MONTH, nothing_felt, pasted, roll_back, rotate, rotate_twice, settles, unstick};
use super::world::Fault;

#[derive(Clone, Debug)]
enum Event {
    Again { fault: Option<(usize, Fault)>, polls: Option<usize> },
    New { fault: Option<(usize, Fault)>, polls: Option<usize> },
    RollBack,
    Twice { turns: u64 },
    Wait { time: Duration },
}

fn fault() -> impl Strategy<Value = Option<(usize, Fault)>> {
    proptest::option::of((0..50_usize, select(Fault::ALL.to_vec())))
}

fn polls() -> impl Strategy<Value = Option<usize>> {
    proptest::option::weighted(0.3, 0..150_usize)
}

fn event() -> impl Strategy<Value = Event> {
    let minutes = [1, 10, 60, 1_440, 15_000, 43_200];
    prop_oneof![
        3 => (fault(), polls()).prop_map(|(fault, polls)| Event::Again { fault, polls }),
        3 => (fault(), polls()).prop_map(|(fault, polls)| Event::New { fault, polls }),
        1 => Just(Event::RollBack),
        1 => any::<u64>().prop_map(|turns| Event::Twice { turns }),
        2 => select(minutes.to_vec()).prop_map(|minutes| Event::Wait { time: Duration::from_secs(minutes * 60) }),
    ]
}

proptest! {
    // As many as `PROPTEST_CASES` says, where that is more.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(600),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_history_is_felt_and_every_one_settles(
        events in proptest::collection::vec(event(), 1..24),
        idle in any::<bool>(),
    ) {
        let world = pasted();
        world.state().idle = idle;
        let mut made = 0;
        for event in events {
            let begun = world.state().log.len();
            let plan = |fault: Option<(usize, Fault)>| {
                world.state().faults = fault.into_iter().map(|(at, fault)| (begun + at, fault)).collect();
            };
            match event {
                Event::Again { fault, mut polls } => {
                    plan(fault);
                    if made > 0 {
                        let _ = rotate(&world, &mut polls, &made.to_string());
                    }
                }
                Event::New { fault, mut polls } => {
                    unstick(&world);
                    plan(fault);
                    made += 1;
                    let _ = rotate(&world, &mut polls, &made.to_string());
                }
                // Nothing tells when stages were moved by hand: whoever does it leaves consumers the time to notice.
                Event::RollBack => {
                    roll_back(&world);
                    world.wait(Duration::from_secs(11 * 60));
                }
                Event::Twice { turns } if made > 0 => rotate_twice(&world, &made.to_string(), turns),
                Event::Twice { .. } => {}
                Event::Wait { time } => world.wait(time),
            }
            nothing_felt(&world);
        }
        world.state().faults.clear();
        unstick(&world);
        world.wait(MONTH);
        let _ = rotate(&world, &mut None, "last");
        settles(&world);
    }
}
