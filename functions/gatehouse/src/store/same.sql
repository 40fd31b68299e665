-- Whether a row says in each of its columns what its line does.
SELECT 1
FROM audit
WHERE
    v IS ?1
    AND record_id IS ?2
    AND request_id IS ?3
    AND kind IS ?4
    AND ts IS ?5
    AND caller IS ?6
    AND user IS ?7
    AND surface IS ?8
    AND operation IS ?9
    AND model IS ?10
    AND decision IS ?11
    AND blocked IS ?12
    AND blocked_reason IS ?13
    AND risk_score IS ?14
    AND rules IS ?15
    AND redactions IS ?16
    AND prompt IS ?17
    AND answer IS ?18
    AND prompt_hmac IS ?19
    AND tokens_prompt IS ?20
    AND tokens_cached IS ?21
    AND tokens_candidates IS ?22
    AND tokens_thoughts IS ?23
    AND tokens_tool_use IS ?24
    AND tokens_total IS ?25
    AND cost_micros IS ?26
    AND latency_ms IS ?27
    AND upstream_status IS ?28
    AND error IS ?29
    AND policy_version IS ?30
    AND key_version IS ?31
    AND pepper_id IS ?32
    AND writer_id IS ?33
    AND seq IS ?34
    AND prev_hash IS ?35
    AND voids IS ?36
    AND hash IS ?37
    AND line IS ?38
