//! Whatever was seen, an update does to the item as it is what the pure functions would do, or nothing.

use std::num::{NonZeroU32, NonZeroU64};

use proptest::prelude::*;

use super::*;
use crate::aws::dynamodb::ledger::RACES;
use crate::limits::Window;

const START: u64 = 1_700_000_000_000;

fn field(item: &mut Item, number: Number) -> &mut u64 {
    match number {
        Number::Committed => &mut item.committed,
        Number::Tat => &mut item.tat.0,
        Number::TokensTat => &mut item.tokens_tat.0,
    }
}

fn holds(test: &Test, item: Option<&Item>) -> bool {
    let Some(item) = item else { return *test == Test::NoItem };
    let number = |number| *field(&mut item.clone(), number);
    match test {
        Test::NoItem => false,
        Test::NotOpen(id) => !item.open.contains_key(id),
        Test::Reserved(id, micros) => item.open.get(id).is_some_and(|open| open.micros == *micros),
        Test::Over(id, now) => item.open.get(id).is_some_and(|open| open.until <= *now),
        Test::Fewer(than) => (item.open.len() as u64) < *than,
        Test::Above(field, than) => number(*field) > *than,
        Test::AtLeast(field, than) => number(*field) >= *than,
        Test::AtMost(field, than) => number(*field) <= *than,
    }
}

/// What `DynamoDB` makes of it. Numbers below zero are none of ours: this panics at one.
fn apply(update: &Update, item: &mut Option<Item>) -> bool {
    if !update.tests.iter().all(|test| holds(test, item.as_ref())) {
        return false;
    }
    for change in &update.changes {
        if let Change::Create(created) = change {
            *item = Some(created.clone());
            continue;
        }
        let item = item.as_mut().expect("only an item that is there is changed");
        match change.clone() {
            Change::Create(_) => unreachable!("that was done"),
            Change::Set(number, to) => *field(item, number) = to,
            Change::Raise(number, by) => *field(item, number) += by,
            Change::Lower(number, by) => {
                let was = field(item, number);
                *was = was.checked_sub(by).expect("no number falls below zero");
            }
            Change::Open(id, open) => assert!(item.open.insert(id, open).is_none()),
            Change::Close(id) => assert!(item.open.remove(&id).is_some()),
        }
    }
    true
}

/// Both without what is over: an update may close less of it than the pure functions do, or more.
fn same(one: Option<&Item>, other: Option<&Item>, now: Timestamp) -> bool {
    let current = |item: Option<&Item>| {
        let mut item = item.cloned()?;
        item.expire(now);
        Some(item)
    };
    current(one) == current(other)
}

#[derive(Clone, Debug)]
enum Step {
    Admit { tokens: u64, micros: u64, free: bool, again: bool },
    Settle { nth: usize, tokens: u64, micros: u64 },
    Undo { nth: usize },
    Clock { milliseconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..200_u64, 0..100_u64, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(tokens, micros, free, again)| Step::Admit { tokens, micros, free, again }),
        2 => (any::<usize>(), 0..300_u64, 0..150_u64)
            .prop_map(|(nth, tokens, micros)| Step::Settle { nth, tokens, micros }),
        1 => any::<usize>().prop_map(|nth| Step::Undo { nth }),
        3 => (-5_000..20_000_i64).prop_map(|milliseconds| Step::Clock { milliseconds }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let (requests, tokens, micros) =
        (prop::option::of(1..200_u32), prop::option::of(1..2000_u32), prop::option::of(1..1000_u64));
    (requests, 1..20_u32, tokens, micros, 1..6_u32).prop_map(|(requests, burst, tokens, micros, max_open)| Limits {
        requests_per_minute: requests.and_then(NonZeroU32::new),
        burst: NonZeroU32::new(burst).unwrap(),
        tokens_per_minute: tokens.and_then(NonZeroU32::new),
        micros: micros.and_then(NonZeroU64::new),
        window: Window::Day,
        max_open: NonZeroU32::new(max_open).unwrap(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_update_does_what_the_pure_functions_do_or_nothing(
        limits in limits(),
        steps in prop::collection::vec((step(), any::<prop::sample::Index>()), 1..80),
    ) {
        // Every state so far may be the one that was seen last.
        let mut past: Vec<Option<Item>> = vec![None];
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut now = START;
        for (number, (step, age)) in steps.into_iter().enumerate() {
            let at = Timestamp(now);
            let actual = past.last().unwrap().clone();
            let stale = age.get(&past).clone();
            let chosen = |nth: usize| tickets.get(nth % tickets.len().max(1)).cloned();
            let mut item = actual.clone();
            match step {
                Step::Clock { milliseconds } => now = now.saturating_add_signed(milliseconds),
                Step::Admit { tokens, micros, free, again } => {
                    let until = (!free).then_some(Timestamp(now + 30_000));
                    let micros = if free { 0 } else { micros };
                    let request_id = match chosen(number) {
                        Some(ticket) if again && ticket.opened != free => ticket.request_id,
                        _ => number.to_string(),
                    };
                    let demand = Demand { request_id, tokens, micros, until };
                    let mut expected = actual.clone().unwrap_or_default();
                    let verdict = expected.admit(&demand, &limits, at);
                    if let Ok(Some(Entry::Admit(update))) = admission(stale.as_ref(), &demand, &limits, at)
                        && apply(&update, &mut item)
                    {
                        prop_assert_eq!(&verdict, &Ok(()), "{:?}", update);
                        prop_assert!(same(item.as_ref(), Some(&expected), at), "{:?} {:?} {:?}", update, item, expected);
                    }
                    // What is seen as it is, is decided at once, and as the pure functions decide.
                    item.clone_from(&actual);
                    match admission(actual.as_ref(), &demand, &limits, at) {
                        Err(refused) => prop_assert_eq!(Err(refused), verdict),
                        Ok(None) => prop_assert_eq!(actual.as_ref(), Some(&expected)),
                        Ok(Some(Entry::Clear(update))) => panic!("so few are closed at once: {update:?}"),
                        Ok(Some(Entry::Admit(update))) => {
                            prop_assert!(apply(&update, &mut item), "{:?}", update);
                            prop_assert!(same(item.as_ref(), Some(&expected), at));
                            tickets.push(Ticket::new(&demand, at));
                        }
                    }
                }
                Step::Settle { nth, tokens, micros } => if let Some(ticket) = chosen(nth) {
                    let taken = Taken { tokens, micros };
                    let mut expected = actual.clone().unwrap_or_default();
                    let settled = expected.settle(&ticket, taken, &limits, at);
                    let seen = stale.unwrap_or_default();
                    if let Some((update, told)) = settlement(&seen, &ticket, taken, &limits, at)
                        && apply(&update, &mut item)
                    {
                        prop_assert_eq!((told, item.as_ref()), (settled, Some(&expected)));
                    }
                    item.clone_from(&actual);
                    match settlement(&actual.clone().unwrap_or_default(), &ticket, taken, &limits, at) {
                        None => prop_assert_eq!(settled, Settled::Already),
                        Some((update, told)) => {
                            prop_assert!(apply(&update, &mut item), "{:?}", update);
                            prop_assert_eq!((told, item.as_ref()), (settled, Some(&expected)));
                        }
                    }
                },
                Step::Undo { nth } => if let Some(ticket) = chosen(nth).filter(|_| actual.is_some()) {
                    let mut expected = actual.clone().unwrap_or_default();
                    expected.undo(&ticket, &limits, at);
                    let seen = stale.unwrap_or_default();
                    if let Some(update) = undoing(&seen, &ticket, &limits, at) && apply(&update, &mut item) {
                        prop_assert_eq!(item.as_ref(), Some(&expected));
                    }
                    item.clone_from(&actual);
                    if let Some(update) = undoing(actual.as_ref().unwrap(), &ticket, &limits, at) {
                        prop_assert!(apply(&update, &mut item), "{:?}", update);
                    }
                    prop_assert_eq!(item.as_ref(), Some(&expected));
                },
            }
            past.push(item);
        }
    }

    #[test]
    fn however_much_is_expired_it_makes_room_within_one_admission(
        expired in 0..=200_usize,
        running in 0..=200_usize,
        max_open in 1..=200_u32,
    ) {
        let (limits, at, before) = (crowded(max_open), Timestamp(START), crowd(expired, running));
        let mut expected = before.clone();
        let verdict = expected.admit(&newcomer(), &limits, at);
        let mut item = Some(before.clone());
        // One is the last, and another may be lost to what was seen before.
        let mut rounds = 2;
        let mut next = admission(item.as_ref(), &newcomer(), &limits, at);
        while let Ok(Some(Entry::Clear(update))) = next {
            prop_assert!(update.changes.len() <= CLOSED_AT_ONCE);
            prop_assert!(apply(&update, &mut item), "{:?}", update);
            prop_assert!(same(item.as_ref(), Some(&before), at));
            rounds += 1;
            next = admission(item.as_ref(), &newcomer(), &limits, at);
        }
        match next {
            Ok(Some(Entry::Admit(update))) => {
                prop_assert!(rounds <= RACES);
                prop_assert!(apply(&update, &mut item), "{:?}", update);
                prop_assert!(same(item.as_ref(), Some(&expected), at));
            }
            Err(refused) => prop_assert_eq!(Err(refused), verdict),
            other => panic!("{other:?}"),
        }
    }
}

fn crowded(max_open: u32) -> Limits {
    Limits {
        requests_per_minute: None,
        burst: NonZeroU32::MIN,
        tokens_per_minute: None,
        micros: None,
        window: Window::Day,
        max_open: NonZeroU32::new(max_open).unwrap(),
    }
}

/// So many reservations whose time is up at the start, and so many that run on.
fn crowd(expired: usize, running: usize) -> Item {
    let times = [vec![START; expired], vec![START + 1; running]].concat();
    let open = |(number, until): (usize, u64)| (number.to_string(), Open { micros: 1, until: Timestamp(until) });
    Item { committed: times.len() as u64, open: times.into_iter().enumerate().map(open).collect(), ..Item::default() }
}

fn newcomer() -> Demand {
    Demand { request_id: "new".into(), tokens: 1, micros: 1, until: Some(Timestamp(START + 1)) }
}

#[test]
fn no_more_is_closed_at_once_than_an_expression_holds() {
    let mut item = Some(crowd(200, 0));
    let step = admission(item.as_ref(), &newcomer(), &crowded(200), Timestamp(START)).unwrap().unwrap();
    let Entry::Admit(update) = step else { panic!("{step:?}") };
    assert!(apply(&update, &mut item));
    let item = item.unwrap();
    assert_eq!((item.open.len(), item.committed), (200 - CLOSED_AT_ONCE + 1, 201));
}
