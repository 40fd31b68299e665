//! What a gate needs and may have to fetch first.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::clock::{Clock, Timestamp};
use shared::ports::Unavailable;
use tokio::sync::Mutex;

/// How long a store that failed is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// Fetches a value from a store.
pub type Fetch<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send>> + Send + Sync>;

/// A value that is there from the beginning, or is fetched when it is first needed and then stays.
///
/// While it is being fetched, whoever else needs it waits for the same answer. So it is with a failure, which everybody
/// gets for five seconds more: then the next who needs the value tries again.
pub struct Fetched<T> {
    value: OnceLock<T>,
    fetch: Option<Fetch<T>>,
    /// Held by who fetches.
    failed: Mutex<Option<Failed>>,
}

/// The last failure, and when it was known.
struct Failed {
    unavailable: Arc<Unavailable>,
    at: Timestamp,
}

impl<T: Clone> Fetched<T> {
    /// A value to be fetched.
    #[must_use]
    pub fn by(fetch: Fetch<T>) -> Self {
        Self { value: OnceLock::new(), fetch: Some(fetch), failed: Mutex::default() }
    }

    /// The value.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be fetched.
    pub async fn get(&self, clock: &impl Clock) -> Result<T, Arc<Unavailable>> {
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let mut failed = self.failed.lock().await;
        if let Some(value) = self.value.get() {
            return Ok(value.clone());
        }
        let now = clock.now();
        if let Some(Failed { unavailable, at }) = &*failed
            && *at <= now
            && now.since(*at) < PAUSE
        {
            return Err(Arc::clone(unavailable));
        }
        let fetched = match &self.fetch {
            Some(fetch) => fetch().await,
            None => Err(Unavailable { store: "nowhere", cause: "nothing was given".into() }),
        };
        match fetched {
            Ok(value) => Ok(self.value.get_or_init(|| value).clone()),
            Err(unavailable) => {
                let unavailable = Arc::new(unavailable);
                *failed = Some(Failed { unavailable: Arc::clone(&unavailable), at: clock.now() });
                Err(unavailable)
            }
        }
    }
}

impl<T> From<T> for Fetched<T> {
    fn from(value: T) -> Self {
        Self { value: OnceLock::from(value), fetch: None, failed: Mutex::default() }
    }
}

impl<T> fmt::Debug for Fetched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("there", &self.value.get().is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use shared::clock::ManualClock;
    use tokio::task::JoinSet;

    use super::*;

    /// How long a fetch takes.
    const TAKES: Duration = Duration::from_secs(7);

    /// A value that is there from this attempt on; each takes a while, whether it fails or not.
    fn there_from(attempt: usize, clock: &Arc<ManualClock>) -> (Arc<Fetched<usize>>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, clock) = (Arc::clone(&asked), Arc::clone(clock));
        let fetched = Fetched::by(Box::new(move || {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let clock = Arc::clone(&clock);
            Box::pin(async move {
                tokio::task::yield_now().await;
                clock.advance(TAKES);
                if number < attempt { Err(Unavailable { store: "s", cause: "gone".into() }) } else { Ok(number) }
            })
        }));
        (Arc::new(fetched), asked)
    }

    /// What ten get who ask at once.
    async fn ten(fetched: &Arc<Fetched<usize>>, clock: &Arc<ManualClock>) -> Vec<Option<usize>> {
        let mut waiting = JoinSet::new();
        for _ in 0..10 {
            let (fetched, clock) = (Arc::clone(fetched), Arc::clone(clock));
            waiting.spawn(async move { fetched.get(&*clock).await.ok() });
        }
        waiting.join_all().await
    }

    #[tokio::test]
    async fn those_who_wait_share_what_was_fetched() {
        let clock = Arc::new(ManualClock::default());
        let (fetched, asked) = there_from(1, &clock);
        assert_eq!(ten(&fetched, &clock).await, [Some(1); 10]);
        clock.advance(PAUSE);
        assert_eq!(ten(&fetched, &clock).await, [Some(1); 10]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn those_who_wait_share_a_failure_which_is_over_after_a_pause() {
        let clock = Arc::new(ManualClock::at(Timestamp(1_000_000)));
        let (fetched, asked) = there_from(2, &clock);
        assert_eq!(ten(&fetched, &clock).await, [None; 10]);
        clock.advance(PAUSE - Duration::from_millis(1));
        assert_eq!(ten(&fetched, &clock).await, [None; 10]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(ten(&fetched, &clock).await, [Some(2); 10]);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_does_not_keep_a_failure() {
        let clock = Arc::new(ManualClock::at(Timestamp(1_000_000)));
        let (fetched, _) = there_from(2, &clock);
        assert!(fetched.get(&*clock).await.is_err());
        assert!(fetched.get(&ManualClock::at(Timestamp(1_000))).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_given_needs_no_fetching() {
        assert_eq!(Fetched::from(7).get(&ManualClock::default()).await.unwrap(), 7);
    }
}
