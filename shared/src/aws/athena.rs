//! Athena: a question over the objects in S3, and its rows.

use std::time::Duration;

use aws_sdk_athena::Client;
use aws_sdk_athena::types::{QueryExecutionContext, QueryExecutionState as State, Row};
use tokio::time::{Instant, sleep};

use super::Fault;
use crate::audit::reports::{Cells, Dialect, Report};
use crate::clock::Timestamp;
use crate::ports::Unavailable;
use crate::ports::reports::Reports;

/// What Terraform calls the table of the records in Glue.
pub const TABLE: &str = "records";

/// A query that takes longer than this is given up, and stopped.
const WITHIN: Duration = Duration::from_secs(5 * 60);

/// The pause before a query is asked after; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Asks within a workgroup, which says where answers are kept, and a database of Glue's.
#[derive(Clone, Debug)]
pub struct Athena {
    client: Client,
    workgroup: String,
    database: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS did not do as it was asked.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The query came to nothing.
    #[error("the query failed ({reason})")]
    Failed {
        /// Athena's name for the cause, such as `TABLE_NOT_FOUND`; the rest of what it says may quote a record.
        reason: String,
    },
    /// It took too long.
    #[error("the query took longer than five minutes")]
    Late,
}

impl Athena {
    /// Asks in this workgroup, of this database.
    pub const fn new(client: Client, workgroup: String, database: String) -> Self {
        Self { client, workgroup, database }
    }

    /// Runs a query and waits for its rows: each column as Athena spells it, or nothing.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let context = QueryExecutionContext::builder().database(&self.database).build();
        let started = self
            .client
            .start_query_execution()
            .query_string(sql)
            .work_group(&self.workgroup)
            .query_execution_context(context)
            .send()
            .await
            .map_err(Fault::from)?;
        let id = started.query_execution_id.ok_or(Fault::Garbled)?;
        self.wait(&id).await?;
        self.rows(&id).await
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the SDK may add states; none of them is an end")]
    async fn wait(&self, id: &str) -> Result<(), Error> {
        let (until, mut pause) = (Instant::now() + WITHIN, FIRST_PAUSE);
        loop {
            let asked = self.client.get_query_execution().query_execution_id(id).send().await.map_err(Fault::from)?;
            let status = asked.query_execution.and_then(|execution| execution.status).ok_or(Fault::Garbled)?;
            match status.state.ok_or(Fault::Garbled)? {
                State::Succeeded => return Ok(()),
                state @ (State::Failed | State::Cancelled) => {
                    let told = status.state_change_reason.unwrap_or_default();
                    return Err(Error::Failed { reason: name(&told).unwrap_or(state.as_str()).to_owned() });
                }
                _ if Instant::now() > until => {
                    // It would cost more. Should this fail, Athena's own limit ends it.
                    drop(self.client.stop_query_execution().query_execution_id(id).send().await);
                    return Err(Error::Late);
                }
                _ => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn rows(&self, id: &str) -> Result<Vec<Vec<Option<String>>>, Error> {
        let (mut all, mut page) = (Vec::new(), None);
        // The first row of the first page is the columns' names.
        let mut names = 1;
        loop {
            let asked = self.client.get_query_results().query_execution_id(id).set_next_token(page);
            let answer = asked.send().await.map_err(Fault::from)?;
            let rows = answer.result_set.and_then(|set| set.rows).ok_or(Fault::Garbled)?;
            all.extend(rows.into_iter().skip(std::mem::take(&mut names)).map(cells));
            page = answer.next_token;
            if page.is_none() {
                return Ok(all);
            }
        }
    }
}

impl Reports for Athena {
    async fn ask(&self, report: Report, since: Timestamp) -> Result<Vec<Cells>, Unavailable> {
        let answer = self.query(&report.sql(Dialect::Athena, TABLE, since)).await;
        answer.map_err(|error| Unavailable { store: "Athena workgroup", cause: error.into() })
    }
}

fn cells(row: Row) -> Vec<Option<String>> {
    row.data.unwrap_or_default().into_iter().map(|datum| datum.var_char_value).collect()
}

/// The name that a reason begins with.
fn name(reason: &str) -> Option<&str> {
    let (name, _) = reason.split_once(':')?;
    let sound =
        !name.is_empty() && name.len() < 64 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    sound.then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::aws::scripted::{Asked, Reply, Server};

    fn athena(server: &Server) -> Athena {
        Athena::new(server.clients().athena(), "g-audit".to_owned(), "g_audit".to_owned())
    }

    fn state(state: &str, reason: &str) -> Reply {
        let status = json!({"State": state, "StateChangeReason": reason});
        Reply::ok(&json!({"QueryExecution": {"QueryExecutionId": "q-1", "Status": status}}))
    }

    fn page(rows: &[[Option<&str>; 2]], next: Option<&str>) -> Reply {
        let datum = |cell: &Option<&str>| cell.map_or_else(|| json!({}), |cell| json!({"VarCharValue": cell}));
        let row = |row: &[Option<&str>; 2]| json!({"Data": row.iter().map(datum).collect::<Vec<Value>>()});
        let rows: Vec<Value> = rows.iter().map(row).collect();
        Reply::ok(&json!({"ResultSet": {"Rows": rows, "ResultSetMetadata": {}}, "NextToken": next}))
    }

    /// Starts the query, is asked twice whether it is done, and gives two pages.
    fn script(asked: &Asked, number: usize) -> Reply {
        match (asked.operation.as_str(), number) {
            ("StartQueryExecution", _) => Reply::ok(&json!({"QueryExecutionId": "q-1"})),
            ("GetQueryExecution", 1) => state("QUEUED", ""),
            ("GetQueryExecution", _) => state("SUCCEEDED", ""),
            _ if asked.body["NextToken"] == "next" => page(&[[Some("b"), None]], None),
            _ => page(&[[Some("caller"), Some("n")], [Some("a"), Some("1")]], Some("next")),
        }
    }

    #[tokio::test]
    async fn a_query_is_waited_for_and_read_page_by_page_without_its_heading() {
        let server = Server::start(script);
        let rows = athena(&server).query("SELECT 1").await.unwrap();
        assert_eq!(rows, [[Some("a".to_owned()), Some("1".to_owned())], [Some("b".to_owned()), None]]);
        let asked = server.asked();
        let body = &asked[0].body;
        assert_eq!((&body["QueryString"], &body["WorkGroup"]), (&json!("SELECT 1"), &json!("g-audit")));
        assert_eq!(body["QueryExecutionContext"]["Database"], "g_audit");
    }

    #[tokio::test]
    async fn a_query_that_fails_is_told_by_name_and_without_what_it_quotes() {
        for (reason, told) in [
            ("HIVE_BAD_DATA: Error parsing field value 'hush-prompt' for field 3", "HIVE_BAD_DATA"),
            ("hush-prompt: no", "FAILED"),
        ] {
            let server = Server::start(move |asked, _| match asked.operation.as_str() {
                "StartQueryExecution" => Reply::ok(&json!({"QueryExecutionId": "q-1"})),
                _ => state("FAILED", reason),
            });
            let error = athena(&server).query("SELECT 1").await.unwrap_err();
            assert_eq!(error.to_string(), format!("the query failed ({told})"));
            assert!(!format!("{error:?}").contains("hush"));
        }
    }

    #[tokio::test]
    async fn an_answer_without_rows_is_no_answer() {
        let server = Server::start(|asked, number| match asked.operation.as_str() {
            "GetQueryResults" => Reply::ok(&json!({})),
            _ => script(asked, number.max(2)),
        });
        assert!(matches!(athena(&server).query("SELECT 1").await, Err(Error::Fault(Fault::Garbled))));
    }
}
