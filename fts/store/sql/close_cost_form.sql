-- What holds ends, for each key at its own instant; an auth and a cost may have one id.
UPDATE auth_limit SET valid_until = x.instant
FROM (SELECT key::UUID AS key, instant FROM incoming) AS x
WHERE valid_until IS NULL AND portfolio = x.key AND form = 'bare cost';
