//! Waiting for something to become true, within bounds.

use std::fmt::Debug;
use std::time::Duration;

/// How long a test waits for anything before it says what it was waiting for. Generous: a loaded machine is not a bug.
pub const PATIENCE: Duration = Duration::from_secs(20);

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Asks until there is an answer.
///
/// # Panics
/// After [`PATIENCE`], naming what was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    };
    within(what, looking).await
}

/// Lets something finish in its own time, within bounds.
///
/// # Panics
/// After [`PATIENCE`], naming what was waited for.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// The value of an `Ok`.
///
/// # Panics
/// On an `Err`, saying what was being done.
pub fn done<T, E: Debug>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error:?}"),
    }
}
