//! The laws on a real file; several gates on one; what a restart and a lock do.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use shared::fakes::ledger::laws::{self, claim, demand, wait};
use shared::limits::Window;
use shared::ports::Ledger as _;
use tempfile::TempDir;

use super::*;

const NOON: Timestamp = Timestamp(20_000 * 86_400_000 + 43_200_000);

/// A ledger and the directory it is in, which goes with it.
struct Own(Ledger, #[expect(dead_code, reason = "held until the ledger is dropped")] TempDir);

impl ports::Ledger for Own {
    async fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Result<Admission, Unavailable> {
        self.0.admit(claims, demand, now).await
    }

    async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        self.0.settle(ticket, taken, now).await
    }

    async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        self.0.release(ticket, now).await
    }
}

#[test]
fn the_ledger_in_sqlite_keeps_the_laws() {
    laws::all(&|| {
        let data = tempfile::tempdir().unwrap();
        Own(Ledger::open(data.path(), NOON).unwrap(), data)
    });
}

#[test]
fn several_gates_share_one_cap() {
    let data = tempfile::tempdir().unwrap();
    let admitted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for gate in 0..4 {
            let ledger = Ledger::open(data.path(), NOON).unwrap();
            let admitted = &admitted;
            scope.spawn(move || {
                for number in 0..50 {
                    let demand = demand(&format!("{gate}-{number}"), 1, 10);
                    let answer = wait(ledger.admit(&[claim("app", "none", 1000)], &demand, NOON)).unwrap();
                    if let Admission::Admitted(ticket) = answer {
                        admitted.fetch_add(1, Ordering::SeqCst);
                        wait(ledger.settle(&ticket, Taken { tokens: 1, micros: 10 }, NOON)).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 100);
}

/// A request that has asked and waits.
async fn asked<'l>(
    ledger: &'l Ledger,
    claims: &'l [Claim],
    demand: &'l Demand,
) -> Pin<Box<impl Future<Output = Result<Admission, Unavailable>> + use<'l>>> {
    let mut asking = Box::pin(ledger.admit(claims, demand, NOON));
    assert!(poll_fn(|context| Poll::Ready(asking.as_mut().poll(context))).await.is_pending());
    asking
}

#[tokio::test]
async fn the_steps_of_one_turn_are_taken_one_after_the_other() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let claims = [claim("app", "none", 100)];
    let demands: Vec<Demand> = (0..16).map(|number| demand(&number.to_string(), 1, 10)).collect();
    let mut asking = Vec::new();
    for demand in &demands {
        asking.push(asked(&ledger, &claims, demand).await);
    }
    let mut admitted = Vec::new();
    for asked in asking {
        admitted.push(matches!(asked.await.unwrap(), Admission::Admitted(_)));
    }
    assert_eq!(admitted, [[true; 10].as_slice(), &[false; 6]].concat());
}

#[tokio::test]
async fn a_turn_is_done_though_the_request_that_leads_it_is_dropped() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let claims = [claim("app", "none", 100)];
    let demands = [demand("one", 1, 60), demand("two", 1, 40), demand("three", 1, 1)];
    let first = asked(&ledger, &claims, &demands[0]).await;
    let second = asked(&ledger, &claims, &demands[1]).await;
    drop(first);
    assert!(matches!(second.await.unwrap(), Admission::Admitted(_)));
    // The first was taken too, and stands until its time is up.
    assert!(matches!(ledger.admit(&claims, &demands[2], NOON).await.unwrap(), Admission::Refused(_)));
}

#[test]
fn a_restart_keeps_what_was_spent_and_reserved() {
    let data = tempfile::tempdir().unwrap();
    let claims = [claim("app", "none", 100)];
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let Admission::Admitted(ticket) = wait(ledger.admit(&claims, &demand("one", 1, 60), NOON)).unwrap() else {
        panic!("it was refused")
    };
    drop(ledger);
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let refused = wait(ledger.admit(&claims, &demand("two", 1, 41), NOON)).unwrap();
    assert!(matches!(refused, Admission::Refused(_)), "{refused:?}");
    assert_eq!(wait(ledger.settle(&ticket, Taken { tokens: 1, micros: 59 }, NOON)).unwrap(), Settled::Booked);
    let admitted = wait(ledger.admit(&claims, &demand("three", 1, 41), NOON)).unwrap();
    assert!(matches!(admitted, Admission::Admitted(_)), "{admitted:?}");
}

/// How many accounts there are.
fn kept(data: &TempDir) -> i64 {
    let connection = sqlite::open_ledger(data.path()).unwrap();
    connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0)).unwrap()
}

#[test]
fn accounts_long_past_are_removed_and_no_others() {
    let data = tempfile::tempdir().unwrap();
    let claims = [claim("app", "none", 100)];
    let open = |now| Ledger::open(data.path(), now).unwrap();
    let kept = || kept(&data);
    wait(open(NOON).admit(&claims, &demand("r", 1, 1), NOON)).unwrap();
    drop(open(Timestamp(NOON.0 + KEPT_MS)));
    assert_eq!(kept(), 1);
    drop(open(Timestamp(NOON.0 + KEPT_MS + 86_400_000)));
    assert_eq!(kept(), 0);
}

#[test]
fn accounts_long_past_are_removed_on_a_long_run_too() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let long_after = Timestamp(NOON.0 + KEPT_MS + 86_400_000);
    for (name, now) in [("old", NOON), ("new", long_after)] {
        wait(ledger.admit(&[claim(name, "none", 100)], &demand(name, 1, 1), now)).unwrap();
    }
    assert_eq!(kept(&data), 1);
}

#[test]
fn an_account_lasts_as_long_as_the_longest_window_that_began_with_it() {
    let data = tempfile::tempdir().unwrap();
    let [day, month] = [Window::Day, Window::Month].map(|window| {
        let mut claim = claim("app", "none", 100);
        claim.limits.window = window;
        [claim]
    });
    // The first of a month, when both windows begin.
    let first = Timestamp(Window::Month.start(NOON).0 + 1);
    for (turn, claims) in [&day, &month, &day].into_iter().enumerate() {
        let ledger = Ledger::open(data.path(), first).unwrap();
        wait(ledger.admit(claims, &demand(&turn.to_string(), 1, 1), first)).unwrap();
    }
    drop(Ledger::open(data.path(), Timestamp(Window::Month.end(NOON).0 + KEPT_MS - 1)).unwrap());
    assert_eq!(kept(&data), 1);
}

#[test]
fn a_database_that_another_holds_is_unavailable_and_then_recovers() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(data.path(), NOON).unwrap();
    let mut other = sqlite::open_ledger(data.path()).unwrap();
    let held = other.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let claims = [claim("app", "none", 100)];
    let unavailable = wait(ledger.admit(&claims, &demand("r", 1, 100), NOON)).unwrap_err();
    assert_eq!(unavailable.store, "ledger");
    drop(held);
    let admitted = wait(ledger.admit(&claims, &demand("r", 1, 100), NOON)).unwrap();
    assert!(matches!(admitted, Admission::Admitted(_)), "{admitted:?}");
}
