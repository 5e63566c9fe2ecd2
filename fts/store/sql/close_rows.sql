-- What holds ends, for each key at its own instant.
UPDATE {table} SET valid_until = x.instant
FROM (SELECT key::UUID AS key, instant FROM incoming) AS x
WHERE valid_until IS NULL AND {key} = x.key AND {condition};
