-- Each record once. Equal hashes mean equal contents, so it does not matter which copy is shown; `ts` is among the keys
-- for BigQuery to leave out days that a question is not about.
CREATE OR REPLACE VIEW `${dataset}.audit` AS
SELECT *
FROM `${dataset}.audit_records`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY ts, writer_id, seq, `hash` ORDER BY record_id) = 1
