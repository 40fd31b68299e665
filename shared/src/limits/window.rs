//! The time a budget is for: a day or a month, in UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// When a budget begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// At midnight, UTC.
    Day,
    /// On the first of the month, at midnight, UTC.
    Month,
}

impl Window {
    /// When the window that holds `now` began.
    #[must_use]
    pub fn start(self, now: Timestamp) -> Timestamp {
        self.bounds(now).0
    }

    /// When the next one begins.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        self.bounds(now).1
    }

    fn bounds(self, now: Timestamp) -> (Timestamp, Timestamp) {
        const DAY: u64 = 86_400_000;
        let midnight = now.0 - now.0 % DAY;
        let day = (Timestamp(midnight), Timestamp(midnight.saturating_add(DAY)));
        match self {
            Self::Day => day,
            // A clock beyond the calendar still has days.
            Self::Month => month(now).unwrap_or(day),
        }
    }
}

/// A time as it is told to people, such as `2027-01-01T00:00:00Z`.
#[must_use]
pub fn spelt(time: Timestamp) -> String {
    let milliseconds = i64::try_from(time.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn month(now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let instant = jiff::Timestamp::from_millisecond(i64::try_from(now.0).ok()?).ok()?;
    let first = instant.to_zoned(TimeZone::UTC).date().first_of_month();
    let next = first.last_of_month().tomorrow().ok()?;
    Some((midnight(first)?, midnight(next)?))
}

fn midnight(date: Date) -> Option<Timestamp> {
    let instant = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
    u64::try_from(instant.as_millisecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_millisecond()).unwrap())
    }

    #[test]
    fn a_day_and_a_month_begin_and_end_at_midnight() {
        let leap = at("2028-02-29T23:59:59.999Z");
        assert_eq!(Window::Day.start(leap), at("2028-02-29T00:00:00Z"));
        assert_eq!(Window::Day.end(leap), at("2028-03-01T00:00:00Z"));
        assert_eq!(Window::Month.start(leap), at("2028-02-01T00:00:00Z"));
        assert_eq!(Window::Month.end(leap), at("2028-03-01T00:00:00Z"));
        let new_year = at("2027-01-01T00:00:00Z");
        assert_eq!((Window::Month.start(new_year), Window::Day.start(new_year)), (new_year, new_year));
        assert_eq!(Window::Month.end(at("2026-12-31T12:00:00Z")), new_year);
    }

    #[test]
    fn a_time_beyond_the_calendar_still_has_a_window() {
        let end_of_time = Timestamp(u64::MAX);
        assert!(Window::Month.start(end_of_time) <= end_of_time);
    }
}
