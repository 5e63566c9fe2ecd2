-- What holds ends, for each key at its own instant.
UPDATE product_expansion SET valid_until = x.instant
FROM (SELECT unnest($leaf::UUID[]) AS key, unnest($instant::TIMESTAMP[]) AS instant) AS x
WHERE valid_until IS NULL AND leaf = x.key;
