//! The laws that every ledger keeps, to be run on each adapter: [`all`] of them, or one by one.
//!
//! The sequential law holds an adapter against a reference that is written as one would describe the limits, and keeps
//! booked and reserved apart.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a law that does not hold stops the test"
)]

use std::num::{NonZeroU32, NonZeroU64};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::clock::Timestamp;
use crate::limits::{
    Admission, Claim, Demand, Kind, Limit, Limits, Refused, Retry, Settled, Subject, Taken, Ticket, Window,
};
use crate::ports::Ledger;

mod reference;

use reference::Reference;

const DAY: u64 = 86_400_000;
/// Noon, so that a test's clock may run for a while.
const NOON: Timestamp = Timestamp(20_000 * DAY + DAY / 2);
/// How long a reservation lasts here.
const LEASE: u64 = 60_000;

/// How many histories of each kind a store is put through; each takes a ledger of its own.
const HISTORIES: u32 = 12;

/// Every law. `open` gives a ledger that nobody has used yet.
pub fn all<L: Ledger>(open: &dyn Fn() -> L) {
    agrees_with_the_reference(open, HISTORIES);
    racers_never_pass_the_cap(&open());
    a_release_makes_room_at_once(&open());
    settling_twice_counts_once(&open());
    an_admission_repeated_is_charged_once(&open());
    a_refusal_by_one_gives_back_the_other(&open());
    what_expires_is_booked(&open());
    a_lowered_limit_admits_once_what_is_open_expires(&open());
    an_overrun_is_booked_and_stops_admission(&open());
    a_budget_is_settled_where_it_was_reserved(&open());
    free_requests_count_by_number_alone(&open());
}

/// Whoever is admitted, settled, released or refused by the second of two in whatever order, at whatever time: the ledger
/// decides as the reference. So many histories are made up for one subject, and as many for two; one that goes wrong is
/// told in its shortest form.
///
/// # Panics
/// When it does not.
pub fn agrees_with_the_reference<L: Ledger>(open: &dyn Fn() -> L, histories: u32) {
    let config = || Config { cases: histories, failure_persistence: None, ..Config::default() };
    for subjects in [1, 2] {
        let history = (prop::collection::vec(limits(), subjects), prop::collection::vec(step(), 1..120));
        let told = TestRunner::new(config()).run(&history, |(limits, steps)| follow(&open(), &limits, &steps));
        told.unwrap_or_else(|error| panic!("{subjects} subjects: {error}"));
    }
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// For so many tokens and millionths of a dollar, or for nothing.
    Admit {
        asked: Option<(u64, u64)>,
    },
    Settle {
        nth: usize,
        taken: Taken,
    },
    Release {
        nth: usize,
    },
    Forth {
        milliseconds: u64,
    },
    Back {
        milliseconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop::option::weighted(0.8, (0..120_u64, 0..60_u64)).prop_map(|asked| Step::Admit { asked }),
        2 => (any::<usize>(), 0..150_u64, 0..70_u64)
            .prop_map(|(nth, tokens, micros)| Step::Settle { nth, taken: Taken { tokens, micros } }),
        1 => any::<usize>().prop_map(|nth| Step::Release { nth }),
        1 => prop_oneof![0..10_u64, 0..2000_u64, 0..70_000_u64].prop_map(|milliseconds| Step::Forth { milliseconds }),
        1 => (0..5000_u64).prop_map(|milliseconds| Step::Back { milliseconds }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let of = |numbers: &'static [u32]| prop::sample::select(numbers);
    let rates = (of(&[6, 60, 100_000]), of(&[1, 5, 100_000]), of(&[100, 10_000, 4_000_000_000]));
    (rates, of(&[50, 400, 1_000_000]), of(&[1, 4, 100])).prop_map(|((requests, burst, tokens), micros, max_open)| {
        Limits {
            requests_per_minute: NonZeroU32::new(requests),
            burst: NonZeroU32::new(burst).unwrap(),
            tokens_per_minute: NonZeroU32::new(tokens),
            micros: NonZeroU64::new(micros.into()),
            window: Window::Day,
            max_open: NonZeroU32::new(max_open).unwrap(),
        }
    })
}

/// A history, step by step, at the ledger and at the reference.
fn follow<L: Ledger>(ledger: &L, limits: &[Limits], steps: &[Step]) -> Result<(), TestCaseError> {
    let whose = [(Kind::User, Subject::user("app", "u")), (Kind::Caller, Subject::caller("app"))];
    let claim = |((kind, subject), limits): (_, &Limits)| Claim { kind, subject, limits: limits.clone() };
    let claims: Vec<Claim> = whose.into_iter().zip(limits).map(claim).collect();
    let (mut reference, mut tickets) = (Reference::of(limits), Vec::<(Ticket, Timestamp)>::new());
    let (mut now, mut earliest) = (NOON, Timestamp(0));
    for (number, step) in steps.iter().enumerate() {
        // A subject that gives a request back takes its time for that of the last one: a clock that is set back
        // further finds it stricter than if nothing had been. What is over when it gives back may stay closed.
        let alone = claims.len() == 1;
        let chosen = |nth: usize| {
            Some(nth % tickets.len().max(1))
                .filter(|place| tickets.get(*place).is_some_and(|(_, until)| alone || *until > now))
        };
        match step {
            Step::Admit { asked } => {
                let until = Timestamp(now.0 + LEASE);
                let (tokens, micros) = asked.unwrap_or_default();
                let lasts = asked.map(|_| until);
                let demand = Demand { request_id: number.to_string(), tokens, micros, until: lasts };
                let expected = reference.admit(&demand, now);
                match (wait(ledger.admit(&claims, &demand, now)).unwrap(), expected) {
                    (Admission::Admitted(ticket), Ok(())) => tickets.push((ticket, until)),
                    (Admission::Refused(refused), Err((place, limit))) => {
                        prop_assert_eq!((refused.kind, refused.limit), (claims[place].kind, limit), "step {}", number);
                        if place > 0 {
                            earliest = now;
                        }
                    }
                    (admitted, expected) => {
                        return Err(TestCaseError::fail(format!("step {number}: {admitted:?}, not {expected:?}")));
                    }
                }
            }
            Step::Settle { nth, taken } => {
                let Some(place) = chosen(*nth) else { continue };
                let ticket = &tickets[place].0;
                let settled = wait(ledger.settle(ticket, *taken, now)).unwrap();
                prop_assert_eq!(settled, reference.settle(ticket, *taken, now), "step {}", number);
            }
            Step::Release { nth } => {
                let Some(place) = chosen(*nth) else { continue };
                let (ticket, _) = tickets.swap_remove(place);
                wait(ledger.release(&ticket, now)).unwrap();
                reference.settle(&ticket, Taken::default(), now);
            }
            Step::Forth { milliseconds } => now = Timestamp(now.0 + milliseconds),
            Step::Back { milliseconds } => now = Timestamp((now.0 - milliseconds).max(earliest.0)),
        }
    }
    Ok(())
}

/// However many race, booked and reserved together stay within the cap, and all of the cap can be used. Once the
/// window turns, everybody is admitted again.
///
/// # Panics
/// When they do not.
pub fn racers_never_pass_the_cap<L: Ledger>(ledger: &L) {
    let (racers, price) = (300, 10);
    let cap = 1000;
    let claims = [claim_of(Kind::User, Subject::user("app", "u"), "none", cap), claim("app", "none", cap)];
    let admitted = AtomicU64::new(0);
    let race = |round: u64, now: Timestamp| {
        thread::scope(|scope| {
            for racer in 0..racers {
                let (claims, admitted) = (&claims, &admitted);
                scope.spawn(move || {
                    let demand = Demand {
                        until: Some(Timestamp(now.0 + LEASE)),
                        ..demand(&format!("{round}-{racer}"), 1, price)
                    };
                    if let Admission::Admitted(ticket) = wait(ledger.admit(claims, &demand, now)).unwrap() {
                        assert!(ticket.standing.spend.unwrap().left <= cap - price);
                        admitted.fetch_add(1, Ordering::SeqCst);
                        // Half of them turn out to be cheaper, so that their room is there again.
                        if racer % 2 == 0 {
                            wait(ledger.settle(&ticket, Taken { tokens: 1, micros: price / 2 }, now)).unwrap();
                        }
                    }
                });
            }
        });
    };
    race(0, NOON);
    let first = admitted.swap(0, Ordering::SeqCst);
    // At most as many as fit at the lower price, at least as many as fit at the full one, but for those whom a
    // reservation on its way back was in the way of.
    assert!((cap / price / 2..=cap * 2 / price).contains(&first), "{first}");
    let after = wait(ledger.admit(&claims, &demand("after", 1, cap), NOON)).unwrap();
    assert!(matches!(after, Admission::Refused(ref refused) if refused.limit == Limit::Spend), "{after:?}");
    let tomorrow = Timestamp(NOON.0 + DAY);
    race(1, tomorrow);
    assert!(admitted.load(Ordering::SeqCst) >= cap / price / 2);
}

/// What is released can be reserved at once.
///
/// # Panics
/// When it cannot.
pub fn a_release_makes_room_at_once<L: Ledger>(ledger: &L) {
    let claims = [claim("app", "none", 100)];
    for round in 0..50 {
        let ticket = admitted(ledger, &claims, &demand(&round.to_string(), 1, 100), NOON);
        let refused = refused(ledger, &claims, &demand("other", 1, 1), NOON);
        assert_eq!((refused.limit, refused.retry), (Limit::Spend, Retry::Soon));
        wait(ledger.release(&ticket, NOON)).unwrap();
    }
}

/// A second settling, and a release after one, do nothing.
///
/// # Panics
/// When they do.
pub fn settling_twice_counts_once<L: Ledger>(ledger: &L) {
    let claims = [claim("app", "none", 100)];
    let ticket = admitted(ledger, &claims, &demand("r", 1, 100), NOON);
    let taken = Taken { tokens: 1, micros: 30 };
    assert_eq!(wait(ledger.settle(&ticket, taken, NOON)).unwrap(), Settled::Booked);
    assert_eq!(wait(ledger.settle(&ticket, taken, NOON)).unwrap(), Settled::Already);
    wait(ledger.release(&ticket, NOON)).unwrap();
    assert_eq!(left(ledger, &claims), 70);
}

/// An admission whose answer was lost can be asked for again.
///
/// # Panics
/// When it is charged twice.
pub fn an_admission_repeated_is_charged_once<L: Ledger>(ledger: &L) {
    let claims = [claim("app", "1", 100)];
    let once = admitted(ledger, &claims, &demand("r", 1, 60), NOON);
    let again = admitted(ledger, &claims, &demand("r", 1, 60), NOON);
    assert_eq!(once, again);
    wait(ledger.settle(&again, Taken { tokens: 1, micros: 60 }, NOON)).unwrap();
    assert_eq!(left(ledger, &[claim("app", "none", 100)]), 40);
}

/// Where the second subject refuses, the first has given nothing away: neither money nor a request.
///
/// # Panics
/// When it has.
pub fn a_refusal_by_one_gives_back_the_other<L: Ledger>(ledger: &L) {
    let user = claim_of(Kind::User, Subject::user("app", "u"), "1", 1000);
    let both = [user.clone(), claim("app", "none", 10)];
    for attempt in 0..20 {
        let refused = refused(ledger, &both, &demand(&attempt.to_string(), 1, 11), NOON);
        assert_eq!((refused.kind, refused.limit, refused.retry), (Kind::Caller, Limit::Spend, Retry::Never));
    }
    admitted(ledger, &[user], &demand("alone", 1, 1000), NOON);
}

/// A reservation of which nothing was heard is booked when its time is up, and holds no place any more.
///
/// # Panics
/// When it is freed, or holds its place.
pub fn what_expires_is_booked<L: Ledger>(ledger: &L) {
    let mut one_open = claim("app", "none", 100);
    one_open.limits.max_open = NonZeroU32::MIN;
    let claims = [one_open];
    let lost = admitted(ledger, &claims, &demand("lost", 1, 60), NOON);
    let in_its_place = refused(ledger, &claims, &demand("next", 1, 10), NOON);
    assert_eq!((in_its_place.limit, in_its_place.retry), (Limit::Open, Retry::Soon));
    let later = Timestamp(NOON.0 + LEASE);
    let booked = refused(ledger, &claims, &demand("dear", 1, 41), later);
    assert_eq!(booked.retry, Retry::At(Window::Day.end(NOON)));
    let next = admitted(ledger, &claims, &demand("next", 1, 10), later);
    // It was closed to make room: a late figure changes nothing.
    assert_eq!(wait(ledger.settle(&lost, Taken { tokens: 1, micros: 1 }, later)).unwrap(), Settled::Already);
    wait(ledger.release(&next, later)).unwrap();
    assert_eq!(left(ledger, &claims), 40);
}

/// A limit that is lowered far below what is open lets the next request in as soon as that has expired.
///
/// # Panics
/// When it locks the subject out.
pub fn a_lowered_limit_admits_once_what_is_open_expires<L: Ledger>(ledger: &L) {
    let mut claims = [claim("app", "none", 1000)];
    for number in 0..120 {
        admitted(ledger, &claims, &demand(&number.to_string(), 1, 1), NOON);
    }
    claims[0].limits.max_open = NonZeroU32::new(50).unwrap();
    assert_eq!(refused(ledger, &claims, &demand("early", 1, 1), NOON).limit, Limit::Open);
    let later = Timestamp(NOON.0 + LEASE);
    let next = Demand { until: Some(Timestamp(later.0 + LEASE)), ..demand("next", 1, 1) };
    admitted(ledger, &claims, &next, later);
    assert_eq!(left(ledger, &claims), 1000 - 121, "what made room is booked");
}

/// A price above the reservation is booked in full, said so, and the cap holds from then on.
///
/// # Panics
/// When it is not.
pub fn an_overrun_is_booked_and_stops_admission<L: Ledger>(ledger: &L) {
    let claims = [claim("app", "none", 100)];
    let ticket = admitted(ledger, &claims, &demand("r", 1, 50), NOON);
    let settled = wait(ledger.settle(&ticket, Taken { tokens: 1, micros: 130 }, NOON)).unwrap();
    assert_eq!(settled, Settled::Overrun(80));
    let refused = refused(ledger, &claims, &demand("cheap", 1, 0), NOON);
    assert_eq!((refused.limit, refused.retry), (Limit::Spend, Retry::At(Window::Day.end(NOON))));
    assert_eq!(left(ledger, &claims), 0, "and who asks for nothing that costs is still answered");
}

/// A request that is open while the window turns is settled in the one it was admitted in.
///
/// # Panics
/// When it is not.
pub fn a_budget_is_settled_where_it_was_reserved<L: Ledger>(ledger: &L) {
    let claims = [claim("app", "none", 100)];
    let before = Timestamp(Window::Day.end(NOON).0 - 1);
    let ticket = admitted(ledger, &claims, &demand("r", 1, 100), before);
    let after = Timestamp(before.0 + 10);
    let other = admitted(ledger, &claims, &demand("other", 1, 100), after);
    assert_eq!(wait(ledger.settle(&ticket, Taken { tokens: 1, micros: 100 }, after)).unwrap(), Settled::Booked);
    refused(ledger, &claims, &demand("third", 1, 1), before);
    wait(ledger.release(&other, after)).unwrap();
    admitted(ledger, &claims, &demand("fourth", 1, 100), after);
}

/// What costs nothing takes no place and no money, and is still held to the rate.
///
/// # Panics
/// When it is not.
pub fn free_requests_count_by_number_alone<L: Ledger>(ledger: &L) {
    let mut claims = [claim("app", "60", 100)];
    claims[0].limits.max_open = NonZeroU32::MIN;
    claims[0].limits.burst = NonZeroU32::new(3).unwrap();
    for number in 0..3 {
        let free = Demand { request_id: number.to_string(), tokens: 0, micros: 0, until: None };
        admitted(ledger, &claims, &free, NOON);
    }
    let fourth = Demand { request_id: "3".to_owned(), tokens: 0, micros: 0, until: None };
    let refused = refused(ledger, &claims, &fourth, NOON);
    assert_eq!((refused.limit, refused.retry), (Limit::Requests, Retry::After(1000)));
}

// === What the laws are told with ===

/// A caller's claim: requests a minute as a number or `none`, and a budget.
#[must_use]
pub fn claim(name: &str, requests: &str, micros: u64) -> Claim {
    claim_of(Kind::Caller, Subject::caller(name), requests, micros)
}

fn claim_of(kind: Kind, subject: Subject, requests: &str, micros: u64) -> Claim {
    let limits = Limits {
        requests_per_minute: requests.parse().ok(),
        burst: NonZeroU32::MIN,
        tokens_per_minute: None,
        micros: NonZeroU64::new(micros),
        window: Window::Day,
        max_open: NonZeroU32::new(1000).unwrap(),
    };
    Claim { kind, subject, limits }
}

/// A demand with a reservation that lasts a minute from [noon](all).
#[must_use]
pub fn demand(request_id: &str, tokens: u64, micros: u64) -> Demand {
    Demand { request_id: request_id.to_owned(), tokens, micros, until: Some(Timestamp(NOON.0 + LEASE)) }
}

fn admitted<L: Ledger>(ledger: &L, claims: &[Claim], demand: &Demand, now: Timestamp) -> Ticket {
    match wait(ledger.admit(claims, demand, now)).unwrap() {
        Admission::Admitted(ticket) => ticket,
        Admission::Refused(refused) => panic!("{demand:?} was {refused:?}"),
    }
}

fn refused<L: Ledger>(ledger: &L, claims: &[Claim], demand: &Demand, now: Timestamp) -> Box<Refused> {
    match wait(ledger.admit(claims, demand, now)).unwrap() {
        Admission::Refused(refused) => refused,
        Admission::Admitted(_) => panic!("{demand:?} was admitted"),
    }
}

/// What is left of the budget, told by a request that takes nothing.
fn left<L: Ledger>(ledger: &L, claims: &[Claim]) -> u64 {
    let free = Demand { request_id: "look".to_owned(), tokens: 0, micros: 0, until: None };
    admitted(ledger, claims, &free, NOON).standing.spend.unwrap().left
}

/// Runs a future on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
