-- What holds ends, for each key at its own instant.
UPDATE curve SET valid_until = x.instant
FROM (SELECT unnest($demand::UUID[]) AS key, unnest($instant::TIMESTAMP[]) AS instant) AS x
WHERE valid_until IS NULL AND demand = x.key;
