//! Tells, once, who has begun to look suspicious: the report `suspicious`, asked again and again.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::Connection;
use shared::audit::reports::Report;
use shared::clock::{Clock, Timestamp};

use super::{Error, query};

/// How far it looks back: as the report does unless it is told otherwise.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it looks, where anything has arrived since.
const EVERY: Duration = Duration::from_secs(60);

/// Who was told of and still looks suspicious. A process that is started anew tells again.
#[derive(Debug, Default)]
pub(super) struct Detection {
    told: BTreeSet<(String, String)>,
    looked: Option<Timestamp>,
    /// Whether records have arrived since it looked.
    news: bool,
}

impl Detection {
    /// Notes that records have arrived, and looks when it is time. Who crosses the threshold is told in the log; who
    /// falls below it and crosses it again is told again.
    pub(super) fn look(&mut self, arrived: bool, connection: &Connection, clock: &impl Clock) -> Result<(), Error> {
        self.news |= arrived;
        let now = clock.now();
        if !self.news || self.looked.is_some_and(|looked| now.since(looked) < EVERY) {
            return Ok(());
        }
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        let rows = query::report(connection, Report::Suspicious, Timestamp(now.0.saturating_sub(window)))?;
        (self.looked, self.news) = (Some(now), false);
        let mut over = BTreeSet::new();
        for row in rows {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || cells.next().unwrap_or_default();
            let (subject, kind) = (next(), next());
            let (requests, average, max, blocked) = (next(), next(), next(), next());
            let who = (kind, subject);
            if !self.told.contains(&who) {
                let (kind, subject) = (&who.0, &who.1);
                tracing::warn!(
                    code = "suspicious",
                    kind,
                    subject,
                    requests,
                    average_risk_thousandths = average,
                    max_risk_thousandths = max,
                    blocked,
                    "looks suspicious: `gatehouse audit suspicious` tells more"
                );
            }
            over.insert(who);
        }
        self.told = over;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use shared::audit::WriterId;
    use shared::clock::ManualClock;
    use shared::fakes::trail::{NOW, chain, outcome};
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::store::{drain, samples, sqlite};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'w> MakeWriter<'w> for Log {
        type Writer = Self;

        fn make_writer(&'w self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn who_crosses_the_threshold_is_told_once_and_again_only_after_falling_below_it() {
        let data = tempfile::tempdir().unwrap();
        let mut connection = sqlite::open(data.path()).unwrap();
        let (log, clock) = (Log::default(), ManualClock::at(Timestamp(NOW)));
        let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let mut detection = Detection::default();
        let mut writer = 0;
        let mut arrive = |entries: Vec<shared::audit::Entry>| {
            writer += 1;
            samples::leave(data.path(), writer, &samples::lines(&chain(WriterId::new([writer; 16]), entries)));
            drain::run(data.path(), &mut connection).unwrap();
            detection.look(true, &connection, &clock).unwrap();
            let told = log.0.lock().unwrap().clone();
            String::from_utf8(told).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(arrive(vec![outcome(NOW, Some("ada"), "app", 400, true)]).is_empty());
        // Time has not come, whatever arrives.
        let bad = || outcome(clock.now().0, Some("ada"), "app", 900, true);
        assert!(arrive(vec![bad()]).is_empty());
        clock.advance(EVERY);
        let told = arrive(vec![bad()]);
        assert_eq!(told.len(), 1, "{told:?}");
        for part in ["\"code\":\"suspicious\"", "\"subject\":\"ada\"", "\"kind\":\"user\"", "\"blocked\":\"3\""] {
            assert!(told[0].contains(part), "no {part} in {told:?}");
        }
        clock.advance(EVERY);
        assert_eq!(arrive(vec![bad()]).len(), 1);
        // A day later all is forgotten, and it begins again.
        clock.advance(WINDOW + EVERY);
        assert_eq!(arrive(vec![outcome(clock.now().0, None, "other", 0, false)]).len(), 1);
        clock.advance(EVERY);
        assert_eq!(arrive(vec![bad()]).len(), 2);
    }
}
