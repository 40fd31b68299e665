//! The reports of `gatehouse audit`: one question each, to whichever store is named.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use rusqlite::Connection;
use serde_json::{Map, Value};
use shared::audit::reports::{Cells, Column, Dialect, Report, Unit};
use shared::audit::warehouse;
use shared::clock::{Clock, Timestamp};
use shared::config::Strings;
use shared::google::bigquery::Dataset;
use shared::ports::reports::Reports as _;

use super::Error;
use crate::aws::{self, Bundle, Part, Prefix};
use crate::commands::listing::{self, Reader, Row};
use crate::google::{self, BigQuery};
use crate::store::query;

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Reports {
    /// Show users with an average risk over 0.5 or more than 3 blocked requests
    ///
    /// Where a caller names no end user, the caller stands for it.
    Suspicious(Asked),
    /// Show what each caller cost, the dearest first
    ///
    /// What was reserved for a killed request, and booked because the provider may have billed it, is in no record.
    Costs(Asked),
    /// Show which rules matched, the most frequent first
    Rules(Asked),
    /// Show what was refused, hour by hour
    ///
    /// LIMITED are those of BLOCKED that a limit or budget refused. A caller's refusals after the first of a minute
    /// share one record.
    Blocked(Asked),
    /// Show requests that passed because a part of the gate had failed
    ///
    /// That happens where the policy says open for it, and nowhere else.
    Opens(Asked),
    /// Show requests without an outcome: under way, or killed half-way
    Intents(Asked),
}

/// Over what, and for whom.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How many hours to look back
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) hours: u32,
    /// Ask Athena, of the bundle on AWS with this name_prefix, with your AWS credentials
    #[arg(long, value_name = "NAME_PREFIX", conflicts_with = "bigquery")]
    pub(super) aws: Option<Prefix>,
    /// Ask BigQuery, with the credentials of `gcloud auth application-default login`
    #[arg(long, value_name = "PROJECT.DATASET", value_parser = google::dataset)]
    pub(super) bigquery: Option<Dataset>,
    /// Print one JSON object a line instead
    #[arg(long)]
    pub(super) json: bool,
}

impl Asked {
    fn since(&self, clock: &impl Clock) -> Timestamp {
        Timestamp(clock.now().0.saturating_sub(u64::from(self.hours) * HOUR_MS))
    }
}

impl Reports {
    pub(super) const fn asked(&self) -> &Asked {
        let (Self::Suspicious(asked)
        | Self::Costs(asked)
        | Self::Rules(asked)
        | Self::Blocked(asked)
        | Self::Opens(asked)
        | Self::Intents(asked)) = self;
        asked
    }

    const fn report(&self) -> Report {
        match self {
            Self::Suspicious(_) => Report::Suspicious,
            Self::Costs(_) => Report::Costs,
            Self::Rules(_) => Report::Rules,
            Self::Blocked(_) => Report::Blocked,
            Self::Opens(_) => Report::Opens,
            Self::Intents(_) => Report::Intents,
        }
    }
}

/// Asks the store on AWS or at Google, where one is named; `None` where it is this machine's.
pub(super) fn remote(
    reports: &Reports,
    settings: &dyn Strings,
    clock: &impl Clock,
    reader: Reader,
    out: &mut dyn Write,
) -> Option<Result<(), Error>> {
    let (asked, report) = (reports.asked(), reports.report());
    let since = asked.since(clock);
    let rows = match (&asked.aws, &asked.bigquery) {
        (Some(prefix), _) => aws::wait(athena(prefix, report, since)),
        (None, Some(dataset)) => aws::wait(bigquery(dataset, settings, report, since)),
        (None, None) => return None,
    };
    Some(rows.and_then(|rows| {
        let printed = print(reports, &rows, reader, out)?;
        listing::until_closed(printed).map_err(Error::Print)
    }))
}

async fn athena(prefix: &Prefix, report: Report, since: Timestamp) -> Result<Vec<Cells>, Error> {
    let bundle = Bundle::open(prefix).await?;
    bundle.athena().ask(report, since).await.map_err(|error| bundle.told(Part::WORKGROUP, error).into())
}

async fn bigquery(
    dataset: &Dataset,
    settings: &dyn Strings,
    report: Report,
    since: Timestamp,
) -> Result<Vec<Cells>, Error> {
    let sql = report.sql(Dialect::BigQuery, &dataset.table(warehouse::VIEW), since);
    Ok(BigQuery::open(dataset, settings)?.query(&sql).await?)
}

/// Asks the store of this machine.
pub(super) fn local(
    reports: &Reports,
    connection: &Connection,
    clock: &impl Clock,
    reader: Reader,
    out: &mut dyn Write,
) -> Result<io::Result<()>, Error> {
    let rows = query::report(connection, reports.report(), reports.asked().since(clock))?;
    print(reports, &rows, reader, out)
}

fn print(reports: &Reports, rows: &[Cells], reader: Reader, out: &mut dyn Write) -> Result<io::Result<()>, Error> {
    let columns = reports.report().columns();
    if rows.is_empty() && reader == Reader::Person {
        return Ok(writeln!(out, "Nothing, in the last {} hours.", reports.asked().hours));
    }
    let rows: Vec<Row> = rows.iter().map(|cells| row(columns, cells)).collect::<Result<_, _>>()?;
    let headings: Vec<String> = columns.iter().map(heading).collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    Ok(listing::print(out, reader, &headings, &rows))
}

/// Money is shown in dollars, so its column is not called by its unit in the store.
fn heading(column: &Column) -> String {
    column.name.trim_end_matches("_micros").to_ascii_uppercase()
}

fn row(columns: &[Column], cells: &Cells) -> Result<Row, Error> {
    let mut shown = Vec::with_capacity(columns.len());
    let mut json = Map::new();
    for (column, cell) in columns.iter().zip(cells) {
        let (text, value) = match cell {
            None => ("-".to_owned(), Value::Null),
            Some(cell) => spelled(column.unit, cell).ok_or(Error::Garbled { column: column.name })?,
        };
        shown.push(text);
        json.insert(column.name.to_owned(), value);
    }
    if shown.len() != columns.len() {
        return Err(Error::Garbled { column: columns.get(shown.len()).map_or("", |column| column.name) });
    }
    Ok(Row { columns: shown, json: Value::Object(json).to_string() })
}

/// A value as a person reads it, and as JSON: risk from 0 to 1 to the thousandth, as it is kept; money in dollars for
/// persons; time in RFC 3339.
fn spelled(unit: Unit, cell: &str) -> Option<(String, Value)> {
    Some(match unit {
        Unit::Text => (cell.to_owned(), cell.into()),
        Unit::Count => (cell.to_owned(), cell.parse::<u64>().ok()?.into()),
        Unit::Micros => {
            let micros: u64 = cell.parse().ok()?;
            (format!("${}.{:06}", micros / 1_000_000, micros % 1_000_000), micros.into())
        }
        Unit::Milliseconds => {
            let time = listing::time(Timestamp(cell.parse().ok()?));
            (time.clone(), time.into())
        }
        Unit::Thousandths => {
            let risk = cell.parse::<f64>().ok().filter(|risk| risk.is_finite())?.round() / 1000.0;
            (format!("{risk:.3}"), risk.into())
        }
    })
}

#[cfg(test)]
mod tests {
    use shared::clock::ManualClock;
    use shared::fakes::trail;

    use super::*;
    use crate::store::{drain, samples, sqlite};

    fn asked() -> Asked {
        Asked { hours: 2, aws: None, bigquery: None, json: false }
    }

    fn all() -> [Reports; 6] {
        [
            Reports::Suspicious(asked()),
            Reports::Costs(asked()),
            Reports::Rules(asked()),
            Reports::Blocked(asked()),
            Reports::Opens(asked()),
            Reports::Intents(asked()),
        ]
    }

    /// The fixture, each record twice and in two files, as a drain would find it after a crash.
    fn store() -> (tempfile::TempDir, Connection) {
        let data = tempfile::tempdir().unwrap();
        let mut connection = sqlite::open(data.path()).unwrap();
        for writer in [1, 2] {
            samples::leave(data.path(), writer, &samples::lines(&trail::trail()));
        }
        drain::run(data.path(), &mut connection).unwrap();
        (data, connection)
    }

    fn output(reports: &Reports, connection: &Connection, reader: Reader) -> String {
        let (clock, mut out) = (ManualClock::at(Timestamp(trail::NOW)), Vec::new());
        local(reports, connection, &clock, reader, &mut out).unwrap().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_report_finds_in_sqlite_what_is_there() {
        let (_data, connection) = store();
        for report in Report::ALL {
            let found = query::report(&connection, report, trail::SINCE).unwrap();
            assert_eq!(found, trail::expected(report), "{}", report.name());
        }
    }

    #[test]
    fn reports_are_printed_with_their_units() {
        let (_data, connection) = store();
        let printed: Vec<String> = all().iter().map(|report| output(report, &connection, Reader::Pipe)).collect();
        assert_eq!(
            printed[0],
            "risky\tcaller\t1\t1.000\t1.000\t1\nrisky\tuser\t2\t0.600\t0.900\t1\n\
             o'neil \"\u{4f60}\"\tuser\t10\t0.040\t0.100\t4\n"
        );
        assert_eq!(printed[1].lines().next(), Some("app\t15\t15\t105\t225\t$0.000630"));
        assert_eq!(printed[4], "admission.open\tother\t2\t2023-11-14T21:13:20.000Z\t2023-11-14T22:13:19.970Z\n");
        assert!(printed[5].starts_with("2023-11-14T22:13:19.970Z\tother\t-\tgemini-3.5-flash\t"), "{}", printed[5]);
        let json = output(&all()[0], &connection, Reader::Json);
        let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
        let expected = serde_json::json!({"subject": "risky", "subject_kind": "caller", "requests": 1,
            "average_risk": 1.0, "max_risk": 1.0, "blocked": 1});
        assert_eq!(first, expected);
        let heading = output(&all()[1], &connection, Reader::Person);
        assert!(heading.starts_with("CALLER  REQUESTS  TOKENS_IN  TOKENS_OUT  TOKENS_ALL  COST\n"), "{heading}");
    }

    #[test]
    fn a_report_that_finds_nothing_says_so() {
        let data = tempfile::tempdir().unwrap();
        let connection = sqlite::open(data.path()).unwrap();
        for report in all() {
            assert_eq!(output(&report, &connection, Reader::Person), "Nothing, in the last 2 hours.\n");
            assert_eq!(output(&report, &connection, Reader::Pipe), "");
        }
    }

    #[test]
    fn a_value_of_another_kind_is_an_error_and_not_a_number() {
        let wrong = [(Unit::Count, "-1"), (Unit::Micros, ""), (Unit::Thousandths, "NaN"), (Unit::Milliseconds, "x")];
        for (unit, cell) in wrong {
            assert!(spelled(unit, cell).is_none(), "{cell}");
        }
        // As Athena spells a double.
        assert_eq!(spelled(Unit::Thousandths, "6.0E2").unwrap().0, "0.600");
        assert!(row(Report::Costs.columns(), &vec![None]).is_err());
    }
}
