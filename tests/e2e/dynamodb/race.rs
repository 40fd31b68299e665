//! Several processes at one table.

use std::num::{NonZeroU32, NonZeroU64};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::aws::dynamodb::Ledger;
use shared::clock::Timestamp;
use shared::limits::{Admission, Claim, Demand, Kind, Limits, Subject, Taken, Ticket, Window};
use shared::ports::Ledger as _;
use tests::aws::dynalite::Dynalite;
use tokio::process::Command;

use super::client;
use super::laws::UNHURRIED;

/// Tells a process where to race, and under which number.
const ORDERS: &str = "GATEHOUSE_TEST_RACE";
/// What a process says before what it counted.
const COUNTED: &str = "counted: ";

const TABLE: &str = "race-ledger";
const DAY: u64 = 86_400_000;
/// Every process has the same time, so that what a rate allows can be told exactly.
const NOON: Timestamp = Timestamp(20_000 * DAY + DAY / 2);
const LEASE: u64 = 60_000;
const PRICE: u64 = 10;
const TOKENS: u64 = 100;
const CAP: u64 = 600;
/// Admissions that a process asks for in each contest, and how many of them at a time.
const ASKED: u64 = 60;
const AT_ONCE: u64 = 10;

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What the processes race for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Contest {
    Money,
    Places,
    Requests,
    Tokens,
}

const CONTESTS: [Contest; 4] = [Contest::Money, Contest::Places, Contest::Requests, Contest::Tokens];

impl Contest {
    const fn name(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Places => "places",
            Self::Requests => "requests",
            Self::Tokens => "tokens",
        }
    }

    fn claims(self) -> [Claim; 2] {
        let mut limits = Limits {
            requests_per_minute: None,
            burst: NonZeroU32::new(50).unwrap(),
            tokens_per_minute: None,
            micros: None,
            window: Window::Day,
            max_open: NonZeroU32::new(1000).unwrap(),
        };
        let user = Claim { kind: Kind::User, subject: Subject::user(self.name(), "u"), limits: limits.clone() };
        match self {
            Self::Money => limits.micros = NonZeroU64::new(CAP),
            Self::Places => limits.max_open = NonZeroU32::new(20).unwrap(),
            Self::Requests => limits.requests_per_minute = NonZeroU32::new(600),
            Self::Tokens => limits.tokens_per_minute = NonZeroU32::new(4000),
        }
        [user, Claim { kind: Kind::Caller, subject: Subject::caller(self.name()), limits }]
    }

    /// What a process does with the request that was admitted as its `nth`.
    const fn end(self, nth: u64) -> End {
        match (self, nth % 3) {
            (Self::Money, 0) => End::Settle,
            (Self::Money, 1) | (Self::Requests, _) => End::Release,
            (Self::Money, _) | (Self::Places | Self::Tokens, _) => End::Die,
        }
    }
}

enum End {
    /// At half the price.
    Settle,
    Release,
    /// Nothing is heard of it again.
    Die,
}

#[derive(Default)]
struct Count {
    admitted: u64,
    booked: u64,
}

fn demand(id: String) -> Demand {
    Demand { request_id: id, tokens: TOKENS, micros: PRICE, until: Some(Timestamp(NOON.0 + LEASE)) }
}

fn ledger(endpoint: &str) -> Ledger {
    Ledger::new(&client(endpoint), TABLE).at_pace(UNHURRIED)
}

async fn race(ledger: &Ledger, process: u64, contest: Contest) -> Count {
    let claims = contest.claims();
    let ask = async |number: u64| {
        let demand = demand(format!("{process}-{number}"));
        match ledger.admit(&claims, &demand, NOON).await.unwrap() {
            Admission::Admitted(ticket) => {
                Count { admitted: 1, booked: end(ledger, contest.end(number), &ticket).await }
            }
            Admission::Refused(_) => Count::default(),
        }
    };
    let mut all = Count::default();
    for first in (0..ASKED).step_by(usize::try_from(AT_ONCE).unwrap()) {
        for count in join_all((first..first + AT_ONCE).map(&ask)).await {
            all = Count { admitted: all.admitted + count.admitted, booked: all.booked + count.booked };
        }
    }
    all
}

async fn end(ledger: &Ledger, end: End, ticket: &Ticket) -> u64 {
    match end {
        End::Settle => {
            let taken = Taken { tokens: TOKENS, micros: PRICE / 2 };
            ledger.settle(ticket, taken, NOON).await.unwrap();
            taken.micros
        }
        End::Release => {
            ledger.release(ticket, NOON).await.unwrap();
            0
        }
        // It is booked when its time is up.
        End::Die => PRICE,
    }
}

/// Both subjects' items, as they are.
async fn items(dynalite: &Dynalite, contest: Contest) -> [Value; 2] {
    let [user, caller] = contest.claims().map(|claim| claim.hold(NOON));
    let read = async |subject: &Subject, window: Timestamp| {
        let key = json!({"subject": {"S": subject.as_str()}, "window": {"N": window.0.to_string()}});
        let read = json!({"TableName": TABLE, "Key": key, "ConsistentRead": true});
        dynalite.call("GetItem", &read).await["Item"].take()
    };
    [read(&user.subject, user.window).await, read(&caller.subject, caller.window).await]
}

fn committed(item: &Value) -> u64 {
    item["committed"]["N"].as_str().map_or(0, |digits| digits.parse().unwrap())
}

fn open(item: &Value) -> usize {
    item["open"]["M"].as_object().map_or(0, serde_json::Map::len)
}

/// Looks at the items again and again until it is told to stop: no limit is passed at any time.
async fn watch(dynalite: &Dynalite, stop: &AtomicBool) -> u32 {
    let mut looks = 0;
    while !stop.load(Ordering::SeqCst) {
        let [_, money] = items(dynalite, Contest::Money).await;
        assert!(committed(&money) <= CAP, "{money}");
        let [_, places] = items(dynalite, Contest::Places).await;
        assert!(open(&places) <= 20, "{places}");
        looks += 1;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    looks
}

async fn assert_kept(dynalite: &Dynalite, contest: Contest, count: &Count) {
    let Count { admitted, booked } = *count;
    let [user, caller] = items(dynalite, contest).await;
    // Whom the caller refused has given back what the user's item held.
    assert_eq!((committed(&user), open(&user)), (committed(&caller), open(&caller)), "{}", contest.name());
    assert_eq!(committed(&caller), booked, "{}: {admitted} were admitted", contest.name());
    match contest {
        Contest::Money => assert!(booked <= CAP && admitted >= CAP / PRICE, "{admitted} {booked}"),
        Contest::Places => assert_eq!(admitted, 20),
        Contest::Requests => assert_eq!(admitted, 50),
        // Those who were refused by the caller after the user had let them in have been given back.
        Contest::Tokens => assert_eq!(admitted, 4000 / TOKENS),
    }
}

/// All that there is can still be had: by one more request, or once the reservations that nobody settled are over.
async fn assert_open_afterwards(ledger: &Ledger, contest: Contest, count: &Count) {
    let claims = contest.claims();
    let (micros, now) = match contest {
        Contest::Money => (CAP - count.booked, NOON),
        Contest::Places => (PRICE, Timestamp(NOON.0 + LEASE)),
        Contest::Requests | Contest::Tokens => (PRICE, Timestamp(NOON.0 + 60_000)),
    };
    let demand = Demand { micros, until: Some(Timestamp(now.0 + LEASE)), ..demand("afterwards".to_owned()) };
    let admitted = ledger.admit(&claims, &demand, now).await.unwrap();
    assert!(matches!(admitted, Admission::Admitted(_)), "{}: {admitted:?}", contest.name());
    let tomorrow = Timestamp(NOON.0 + DAY);
    let admitted = ledger.admit(&claims, &demand, tomorrow).await.unwrap();
    assert!(matches!(admitted, Admission::Admitted(_)), "{}: {admitted:?}", contest.name());
}

/// Where this process is to race, if another one has started it.
#[expect(clippy::disallowed_methods, reason = "the other process is this very test")]
fn orders() -> Option<(String, u64)> {
    let orders: Value = serde_json::from_str(&std::env::var(ORDERS).ok()?).unwrap();
    Some((orders["endpoint"].as_str()?.to_owned(), orders["process"].as_u64()?))
}

/// Started by [`four_processes_never_pass_a_limit_and_lock_nobody_out`], it is one of the four.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_alone_never_passes_a_limit() {
    if let Some((endpoint, process)) = orders() {
        let ledger = ledger(&endpoint);
        for contest in CONTESTS {
            let Count { admitted, booked } = race(&ledger, process, contest).await;
            println!("{COUNTED}{}", json!({"contest": contest.name(), "admitted": admitted, "booked": booked}));
        }
        return;
    }
    let dynalite = Dynalite::with_tables("race").await;
    let ledger = ledger(&dynalite.endpoint());
    for contest in CONTESTS {
        let count = race(&ledger, 0, contest).await;
        assert_kept(&dynalite, contest, &count).await;
        assert_open_afterwards(&ledger, contest, &count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_processes_never_pass_a_limit_and_lock_nobody_out() {
    let dynalite = Arc::new(Dynalite::with_tables("race").await);
    let (stop, watched) = (Arc::new(AtomicBool::default()), Arc::clone(&dynalite));
    let stopping = Arc::clone(&stop);
    let mut watching = tokio::task::JoinSet::new();
    watching.spawn(async move { watch(&watched, &stopping).await });
    let counts = join_all((0..4).map(|process| run(&dynalite, process))).await;
    stop.store(true, Ordering::SeqCst);
    assert!(watching.join_next().await.unwrap().unwrap() > 0);
    let ledger = ledger(&dynalite.endpoint());
    for contest in CONTESTS {
        let mut all = Count::default();
        for counted in counts.iter().flatten().filter(|counted| counted["contest"] == contest.name()) {
            all.admitted += counted["admitted"].as_u64().unwrap();
            all.booked += counted["booked"].as_u64().unwrap();
        }
        assert_kept(&dynalite, contest, &all).await;
        assert_open_afterwards(&ledger, contest, &all).await;
    }
}

/// Runs the test above in a process of its own, and returns what it counted.
async fn run(dynalite: &Dynalite, process: u64) -> Vec<Value> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "dynamodb::race::one_process_alone_never_passes_a_limit", "--nocapture"]);
    command.env(ORDERS, json!({"endpoint": dynalite.endpoint(), "process": process}).to_string());
    let output = command.kill_on_drop(true).stdin(Stdio::null()).output().await.unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    let counted: Vec<_> = printed.lines().filter_map(|line| line.split_once(COUNTED)).collect();
    assert_eq!(counted.len(), CONTESTS.len(), "{printed}");
    counted.into_iter().map(|(_, json)| serde_json::from_str(json).unwrap()).collect()
}
