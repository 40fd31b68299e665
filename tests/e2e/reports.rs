//! What the stores are asked: reports in the dialects of Athena and BigQuery (`tests/warehouse/reports.py` says how they
//! are run here), and requests to BigQuery before Google's own description of them.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use shared::audit::reports::{Dialect, Report};
use shared::audit::{Record, warehouse};
use shared::config::Setting as _;
use shared::fakes::trail::{self, SINCE};
use shared::google::bigquery::{self, Dataset};
use shared::google::token::{self, Tokens};
use shared::host::{self, Body, Door, Received};
use shared::ports::warehouse::{Fate, Row, Warehouse as _};
use shared::secret::Secret;
use tests::gate::command;
use tests::sdk;
use tokio::net::TcpListener;
use url::Url;

/// Runs a script of `tests/warehouse` over what it is given on standard input.
fn run(script: &str, given: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("warehouse");
    let programs = sdk::python_programs(&folder.join("requirements.txt"), "warehouse", "python");
    let mut python = Command::new(programs.join("python"));
    python.arg(folder.join(script)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let ended = python.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{told}{}", String::from_utf8_lossy(&ended.stdout));
}

fn queries(dialect: Dialect, audit: &str) -> BTreeMap<&'static str, String> {
    Report::ALL.iter().map(|report| (report.name(), report.sql(dialect, audit, SINCE))).collect()
}

#[test]
fn every_report_finds_the_same_in_athena_and_bigquery_as_in_sqlite() {
    // Each record twice, as a queue may deliver it.
    let twice: Vec<_> = trail::trail().into_iter().chain(trail::trail()).collect();
    let lines: Vec<String> = twice.iter().map(|record| record.to_line()).collect();
    let rows: Vec<Value> =
        twice.iter().map(|record| serde_json::from_str(&warehouse::row(record).unwrap().1).unwrap()).collect();
    let by_name = |of: &dyn Fn(Report) -> Value| -> BTreeMap<&str, Value> {
        Report::ALL.iter().map(|report| (report.name(), of(*report))).collect()
    };
    let columns = |report: Report| json!(report.columns().iter().map(|column| column.name).collect::<Vec<_>>());
    let given = json!({
        "lines": lines,
        "partition": {"dt": "2023-11-14", "hour": "22"},
        "rows": rows,
        "schema": warehouse::schema("p.d"),
        "queries": {"athena": queries(Dialect::Athena, "audit"), "bigquery": queries(Dialect::BigQuery, "p.d.audit")},
        "columns": by_name(&columns),
        "expected": by_name(&|report| json!(trail::expected(report))),
    });
    run("reports.py", &given);
}

/// A BigQuery that answers as it is told and keeps what it was asked.
async fn asked(answers: Vec<Value>, test: impl AsyncFnOnce(Url)) -> Vec<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (kept, answers) = (Arc::clone(&calls), Arc::new(Mutex::new(VecDeque::from(answers))));
    let answer = move |request: Request<Received>| {
        let (calls, answers) = (Arc::clone(&kept), Arc::clone(&answers));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let answer = answers.lock().unwrap().pop_front().unwrap();
            let told = Response::new(Body::Full(Some(answer.to_string().into())));
            let request: Value = serde_json::from_slice(&body).unwrap_or_default();
            let call = json!({"method": head.method.as_str(), "url": head.uri.to_string(), "request": request,
                "answer": answer});
            calls.lock().unwrap().push(call);
            told
        }
    };
    tokio::select! {
        _ = host::serve(Door::Http(listener), answer, pending()) => unreachable!("it serves until the test is over"),
        () = test(base) => {}
    }
    std::mem::take(&mut calls.lock().unwrap())
}

struct Token;

impl Tokens for Token {
    async fn token(&self) -> Result<Secret<String>, token::Error> {
        Ok(Secret::new("token".to_owned()))
    }

    async fn forget(&self) {}
}

#[tokio::test]
async fn requests_to_bigquery_are_what_its_discovery_document_says() {
    let job = json!({"projectId": "p", "jobId": "job-1", "location": "EU"});
    let rows = json!([{"f": [{"v": "a"}, {"v": null}]}]);
    let answers = vec![
        json!({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": [
            {"index": 1, "errors": [{"reason": "invalid", "location": "model", "message": "no", "debugInfo": ""}]}]}),
        json!({"jobComplete": false, "jobReference": job}),
        json!({"jobComplete": true, "rows": rows, "pageToken": "next"}),
        json!({"jobComplete": true, "rows": rows}),
    ];
    let calls = asked(answers, async |base| {
        let client = |base| {
            let http = shared::https::client(Duration::from_secs(1)).unwrap();
            bigquery::Client::new(http, base, Token, Dataset::parse("p.d").unwrap())
        };
        let row = |record: &Record| {
            let (id, json) = warehouse::row(record).unwrap();
            Row { id, json }
        };
        let rows: Vec<Row> = trail::trail().iter().map(row).collect();
        let fates = client(base.clone()).table(warehouse::TABLE).insert(&rows).await.unwrap();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Kept).count(), rows.len() - 1);
        let found = client(base).query(&Report::Costs.sql(Dialect::BigQuery, "p.d.audit", SINCE)).await.unwrap();
        assert_eq!(found.len(), 2);
    })
    .await;
    assert_eq!(calls.len(), 4);
    run("requests.py", &json!(calls));
}

/// What `gatehouse audit` prints into a pipe, in an environment with no more than this.
async fn printed(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let output = command().arg("audit").args(arguments).envs(settings.iter().copied()).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The rows of `suspicious`, by what makes a row and a cell of a store's answer.
fn rows_of(row: impl Fn(Vec<Value>) -> Value, cell: impl Fn(Option<String>) -> Value) -> Vec<Value> {
    let cells = |cells: Vec<Option<String>>| row(cells.into_iter().map(&cell).collect());
    trail::expected(Report::Suspicious).into_iter().map(cells).collect()
}

const SUSPICIOUS: &str = "risky\tcaller\t1\t1.000\t1.000\t1\nrisky\tuser\t2\t0.600\t0.900\t1\n\
    o'neil \"\u{4f60}\"\tuser\t10\t0.040\t0.100\t4\n";

#[tokio::test]
async fn the_command_asks_bigquery_with_its_operators_own_credentials() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("credentials.json");
    let person = json!({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"});
    std::fs::write(&file, person.to_string()).unwrap();
    let rows = rows_of(|cells| json!({"f": cells}), |cell| json!({"v": cell}));
    let answers = vec![
        json!({"access_token": "hush", "expires_in": 3600}),
        json!({"jobComplete": true, "jobReference": {"projectId": "p", "jobId": "j"}, "rows": rows}),
    ];
    let calls = asked(answers, async |base| {
        let settings = [("GOOGLE_BASE_URL", base.as_str()), ("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap())];
        assert_eq!(printed(&["suspicious", "--hours", "2", "--bigquery", "p.d"], &settings).await, SUSPICIOUS);
    })
    .await;
    assert_eq!((&calls[0]["url"], &calls[1]["url"]), (&json!("/token"), &json!("/bigquery/v2/projects/p/queries")));
    assert!(calls[1]["request"]["query"].as_str().unwrap().contains("FROM `p.d.audit`"), "{}", calls[1]);
}

#[tokio::test]
async fn the_command_asks_athena_in_the_bundles_workgroup() {
    let row = |cells: Vec<Value>| json!({"Data": cells});
    let mut rows = vec![row(vec![json!({"VarCharValue": "subject"})])];
    rows.extend(rows_of(row, |cell| cell.map_or_else(|| json!({}), |cell| json!({"VarCharValue": cell}))));
    let answers = vec![
        json!({"QueryExecutionId": "q"}),
        json!({"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}),
        json!({"ResultSet": {"Rows": rows}}),
    ];
    let calls = asked(answers, async |base| {
        let settings = [
            ("AWS_ENDPOINT_URL", base.as_str()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        assert_eq!(printed(&["suspicious", "--aws", "team-a"], &settings).await, SUSPICIOUS);
    })
    .await;
    assert_eq!(calls[0]["request"]["WorkGroup"], "team-a-audit");
    assert_eq!(calls[0]["request"]["QueryExecutionContext"]["Database"], "team_a_audit");
}
