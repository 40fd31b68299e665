//! A refusal as its caller is told.

use std::fmt;
use std::time::Duration;

use shared::clock::Timestamp;
use shared::limits::{Kind, Limit, Refused, Retry, Standing, spelt};

use crate::problem::{Code, Problem};

/// When to ask again for what open requests hold: they take seconds.
const SOON: Duration = Duration::from_secs(1);

/// The refusal in words, with when to try again.
pub(super) fn problem(refused: &Refused, now: Timestamp) -> Problem {
    let whose = Whose(refused);
    let what = match refused.limit {
        Limit::Open => "requests that may be open at once",
        Limit::Requests => "requests a minute",
        Limit::Spend => "budget",
        Limit::Tokens => "tokens a minute",
    };
    let (code, message, after) = match refused.retry {
        Retry::Never => {
            let message = format!(
                "the request may take more than the {what} of {whose} ever allow; shorten it, or lower its maximum output"
            );
            (Code::TooCostly, message, None)
        }
        Retry::At(turn) => {
            let message = format!("the {what} of {whose} is spent; it begins anew at {}", spelt(turn));
            (Code::BudgetSpent, message, Some(Duration::from_millis(turn.0.saturating_sub(now.0))))
        }
        Retry::After(milliseconds) => {
            let message = format!("the {what} of {whose} are used up for now");
            (Code::RateLimited, message, Some(Duration::from_millis(milliseconds)))
        }
        Retry::Soon => {
            let held = match refused.limit {
                Limit::Open => format!("{whose} has as many requests open as it may"),
                Limit::Requests | Limit::Spend | Limit::Tokens => {
                    format!("what is left of the {what} of {whose} is reserved by open requests")
                }
            };
            (Code::RateLimited, format!("{held}; try again when some have ended"), Some(SOON))
        }
    };
    let standing = Some(Box::new(standing(refused, after)));
    Problem { retry_after: after, standing, ..Problem::new(code, message) }
}

/// What is left, where the limit that refuses names the same moment as `Retry-After`: two that differ would have a client
/// choose. That all of it is there again, it tells where nobody is refused.
fn standing(refused: &Refused, after: Option<Duration>) -> Standing {
    let mut standing = refused.standing;
    let quota = match refused.limit {
        Limit::Open => None,
        Limit::Requests => standing.requests.as_mut(),
        Limit::Spend => standing.spend.as_mut(),
        Limit::Tokens => standing.tokens.as_mut(),
    };
    if let (Some(quota), Some(after)) = (quota, after) {
        quota.full_in_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    }
    standing
}

struct Whose<'r>(&'r Refused);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            Kind::All => "all callers together",
            Kind::Caller => "this caller",
            Kind::User => "this end user",
        })
    }
}
