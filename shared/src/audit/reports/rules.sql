-- Which rules matched, the most frequent first. The gate's own marks are not rules.
SELECT
    rule,
    count(*) AS requests,
    sum(is_blocked) AS blocked,
    count(DISTINCT caller) AS callers,
    count(DISTINCT end_user) AS users,
    max(ts) AS last_seen
FROM matches
WHERE kind = 'outcome' AND rule NOT LIKE '%.open'
GROUP BY rule
ORDER BY requests DESC, rule
