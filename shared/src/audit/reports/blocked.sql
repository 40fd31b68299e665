-- What was refused, hour by hour: `limited` are those of the blocked that a limit or budget refused. Hours without a
-- request have no row.
SELECT
    hour,
    count(*) AS requests,
    sum(is_blocked) AS blocked,
    sum(CASE WHEN error = 'limited' THEN 1 ELSE 0 END) AS limited,
    sum(CASE WHEN decision = 'flag' AND is_blocked = 0 THEN 1 ELSE 0 END) AS flagged
FROM records
WHERE kind = 'outcome'
GROUP BY hour
ORDER BY hour
