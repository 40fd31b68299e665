//! What becomes of a reservation, by what Google is known to have done.

use std::time::Duration;

use shared::answer::Usage;
use shared::limits::{Kind, Limit, Quota, Retry, Standing, Taken};
use shared::policy::Policy;
use shared::ports::{Deadline, Failure};

use super::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn reservation() -> Reservation {
    let rates = Policy::embedded().prices.at("gemini-3.5-flash", NOW).unwrap();
    let demand = Demand { request_id: "r".into(), tokens: 1000, micros: 777, until: Some(NOW) };
    Reservation::new(Some(Ticket::new(&demand, NOW)), &demand, 1000, rates)
}

/// All that [`reservation`] holds.
const ALL: Taken = Taken { tokens: 1000, micros: 777 };

fn used() -> Usage {
    Usage { prompt: 1000, cached: 400, candidates: 100, thoughts: 50, tool_use: 10, total: 1160 }
}

#[test]
fn what_google_never_saw_is_given_back() {
    let mut reservation = reservation();
    assert_eq!(reservation.due(&Usage::default()), Due::Release);
    for failure in [
        Failure::Unreachable("no".into()),
        Failure::TimedOut(Deadline::Connect),
        Failure::Limited { after: None },
        Failure::Broken { status: 503 },
        Failure::NoSuchModel,
    ] {
        reservation.asking();
        reservation.failed(&failure);
        assert_eq!(reservation.due(&Usage::default()), Due::Release, "{failure}");
    }
}

#[test]
fn what_google_may_have_done_is_booked_in_full() {
    for failure in [
        Failure::Cut("gone".into()),
        Failure::TimedOut(Deadline::FirstByte),
        Failure::TimedOut(Deadline::Idle),
        Failure::Garbled("what"),
        Failure::Broken { status: 408 },
        Failure::Broken { status: 499 },
        Failure::Broken { status: 504 },
    ] {
        let mut asked = reservation();
        asked.asking();
        asked.failed(&failure);
        assert_eq!(asked.due(&Usage::default()), Due::Settle(ALL), "{failure}");
        let mut answered = reservation();
        answered.asking();
        answered.answered();
        answered.failed(&failure);
        assert_eq!(answered.due(&used()), Due::Settle(ALL), "{failure}");
    }
    let mut left_alone = reservation();
    left_alone.asking();
    assert_eq!(left_alone.due(&Usage::default()), Due::Settle(ALL));
    left_alone.answered();
    assert_eq!(left_alone.due(&Usage::default()), Due::Settle(ALL));
}

#[test]
fn what_google_told_is_booked_each_kind_at_its_price() {
    let mut reservation = reservation();
    reservation.asking();
    reservation.answered();
    // 600 * 1.50 + 400 * 0.15 + 10 * 1.50 + 150 * 9.00
    let taken = Taken { tokens: 1160, micros: 900 + 60 + 15 + 1350 };
    assert_eq!(reservation.due(&used()), Due::Settle(taken));
    // Google's own error ends the answer, and its last figure is final.
    reservation.failed(&Failure::Broken { status: 500 });
    assert_eq!(reservation.due(&used()), Due::Settle(taken));
}

#[test]
fn a_refusal_says_whose_limit_it_is_and_when_it_turns() {
    let told =
        |limit, retry| problem(&Refused { kind: Kind::Caller, limit, retry, standing: Standing::default() }, NOW);
    let spent = told(Limit::Spend, Retry::At(Timestamp(1_790_035_200_000)));
    assert_eq!(spent.message, "the budget of this caller is spent; it begins anew at 2026-09-22T00:00:00Z");
    assert_eq!((spent.code, spent.retryable()), (Code::BudgetSpent, false));
    assert_eq!(spent.retry_after, Some(Duration::from_secs(35_200)));
    let rate = told(Limit::Requests, Retry::After(1500));
    assert!(rate.retryable() && rate.message.contains("requests a minute of this caller"), "{rate:?}");
    assert!(told(Limit::Open, Retry::Soon).retryable());
    let never = told(Limit::Tokens, Retry::Never);
    assert_eq!((never.code.status().as_u16(), never.retryable()), (400, false));
}

#[test]
fn the_limit_that_refuses_names_the_moment_of_retry_after_and_the_others_their_own() {
    let quota = Some(Quota { most: 10, left: 1, full_in_ms: 59_000, window_ms: 60_000 });
    let standing = Standing { requests: quota, tokens: quota, spend: quota };
    for (limit, retry, names) in [
        (Limit::Requests, Retry::After(1500), ["2", "59", "59"]),
        (Limit::Tokens, Retry::After(30_001), ["59", "31", "59"]),
        (Limit::Spend, Retry::Soon, ["59", "59", "1"]),
        (Limit::Spend, Retry::At(Timestamp(NOW.0 + 7000)), ["59", "59", "7"]),
        (Limit::Open, Retry::Soon, ["59", "59", "59"]),
        (Limit::Tokens, Retry::Never, ["59", "59", "59"]),
    ] {
        let told = problem(&Refused { kind: Kind::Caller, limit, retry, standing }, NOW);
        let mut headers = http::HeaderMap::new();
        tell(told.standing.as_deref().unwrap(), &mut headers);
        let left = headers["ratelimit"].to_str().unwrap();
        let times: Vec<&str> = left.split(", ").map(|one| one.rsplit_once("t=").unwrap().1).collect();
        assert_eq!(times, names, "{limit:?} {retry:?}");
    }
}
