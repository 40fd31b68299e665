//! How long Gemini may take, and the record.

use std::time::Duration;

use shared::clock::Timestamp;

/// What is left of the time that the platform gives once Gemini has to have ended: the outcome is recorded in it, and
/// the budget settled, with some attempts at each.
const MARGIN: Duration = Duration::from_secs(10);

/// So much before the platform's end a record has to be kept: then it is given up, and the caller told so. Without that
/// an answer whose record hangs would end without a word.
const RECORDED_BEFORE: Duration = Duration::from_secs(1);

/// And so much before it the budget has to be settled.
const SETTLED_BEFORE: Duration = Duration::from_millis(500);

/// With less time than this Gemini is not asked.
pub(super) const LEAST: Duration = Duration::from_secs(1);

/// The time for all of an answer: what the settings say, or less where the platform ends the process at `deadline`.
pub(super) fn left(total: Duration, deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    deadline.map_or(total, |deadline| total.min(deadline.since(now).saturating_sub(MARGIN)))
}

/// The time for a record.
pub(super) fn to_record(deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    until(RECORDED_BEFORE, deadline, now)
}

/// The time to settle what was reserved.
pub(super) fn to_settle(deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    until(SETTLED_BEFORE, deadline, now)
}

/// As long as it takes, where the platform sets no end.
fn until(before: Duration, deadline: Option<Timestamp>, now: Timestamp) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| deadline.since(now).saturating_sub(before))
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

    #[test]
    fn a_record_ends_before_the_platform_does() {
        let (now, deadline) = (Timestamp(1_000_000), Some(Timestamp(1_010_000)));
        assert_eq!(to_record(deadline, now), Duration::from_secs(9));
        assert!(to_settle(deadline, now) > to_record(deadline, now));
        assert_eq!(to_record(deadline, Timestamp(1_020_000)), Duration::ZERO);
        assert_eq!(to_record(None, now), Duration::MAX);
    }
}
