//! How long Gemini may take.

use std::time::Duration;

use shared::clock::Timestamp;

/// What is left of the time that the platform gives once Gemini has to have ended: the outcome is recorded in it, and
/// the budget settled, with some attempts at each.
const MARGIN: Duration = Duration::from_secs(10);

/// With less time than this Gemini is not asked.
pub(super) const LEAST: Duration = Duration::from_secs(1);

/// The time for all of an answer: what the settings say, or less where the platform ends the process at `deadline`.
pub(super) fn left(total: Duration, deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    deadline.map_or(total, |deadline| total.min(deadline.since(now).saturating_sub(MARGIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_leaves_time_for_the_record() {
        let (total, now) = (Duration::from_secs(280), Timestamp(1_000_000));
        let given = |seconds: u64| left(total, Some(Timestamp(now.0 + seconds * 1000)), now);
        assert_eq!(left(total, None, now), total);
        assert_eq!(given(900), total);
        assert_eq!(given(60), Duration::from_secs(50));
        assert_eq!(given(5), Duration::ZERO);
        assert_eq!(left(total, Some(Timestamp(now.0 - 1)), now), Duration::ZERO);
    }
}
