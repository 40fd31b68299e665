use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use shared::answer::{Candidate, Chunk, Usage};
use shared::audit::{Kind, WriterId};
use shared::fakes::{self, Fate, ledger};
use shared::ports::{Answer, Count, Failure, Mode, Prompt};
use tokio::time::{Instant, advance, sleep};

use super::*;

/// When each test begins: twenty seconds into a minute.
const NOW: Timestamp = Timestamp(1_790_000_000_000);

const ASK: &str = "/v1beta/models/gemini-3.5-flash:generateContent";

/// Has every prompt counted that is longer than a few words, our own instruction included.
const COUNTED: &str = "[limits]\nmax_input_tokens = 200\n";

/// Goes with the runtime's own clock, which jumps to whatever is waited for.
#[derive(Clone, Copy, Debug)]
struct Hands(Instant);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(NOW.0 + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

/// A model that counts slowly, and answers at once.
#[derive(Clone, Debug, Default)]
struct Slow {
    counts_for: Duration,
    asked: Arc<AtomicUsize>,
    queue: Option<fakes::Queue>,
    /// What becomes of records from the answer on, in that queue.
    fates: Vec<Fate>,
}

struct Told(Option<Chunk>);

impl Answer for Told {
    async fn next(&mut self) -> Result<Option<Chunk>, Failure> {
        Ok(self.0.take())
    }

    fn key_version(&self) -> Option<&str> {
        None
    }
}

impl Model for Slow {
    type Answer = Told;

    async fn generate(&self, _: &Prompt, _: Mode) -> Result<Told, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(queue) = &self.queue {
            queue.expect(self.fates.iter().copied());
        }
        let candidate = Candidate { finish_reason: Some("STOP".into()), ..Candidate::default() };
        let usage = Some(Usage { prompt: 10, total: 10, ..Usage::default() });
        Ok(Told(Some(Chunk { candidates: vec![candidate], usage, ..Chunk::default() })))
    }

    async fn count(&self, _: &Prompt) -> Result<Count, Failure> {
        sleep(self.counts_for).await;
        Ok(Count { usage: Usage { total: 10, ..Usage::default() }, key_version: None })
    }
}

/// A gate, and what stands behind it.
struct House {
    gate: Gate<Slow, fakes::Callers, fakes::Queue, Hands>,
    key: String,
    known: fakes::Callers,
    queue: fakes::Queue,
    ledger: ledger::Ledger,
}

/// What a request came to, and what it took.
struct Came {
    status: u16,
    policy: bool,
    text: String,
    took: Duration,
}

impl House {
    fn new(policy: &str, model: Slow) -> Self {
        Self::of(Pepper::new([7; 32]).into(), Rules::new(Compiled::parse("policy.toml", policy).unwrap()), model)
    }

    fn of(pepper: Fetched<Pepper>, rules: Rules, model: Slow) -> Self {
        let (key, clock) = (shared::caller::Key::mint().unwrap(), Hands(Instant::now()));
        let (callers, ledger) = (fakes::Callers::default(), ledger::Ledger::default());
        let queue = model.queue.clone().unwrap_or_default();
        callers.put(key.caller("app"));
        let known = callers.clone();
        let recorder = Recorder::new(WriterId::new([7; 16]), queue.clone(), clock);
        let accounts = Accounts::of(ledger.clone());
        let parts = Parts { model, callers, recorder, accounts, clock, pepper, rules, config: Config::default() };
        Self { gate: Gate::new(parts), key: key.text().expose().clone(), known, queue, ledger }
    }

    /// The key of another caller.
    fn other(&self, name: &str) -> String {
        let key = shared::caller::Key::mint().unwrap();
        self.known.put(key.caller(name));
        key.text().expose().clone()
    }

    /// Asks something of an environment that has this long to live.
    async fn ask(&self, lives: Duration) -> Came {
        let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).to_string();
        let mut request = Request::post(ASK).header("x-goog-api-key", &self.key).body(Full::from(body)).unwrap();
        let lives = u64::try_from(lives.as_millis()).unwrap();
        request.extensions_mut().insert(Deadline(Timestamp(self.gate.parts.clock.now().0 + lives)));
        self.send(request).await
    }

    async fn get(&self, path: &str) -> Came {
        self.send(Request::get(path).body(Full::default()).unwrap()).await
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Came {
        let began = Instant::now();
        let (head, body) = self.gate.answer(request).await.into_parts();
        let took = began.elapsed();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Came { status: head.status.as_u16(), policy: head.headers.contains_key("x-gatehouse-policy"), text, took }
    }

    /// Booked plus reserved for the caller, and the number of reservations.
    fn account(&self) -> (u64, usize) {
        let claims = shared::policy::Policy::embedded().admission.claims("app", None, "");
        let hold = claims.first().unwrap().hold(NOW);
        let item = self.ledger.item(&hold.subject, hold.window).unwrap();
        (item.committed, item.open.len())
    }

    /// The reasons of refusals on record.
    fn refusals(&self) -> Vec<String> {
        self.queue.records().into_iter().filter_map(|record| record.entry.blocked_reason).collect()
    }
}

fn assert_told(came: &Came, status: u16, reason: &str) {
    assert_eq!(came.status, status, "{}", came.text);
    assert!(came.text.contains(reason), "{}", came.text);
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_count_takes_no_longer_than_the_platform_leaves_it() {
    let house = House::new(COUNTED, Slow { counts_for: MINUTE * 60, ..Slow::default() });
    let came = house.ask(Duration::from_secs(30)).await;
    assert_told(&came, 504, "PROVIDER_TIMEOUT");
    assert_eq!(came.took.as_secs(), 20);
    assert_eq!(house.account(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn who_has_no_time_left_after_a_count_is_not_asked_for_and_costs_nothing() {
    let model = Slow { counts_for: Duration::from_millis(19_500), ..Slow::default() };
    let house = House::new(COUNTED, model.clone());
    assert_told(&house.ask(Duration::from_secs(30)).await, 503, "OVERLOADED");
    assert_eq!((model.asked.load(Ordering::SeqCst), house.account()), (0, (0, 0)));
    let records = house.queue.records();
    let outcome = &records.last().unwrap().entry;
    assert_eq!((outcome.error.as_deref(), outcome.cost_micros), (Some("overloaded"), 0));

    assert_eq!(house.ask(MINUTE).await.status, 200);
    assert_eq!((model.asked.load(Ordering::SeqCst), house.account().1), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_hangs_is_told_of_before_the_platform_ends_and_the_reservation_stands() {
    let queue = Some(fakes::Queue::default());
    let house = House::new("", Slow { queue, fates: vec![Fate::Hang; 2], ..Slow::default() });
    let came = house.ask(Duration::from_secs(30)).await;
    assert_told(&came, 503, "AUDIT_UNAVAILABLE");
    assert_eq!(came.took.as_secs(), 29);
    assert_eq!(house.account().1, 1);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_is_stored_at_the_second_try_is_booked_as_it_says() {
    // All attempts to store the outcome fail; the one that says so is stored.
    let queue = Some(fakes::Queue::default());
    let house = House::new("", Slow { queue, fates: vec![Fate::Fail; 3], ..Slow::default() });
    assert_told(&house.ask(MINUTE).await, 503, "AUDIT_UNAVAILABLE");
    let records = house.queue.records();
    let outcome = &records.last().unwrap().entry;
    assert_eq!((outcome.kind, outcome.error.as_deref()), (Kind::Outcome, Some("audit_unavailable")));
    assert!(outcome.cost_micros > 0);
    assert_eq!(house.account(), (outcome.cost_micros, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_refusal_of_a_minute_is_on_record_at_once_and_the_others_when_it_is_over() {
    let house = House::new("[admission.caller]\nrequests_per_minute = 1\nburst = 1\n", Slow::default());
    assert_eq!(house.ask(MINUTE).await.status, 200);
    for _ in 0..3 {
        assert_eq!(house.ask(MINUTE).await.status, 429);
        assert_eq!(house.refusals(), ["limit:caller.requests x1"]);
    }
    advance(MINUTE).await;
    assert_eq!(house.ask(MINUTE).await.status, 200);
    assert_eq!(house.refusals(), ["limit:caller.requests x1", "limit:caller.requests x2"]);
    // One alone leaves no second record.
    assert_eq!(house.ask(MINUTE).await.status, 429);
    house.gate.drained().await;
    assert_eq!(house.refusals().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_no_more_than_a_second_for_the_records_of_others() {
    let mut house = House::new("[admission.caller]\nrequests_per_minute = 1\nburst = 1\n", Slow::default());
    let others: Vec<_> = (0..5).map(|number| house.other(&format!("app{number}"))).collect();
    for key in &others {
        house.key.clone_from(key);
        let came = [house.ask(MINUTE).await, house.ask(MINUTE).await, house.ask(MINUTE).await];
        assert_eq!(came.map(|came| came.status), [200, 429, 429]);
    }
    advance(MINUTE).await;
    house.key = house.other("late");
    house.queue.expect([Fate::Hang]);
    let came = house.ask(MINUTE).await;
    assert_eq!((came.status, came.took.as_secs()), (200, 1));
    // One is given up, and the log tells it; the others are recorded with the next request.
    house.key = house.other("later");
    assert_eq!(house.ask(MINUTE).await.status, 200);
    assert_eq!(house.refusals().len(), 5 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_list_of_models_that_is_refused_is_on_record_as_one() {
    let house = House::new("[admission.caller]\nrequests_per_minute = 1\nburst = 1\n", Slow::default());
    let list = || Request::get("/v1beta/models").header("x-goog-api-key", &house.key).body(Full::default()).unwrap();
    assert_eq!(house.send(list()).await.status, 200);
    assert_eq!(house.send(list()).await.status, 429);
    assert_eq!(house.queue.records().last().unwrap().entry.operation, "models");
}

fn failing<T: Send + 'static>(asked: &Arc<AtomicUsize>) -> Fetch<T> {
    let asked = Arc::clone(asked);
    Box::new(move || {
        asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async {
            sleep(MINUTE).await;
            Err(Unavailable { store: "s", cause: "gone".into() })
        })
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_for_nobody_needs_neither_policy_nor_pepper() {
    let (pepper, policy) = (Arc::default(), Arc::default());
    let house = House::of(Fetched::by(failing(&pepper)), Rules::following(failing(&policy)), Slow::default());
    for (path, status) in [("/healthz", 200), ("/openapi.json", 200), ("/no/such/route", 404)] {
        let came = house.get(path).await;
        assert_eq!((came.status, came.policy), (status, false), "{path}");
    }
    assert_eq!((pepper.load(Ordering::SeqCst), policy.load(Ordering::SeqCst)), (0, 0));
    // Who has to wait for them waits for one read.
    let (one, two, three) = tokio::join!(house.ask(MINUTE), house.ask(MINUTE), house.get("/v1beta/models"));
    assert_eq!([one.status, two.status, three.status], [503; 3]);
    assert_eq!((pepper.load(Ordering::SeqCst), policy.load(Ordering::SeqCst)), (1, 1));
}
