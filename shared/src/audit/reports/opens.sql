-- Requests that a part of the gate let pass because it had failed and the policy says open for it.
SELECT
    rule AS opening,
    caller,
    count(DISTINCT request_id) AS requests,
    min(ts) AS first_seen,
    max(ts) AS last_seen
FROM matches
WHERE rule LIKE '%.open'
GROUP BY rule, caller
ORDER BY last_seen DESC, opening, caller
