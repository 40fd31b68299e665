-- What each caller cost, the dearest first. Thoughts are tokens of the answer, as the provider bills them.
SELECT
    caller,
    count(*) AS requests,
    sum(prompt_tokens) AS tokens_in,
    sum(answer_tokens) AS tokens_out,
    sum(all_tokens) AS tokens_all,
    sum(micros) AS cost_micros
FROM records
WHERE kind = 'outcome'
GROUP BY caller
ORDER BY cost_micros DESC, caller
