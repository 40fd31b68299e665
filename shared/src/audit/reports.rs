//! What operators ask of the trail, as SQL for each store.
//!
//! A report is one body of SQL that all stores understand, behind the preamble of the store's dialect, which gives it
//! two relations: `records` (each record once, flat, without those of the policy) and `matches` (a row for each record
//! and rule). `${audit}`, `${since}` and `${day}` stand for the table, the first millisecond and the first day's
//! partition; Terraform's `templatefile` fills them in the same way.

use crate::clock::Timestamp;

/// Where the trail is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Athena, over the objects in S3.
    Athena,
    /// BigQuery, over the view without doubles.
    BigQuery,
    /// The store of a laptop.
    Sqlite,
}

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// What was refused, hour by hour.
    Blocked,
    /// What each caller cost.
    Costs,
    /// Requests without an outcome.
    Intents,
    /// Requests that passed because a part of the gate had failed.
    Opens,
    /// Which rules matched.
    Rules,
    /// Who has an average risk over 0.5 or more than 3 blocked requests.
    Suspicious,
}

/// A column of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, in the SQL and in JSON.
    pub name: &'static str,
    /// What stands in it.
    pub unit: Unit,
}

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Count,
    /// Millionths of a dollar.
    Micros,
    /// Milliseconds since 1970, UTC.
    Milliseconds,
    /// Risk in thousandths; an average has a fraction.
    Thousandths,
    /// Text, or nothing.
    Text,
}

/// A row of an answer: each column's value as the store spells it, or nothing.
pub type Cells = Vec<Option<String>>;

impl Report {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Blocked, Self::Costs, Self::Intents, Self::Opens, Self::Rules, Self::Suspicious];

    /// Its name, as the operator's command has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Costs => "costs",
            Self::Intents => "intents",
            Self::Opens => "opens",
            Self::Rules => "rules",
            Self::Suspicious => "suspicious",
        }
    }

    /// The query over what was made at or after `since`, in the store's dialect.
    ///
    /// `audit` is the table's name as the dialect spells it. It becomes part of the query as it is: take it from
    /// settings that were checked, never from a request.
    #[must_use]
    pub fn sql(self, dialect: Dialect, audit: &str, since: Timestamp) -> String {
        let preamble = match dialect {
            Dialect::Athena => include_str!("reports/athena.sql"),
            Dialect::BigQuery => include_str!("reports/bigquery.sql"),
            Dialect::Sqlite => include_str!("reports/sqlite.sql"),
        };
        let body = match self {
            Self::Blocked => include_str!("reports/blocked.sql"),
            Self::Costs => include_str!("reports/costs.sql"),
            Self::Intents => include_str!("reports/intents.sql"),
            Self::Opens => include_str!("reports/opens.sql"),
            Self::Rules => include_str!("reports/rules.sql"),
            Self::Suspicious => include_str!("reports/suspicious.sql"),
        };
        // The stores' integers have a sign.
        let ms = i64::try_from(since.0).unwrap_or(i64::MAX);
        let sql = format!("{preamble}{body}").replace("${since}", &ms.to_string());
        sql.replace("${day}", &day(ms)).replace("${audit}", audit)
    }

    /// The columns of the answer, in order.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Blocked => BLOCKED,
            Self::Costs => COSTS,
            Self::Intents => INTENTS,
            Self::Opens => OPENS,
            Self::Rules => RULES,
            Self::Suspicious => SUSPICIOUS,
        }
    }
}

const BLOCKED: &[Column] = &[time("hour"), count("requests"), count("blocked"), count("limited"), count("flagged")];

const COSTS: &[Column] = &[
    text("caller"),
    count("requests"),
    count("tokens_in"),
    count("tokens_out"),
    count("tokens_all"),
    Column { name: "cost_micros", unit: Unit::Micros },
];

const INTENTS: &[Column] =
    &[time("ts"), text("caller"), text("end_user"), text("model"), text("request_id"), text("writer_id"), count("seq")];

const OPENS: &[Column] = &[text("opening"), text("caller"), count("requests"), time("first_seen"), time("last_seen")];

const RULES: &[Column] =
    &[text("rule"), count("requests"), count("blocked"), count("callers"), count("users"), time("last_seen")];

const SUSPICIOUS: &[Column] = &[
    text("subject"),
    text("subject_kind"),
    count("requests"),
    risk("average_risk"),
    risk("max_risk"),
    count("blocked"),
];

/// The first day's partition in which a record of that time may have arrived, as a literal: clocks may differ by an hour.
fn day(ms: i64) -> String {
    const HOUR_MS: i64 = 3_600_000;
    let time = jiff::Timestamp::from_millisecond(ms.saturating_sub(HOUR_MS)).unwrap_or(jiff::Timestamp::MAX);
    format!("'{}'", time.strftime("%Y-%m-%d"))
}

const fn count(name: &'static str) -> Column {
    Column { name, unit: Unit::Count }
}

const fn risk(name: &'static str) -> Column {
    Column { name, unit: Unit::Thousandths }
}

const fn text(name: &'static str) -> Column {
    Column { name, unit: Unit::Text }
}

const fn time(name: &'static str) -> Column {
    Column { name, unit: Unit::Milliseconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_is_filled_in_for_every_store() {
        for dialect in [Dialect::Athena, Dialect::BigQuery, Dialect::Sqlite] {
            for report in Report::ALL {
                let sql = report.sql(dialect, "somewhere", Timestamp(u64::MAX));
                assert!(sql.contains("somewhere") && sql.contains("9223372036854775807"), "{sql}");
                assert!(!sql.contains("${"), "{sql}");
                for column in report.columns() {
                    assert!(sql.contains(column.name), "{} has no {}", report.name(), column.name);
                }
            }
        }
    }
}
