//! A `DynamoDB` that fails: nothing is charged twice, nothing is given away, and nobody waits for long.

use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use shared::aws::dynamodb::{Ledger, Pace};
use shared::clock::Timestamp;
use shared::limits::{Admission, Claim, Demand, Kind, Limits, Settled, Subject, Taken, Ticket, Window};
use shared::ports::Ledger as _;
use tests::aws::dynalite::{Call, Dynalite, Fault};
use tests::wait;
use tokio::time::Instant;

use super::client;
use super::laws::UNHURRIED;

const TABLE: &str = "faults-ledger";
const DAY: u64 = 86_400_000;
const NOON: Timestamp = Timestamp(20_000 * DAY + DAY / 2);
const PRICE: u64 = 10;

fn claim(kind: Kind, subject: Subject, cap: u64) -> Claim {
    let limits = Limits {
        requests_per_minute: NonZeroU32::new(60),
        burst: NonZeroU32::new(10).unwrap(),
        tokens_per_minute: NonZeroU32::new(6000),
        micros: NonZeroU64::new(cap),
        window: Window::Day,
        max_open: NonZeroU32::new(10).unwrap(),
    };
    Claim { kind, subject, limits }
}

fn app() -> Claim {
    claim(Kind::Caller, Subject::caller("app"), 100)
}

fn demand(id: &str) -> Demand {
    Demand { request_id: id.to_owned(), tokens: 100, micros: PRICE, until: Some(Timestamp(NOON.0 + 60_000)) }
}

struct House {
    dynalite: Dynalite,
    ledger: Ledger,
}

impl House {
    /// A table without items. A machine under load is no fault of the ledger's, so that it has more time than usual.
    async fn empty() -> Self {
        let dynalite = Dynalite::with_tables("faults").await;
        let ledger = Ledger::new(&client(&dynalite.endpoint()), TABLE).at_pace(UNHURRIED);
        Self { dynalite, ledger }
    }

    /// The same with the caller's item in it, and in that the request `first`.
    async fn new() -> (Self, Ticket) {
        let house = Self::empty().await;
        let first = house.admit("first").await;
        house.dynalite.take_calls();
        (house, first)
    }

    async fn admit(&self, id: &str) -> Ticket {
        match self.ledger.admit(&[app()], &demand(id), NOON).await.unwrap() {
            Admission::Admitted(ticket) => ticket,
            Admission::Refused(refused) => panic!("{refused:?}"),
        }
    }

    /// Breaks the first calls from now on, one by one.
    fn break_first(&self, faults: Vec<Fault>) {
        let next = AtomicU32::default();
        self.dynalite.break_by(move |_| faults.get(next.fetch_add(1, Ordering::SeqCst) as usize).copied());
    }

    async fn item(&self, claim: &Claim) -> Value {
        let hold = claim.hold(NOON);
        let key = json!({"subject": {"S": hold.subject.as_str()}, "window": {"N": hold.window.0.to_string()}});
        let read = json!({"TableName": TABLE, "Key": key, "ConsistentRead": true});
        self.dynalite.call("GetItem", &read).await["Item"].take()
    }

    /// What is committed, and whose requests are open.
    async fn account(&self, claim: &Claim) -> (u64, Vec<String>) {
        let item = self.item(claim).await;
        let open = item["open"]["M"].as_object().map(|open| open.keys().cloned().collect());
        let mut open: Vec<String> = open.unwrap_or_default();
        open.sort();
        (item["committed"]["N"].as_str().map_or(0, |digits| digits.parse().unwrap()), open)
    }

    fn operations(&self) -> Vec<String> {
        self.dynalite.take_calls().into_iter().map(|call| call.operation).collect()
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_request_is_one_write_in_and_one_out() {
    let (house, _) = House::new().await;
    let ticket = house.admit("next").await;
    assert_eq!(house.operations(), ["UpdateItem"]);
    house.ledger.settle(&ticket, Taken { tokens: 50, micros: 5 }, NOON).await.unwrap();
    assert_eq!(house.operations(), ["UpdateItem"]);
    house.ledger.release(&ticket, NOON).await.unwrap();
    assert_eq!(house.operations(), ["UpdateItem"]);
    assert_eq!(house.account(&app()).await, (PRICE + 5, names(&["first"])));
}

#[tokio::test]
async fn a_refusal_that_stands_takes_reads_and_no_writes() {
    let (house, _) = House::new().await;
    for number in 0..9 {
        house.admit(&number.to_string()).await;
    }
    house.operations();
    for _ in 0..3 {
        let refused = house.ledger.admit(&[app()], &demand("more"), NOON).await.unwrap();
        assert!(matches!(refused, Admission::Refused(_)));
        assert_eq!(house.operations(), ["GetItem"]);
    }
}

#[tokio::test]
async fn an_admission_whose_answer_is_lost_is_charged_once() {
    for fault in [Fault::LoseReply, Fault::HangUp, Fault::Refuse(500, "InternalServerError")] {
        let (house, _) = House::new().await;
        house.break_first(vec![fault]);
        let ticket = house.admit("second").await;
        assert!(house.operations().len() >= 2, "{fault:?}");
        assert_eq!(house.account(&app()).await, (2 * PRICE, names(&["first", "second"])), "{fault:?}");
        let spend = ticket.standing.spend.unwrap();
        assert_eq!((spend.left, ticket.holds.len()), (80, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn an_admission_that_arrives_late_is_charged_once() {
    let (mut house, _) = House::new().await;
    house.ledger = house.ledger.at_pace(Pace { attempt: Duration::from_secs(1), ..UNHURRIED });
    let late = Duration::from_millis(1500);
    house.break_first(vec![Fault::Delay(late)]);
    house.admit("second").await;
    tokio::time::sleep(late).await;
    assert_eq!(house.operations(), ["UpdateItem", "UpdateItem"]);
    assert_eq!(house.account(&app()).await, (2 * PRICE, names(&["first", "second"])));
}

#[tokio::test]
async fn the_first_admission_of_a_window_is_charged_once_too() {
    let house = House::empty().await;
    // The first finds no item, the second makes one.
    house.break_first(vec![Fault::Delay(Duration::ZERO), Fault::LoseReply]);
    house.admit("first").await;
    assert_eq!(house.operations(), ["UpdateItem", "UpdateItem", "UpdateItem"]);
    assert_eq!(house.account(&app()).await, (PRICE, names(&["first"])));
}

#[tokio::test]
async fn a_settlement_whose_answer_is_lost_counts_once_and_still_tells_of_an_overrun() {
    for (taken, expected) in [(4, Settled::Booked), (15, Settled::Overrun(5))] {
        let (house, first) = House::new().await;
        house.break_first(vec![Fault::LoseReply, Fault::LoseReply, Fault::HangUp]);
        let settled = house.ledger.settle(&first, Taken { tokens: 100, micros: taken }, NOON).await.unwrap();
        assert_eq!(settled, expected);
        assert_eq!(house.account(&app()).await, (taken, vec![]));
        let again = house.ledger.settle(&first, Taken { tokens: 100, micros: taken }, NOON).await.unwrap();
        assert_eq!(again, Settled::Already);
    }
}

#[tokio::test]
async fn a_settlement_outlasts_throttling() {
    let (house, first) = House::new().await;
    house.break_first(vec![
        Fault::Refuse(400, "ThrottlingException"),
        Fault::Refuse(400, "ProvisionedThroughputExceededException"),
        Fault::Refuse(400, "RequestLimitExceeded"),
    ]);
    let settled = house.ledger.settle(&first, Taken { tokens: 1, micros: 3 }, NOON).await.unwrap();
    assert_eq!(settled, Settled::Booked);
    assert_eq!(house.account(&app()).await, (3, vec![]));
}

#[tokio::test]
async fn who_is_throttled_or_shut_out_is_told_at_once() {
    for refusal in [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "AccessDeniedException",
    ] {
        let (house, _) = House::new().await;
        let fault = Fault::Refuse(400, refusal);
        house.dynalite.break_by(move |_| Some(fault));
        let unavailable = house.ledger.admit(&[app()], &demand("second"), NOON).await.unwrap_err();
        assert_eq!(unavailable.store, "ledger");
        assert_eq!(house.operations(), ["UpdateItem"], "{refusal}");
        assert_eq!(house.account(&app()).await, (PRICE, names(&["first"])));
    }
}

#[tokio::test]
async fn an_admission_without_an_answer_ends_in_time_and_gives_back_what_it_holds() {
    let (mut house, _) = House::new().await;
    house.ledger = house.ledger.at_pace(Pace::default());
    let user = claim(Kind::User, Subject::user("app", "u"), 100);
    // The user's item answers, the caller's never does.
    let of_caller = |call: &Call| call.body["Key"]["subject"]["S"] == "caller/app";
    house.dynalite.break_by(move |call| of_caller(call).then_some(Fault::Delay(Duration::from_secs(30))));
    let begun = Instant::now();
    house.ledger.admit(&[user.clone(), app()], &demand("second"), NOON).await.unwrap_err();
    let Pace { admit, give_back, .. } = Pace::default();
    // A machine under load is given a second.
    assert!(begun.elapsed() < admit + give_back + Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(house.account(&user).await, (0, vec![]));
    // Neither rate has the request in it any more.
    house.dynalite.break_by(|_| None);
    let free = Demand { request_id: "look".to_owned(), tokens: 0, micros: 0, until: None };
    let Admission::Admitted(look) = house.ledger.admit(&[user], &free, NOON).await.unwrap() else { panic!("refused") };
    assert_eq!(look.standing.requests.unwrap().full_in_ms, 1000);
    assert_eq!(look.standing.tokens.unwrap().full_in_ms, 0);
}

#[tokio::test]
async fn a_claim_that_let_the_request_in_unheard_gives_it_back() {
    // Whatever is heard after it.
    for after in [Fault::HangUp, Fault::Refuse(400, "ThrottlingException")] {
        let (house, _) = House::new().await;
        house.break_first(vec![Fault::LoseReply, after]);
        house.ledger.admit(&[app()], &demand("second"), NOON).await.unwrap_err();
        assert_eq!(house.account(&app()).await, (PRICE, names(&["first"])), "{after:?}");
    }
}

#[tokio::test]
async fn a_doubt_outlasts_the_failed_condition_after_it() {
    let (house, _) = House::new().await;
    house.dynalite.withhold_items(true);
    // The second write finds the request in and is not told so; the third would find out.
    let throttled = Fault::Refuse(400, "ThrottlingException");
    house.break_first(vec![Fault::LoseReply, Fault::Delay(Duration::ZERO), throttled]);
    house.ledger.admit(&[app()], &demand("second"), NOON).await.unwrap_err();
    assert_eq!(house.account(&app()).await, (PRICE, names(&["first"])));
}

#[tokio::test]
async fn a_refusal_stays_one_where_what_is_held_cannot_be_given_back() {
    let house = House::empty().await;
    let user = claim(Kind::User, Subject::user("app", "u"), 100);
    let poor = claim(Kind::Caller, Subject::caller("app"), PRICE - 1);
    // The user's item lets the request in, the caller's does not, and then there is too much traffic.
    let gives_back = |call: &Call| call.body["UpdateExpression"].as_str().is_some_and(|told| told.contains("REMOVE"));
    house.dynalite.break_by(move |call| gives_back(call).then_some(Fault::Refuse(400, "ThrottlingException")));
    let told = house.ledger.admit(&[user.clone(), poor], &demand("dear"), NOON).await.unwrap();
    let Admission::Refused(refused) = told else { panic!("{told:?}") };
    assert_eq!(refused.kind, Kind::Caller);
    // It was tried, and is booked when its time is up.
    assert!(house.dynalite.take_calls().iter().any(gives_back));
    assert_eq!(house.account(&user).await, (PRICE, names(&["dear"])));
}

#[tokio::test]
async fn what_nobody_could_settle_is_booked_and_lets_others_in() {
    let (house, first) = House::new().await;
    for number in 0..9 {
        house.admit(&number.to_string()).await;
    }
    house.dynalite.break_by(|_| Some(Fault::HangUp));
    house.ledger.settle(&first, Taken::default(), NOON).await.unwrap_err();
    house.dynalite.break_by(|_| None);
    // All ten places were taken, by requests whose time is up.
    let later = Timestamp(NOON.0 + 60_000);
    let mut cheap = demand("later");
    (cheap.micros, cheap.until) = (0, Some(Timestamp(later.0 + 60_000)));
    let admitted = house.ledger.admit(&[app()], &cheap, later).await.unwrap();
    assert!(matches!(admitted, Admission::Admitted(_)), "{admitted:?}");
    assert_eq!(house.account(&app()).await, (10 * PRICE, names(&["later"])));
    assert_eq!(house.ledger.settle(&first, Taken::default(), later).await.unwrap(), Settled::Already);
}

#[tokio::test]
async fn clocks_that_differ_by_seconds_pass_no_cap_and_lock_nobody_out() {
    let (house, _) = House::new().await;
    let other = Ledger::new(&client(&house.dynalite.endpoint()), TABLE).at_pace(UNHURRIED);
    let (mut admitted, mut number) = (1, 0);
    // Two writers, five seconds apart either way, for twenty seconds.
    for second in 0..20_u64 {
        for (ledger, skewed) in
            [(&house.ledger, NOON.0 + second * 1000 - 5000), (&other, NOON.0 + second * 1000 + 5000)]
        {
            for _ in 0..3 {
                number += 1;
                let mut demand = demand(&number.to_string());
                (demand.tokens, demand.micros) = (1, 1);
                let now = Timestamp(skewed);
                if let Admission::Admitted(ticket) = ledger.admit(&[app()], &demand, now).await.unwrap() {
                    admitted += 1;
                    ledger.settle(&ticket, Taken { tokens: 1, micros: 1 }, now).await.unwrap();
                }
            }
        }
    }
    // One a second and ten at once; the faster clock is five seconds ahead of the true one.
    assert!((20..=10 + 20 + 5).contains(&admitted), "{admitted}");
    let (committed, _) = house.account(&app()).await;
    assert_eq!(committed, PRICE + admitted - 1);
    wait::within("a request once the clocks agree", async {
        let now = Timestamp(NOON.0 + 60_000);
        let admitted = house.ledger.admit(&[app()], &demand("agreed"), now).await.unwrap();
        assert!(matches!(admitted, Admission::Admitted(_)));
    })
    .await;
}

#[tokio::test]
async fn two_hundred_open_requests_fit_in_an_item() {
    let house = House::empty().await;
    let mut crowded = claim(Kind::Caller, Subject::caller("app"), 1_000_000);
    crowded.limits.max_open = NonZeroU32::new(200).unwrap();
    (crowded.limits.requests_per_minute, crowded.limits.tokens_per_minute) = (None, None);
    let id = |number: u32| format!("01890a5d-ac96-774b-bcce-{number:012}");
    for number in 0..200 {
        let admitted = house.ledger.admit(std::slice::from_ref(&crowded), &demand(&id(number)), NOON).await.unwrap();
        assert!(matches!(admitted, Admission::Admitted(_)), "{number}: {admitted:?}");
    }
    let refused = house.ledger.admit(std::slice::from_ref(&crowded), &demand("more"), NOON).await.unwrap();
    assert!(matches!(refused, Admission::Refused(_)));
    // Twelve write units, as the adapter's documentation has it: a number takes half a byte a digit, and one or two.
    let open = house.item(&crowded).await["open"]["M"].as_object().unwrap().len();
    let entry = id(0).len() + 1 + 3 + 2 + (1 + 2) + (1 + 8);
    assert!((open * entry).div_ceil(1024) <= 12, "{open} of {entry} bytes");
    // Once their time is up, room is made fifty at a time.
    let later = Timestamp(NOON.0 + 60_000);
    for number in 200..203 {
        let mut demand = demand(&id(number));
        demand.until = Some(Timestamp(later.0 + 60_000));
        let admitted = house.ledger.admit(std::slice::from_ref(&crowded), &demand, later).await.unwrap();
        assert!(matches!(admitted, Admission::Admitted(_)), "{number}: {admitted:?}");
    }
    assert_eq!(house.account(&crowded).await.0, 203 * PRICE);
}
