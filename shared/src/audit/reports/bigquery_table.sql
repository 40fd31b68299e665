-- The records as they arrive, some of them twice: rows are added at least once. Ask the view.
CREATE TABLE IF NOT EXISTS `${dataset}.audit_records` (
    v INT64 NOT NULL,
    record_id STRING NOT NULL,
    request_id STRING NOT NULL,
    kind STRING NOT NULL OPTIONS (description = 'intent or outcome'),
    ts TIMESTAMP NOT NULL OPTIONS (description = 'when it was made, to the millisecond'),
    caller STRING NOT NULL,
    user STRING OPTIONS (description = 'the end user: an HMAC unless the policy says clear'),
    surface STRING NOT NULL,
    operation STRING NOT NULL,
    model STRING NOT NULL,
    decision STRING NOT NULL OPTIONS (description = 'allow, flag or block'),
    blocked BOOL NOT NULL,
    blocked_reason STRING,
    risk_score INT64 NOT NULL OPTIONS (description = 'thousandths'),
    rules ARRAY<STRING>,
    redactions ARRAY<STRUCT<kind STRING, count INT64>>,
    prompt STRING OPTIONS (description = 'redacted, where the policy keeps it'),
    answer STRING OPTIONS (description = 'redacted, where the policy keeps it'),
    prompt_hmac STRING,
    tokens STRUCT<
        prompt INT64,
        cached INT64,
        candidates INT64,
        thoughts INT64,
        tool_use INT64,
        total INT64
    >,
    cost_micros INT64 NOT NULL OPTIONS (description = 'millionths of a dollar'),
    latency_ms INT64 NOT NULL,
    upstream_status INT64,
    error STRING,
    policy_version STRING NOT NULL,
    key_version STRING,
    pepper_id STRING,
    writer_id STRING NOT NULL,
    seq INT64 NOT NULL,
    prev_hash STRING NOT NULL,
    voids ARRAY<STRUCT<seq INT64, `hash` STRING>>,
    `hash` STRING NOT NULL
)
PARTITION BY TIMESTAMP_TRUNC(ts, DAY)
CLUSTER BY caller
OPTIONS (description = 'Gatehouse audit records, at least once each')
