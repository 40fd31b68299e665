-- Who has looked suspicious since ?1 (milliseconds): one row per end user; where a caller names none, per caller.
-- Risk is in thousandths. Only outcomes count, else every request that reached the provider would count twice.
SELECT
    coalesce(user, caller) AS subject,
    user IS NULL AS is_caller,
    count(*) AS requests,
    avg(risk_score) AS average_risk,
    max(risk_score) AS max_risk,
    sum(blocked) AS blocked
FROM audit
WHERE kind = 'outcome' AND surface <> 'policy' AND ts >= ?1
GROUP BY subject, is_caller
HAVING average_risk > 500 OR sum(blocked) > 3
ORDER BY average_risk DESC, subject, is_caller
