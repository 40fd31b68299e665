-- Requests without an outcome: under way, killed half-way, or their outcome has not arrived yet.
SELECT
    ts,
    caller,
    end_user,
    model,
    request_id,
    writer_id,
    seq
FROM records
WHERE kind = 'intent' AND request_id NOT IN (SELECT request_id FROM records WHERE kind = 'outcome')
ORDER BY ts, request_id
