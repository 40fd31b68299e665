-- A laptop's store: flat columns, lists as JSON. The table's own key has seen to doubles.
WITH records AS (
    SELECT
        writer_id,
        seq,
        request_id,
        kind,
        ts,
        ts - ts % 3600000 AS hour,
        caller,
        user AS end_user,
        surface,
        operation,
        model,
        decision,
        blocked AS is_blocked,
        risk_score,
        rules,
        tokens_prompt AS prompt_tokens,
        tokens_candidates + tokens_thoughts AS answer_tokens,
        tokens_total AS all_tokens,
        cost_micros AS micros,
        error
    FROM ${audit}
    WHERE ts >= ${since} AND surface <> 'policy'
),
matches AS (
    SELECT records.*, rule.value AS rule FROM records CROSS JOIN json_each(records.rules) AS rule
)
