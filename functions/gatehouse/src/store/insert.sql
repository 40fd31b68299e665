INSERT INTO audit (
    v, record_id, request_id, kind, ts, caller, user, surface, operation, model, decision, blocked, blocked_reason,
    risk_score, rules, redactions, prompt, answer, prompt_hmac, tokens_prompt, tokens_cached, tokens_candidates,
    tokens_thoughts, tokens_tool_use, tokens_total, cost_micros, latency_ms, upstream_status, error, policy_version,
    key_version, pepper_id, writer_id, seq, prev_hash, voids, hash, line
)
VALUES (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
    ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30,
    ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38
)
ON CONFLICT (writer_id, seq, hash) DO NOTHING
