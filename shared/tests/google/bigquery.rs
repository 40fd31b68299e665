//! BigQuery's adapter: what it sends, and what it makes of answers.

use serde_json::{Value, json};
use shared::config::Setting as _;
use shared::google::bigquery::{Client, Dataset, Table};
use shared::ports::warehouse::{Error, Fate, Row, Warehouse as _};
use url::Url;

use crate::{Double, Given, client, with};

fn bigquery(base: Url) -> Client<Given> {
    Client::new(client(), base, Given::default(), Dataset::parse("p-1.d_1").unwrap())
}

fn table(base: Url) -> Table<Given> {
    bigquery(base).table("audit_records")
}

fn rows(count: usize) -> Vec<Row> {
    (0..count).map(|n| Row { id: format!("id-{n}"), json: format!(r#"{{"seq":"{n}"}}"#) }).collect()
}

fn inserted(errors: Value) -> Value {
    json!({"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": errors})
}

async fn insert(double: &Double, base: Url, answer: (u16, Value)) -> Result<Vec<Fate>, Error> {
    double.answers([answer]);
    table(base).insert(&rows(3)).await
}

#[tokio::test]
async fn rows_are_sent_as_the_service_documents() {
    with(async |double, base| {
        let fates = insert(&double, base, (200, json!({"kind": "bigquery#tableDataInsertAllResponse"}))).await.unwrap();
        assert_eq!(fates, vec![Fate::Kept; 3]);
        let [asked] = &double.asked()[..] else { unreachable!("one request") };
        assert_eq!(asked.url, "/prefix/bigquery/v2/projects/p-1/datasets/d_1/tables/audit_records/insertAll");
        assert_eq!(asked.header("authorization"), "Bearer hush-token-0");
        assert_eq!(asked.header("content-type"), "application/json");
        let expected = json!({"skipInvalidRows": true, "ignoreUnknownValues": false, "rows": [
            {"insertId": "id-0", "json": {"seq": "0"}}, {"insertId": "id-1", "json": {"seq": "1"}},
            {"insertId": "id-2", "json": {"seq": "2"}}]});
        assert_eq!(asked.json(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_row_fails_alone_and_a_stopped_one_by_no_fault_of_its_own() {
    with(async |double, base| {
        let errors = json!([
            {"index": 2, "errors": [{"reason": "stopped", "location": "", "message": ""}]},
            {"index": 0, "errors": [{"reason": "stopped"}, {"reason": "invalid", "location": "tokens.total",
                "message": "Cannot convert value to integer (bad value): hush-prompt"}]},
        ]);
        let fates = insert(&double, base.clone(), (200, inserted(errors))).await.unwrap();
        assert_eq!(fates, [Fate::Invalid { reason: "invalid (tokens.total)".into() }, Fate::Kept, Fate::Again]);
        // A row that is named twice, and a place that is no field's name.
        let errors = json!([
            {"index": 1, "errors": [{"reason": "invalid", "location": "no such field: hush prompt"}]},
            {"index": 1, "errors": [{"reason": "stopped"}]},
            {"index": 2, "errors": []},
        ]);
        let fates = insert(&double, base, (200, inserted(errors))).await.unwrap();
        assert_eq!(fates, [Fate::Kept, Fate::Invalid { reason: "invalid".into() }, Fate::Again]);
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_not_insert_alls_tells_nothing_of_any_row() {
    with(async |double, base| {
        let strange = [
            json!({}),
            json!("ok"),
            json!({"kind": "bigquery#table"}),
            inserted(json!([{"index": 3, "errors": [{"reason": "stopped"}]}])),
            inserted(json!([{"errors": [{"reason": "stopped"}]}])),
            inserted(json!("none")),
        ];
        for answer in strange {
            let error = insert(&double, base.clone(), (200, answer.clone())).await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{answer}: {error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_quota_is_told_from_a_missing_permission_by_its_reason() {
    with(async |double, base| {
        let refusal = |http: u16, reason: &str| {
            let error = json!({"reason": reason, "domain": "global", "message": "hush-message"});
            (http, json!({"error": {"code": http, "message": "hush-message", "errors": [error]}}))
        };
        for (answer, code) in [
            (refusal(403, "rateLimitExceeded"), "warehouse_limited"),
            (refusal(403, "quotaExceeded"), "warehouse_limited"),
            (refusal(429, ""), "warehouse_limited"),
            (refusal(403, "accessDenied"), "warehouse_refused"),
            (refusal(403, "responseTooLarge"), "warehouse_refused"),
            (refusal(400, "invalid"), "warehouse_refused"),
            (refusal(404, "notFound"), "warehouse_absent"),
            (refusal(500, "backendError"), "warehouse_unavailable"),
            (refusal(502, "badGateway"), "warehouse_unavailable"),
            (refusal(400, "backendError"), "warehouse_unavailable"),
            (refusal(503, ""), "warehouse_unavailable"),
            ((403, json!("<html>")), "warehouse_refused"),
            ((413, json!("too large")), "warehouse_refused"),
        ] {
            let error = insert(&double, base.clone(), answer.clone()).await.unwrap_err();
            assert_eq!(error.code(), code, "{answer:?}");
            let passes = ["warehouse_limited", "warehouse_unavailable"].contains(&code);
            assert_eq!(error.passes(), passes, "{answer:?}");
            assert!(!format!("{error:?} {error}").contains("hush"), "{error:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_not_used_again() {
    with(async |double, base| {
        double.answers([(401, json!({})), (200, json!({"kind": "bigquery#tableDataInsertAllResponse"}))]);
        let table = table(base);
        assert!(table.insert(&rows(1)).await.unwrap_err().passes());
        table.insert(&rows(1)).await.unwrap();
        let tokens: Vec<String> = double.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
        assert_eq!(tokens, ["Bearer hush-token-0", "Bearer hush-token-1"]);
    })
    .await;
}

#[tokio::test]
async fn a_query_is_waited_for_and_read_page_by_page() {
    with(async |double, base| {
        let job = json!({"projectId": "p-1", "jobId": "job-1", "location": "EU"});
        let row = |value: Value| json!({"f": [{"v": value}, {"v": "1"}]});
        double.answers([
            (200, json!({"jobComplete": false, "jobReference": job})),
            (200, json!({"jobComplete": false, "jobReference": job})),
            (200, json!({"jobComplete": true, "rows": [row(json!("a")), row(Value::Null)], "pageToken": "next="})),
            (200, json!({"jobComplete": true, "rows": [row(json!("b"))]})),
        ]);
        let rows = bigquery(base).query("SELECT 1").await.unwrap();
        let one = Some("1".to_owned());
        let expected = [[Some("a".into()), one.clone()], [None, one.clone()], [Some("b".into()), one]];
        assert_eq!(rows, expected);
        let asked = double.asked();
        assert_eq!(asked[0].url, "/prefix/bigquery/v2/projects/p-1/queries");
        let expected = json!({"query": "SELECT 1", "useLegacySql": false, "timeoutMs": 10000, "maxResults": 1000});
        assert_eq!(asked[0].json(), expected);
        let wait = "/prefix/bigquery/v2/projects/p-1/queries/job-1?maxResults=1000&timeoutMs=10000&location=EU";
        let urls: Vec<&str> = asked[1..].iter().map(|asked| &*asked.url).collect();
        assert_eq!(urls, [wait, wait, &format!("{wait}&pageToken=next%3D")]);
    })
    .await;
}

#[tokio::test]
async fn a_query_that_names_no_job_and_is_not_done_is_an_error() {
    with(async |double, base| {
        double.answers([(200, json!({"jobComplete": false}))]);
        let error = bigquery(base).query("SELECT 1").await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    })
    .await;
}
