//! What a gate needs and may have to fetch first.

use std::fmt;
use std::pin::Pin;

use shared::ports::Unavailable;
use tokio::sync::OnceCell;

/// Fetches a value from a store.
pub type Fetch<T> = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send>> + Send + Sync>;

/// A value that is there from the beginning, or is fetched when it is first needed and then stays.
///
/// While it is being fetched, whoever else needs it waits for the same answer. A failure is not kept: the next who
/// needs it tries again.
pub struct Fetched<T> {
    value: OnceCell<T>,
    fetch: Option<Fetch<T>>,
}

impl<T: Clone> Fetched<T> {
    /// A value to be fetched.
    #[must_use]
    pub fn by(fetch: Fetch<T>) -> Self {
        Self { value: OnceCell::new(), fetch: Some(fetch) }
    }

    /// The value.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be fetched.
    pub async fn get(&self) -> Result<T, Unavailable> {
        let fetch = async || match &self.fetch {
            Some(fetch) => fetch().await,
            None => Err(Unavailable { store: "nowhere", cause: "nothing was given".into() }),
        };
        self.value.get_or_try_init(fetch).await.cloned()
    }
}

impl<T> From<T> for Fetched<T> {
    fn from(value: T) -> Self {
        Self { value: OnceCell::new_with(Some(value)), fetch: None }
    }
}

impl<T> fmt::Debug for Fetched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("there", &self.value.initialized()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn it_is_fetched_once_and_again_only_after_a_failure() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let value = Fetched::by(Box::new(move || {
            let number = count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                tokio::task::yield_now().await;
                if number == 0 { Err(Unavailable { store: "s", cause: "gone".into() }) } else { Ok(number) }
            })
        }));
        assert!(value.get().await.is_err());
        let (one, other) = tokio::join!(value.get(), value.get());
        assert_eq!((one.unwrap(), other.unwrap()), (1, 1));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_is_given_needs_no_fetching() {
        assert_eq!(Fetched::from(7).get().await.unwrap(), 7);
    }
}
