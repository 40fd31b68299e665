//! `gatehouse audit load`: sends what stands in the store of record to the warehouse again.
//!
//! What is sent is the objects' keys, to the queue from which the drain loads the warehouse: it has the permissions and
//! the patience. Rows that are there already stand there twice, and the view shows them once.

use std::io::Write;

use serde_json::json;
use shared::audit::Hour;
use shared::audit::manifest::RECORDS;
use shared::aws::s3::Bucket;
use shared::aws::sqs::depth;
use shared::aws::sqs::outbox;
use shared::ports::Unavailable;
use shared::ports::trail::{Outbox, Store};

use super::Error;
use crate::aws::{Bundle, Part, Prefix};

/// An hour as the command line has it: `2026-11-27T18`.
pub(super) fn hour(text: &str) -> Result<Hour, String> {
    Hour::in_path(&format!("dt={}", text.replace('T', "/hour=")))
        .filter(|hour| hour.to_string() == text)
        .ok_or_else(|| "not an hour of UTC, such as 2026-11-27T18".to_owned())
}

/// Sends what arrived from the first hour to the end of the last, and tells how much that was.
pub(super) async fn execute(
    prefix: &Prefix,
    bucket: &str,
    (from, to): (Hour, Hour),
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let bundle = Bundle::open(prefix).await?;
    let (sqs, part) = (bundle.clients().sqs(), Part::WAREHOUSE);
    let url = depth::url(&sqs, &bundle.name(part)).await.map_err(|error| bundle.told(part, error))?;
    let queue = outbox::Outbox::new(sqs, url.ok_or_else(|| bundle.absent(part))?);
    let store = Bucket::new(bundle.clients().s3(), bucket);
    let sent = send(&store, &queue, from, to).await;
    let count = sent.map_err(|error| bundle.told(part, error))?;
    let printed = if json {
        writeln!(out, "{}", json!({ "objects": count }))
    } else {
        writeln!(out, "{count} objects are on their way to the warehouse.")
    };
    printed.map_err(Error::Print)
}

/// Sends the keys of all objects of these hours. How many there were.
async fn send(store: &impl Store, queue: &impl Outbox, from: Hour, to: Hour) -> Result<usize, Unavailable> {
    let (mut hour, mut count) = (from, 0);
    while hour <= to {
        for key in store.list(&format!("{RECORDS}{}/", hour.partition()), "").await? {
            queue.send(&key, None).await?;
            count += 1;
        }
        hour = hour.next();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use shared::ports::trail::Created;

    use super::*;

    #[derive(Default)]
    struct World(Mutex<Vec<String>>);

    impl Store for World {
        async fn create(&self, _: &str, _: Vec<u8>) -> Result<Created, Unavailable> {
            unreachable!("nothing is made")
        }

        async fn read(&self, _: &str) -> Result<Option<Vec<u8>>, Unavailable> {
            unreachable!("nothing is read")
        }

        async fn list(&self, prefix: &str, _: &str) -> Result<Vec<String>, Unavailable> {
            Ok(["a", "b"].map(|name| format!("{prefix}{name}")).to_vec())
        }
    }

    impl Outbox for World {
        async fn send(&self, body: &str, reason: Option<&str>) -> Result<(), Unavailable> {
            assert_eq!(reason, None);
            self.0.lock().unwrap().push(body.to_owned());
            Ok(())
        }
    }

    #[tokio::test]
    async fn every_object_of_the_hours_is_sent_once_the_last_hour_included() {
        let (store, queue) = (World::default(), World::default());
        let (from, to) = (hour("2026-11-27T23").unwrap(), hour("2026-11-28T00").unwrap());
        assert_eq!(send(&store, &queue, from, to).await.unwrap(), 4);
        let sent = queue.0.lock().unwrap().clone();
        let expected = ["dt=2026-11-27/hour=23/a", "dt=2026-11-27/hour=23/b", "dt=2026-11-28/hour=00/a"];
        assert_eq!(sent[..3], expected.map(|key| format!("records/{key}")));
        assert_eq!(send(&store, &queue, to, from).await.unwrap(), 0);
    }

    #[test]
    fn an_hour_has_one_spelling() {
        assert_eq!(hour("2026-11-27T18").unwrap().to_string(), "2026-11-27T18");
        for wrong in ["", "2026-11-27", "2026-11-27T24", "2026-11-27T1", "2026-11-27T18:00", "x2026-11-27T18"] {
            assert!(hour(wrong).is_err(), "{wrong}");
        }
    }
}
