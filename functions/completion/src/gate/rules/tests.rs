use std::collections::VecDeque;
use std::sync::Mutex as Lock;

use super::*;

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

async fn version(rules: &Rules, now: u64) -> Option<String> {
    version_by(rules, now, &Paper::default()).await
}

async fn version_by(rules: &Rules, now: u64, scribe: &impl Scribe) -> Option<String> {
    rules.current(Timestamp(now), scribe).await.map(|rules| rules.policy.version().to_owned())
}

#[tokio::test]
async fn it_is_read_at_the_first_request_and_again_once_it_is_too_old() {
    let (rules, left) = reading(&[Some(""), Some(""), Some("# other\n")]);
    let first = version(&rules, 0).await;
    assert_eq!(first, Some(Compiled::embedded().policy.version().to_owned()));
    assert_eq!(version(&rules, FRESH_FOR - 1).await, first);
    assert_eq!(left.lock().unwrap().len(), 2);
    assert_eq!(version(&rules, FRESH_FOR).await, first);
    assert_ne!(version(&rules, 2 * FRESH_FOR).await, first);
}

#[tokio::test]
async fn a_bad_policy_is_refused_and_the_old_one_kept() {
    let (rules, left) = reading(&[Some(""), Some("nonsense"), Some("nonsense"), None, Some("down"), Some("# new\n")]);
    let first = version(&rules, 0).await;
    for number in 0..4 {
        assert_eq!(version(&rules, FRESH_FOR + number * AGAIN_WITH).await, first);
    }
    assert_eq!(left.lock().unwrap().len(), 1);
    assert_ne!(version(&rules, FRESH_FOR + 4 * AGAIN_WITH).await, first);
}

#[tokio::test]
async fn before_the_first_good_one_there_is_none_and_the_store_is_asked_again_soon() {
    for fault in [Some("nonsense"), Some("down"), None] {
        let (rules, left) = reading(&[fault, Some("")]);
        assert_eq!(version(&rules, 0).await, None);
        assert_eq!(version(&rules, AGAIN_WITHOUT - 1).await, None);
        assert_eq!(left.lock().unwrap().len(), 1);
        assert!(version(&rules, AGAIN_WITHOUT).await.is_some());
    }
}

#[tokio::test]
async fn one_request_reads_and_those_beside_it_go_on() {
    let (rules, _left) = reading(&[Some(""), Some("# other\n")]);
    let (one, other) = tokio::join!(version(&rules, 0), version(&rules, 0));
    assert!(one.is_some() && one == other);
    let (reader, beside) = tokio::join!(version(&rules, FRESH_FOR), version(&rules, FRESH_FOR));
    assert_eq!(beside, one);
    assert_ne!(reader, one);
}

#[tokio::test]
async fn each_policy_is_on_record_before_it_is_in_force() {
    let (rules, _left) = reading(&[Some(""), Some(""), Some("nonsense"), Some("# new\n"), Some("# new\n")]);
    let paper = Paper::default();
    assert_eq!(version_by(&rules, 0, &Broken).await, None);
    let first = version_by(&rules, AGAIN_WITHOUT, &paper).await;
    assert!(first.is_some());
    let later = AGAIN_WITHOUT + FRESH_FOR;
    assert_eq!(version_by(&rules, later, &paper).await, first);
    assert_eq!(version_by(&rules, later + AGAIN_WITH, &Broken).await, first);
    assert_ne!(version_by(&rules, later + 2 * AGAIN_WITH, &paper).await, first);
    assert_eq!(*paper.0.lock().unwrap(), ["begin", "refuse", "change"]);
}
