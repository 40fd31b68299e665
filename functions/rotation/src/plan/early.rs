//! Whether a rotation may begin before its time.

use std::time::Duration;

use shared::clock::Timestamp;
use shared::ports::secrets::{Description, Stage, Version};

/// Between two rotations that nobody asked for. Whoever can make the provider reject a key must not be able to make
/// keys without end; and an hour is longer than consumers keep a key.
pub const AT_MOST_EVERY: Duration = Duration::from_secs(60 * 60);

/// What becomes of the wish for an early rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// It may begin.
    Rotate,
    /// One began less than an hour ago, and may have failed.
    TooSoon {
        /// When the next one may begin.
        until: Timestamp,
    },
    /// One is under way, or has got stuck.
    UnderWay,
}

/// Whether a rotation may begin before its time. Rotations that failed count: each has left a version.
#[must_use]
pub fn early(secret: &Description, versions: &[Version], now: Timestamp) -> Early {
    let pending = secret.holder(&Stage::Pending);
    if pending.is_some_and(|version| !secret.has(version, &Stage::Current)) {
        return Early::UnderWay;
    }
    let Some(latest) = versions.iter().map(|version| version.created).max() else { return Early::Rotate };
    let until = Timestamp(latest.0.saturating_add(u64::try_from(AT_MOST_EVERY.as_millis()).unwrap_or(u64::MAX)));
    if now < until { Early::TooSoon { until } } else { Early::Rotate }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::ports::secrets::VersionId;

    use super::*;

    fn described(stages: &[(&str, Stage)]) -> Description {
        let mut secret = Description { rotating: true, ..Description::default() };
        for (version, stage) in stages {
            let held: &mut BTreeSet<_> = secret.versions.entry(VersionId((*version).to_owned())).or_default();
            held.insert(stage.clone());
        }
        secret
    }

    fn made(at: u64) -> Version {
        Version { id: VersionId(at.to_string()), created: Timestamp(at) }
    }

    #[test]
    fn at_most_one_an_hour_whether_it_went_well_or_not() {
        let secret = described(&[("a", Stage::Current), ("a", Stage::Pending)]);
        let versions = [made(0), made(5)];
        assert_eq!(early(&secret, &versions, Timestamp(3_600_004)), Early::TooSoon { until: Timestamp(3_600_005) });
        assert_eq!(early(&secret, &versions, Timestamp(3_600_005)), Early::Rotate);
        assert_eq!(early(&described(&[]), &[], Timestamp(0)), Early::Rotate);
    }

    #[test]
    fn none_while_one_is_under_way() {
        let secret = described(&[("a", Stage::Current), ("b", Stage::Pending)]);
        assert_eq!(early(&secret, &[made(0)], Timestamp(u64::MAX)), Early::UnderWay);
    }
}
