-- Price and rate of a product or a portfolio on [after, before), newest first.
SELECT valid_from, valid_until, price, rate
FROM {thing}_outcome
WHERE {thing} = $id::UUID
    AND ($before::TIMESTAMP IS NULL OR valid_from < $before) AND ($after::TIMESTAMP IS NULL OR valid_from >= $after)
ORDER BY valid_from DESC LIMIT $limit;
