-- Athena over the objects in S3: a line of JSON is a row, and `dt` the day on which it arrived, which is never before it
-- was made. A record may stand in two objects: equal rows are one.
WITH records AS (
    SELECT DISTINCT
        writer_id,
        seq,
        hash,
        request_id,
        kind,
        ts,
        ts - ts % 3600000 AS hour,
        caller,
        "user" AS end_user,
        surface,
        operation,
        model,
        decision,
        CASE WHEN blocked THEN 1 ELSE 0 END AS is_blocked,
        risk_score,
        rules,
        tokens.prompt AS prompt_tokens,
        tokens.candidates + tokens.thoughts AS answer_tokens,
        tokens.total AS all_tokens,
        cost_micros AS micros,
        error
    FROM ${audit}
    WHERE dt >= ${day} AND ts >= ${since} AND surface <> 'policy'
),
matches AS (
    SELECT records.*, matched.rule FROM records CROSS JOIN UNNEST(records.rules) AS matched (rule)
)
