//! A rate that holds in the long run and allows a burst: the generic cell rate algorithm.
//!
//! All it keeps is the *theoretical arrival time* (`tat`): when the bucket will be empty. A request moves it on by its
//! cost, and is refused where that would take it further ahead of the clock than the burst allows. A `tat` in the past
//! counts as now, so that who was idle has a full burst and no more. A clock that is set back only refuses more.

use std::num::NonZeroU32;

use super::Retry;
use crate::clock::Timestamp;

const MINUTE: u64 = 60_000_000;

/// Microseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl From<Timestamp> for Micros {
    fn from(Timestamp(milliseconds): Timestamp) -> Self {
        Self(milliseconds.saturating_mul(1000))
    }
}

/// So much a minute, and so much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_minute: NonZeroU32,
    /// How far ahead of the clock the `tat` may be.
    tolerance: u64,
}

impl Rate {
    /// Units that come one by one, such as requests: `burst` of them at once.
    #[must_use]
    pub const fn single(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        // Rounded up like each unit, else the last of a burst would miss it by a microsecond.
        let tolerance = MINUTE.div_ceil(per_minute.get() as u64) * burst.get() as u64;
        Self { per_minute, tolerance }
    }

    /// Units that come in lumps, such as tokens: a minute's worth at once.
    #[must_use]
    pub const fn bulk(per_minute: NonZeroU32) -> Self {
        Self { per_minute, tolerance: MINUTE }
    }

    /// The units of a minute.
    #[must_use]
    pub const fn per_minute(self) -> u64 {
        self.per_minute.get() as u64
    }

    /// How far `units` move the `tat` on, in microseconds.
    #[must_use]
    pub fn cost(self, units: u64) -> u64 {
        let time = (u128::from(units) * u128::from(MINUTE)).div_ceil(u128::from(self.per_minute.get()));
        u64::try_from(time).unwrap_or(u64::MAX)
    }

    /// How far ahead of the clock the `tat` may be, in microseconds.
    #[must_use]
    pub const fn tolerance(self) -> u64 {
        self.tolerance
    }

    /// Takes `units`, and returns the new `tat`.
    ///
    /// # Errors
    /// When to try again.
    pub fn take(self, tat: Micros, units: u64, now: Micros) -> Result<Micros, Retry> {
        let cost = self.cost(units);
        if cost > self.tolerance {
            return Err(Retry::Never);
        }
        let next = tat.max(now).0.saturating_add(cost);
        let latest = now.0.saturating_add(self.tolerance);
        if next <= latest { Ok(Micros(next)) } else { Err(Retry::After((next - latest).div_ceil(1000))) }
    }

    /// The `tat` once `taken` units of an earlier time turn out to have been `used`.
    ///
    /// What the bucket has lost by itself since then is not given back again: the rate holds as if the true figure had
    /// been taken at first, or is a little stricter.
    #[must_use]
    pub fn correct(self, tat: Micros, taken: u64, used: u64, then: Micros, now: Micros) -> Micros {
        if used > taken {
            return Micros(tat.max(now).0.saturating_add(self.cost(used - taken)));
        }
        Micros(tat.0.saturating_sub(self.back(taken, used, then, now)))
    }

    /// How far `taken` units of an earlier time move the `tat` back once no more than `used` turn out to have been used.
    #[must_use]
    pub fn back(self, taken: u64, used: u64, then: Micros, now: Micros) -> u64 {
        let elapsed = now.0.saturating_sub(then.0);
        self.cost(taken).saturating_sub(self.cost(used)).saturating_sub(elapsed)
    }

    /// Units that could be taken now.
    #[must_use]
    pub fn left(self, tat: Micros, now: Micros) -> u64 {
        let room = self.tolerance.saturating_sub(tat.0.saturating_sub(now.0));
        let units = u128::from(room) * u128::from(self.per_minute.get()) / u128::from(MINUTE);
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32, burst: u32) -> Rate {
        Rate::single(NonZeroU32::new(per_minute).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    fn taken_at_once(rate: Rate, tat: &mut Micros, now: Micros) -> usize {
        std::iter::from_fn(|| rate.take(*tat, 1, now).ok().map(|next| *tat = next)).take(1000).count()
    }

    #[test]
    fn a_burst_is_taken_whole_whatever_the_rate_divides_by() {
        for per_minute in [1, 7, 59, 60, 61, 999, 1_000_000] {
            for burst in [1, 2, 7, 500] {
                let count = taken_at_once(rate(per_minute, burst), &mut Micros(0), Micros(1 << 50));
                assert_eq!(count, burst as usize, "{per_minute} {burst}");
            }
        }
    }

    #[test]
    fn idling_gains_one_burst_and_no_more() {
        let rate = rate(60, 5);
        let mut tat = Micros::default();
        assert_eq!(taken_at_once(rate, &mut tat, Micros(1_000_000)), 5);
        let an_hour_later = Micros(3_601_000_000);
        assert_eq!(taken_at_once(rate, &mut tat, an_hour_later), 5);
        assert_eq!(rate.take(tat, 1, an_hour_later), Err(Retry::After(1000)));
    }

    #[test]
    fn a_clock_set_back_refuses_more_and_recovers() {
        let rate = rate(60, 2);
        let mut tat = Micros::default();
        assert_eq!(taken_at_once(rate, &mut tat, Micros(100_000_000)), 2);
        assert_eq!(rate.take(tat, 1, Micros(95_000_000)), Err(Retry::After(6000)));
        assert_eq!(taken_at_once(rate, &mut tat, Micros(102_000_000)), 2);
    }

    #[test]
    fn what_the_bucket_lost_by_itself_is_not_given_back() {
        let rate = Rate::bulk(NonZeroU32::new(60).unwrap());
        let (then, now) = (Micros(0), Micros(40_000_000));
        let tat = rate.take(Micros(0), 50, then).unwrap();
        // Of 50 taken, 10 were used; of the 40 to give back, 40 have drained.
        assert_eq!(rate.correct(tat, 50, 10, then, now), tat);
        assert_eq!(rate.correct(tat, 50, 10, then, then), Micros(10_000_000));
        assert_eq!(rate.correct(tat, 50, 55, then, Micros(0)), Micros(55_000_000));
    }

    #[test]
    fn more_than_the_bucket_holds_is_never_taken() {
        let rate = Rate::bulk(NonZeroU32::new(100).unwrap());
        assert_eq!(rate.take(Micros(0), 101, Micros(0)), Err(Retry::Never));
        assert_eq!(rate.take(Micros(0), u64::MAX, Micros(u64::MAX)), Err(Retry::Never));
        assert!(rate.take(Micros(0), 100, Micros(0)).is_ok());
    }
}
