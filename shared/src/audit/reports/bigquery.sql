-- BigQuery over the view, which has removed doubles.
WITH records AS (
    SELECT
        writer_id,
        seq,
        request_id,
        kind,
        UNIX_MILLIS(ts) AS ts,
        UNIX_MILLIS(TIMESTAMP_TRUNC(ts, HOUR)) AS hour,
        caller,
        user AS end_user,
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
    FROM `${audit}`
    WHERE ts >= TIMESTAMP_MILLIS(${since}) AND surface <> 'policy'
),
matches AS (
    SELECT records.*, rule FROM records CROSS JOIN UNNEST(records.rules) AS rule
)
