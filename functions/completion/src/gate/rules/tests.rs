use std::collections::VecDeque;
use std::sync::Mutex as Lock;

use shared::clock::ManualClock;

use super::*;

/// When the first request comes.
const BEGIN: Duration = Duration::from_secs(1_000);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Writes down what it is told, in words.
#[derive(Default)]
struct Paper(Lock<Vec<&'static str>>);

impl Scribe for Paper {
    async fn tell(&self, told: Told<'_>) -> Result<(), Unavailable> {
        self.0.lock().unwrap().push(match told {
            Told::Begin { .. } => "begin",
            Told::Change { .. } => "change",
            Told::Refuse { .. } => "refuse",
        });
        Ok(())
    }
}

/// Cannot write.
struct Broken;

impl Scribe for Broken {
    async fn tell(&self, _: Told<'_>) -> Result<(), Unavailable> {
        Err(Unavailable { store: "queue", cause: "gone".into() })
    }
}

/// Rules that read these texts, one after the other, and how often they did.
fn reading(texts: &[Option<&'static str>]) -> (Rules, Arc<Lock<VecDeque<Option<&'static str>>>>) {
    let left = Arc::new(Lock::new(texts.iter().copied().collect::<VecDeque<_>>()));
    let texts = left.clone();
    let read = move || -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
        let next = texts.lock().unwrap().pop_front().expect("one read more than there should be");
        Box::pin(async move {
            tokio::task::yield_now().await;
            match next {
                Some("down") => Err(Unavailable { store: "policy", cause: "gone".into() }),
                other => Ok(other.map(str::to_owned)),
            }
        })
    };
    (Rules::following(Box::new(read)), left)
}

fn at(time: Duration) -> ManualClock {
    ManualClock::at(Timestamp(u64::try_from((BEGIN + time).as_millis()).unwrap()))
}

async fn version(rules: &Rules, now: Duration) -> Option<String> {
    version_by(rules, now, &Paper::default()).await
}

async fn version_by(rules: &Rules, now: Duration, scribe: &impl Scribe) -> Option<String> {
    rules.current(&at(now), scribe).await.map(|rules| rules.policy.version().to_owned())
}

#[tokio::test]
async fn it_is_read_at_the_first_request_and_again_once_it_is_too_old() {
    let (rules, left) = reading(&[Some(""), Some(""), Some("# other\n")]);
    let first = version(&rules, Duration::ZERO).await;
    assert_eq!(first, Some(Compiled::embedded().policy.version().to_owned()));
    assert_eq!(version(&rules, FRESH_FOR - MILLISECOND).await, first);
    assert_eq!(left.lock().unwrap().len(), 2);
    assert_eq!(version(&rules, FRESH_FOR).await, first);
    assert_ne!(version(&rules, FRESH_FOR * 2).await, first);
}

#[tokio::test]
async fn a_bad_policy_is_refused_and_the_old_one_kept() {
    let (rules, left) = reading(&[Some(""), Some("nonsense"), Some("nonsense"), None, Some("down"), Some("# new\n")]);
    let first = version(&rules, Duration::ZERO).await;
    for number in 0..4 {
        assert_eq!(version(&rules, FRESH_FOR + AGAIN_WITH * number).await, first);
    }
    assert_eq!(left.lock().unwrap().len(), 1);
    assert_ne!(version(&rules, FRESH_FOR + AGAIN_WITH * 4).await, first);
}

#[tokio::test]
async fn before_the_first_good_one_there_is_none_and_the_store_is_asked_again_soon() {
    for fault in [Some("nonsense"), Some("down"), None] {
        let (rules, left) = reading(&[fault, Some("")]);
        assert_eq!(version(&rules, Duration::ZERO).await, None);
        assert_eq!(version(&rules, AGAIN_WITHOUT - MILLISECOND).await, None);
        assert_eq!(left.lock().unwrap().len(), 1);
        assert!(version(&rules, AGAIN_WITHOUT).await.is_some());
    }
}

#[tokio::test]
async fn one_request_reads_and_those_beside_it_go_on() {
    let (rules, _left) = reading(&[Some(""), Some("# other\n")]);
    let (one, other) = tokio::join!(version(&rules, Duration::ZERO), version(&rules, Duration::ZERO));
    assert!(one.is_some() && one == other);
    let (reader, beside) = tokio::join!(version(&rules, FRESH_FOR), version(&rules, FRESH_FOR));
    assert_eq!(beside, one);
    assert_ne!(reader, one);
}

#[tokio::test]
async fn each_policy_is_on_record_before_it_is_in_force() {
    let (rules, _left) = reading(&[Some(""), Some(""), Some("nonsense"), Some("# new\n"), Some("# new\n")]);
    let paper = Paper::default();
    assert_eq!(version_by(&rules, Duration::ZERO, &Broken).await, None);
    let first = version_by(&rules, AGAIN_WITHOUT, &paper).await;
    assert!(first.is_some());
    let later = AGAIN_WITHOUT + FRESH_FOR;
    assert_eq!(version_by(&rules, later, &paper).await, first);
    assert_eq!(version_by(&rules, later + AGAIN_WITH, &Broken).await, first);
    assert_ne!(version_by(&rules, later + AGAIN_WITH * 2, &paper).await, first);
    assert_eq!(*paper.0.lock().unwrap(), ["begin", "refuse", "change"]);
}

/// Rules whose every read takes so long by this clock, and then is of `text`; and how many there were.
fn slowly(takes: Duration, text: Option<&'static str>, clock: &Arc<ManualClock>) -> (Rules, Arc<Lock<u32>>) {
    let reads = Arc::new(Lock::new(0));
    let (count, clock) = (Arc::clone(&reads), Arc::clone(clock));
    let read = move || -> std::pin::Pin<Box<dyn Future<Output = _> + Send>> {
        *count.lock().unwrap() += 1;
        let clock = Arc::clone(&clock);
        Box::pin(async move {
            tokio::task::yield_now().await;
            clock.advance(takes);
            Ok(text.map(str::to_owned))
        })
    };
    (Rules::following(Box::new(read)), reads)
}

#[tokio::test]
async fn what_was_read_is_as_old_as_the_end_of_its_read() {
    let clock = Arc::new(at(Duration::ZERO));
    let (rules, reads) = slowly(FRESH_FOR, Some(""), &clock);
    assert!(rules.current(&*clock, &Paper::default()).await.is_some());
    clock.advance(FRESH_FOR - MILLISECOND);
    assert!(rules.current(&*clock, &Paper::default()).await.is_some());
    assert_eq!(*reads.lock().unwrap(), 1);
    clock.advance(MILLISECOND);
    assert!(rules.current(&*clock, &Paper::default()).await.is_some());
    assert_eq!(*reads.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_end_the_reading() {
    let (rules, _left) = reading(&[Some(""), Some("# other\n"), Some("# other\n")]);
    let first = version(&rules, FRESH_FOR * 100).await;
    let other = version(&rules, Duration::ZERO).await;
    assert!(other.is_some() && other != first);
    assert_eq!(version(&rules, FRESH_FOR - MILLISECOND).await, other);
    assert_eq!(version(&rules, FRESH_FOR).await, other);
}

#[tokio::test]
async fn those_who_wait_for_the_first_read_share_its_failure() {
    let clock = Arc::new(at(Duration::ZERO));
    let (rules, reads) = slowly(AGAIN_WITHOUT * 3, None, &clock);
    let paper = Paper::default();
    let ask = || rules.current(&*clock, &paper);
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert!(one.is_none() && two.is_none() && three.is_none());
    assert_eq!(*reads.lock().unwrap(), 1);
}
