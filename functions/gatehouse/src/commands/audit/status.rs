//! `gatehouse audit status --aws`: what waits in a bundle's queues.

use std::io::Write;

use serde_json::json;
use shared::aws::sqs::depth::{self, Depth};

use super::Error;
use crate::aws::{Bundle, Part, Prefix};
use crate::commands::listing::{self, Reader, Row};

/// Tells the depth of every queue that the bundle has.
pub(super) async fn execute(prefix: &Prefix, reader: Reader, out: &mut dyn Write) -> Result<(), Error> {
    let bundle = Bundle::open(prefix).await?;
    let client = bundle.clients().sqs();
    let mut rows = Vec::new();
    let depth =
        async |part: Part| depth::of(&client, &bundle.name(part)).await.map_err(|error| bundle.told(part, error));
    let mut add = |part: Part, Depth { waiting, in_flight, delayed }: Depth| {
        let name = bundle.name(part);
        let json = json!({ "queue": name, "waiting": waiting, "in_flight": in_flight, "delayed": delayed });
        let counts = [waiting, in_flight, delayed].map(|count| count.to_string());
        rows.push(Row { columns: std::iter::once(name).chain(counts).collect(), json: json.to_string() });
        waiting + in_flight + delayed
    };
    let mut dead = 0;
    for part in [Part::AUDIT, Part::AUDIT_DEAD] {
        dead = add(part, depth(part).await?.ok_or_else(|| bundle.absent(part))?);
    }
    for part in Part::WAREHOUSE_QUEUES {
        if let Some(depth) = depth(part).await? {
            add(part, depth);
        }
    }
    let printed = listing::print(out, reader, &["QUEUE", "WAITING", "IN_FLIGHT", "DELAYED"], &rows);
    let printed = printed.and_then(|()| match reader {
        Reader::Person if dead > 0 => {
            writeln!(out, "What is in {} is stored nowhere else: keep it.", bundle.name(Part::AUDIT_DEAD))
        }
        Reader::Json | Reader::Person | Reader::Pipe => Ok(()),
    });
    listing::until_closed(printed).map_err(Error::Print)
}
