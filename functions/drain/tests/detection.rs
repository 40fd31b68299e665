//! Detection: who crosses the threshold is told once in 24 hours, whatever fails and whenever it is killed.

#![expect(clippy::unwrap_used, reason = "a test may stop at what it does not expect")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use drain::detection::{Detected, Detector};
use shared::audit::reports::{Cells, Report};
use shared::clock::{ManualClock, Timestamp};
use shared::fakes::trail;
use shared::ports::Unavailable;
use shared::ports::reports::Reports;
use shared::ports::trail::{Created, Outbox, Store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All that is outside. After `left` calls every call fails, as where a function is killed there.
#[derive(Clone, Default)]
struct World(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    left: Option<usize>,
    asked: Vec<u64>,
    objects: BTreeMap<String, Vec<u8>>,
    told: Vec<String>,
    /// So many marks are not made.
    unmarked: usize,
}

impl World {
    fn call<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> Result<T, Unavailable> {
        let mut inner = self.0.lock().unwrap();
        match &mut inner.left {
            Some(0) => return Err(Unavailable { store: "world", cause: "down".into() }),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(work(&mut inner))
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().told.clone()
    }
}

impl Reports for World {
    async fn ask(&self, report: Report, since: Timestamp) -> Result<Vec<Cells>, Unavailable> {
        assert_eq!(report, Report::Suspicious);
        self.call(|inner| inner.asked.push(since.0))?;
        Ok(trail::expected(report))
    }
}

impl Store for World {
    async fn create(&self, key: &str, body: Vec<u8>) -> Result<Created, Unavailable> {
        self.call(|inner| {
            if let Some(left) = inner.unmarked.checked_sub(1) {
                inner.unmarked = left;
                return Err(Unavailable { store: "world", cause: "no mark".into() });
            }
            Ok(match inner.objects.insert(key.to_owned(), body) {
                None => Created::New,
                Some(_) => Created::There,
            })
        })?
    }

    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, Unavailable> {
        self.call(|inner| inner.objects.get(key).cloned())
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<String>, Unavailable> {
        unreachable!("detection lists nothing")
    }
}

impl Outbox for World {
    async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
        assert!(reason.unwrap().len() < 100);
        self.call(|inner| inner.told.push(body.to_owned()))
    }
}

fn detector(world: &World, now: u64) -> Detector<World, World, World, ManualClock> {
    Detector::new(world.clone(), world.clone(), world.clone(), ManualClock::at(Timestamp(now)), DAY)
}

#[tokio::test]
async fn each_is_told_once_in_a_window_whatever_day_it_is() {
    let world = World::default();
    let day = u64::try_from(DAY.as_millis()).unwrap();
    let told = |told| Detected { suspicious: 3, told };
    assert_eq!(detector(&world, trail::NOW).run().await.unwrap(), told(3));
    // A minute later, after midnight, and just before it is a day.
    for later in [60_000, 2 * 3_600_000, day - 1] {
        assert_eq!(detector(&world, trail::NOW + later).run().await.unwrap(), told(0), "{later}");
    }
    assert_eq!(detector(&world, trail::NOW + day).run().await.unwrap(), told(3));
    assert_eq!(detector(&world, trail::NOW + 2 * day - 1).run().await.unwrap(), told(0));
    let asked = world.0.lock().unwrap().asked.clone();
    assert_eq!(asked[..2], [trail::NOW - day, trail::NOW - day + 60_000]);
    // One message for all of them; a caller and a user of one name are two.
    let told = world.told();
    assert_eq!(told.len(), 2, "{told:?}");
    for line in ["The caller risky: 1 requests", "The user risky: 2 requests, 1 blocked", "The user o'neil"] {
        assert!(told[0].contains(line), "no {line} in {told:?}");
    }
}

#[tokio::test]
async fn killed_anywhere_it_tells_of_each_at_the_next_run_and_twice_at_most() {
    for left in 0..11 {
        let world = World::default();
        world.0.lock().unwrap().left = Some(left);
        assert!(detector(&world, trail::NOW).run().await.is_err(), "{left}");
        world.0.lock().unwrap().left = None;
        detector(&world, trail::NOW + 1).run().await.unwrap();
        let told = world.told().concat();
        for who in ["The caller risky:", "The user risky:", "The user o'neil"] {
            assert!((1..=2).contains(&told.matches(who).count()), "{left}: {told}");
        }
        assert_eq!(detector(&world, trail::NOW + 2).run().await.unwrap().told, 0, "{left}");
    }
}

#[tokio::test]
async fn a_mark_that_cannot_be_made_holds_up_no_other() {
    let world = World::default();
    world.0.lock().unwrap().unmarked = 1;
    assert!(detector(&world, trail::NOW).run().await.is_err());
    assert_eq!(detector(&world, trail::NOW + 1).run().await.unwrap(), Detected { suspicious: 3, told: 1 });
}
