//! Detection: who crosses the threshold is told once a day, whatever fails and whenever it is killed.

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
        self.call(|inner| match inner.objects.insert(key.to_owned(), body) {
            None => Created::New,
            Some(_) => Created::There,
        })
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
async fn each_is_told_once_a_day() {
    let world = World::default();
    let day = u64::try_from(DAY.as_millis()).unwrap();
    assert_eq!(detector(&world, trail::NOW).run().await.unwrap(), Detected { suspicious: 3, told: 3 });
    assert_eq!(detector(&world, trail::NOW + 60_000).run().await.unwrap(), Detected { suspicious: 3, told: 0 });
    assert_eq!(detector(&world, trail::NOW + day).run().await.unwrap(), Detected { suspicious: 3, told: 3 });
    let asked = world.0.lock().unwrap().asked.clone();
    assert_eq!(asked, [trail::NOW - day, trail::NOW - day + 60_000, trail::NOW]);
    // A caller and a user of one name are two.
    let told = world.told();
    assert!(told.iter().any(|text| text.starts_with("The caller risky crossed")), "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("The user risky crossed")), "{told:?}");
}

#[tokio::test]
async fn killed_anywhere_it_tells_of_each_at_the_next_run_and_of_one_twice_at_most() {
    for left in 0..10 {
        let world = World::default();
        world.0.lock().unwrap().left = Some(left);
        assert!(detector(&world, trail::NOW).run().await.is_err(), "{left}");
        world.0.lock().unwrap().left = None;
        detector(&world, trail::NOW + 1).run().await.unwrap();
        let mut told = world.told();
        let all = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), 3, "{left}");
        assert!(all <= 4, "{left}: {all} messages");
        assert_eq!(detector(&world, trail::NOW + 2).run().await.unwrap().told, 0, "{left}");
    }
}
