//! What holds of an item whatever is done to it.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Admit { tokens: u64, micros: u64 },
    Settle { nth: usize, tokens: u64, micros: u64 },
    Release { nth: usize },
    Undo { nth: usize },
    Expire,
    Clock { milliseconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..200_u64, 0..100_u64).prop_map(|(tokens, micros)| Step::Admit { tokens, micros }),
        // What a request takes is at most what it reserved, here: overruns have a test of their own.
        2 => (any::<usize>(), 0..200_u64, 0..100_u64)
            .prop_map(|(nth, tokens, micros)| Step::Settle { nth, tokens, micros }),
        1 => any::<usize>().prop_map(|nth| Step::Release { nth }),
        1 => any::<usize>().prop_map(|nth| Step::Undo { nth }),
        1 => Just(Step::Expire),
        3 => (-5_000..20_000_i64).prop_map(|milliseconds| Step::Clock { milliseconds }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (1..200_u32, 1..20_u32, 1..2000_u32, 1..1000_u64, 1..10_u32).prop_map(
        |(requests, burst, tokens, micros, max_open)| Limits {
            requests_per_minute: NonZeroU32::new(requests),
            burst: NonZeroU32::new(burst).unwrap(),
            tokens_per_minute: NonZeroU32::new(tokens),
            micros: NonZeroU64::new(micros),
            window: Window::Day,
            max_open: NonZeroU32::new(max_open).unwrap(),
        },
    )
}

proptest! {
    #[test]
    fn no_limit_is_ever_passed(limits in limits(), steps in prop::collection::vec(step(), 1..150)) {
        const START: u64 = 1_700_000_000_000;
        let mut item = Item::default();
        let (mut now, mut earliest, mut latest) = (START, START, START);
        let (mut requests, mut tokens, mut booked) = (0_u64, 0_u64, 0_u64);
        let mut tickets: Vec<Ticket> = Vec::new();
        let choose = |tickets: &[Ticket], nth: usize| tickets.get(nth % tickets.len().max(1)).cloned();
        for (number, step) in steps.into_iter().enumerate() {
            let at = Timestamp(now);
            match step {
                Step::Admit { tokens: asked, micros } => {
                    let until = Some(Timestamp(now + 30_000));
                    let demand = Demand { request_id: number.to_string(), tokens: asked, micros, until };
                    let before = item.clone();
                    if item.admit(&demand, &limits, at).is_ok() {
                        tickets.push(Ticket::new(&demand, at));
                        (requests, tokens) = (requests + 1, tokens + asked);
                    } else {
                        item.open.clone_from(&before.open);
                        prop_assert_eq!(&item, &before);
                    }
                }
                Step::Settle { nth, tokens: used, micros } => if let Some(ticket) = choose(&tickets, nth) {
                    let taken = Taken { tokens: used.min(ticket.tokens), micros: micros.min(ticket.micros) };
                    let was_open = item.open.contains_key(&ticket.request_id);
                    let settled = item.settle(&ticket, taken, &limits, at);
                    prop_assert_eq!(settled, if was_open { Settled::Booked } else { Settled::Already });
                    if was_open {
                        tokens -= ticket.tokens - taken.tokens;
                    }
                },
                Step::Release { nth } => if let Some(ticket) = choose(&tickets, nth) {
                    if item.open.contains_key(&ticket.request_id) {
                        tokens -= ticket.tokens;
                    }
                    item.release(&ticket, &limits, at);
                },
                Step::Undo { nth } => if let Some(ticket) = choose(&tickets, nth) {
                    if item.open.contains_key(&ticket.request_id) {
                        (requests, tokens) = (requests - 1, tokens - ticket.tokens);
                    }
                    item.undo(&ticket, &limits, at);
                },
                Step::Expire => item.expire(at),
                Step::Clock { milliseconds } => now = now.saturating_add_signed(milliseconds),
            }
            (earliest, latest) = (earliest.min(now), latest.max(now));
            let reserved: u64 = item.open.values().map(|open| open.micros).sum();
            prop_assert!(reserved <= item.committed && item.committed <= limits.micros.unwrap().get());
            prop_assert!(item.committed - reserved >= booked, "what is booked stays booked");
            booked = item.committed - reserved;
            prop_assert!(item.open.len() <= limits.max_open.get() as usize);
            // In the long run the rate, at once the burst, wherever the clock has been; rounding is up, to a request.
            let minutes = (latest - earliest) as f64 / 60_000.0;
            let most = minutes * f64::from(limits.requests_per_minute.unwrap().get()) + f64::from(limits.burst.get());
            prop_assert!(requests as f64 <= most + 0.001, "{requests} requests, {most} allowed");
            let most = (minutes + 1.0) * f64::from(limits.tokens_per_minute.unwrap().get());
            prop_assert!(tokens as f64 <= most + 0.001, "{tokens} tokens, {most} allowed");
        }
    }

    #[test]
    fn absurd_figures_never_panic(tokens: u64, micros: u64, now: u64, until: u64, committed: u64, limits in limits()) {
        let demand = Demand { request_id: "r".to_owned(), tokens, micros, until: Some(Timestamp(until)) };
        let tat = gcra::Micros(committed);
        let mut item = Item { tat, tokens_tat: tat, committed, ..Item::default() };
        let _refused = item.admit(&demand, &limits, Timestamp(now));
        let ticket = Ticket::new(&demand, Timestamp(now));
        item.settle(&ticket, Taken { tokens: until, micros: now }, &limits, Timestamp(until));
        item.undo(&ticket, &limits, Timestamp(now));
        prop_assert!(item.standing(&limits, Timestamp(now)).requests.is_some());
        prop_assert!(item.open.is_empty());
    }
}

#[test]
fn the_turn_of_the_window_begins_a_new_account() {
    let limits = crate::policy::Policy::embedded().admission.caller;
    let claim = Claim { kind: Kind::Caller, subject: Subject::caller("app"), limits };
    let midnight = Timestamp(20_000 * 86_400_000);
    let (before, after) = (claim.hold(Timestamp(midnight.0 - 1)), claim.hold(midnight));
    assert_eq!((before.ends, after.window), (midnight, midnight));
    assert_ne!(before.window, after.window);
}

#[test]
fn what_is_left_is_told_of_each_limit() {
    let mut limits = crate::policy::Policy::embedded().admission.caller;
    limits.burst = NonZeroU32::new(10).unwrap();
    let now = Timestamp(20_000 * 86_400_000 + 1);
    let mut item = Item::default();
    let demand = Demand { request_id: "r".into(), tokens: 1000, micros: 5, until: Some(now) };
    item.admit(&demand, &limits, now).unwrap();
    let standing = item.standing(&limits, now);
    let requests = standing.requests.unwrap();
    assert_eq!((requests.left, requests.full_in_ms, requests.window_ms), (9, 100, 60_000));
    let tokens = standing.tokens.unwrap();
    assert_eq!(tokens.most - tokens.left, 1000);
    let spend = standing.spend.unwrap();
    assert_eq!((spend.most - spend.left, spend.full_in_ms), (5, 86_399_999));
}
