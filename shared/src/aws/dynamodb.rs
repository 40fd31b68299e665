//! `DynamoDB` behind the ports: the [callers](Callers), the [ledger](Ledger) and the [policy](Policy), a table each.
//!
//! The SDK retries nothing by itself here and gives nothing up, since a caller waits: how often and for how long something
//! is tried is said at each adapter.

mod attributes;
mod cache;
pub mod callers;
mod error;
mod ledger;
mod policy;

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

pub use callers::Callers;
pub use error::Error;
pub use ledger::{Ledger, Pace};
pub use policy::Policy;

/// How long one attempt may take, unless said otherwise. `DynamoDB` answers within some ten milliseconds, and within a
/// hundred where a connection has to be made; what takes longer is lost, or as good as lost.
const ATTEMPT: Duration = Duration::from_millis(300);

/// How often a failed attempt is made again, and after which pause, which doubles.
#[derive(Clone, Copy, Debug)]
struct Patience {
    again: u32,
    pause: Duration,
    /// Whether to wait until there is no throttling any more.
    throttled: bool,
}

impl Patience {
    /// For what is asked before anything has begun: one more attempt, at once. Who is throttled is told at once, since
    /// the next attempt would be too, and adds to what is too much.
    const BRIEF: Self = Self { again: 1, pause: Duration::ZERO, throttled: false };
    /// For what has been done and is to be kept: with pauses from 50 to 400 ms, at most some two seconds in all.
    const LONG: Self = Self { again: 4, pause: Duration::from_millis(50), throttled: true };
    /// For what must not be done twice.
    const NONE: Self = Self { again: 0, pause: Duration::ZERO, throttled: false };
}

/// Attempts something until there is an answer, the patience ends or another attempt would not help. `in_doubt` becomes
/// true where one of the attempts may have been done without an answer, whatever those after it said.
async fn attempt<T, F: Future<Output = Result<T, Error>>>(
    patience: Patience,
    within: Duration,
    in_doubt: &mut bool,
    mut once: impl FnMut() -> F,
) -> Result<T, Error> {
    let (mut left, mut pause) = (patience.again, patience.pause);
    loop {
        let error = match tokio::time::timeout(within, once()).await {
            Ok(Ok(told)) => return Ok(told),
            Ok(Err(error)) => error,
            Err(_) => Error::TimedOut,
        };
        *in_doubt |= error.in_doubt();
        let worth = error.passes() && (patience.throttled || !matches!(error, Error::Throttled(_)));
        if left == 0 || !worth {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        (left, pause) = (left - 1, pause * 2);
    }
}

/// Attempts to read something, which changes nothing and so leaves nothing in doubt.
async fn read<T, F: Future<Output = Result<T, Error>>>(within: Duration, once: impl FnMut() -> F) -> Result<T, Error> {
    attempt(Patience::BRIEF, within, &mut false, once).await
}

/// No retries and no deadlines: those of the adapters hold, be they shorter or longer.
pub(super) fn patient() -> (TimeoutConfig, RetryConfig) {
    let timeouts = TimeoutConfig::builder().disable_operation_attempt_timeout().disable_operation_timeout().build();
    (timeouts, RetryConfig::disabled())
}

/// The same client, [`patient`].
fn bare(client: &Client) -> Client {
    let (timeouts, retries) = patient();
    let config = client.config();
    if config.timeout_config() == Some(&timeouts) && config.retry_config() == Some(&retries) {
        return client.clone();
    }
    Client::from_conf(config.to_builder().timeout_config(timeouts).retry_config(retries).build())
}

#[cfg(test)]
mod tests;
