INSERT INTO audit (
    v, record_id, request_id, kind, ts, caller, user, surface, operation, model, decision, blocked, blocked_reason,
    risk_score, rules, redactions, prompt, answer, prompt_hmac, tokens_prompt, tokens_cached, tokens_candidates,
    tokens_thoughts, tokens_tool_use, tokens_total, cost_micros, latency_ms, upstream_status, error, policy_version,
    key_version, pepper_id, writer_id, seq, prev_hash, voids, hash, line
)
SELECT
    l ->> 'v', l ->> 'record_id', l ->> 'request_id', l ->> 'kind', l ->> 'ts', l ->> 'caller', l ->> 'user',
    l ->> 'surface', l ->> 'operation', l ->> 'model', l ->> 'decision', l ->> 'blocked', l ->> 'blocked_reason',
    l ->> 'risk_score', l -> 'rules', l -> 'redactions', l ->> 'prompt', l ->> 'answer', l ->> 'prompt_hmac',
    l ->> '$.tokens.prompt', l ->> '$.tokens.cached', l ->> '$.tokens.candidates', l ->> '$.tokens.thoughts',
    l ->> '$.tokens.tool_use', l ->> '$.tokens.total', l ->> 'cost_micros', l ->> 'latency_ms',
    l ->> 'upstream_status', l ->> 'error', l ->> 'policy_version', l ->> 'key_version', l ->> 'pepper_id',
    l ->> 'writer_id', l ->> 'seq', l ->> 'prev_hash', l -> 'voids', l ->> 'hash', l
FROM (SELECT ?1 AS l)
WHERE true
ON CONFLICT (writer_id, seq, hash) DO NOTHING
