-- Curves of a demand on [after, before), newest first.
SELECT valid_from, valid_until, rates, prices, constant
FROM curve
WHERE demand = $id::UUID
    AND ($before::TIMESTAMP IS NULL OR valid_from < $before) AND ($after::TIMESTAMP IS NULL OR valid_from >= $after)
ORDER BY valid_from DESC LIMIT $limit;
