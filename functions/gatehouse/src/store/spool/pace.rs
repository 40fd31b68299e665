//! Whether a disk is quick enough to be waited for.

use std::time::Duration;

/// A disk that takes no longer than this for a write and its sync is quick: it is what the way to a thread and back
/// takes.
const QUICK: Duration = Duration::from_micros(25);

/// What the longest write counts for. A thread that loses the processor in mid-write tells nothing of the disk: one
/// such write among quick ones must not make it slow, and two in a row do.
const LONGEST: Duration = Duration::from_micros(100);

/// How long the disk takes for a write and its sync: an average, to which each write adds an eighth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(Duration);

impl Pace {
    /// Of a disk that has to show first what it can do.
    pub(super) const SLOW: Self = Self(LONGEST);

    pub(super) fn is_quick(self) -> bool {
        self.0 <= QUICK
    }

    pub(super) fn note(&mut self, took: Duration) {
        self.0 = self.0 * 7 / 8 + took.min(LONGEST) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(writes: impl IntoIterator<Item = u64>) -> Pace {
        let mut pace = Pace::SLOW;
        writes.into_iter().for_each(|micros| pace.note(Duration::from_micros(micros)));
        pace
    }

    #[test]
    fn a_disk_is_quick_once_it_was_so_for_a_while() {
        assert!(!after([3; 4]).is_quick());
        assert!(after([3; 16]).is_quick());
        assert!(!after([26; 100]).is_quick());
    }

    #[test]
    fn one_long_write_makes_no_slow_disk_and_a_stall_does() {
        let among = |long: &[u64]| after([3; 64].into_iter().chain(long.iter().copied()));
        assert!(among(&[900_000]).is_quick());
        assert!(!among(&[900_000, 900_000]).is_quick());
        assert!(!among(&[60; 8]).is_quick());
    }
}
