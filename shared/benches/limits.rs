//! The arithmetic of one request's admission: taken in, and settled, by an item that nobody else uses and by one with
//! as many open requests as a caller may have.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]

use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroU64};

use criterion::{Criterion, criterion_group, criterion_main};
use shared::clock::Timestamp;
use shared::limits::{Demand, Item, Limits, Settled, Taken, Ticket, Window};

/// 2024-10-04, noon.
const NOW: Timestamp = Timestamp(20_000 * 86_400_000 + 43_200_000);

const PRICE: u64 = 1000;

fn limits() -> Limits {
    Limits {
        requests_per_minute: NonZeroU32::new(600),
        burst: NonZeroU32::new(600).expect("it is not zero"),
        tokens_per_minute: NonZeroU32::new(1_000_000),
        micros: NonZeroU64::new(1_000_000),
        window: Window::Day,
        max_open: NonZeroU32::new(51).expect("it is not zero"),
    }
}

/// Spelt as the gate spells its requests.
fn demand(number: usize) -> Demand {
    let request_id = format!("01929f4c-7e00-7000-8000-{number:012x}");
    Demand { request_id, tokens: 100, micros: PRICE, until: Some(Timestamp(NOW.0 + 340_000)) }
}

fn admit_and_settle(c: &mut Criterion) {
    let limits = limits();
    let mut group = c.benchmark_group("limits");
    for open in [0, 50] {
        let mut item = Item::default();
        for number in 0..open {
            item.admit(&demand(number), &limits, NOW).expect("there is room");
        }
        let demand = demand(open);
        let ticket = Ticket::new(&demand, NOW);
        group.bench_function(format!("admit and settle, {open} open"), |b| {
            b.iter(|| {
                item.admit(black_box(&demand), &limits, NOW).expect("there is room");
                // Nothing is used up, so that each turn finds what the one before found.
                let settled = item.settle(black_box(&ticket), Taken::default(), &limits, NOW);
                item.tat = shared::limits::gcra::Micros::default();
                assert_eq!(settled, Settled::Booked);
            });
        });
        assert_eq!(item.open.len(), open);
    }
    group.finish();
}

criterion_group!(benches, admit_and_settle);
criterion_main!(benches);
