//! A record as a row of BigQuery's table, and the SQL that makes the table and the view without doubles.

use serde_json::{Value, json};

use super::Record;

/// The table that rows go to. A record may stand in it more than once.
pub const TABLE: &str = "audit_records";

/// The view with each record once: what reports ask.
pub const VIEW: &str = "audit";

/// Why a record cannot be a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its time is beyond the year 9999")]
pub struct BeyondTime;

/// What makes table and view in a dataset, as BigQuery spells it; what is there already stays, and keeps its rows.
#[must_use]
pub fn schema(dataset: &str) -> [String; 2] {
    [include_str!("reports/bigquery_table.sql"), include_str!("reports/bigquery_view.sql")]
        .map(|sql| sql.replace("${dataset}", dataset))
}

/// The row's id and the row itself, as `insertAll` takes them: 64-bit integers as texts, the time in RFC 3339, a map as
/// a list of pairs.
///
/// # Errors
/// [`BeyondTime`].
pub fn row(record: &Record) -> Result<(String, String), BeyondTime> {
    let Record { v, record_id, entry, writer_id, seq, prev_hash, voids, hash } = record;
    let time = i64::try_from(entry.ts.0).ok().and_then(|ts| jiff::Timestamp::from_millisecond(ts).ok());
    let ts = format!("{:.3}", time.ok_or(BeyondTime)?);
    let number = |number: u64| number.to_string();
    let voids: Vec<Value> =
        voids.iter().map(|void| json!({"seq": number(void.seq), "hash": void.hash.to_string()})).collect();
    let redactions: Vec<Value> =
        entry.redactions.iter().map(|(kind, count)| json!({"kind": kind, "count": count})).collect();
    let tokens = &entry.tokens;
    let row = json!({
        "v": v,
        "record_id": record_id,
        "request_id": entry.request_id,
        "kind": entry.kind,
        "ts": ts,
        "caller": entry.caller,
        "user": entry.user,
        "surface": entry.surface,
        "operation": entry.operation,
        "model": entry.model,
        "decision": entry.decision,
        "blocked": entry.blocked,
        "blocked_reason": entry.blocked_reason,
        "risk_score": entry.risk_score,
        "rules": entry.rules,
        "redactions": redactions,
        "prompt": entry.prompt,
        "answer": entry.answer,
        "prompt_hmac": entry.prompt_hmac,
        "tokens": {
            "prompt": number(tokens.prompt),
            "cached": number(tokens.cached),
            "candidates": number(tokens.candidates),
            "thoughts": number(tokens.thoughts),
            "tool_use": number(tokens.tool_use),
            "total": number(tokens.total),
        },
        "cost_micros": number(entry.cost_micros),
        "latency_ms": number(entry.latency_ms),
        "upstream_status": entry.upstream_status,
        "error": entry.error,
        "policy_version": entry.policy_version,
        "key_version": entry.key_version,
        "pepper_id": entry.pepper_id,
        "writer_id": writer_id.to_string(),
        "seq": number(*seq),
        "prev_hash": prev_hash.to_string(),
        "voids": voids,
        "hash": hash.to_string(),
    });
    Ok((hash.to_string(), row.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::audit::Kind;
    use crate::clock::Timestamp;
    use crate::fakes::entry;
    use crate::fakes::trail::chain;

    #[test]
    fn a_row_tells_all_that_its_record_tells() {
        let record = chain(crate::audit::WriterId::new([7; 16]), [entry(Kind::Outcome)]).remove(0);
        let (id, json) = row(&record).unwrap();
        assert_eq!(id, record.hash.to_string());
        let keys = |text: &str| -> BTreeSet<String> {
            let Value::Object(object) = serde_json::from_str(text).unwrap() else { unreachable!("it is an object") };
            object.keys().cloned().collect()
        };
        assert_eq!(keys(&json), keys(&record.to_line()));
        let row: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(row["ts"], "2023-11-14T22:13:20.123Z");
        assert_eq!(row["redactions"], json!([{"kind": "email", "count": 2}, {"kind": "ssn", "count": 1}]));
        assert_eq!(row["tokens"]["total"], "15");
        assert_eq!(row["prompt"], json!(record.entry.prompt));
        for key in keys(&json) {
            let table = schema("p.d")[0].replace('`', "");
            assert!(table.contains(&format!("\n    {key} ")), "the table has no {key}");
        }
    }

    #[test]
    fn a_record_beyond_all_time_is_no_row() {
        let late = crate::audit::Entry { ts: Timestamp(u64::MAX), ..entry(Kind::Outcome) };
        let record = chain(crate::audit::WriterId::new([7; 16]), [late]).remove(0);
        assert_eq!(row(&record), Err(BeyondTime));
    }
}
