//! An hour of UTC: what the trail is partitioned and sealed by.

use std::fmt;

use jiff::Timestamp as Instant;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::clock::Timestamp;

const MS: u64 = 3_600_000;

/// An hour of UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(u64);

impl Hour {
    /// The hour that a time is in.
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.0 / MS)
    }

    /// When it begins.
    #[must_use]
    pub const fn begins(self) -> Timestamp {
        Timestamp(self.0 * MS)
    }

    /// When it is over.
    #[must_use]
    pub const fn ends(self) -> Timestamp {
        self.next().begins()
    }

    /// The hour after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// So many hours before, or the first of all.
    #[must_use]
    pub const fn back(self, hours: u64) -> Self {
        Self(self.0.saturating_sub(hours))
    }

    /// Its partition: `dt=2026-11-27/hour=18`.
    #[must_use]
    pub fn partition(self) -> String {
        format!("dt={}", self.text().replace('T', "/hour="))
    }

    /// The hour of a partition's name, at the start of a path or behind its first part.
    #[must_use]
    pub fn in_path(path: &str) -> Option<Self> {
        let (_, rest) = path.split_once("dt=")?;
        let (date, rest) = rest.split_once("/hour=")?;
        Self::parse(&format!("{date}T{}", rest.get(..2)?))
    }

    fn text(self) -> String {
        let ms = i64::try_from(self.begins().0).unwrap_or(i64::MAX);
        // Beyond the year 9999 there are no dates.
        Instant::from_millisecond(ms).unwrap_or(Instant::MAX).strftime("%Y-%m-%dT%H").to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let at: DateTime = format!("{text}:00:00").parse().ok()?;
        let ms = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
        let hour = Self::of(Timestamp(u64::try_from(ms).ok()?));
        (hour.text() == text).then_some(hour)
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for Hour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an hour"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_one_spelling_and_knows_its_partition() {
        let hour = Hour::of(Timestamp(1_795_804_051_000));
        assert_eq!(hour.to_string(), "2026-11-27T18");
        assert_eq!(hour.partition(), "dt=2026-11-27/hour=18");
        assert_eq!(Hour::in_path("records/dt=2026-11-27/hour=18/x.gz"), Some(hour));
        assert_eq!(serde_json::from_str::<Hour>("\"2026-11-27T18\"").unwrap(), hour);
        for wrong in ["2026-11-27", "2026-11-27T1", "2026-11-27T24", "2026-11-27T18:00", "2026-13-27T18", ""] {
            assert_eq!(Hour::parse(wrong), None, "{wrong}");
        }
        assert_eq!(hour.next().back(1), hour);
        assert_eq!(hour.ends(), hour.next().begins());
    }
}
