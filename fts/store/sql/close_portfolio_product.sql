-- What holds ends, for each key at its own instant.
UPDATE portfolio_product SET valid_until = x.instant
FROM (SELECT key::UUID AS key, instant FROM incoming) AS x
WHERE valid_until IS NULL AND portfolio = x.key;
