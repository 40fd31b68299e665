//! The laws of every ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shared::aws::dynamodb::{Ledger, Pace};
use shared::clock::Timestamp;
use shared::fakes::ledger::laws;
use shared::limits::{Admission, Claim, Demand, Settled, Taken, Ticket, Window};
use shared::ports::{self, Unavailable};
use tests::aws::dynalite::Dynalite;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::client;

/// What one dynalite answers at a time without delay: the laws ask from threads of their own, three hundred at once.
const AT_ONCE: usize = 16;

/// A machine under load is no fault of the ledger's.
pub(super) const UNHURRIED: Pace = Pace {
    attempt: Duration::from_secs(20),
    admit: Duration::from_secs(60),
    give_back: Duration::from_secs(60),
    settle: Duration::from_secs(60),
};

/// A ledger that can be asked from any thread.
struct Anywhere {
    ledger: Arc<Ledger>,
    runtime: Handle,
    turns: Arc<Semaphore>,
}

impl Anywhere {
    async fn run<T: Send + 'static, F: Future<Output = T> + Send>(
        &self,
        work: impl FnOnce(Arc<Ledger>) -> F + Send + 'static,
    ) -> T {
        let (ledger, turns) = (Arc::clone(&self.ledger), Arc::clone(&self.turns));
        let task = self.runtime.spawn_blocking(move || {
            Handle::current().block_on(async {
                let _turn = turns.acquire().await.unwrap();
                work(ledger).await
            })
        });
        task.await.unwrap()
    }
}

impl ports::Ledger for Anywhere {
    async fn admit(&self, claims: &[Claim], demand: &Demand, now: Timestamp) -> Result<Admission, Unavailable> {
        let (claims, demand) = (claims.to_vec(), demand.clone());
        self.run(async move |ledger| ports::Ledger::admit(&*ledger, &claims, &demand, now).await).await
    }

    async fn settle(&self, ticket: &Ticket, taken: Taken, now: Timestamp) -> Result<Settled, Unavailable> {
        let ticket = ticket.clone();
        self.run(async move |ledger| ports::Ledger::settle(&*ledger, &ticket, taken, now).await).await
    }

    async fn release(&self, ticket: &Ticket, now: Timestamp) -> Result<(), Unavailable> {
        let ticket = ticket.clone();
        self.run(async move |ledger| ports::Ledger::release(&*ledger, &ticket, now).await).await
    }
}

/// Runs laws on ledgers with a table each.
async fn hold(dynalite: Dynalite, laws: impl FnOnce(&dyn Fn() -> Anywhere) + Send + 'static) {
    let runtime = Handle::current();
    let held = tokio::task::spawn_blocking(move || {
        let (number, turns) = (AtomicU32::default(), Arc::new(Semaphore::new(AT_ONCE)));
        laws(&|| {
            let prefix = format!("law-{}", number.fetch_add(1, Ordering::SeqCst));
            runtime.block_on(dynalite.create_tables(&prefix));
            let ledger = Ledger::new(&client(&dynalite.endpoint()), format!("{prefix}-ledger")).at_pace(UNHURRIED);
            Anywhere { ledger: Arc::new(ledger), runtime: runtime.clone(), turns: Arc::clone(&turns) }
        });
    });
    held.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_in_dynamodb_keeps_the_laws() {
    hold(Dynalite::start().await, |open| laws::all(open)).await;
}

/// The table's own end of an item, in seconds, is what makes `DynamoDB` forget it.
#[tokio::test]
async fn an_account_lasts_as_long_as_the_longest_window_that_began_with_it() {
    let dynalite = Dynalite::start().await;
    dynalite.create_tables("long").await;
    let client = client(&dynalite.endpoint());
    let first = Timestamp(Window::Month.start(Timestamp(1_790_000_000_000)).0 + 1);
    for (turn, window) in [Window::Day, Window::Month, Window::Day].into_iter().enumerate() {
        // A ledger of its own, which remembers nothing.
        let ledger = Ledger::new(&client, "long-ledger").at_pace(UNHURRIED);
        let mut claim = laws::claim("app", "none", 100);
        claim.limits.window = window;
        let until = Some(Timestamp(first.0 + 60_000));
        let demand = Demand { until, ..laws::demand(&turn.to_string(), 1, 1) };
        let admitted = ports::Ledger::admit(&ledger, &[claim], &demand, first).await.unwrap();
        assert!(matches!(admitted, Admission::Admitted(_)), "{admitted:?}");
        let items = client.scan().table_name("long-ledger").send().await.unwrap().items.unwrap();
        let number = |name: &str| items[0][name].as_n().unwrap().parse::<u64>().unwrap();
        let ends = if turn == 0 { Window::Day } else { Window::Month }.end(first).0;
        assert_eq!((items.len(), number("ends")), (1, ends), "{turn}");
        assert_eq!(number("expires"), ends / 1000 + 7 * 86_400, "{turn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_them_where_a_failed_condition_tells_nothing() {
    let dynalite = Dynalite::start().await;
    dynalite.withhold_items(true);
    hold(dynalite, |open| {
        laws::a_refusal_by_one_gives_back_the_other(&open());
        laws::racers_never_pass_the_cap(&open());
        laws::an_admission_repeated_is_charged_once(&open());
        laws::what_expires_is_booked(&open());
    })
    .await;
}
