//! The callers: the operator adds, lists and revokes; a function looks up and believes what it found for a while.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::aws::dynamodb::Callers;
use shared::aws::dynamodb::callers::Register;
use shared::caller::{Caller, Id, Key, Role, admit, admit_role};
use shared::clock::{Clock, ManualClock, Timestamp};
use shared::ports::Callers as _;
use tests::aws::dynalite::{Dynalite, Fault};
use tests::wait;

use super::client;

const TABLE: &str = "gatehouse-callers";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The test's clock, which the adapter shares.
#[derive(Clone)]
struct Time(Arc<ManualClock>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

struct House {
    dynalite: Dynalite,
    register: Register,
    callers: Callers<Time>,
    clock: Arc<ManualClock>,
}

impl House {
    async fn new() -> Self {
        let dynalite = Dynalite::with_tables("gatehouse").await;
        let (client, clock) = (client(&dynalite.endpoint()), Arc::new(ManualClock::at(NOW)));
        // A machine under load is no fault of the adapter's.
        let callers = Callers::new(&client, TABLE, Time(Arc::clone(&clock))).with_attempts_of(wait::PATIENCE);
        Self { register: Register::new(&client, TABLE), callers, clock, dynalite }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn item(&self, id: &str) -> Value {
        let key = json!({"TableName": TABLE, "Key": {"id": {"S": id}}, "ConsistentRead": true});
        self.dynalite.call("GetItem", &key).await["Item"].take()
    }
}

fn role(name: &str) -> Role {
    Role::parse(&format!("arn:aws:iam::123456789012:role/{name}")).unwrap()
}

#[tokio::test]
async fn a_revocation_is_felt_within_a_minute_and_a_caller_is_looked_up_once_in_that_time() {
    let house = House::new().await;
    let key = Key::mint().unwrap();
    let presented = Key::parse(key.text().expose()).unwrap();
    assert!(house.register.add(&key.caller("app"), NOW).await.unwrap());
    house.dynalite.take_calls();
    let asked = join_all((0..20).map(|_| house.callers.find(key.id()))).await;
    for found in asked {
        assert_eq!(admit(found.unwrap(), &presented).unwrap().name, "app");
    }
    let calls = house.dynalite.take_calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!((calls[0].operation.as_str(), &calls[0].body["ConsistentRead"]), ("GetItem", &json!(true)));

    house.register.revoke("app", NOW).await.unwrap().unwrap();
    house.pass(60);
    let found = house.callers.find(key.id()).await.unwrap();
    assert!(found.as_ref().unwrap().revoked);
    assert!(admit(found, &presented).is_none());
}

#[tokio::test]
async fn while_dynamodb_is_down_nobody_is_believed_for_longer_than_a_minute() {
    let house = House::new().await;
    let key = Key::mint().unwrap();
    assert!(house.register.add(&key.caller("app"), NOW).await.unwrap());
    assert!(house.callers.find(key.id()).await.unwrap().is_some());
    house.dynalite.break_by(|_| Some(Fault::HangUp));
    house.pass(40);
    assert!(house.callers.find(key.id()).await.unwrap().is_some(), "what was found is still believed");
    house.pass(20);
    assert_eq!(house.callers.find(key.id()).await.unwrap_err().store, "callers");
    let asked = join_all((0..20).map(|_| house.callers.find(key.id()))).await;
    assert!(asked.iter().all(Result::is_err));
    house.dynalite.break_by(|_| None);
    assert!(house.callers.find(key.id()).await.unwrap().is_some(), "a failure is not remembered");
}

#[tokio::test]
async fn one_failure_is_not_felt_and_a_throttled_table_is_told_at_once() {
    let house = House::new().await;
    let (key, other) = (Key::mint().unwrap(), Key::mint().unwrap());
    assert!(house.register.add(&key.caller("app"), NOW).await.unwrap());
    let failed = std::sync::atomic::AtomicBool::default();
    house.dynalite.break_by(move |_| {
        (!failed.swap(true, std::sync::atomic::Ordering::SeqCst)).then_some(Fault::Refuse(500, "InternalServerError"))
    });
    assert!(house.callers.find(key.id()).await.unwrap().is_some());
    house.dynalite.take_calls();
    house.dynalite.break_by(|_| Some(Fault::Refuse(400, "ThrottlingException")));
    assert!(house.callers.find(other.id()).await.is_err());
    assert_eq!(house.dynalite.take_calls().len(), 1);
}

#[tokio::test]
async fn an_unknown_caller_is_looked_up_once_in_ten_seconds_and_found_after_it_is_added() {
    let house = House::new().await;
    let key = Key::mint().unwrap();
    house.dynalite.take_calls();
    for _ in 0..5 {
        assert!(house.callers.find(key.id()).await.unwrap().is_none());
    }
    assert_eq!(house.dynalite.take_calls().len(), 1);
    assert!(house.register.add(&key.caller("app"), NOW).await.unwrap());
    house.pass(10);
    assert!(house.callers.find(key.id()).await.unwrap().is_some());
}

#[tokio::test]
async fn who_gives_up_waiting_leaves_nobody_else_without_an_answer() {
    let house = House::new().await;
    let key = Key::mint().unwrap();
    assert!(house.register.add(&key.caller("app"), NOW).await.unwrap());
    house.dynalite.break_by(|_| Some(Fault::Delay(Duration::from_millis(100))));
    let impatient = tokio::time::timeout(Duration::from_millis(20), house.callers.find(key.id()));
    let (impatient, patient) = tokio::join!(impatient, house.callers.find(key.id()));
    assert!(impatient.is_err());
    assert!(patient.unwrap().is_some());
}

#[tokio::test]
async fn a_name_has_one_active_caller_and_is_free_again_after_it_is_revoked() {
    let House { register, dynalite: _dynalite, .. } = House::new().await;
    let (one, two) = (Key::mint().unwrap(), Key::mint().unwrap());
    assert!(register.add(&one.caller("app"), Timestamp(1)).await.unwrap());
    assert!(!register.add(&two.caller("app"), Timestamp(2)).await.unwrap());
    assert!(!register.add(&one.caller("other"), Timestamp(2)).await.unwrap(), "the id is in use");
    assert_eq!(register.revoke(one.id().as_str(), Timestamp(3)).await.unwrap().unwrap().name, "app");
    assert!(register.add(&two.caller("app"), Timestamp(4)).await.unwrap());
    // By name the active one is meant, and revoking twice keeps the first time.
    assert_eq!(register.revoke("app", Timestamp(5)).await.unwrap().unwrap().id, *two.id());
    let again = register.revoke(one.id().as_str(), Timestamp(6)).await.unwrap().unwrap();
    assert_eq!(again.revoked, Some(Timestamp(3)));
    assert!(register.revoke("app", Timestamp(7)).await.unwrap().is_none());
    assert!(register.revoke("nobody", Timestamp(7)).await.unwrap().is_none());
}

#[tokio::test]
async fn of_racing_operators_one_gets_the_name() {
    let House { register, dynalite, .. } = House::new().await;
    let keys: Vec<_> = (0..8).map(|_| Key::mint().unwrap()).collect();
    let added = join_all(keys.iter().map(|key| async { register.add(&key.caller("app"), NOW).await.unwrap() })).await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1);
    let listed = register.list().await.unwrap();
    assert_eq!(listed.len(), 1, "who lost has left nothing behind");
    let revoked = join_all((0..4).map(|_| register.revoke("app", NOW))).await;
    let told = revoked.into_iter().map(Result::unwrap);
    assert!(told.flatten().all(|caller| caller.id == listed[0].id));
    drop(dynalite);
}

#[tokio::test]
async fn a_caller_whose_claim_is_lost_or_taken_is_revoked_all_the_same() {
    let house = House::new().await;
    for (name, holder) in [("lost", None), ("taken", Some("somebody"))] {
        let key = Key::mint().unwrap();
        assert!(house.register.add(&key.caller(name), NOW).await.unwrap());
        let claim = json!({"id": {"S": format!("name/{name}")}});
        match holder {
            None => house.dynalite.call("DeleteItem", &json!({"TableName": TABLE, "Key": claim})).await,
            Some(holder) => {
                let item = json!({"id": claim["id"], "holder": {"S": holder}});
                house.dynalite.call("PutItem", &json!({"TableName": TABLE, "Item": item})).await
            }
        };
        assert!(house.register.revoke(key.id().as_str(), NOW).await.unwrap().unwrap().revoked.is_some());
        assert!(house.callers.find(key.id()).await.unwrap().unwrap().revoked);
    }
    assert_eq!(house.item("name/taken").await["holder"]["S"], "somebody", "another's claim stays");
}

#[tokio::test]
async fn a_role_is_a_caller_without_a_key_and_may_come_back() {
    let house = House::new().await;
    let caller = Caller::of_role(role("app"), "app");
    assert!(house.register.add(&caller, NOW).await.unwrap());
    let stored = house.item(caller.id.as_str()).await;
    assert_eq!(stored["role"]["S"], role("app").arn());
    assert!(stored["secret_hash"].is_null());
    assert!(!house.register.add(&Caller::of_role(role("app"), "twice"), NOW).await.unwrap());

    let found = house.callers.find(&Id::of_role(&role("app"))).await.unwrap();
    assert_eq!(admit_role(found.clone(), &role("app")).unwrap().name, "app");
    assert!(admit_role(found, &role("other")).is_none());

    house.register.revoke("app", NOW).await.unwrap().unwrap();
    assert!(house.register.add(&Caller::of_role(role("app"), "again"), NOW).await.unwrap());
    house.pass(60);
    let found = house.callers.find(&Id::of_role(&role("app"))).await.unwrap();
    assert_eq!(admit_role(found, &role("app")).unwrap().name, "again");
}

#[tokio::test]
async fn the_list_has_every_page_and_no_claims() {
    let house = House::new().await;
    // A page ends at a megabyte.
    let fat = "x".repeat(300_000);
    for number in 0..10_u64 {
        let key = Key::mint().unwrap();
        let (id, name) = (key.id().as_str(), format!("app-{number}"));
        assert!(house.register.add(&key.caller(name), Timestamp(number)).await.unwrap());
        let mut item = house.item(id).await;
        item["note"] = json!({"S": fat});
        house.dynalite.call("PutItem", &json!({"TableName": TABLE, "Item": item})).await;
    }
    house.register.add(&Caller::of_role(role("app"), "role"), Timestamp(99)).await.unwrap();
    house.dynalite.take_calls();
    let listed = house.register.list().await.unwrap();
    assert!(house.dynalite.take_calls().len() > 1, "more than a page");
    let names: Vec<_> = listed.iter().map(|caller| caller.name.as_str()).collect();
    let expected: Vec<_> = (0..10).map(|number| format!("app-{number}")).chain(["role".to_owned()]).collect();
    assert_eq!(names, expected);
    assert_eq!(listed[10].role, Some(role("app")));
}
