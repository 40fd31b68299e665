-- Who has looked suspicious: a row per end user; where a caller names none, per caller. Risk is in thousandths. Only
-- outcomes count, else every request that reached the provider would count twice; and none that was over a limit: whoever
-- is quick is not suspicious for that, and nothing was judged.
SELECT
    coalesce(end_user, caller) AS subject,
    CASE WHEN end_user IS NULL THEN 'caller' ELSE 'user' END AS subject_kind,
    count(*) AS requests,
    avg(risk_score) AS average_risk,
    max(risk_score) AS max_risk,
    sum(is_blocked) AS blocked
FROM records
WHERE kind = 'outcome' AND (error IS NULL OR error <> 'limited')
GROUP BY 1, 2
HAVING avg(risk_score) > 500 OR sum(is_blocked) > 3
ORDER BY average_risk DESC, subject, subject_kind
