-- Weights of a portfolio on demands or products on [after, before), newest first.
SELECT valid_from, valid_until, list({'id': {thing}::VARCHAR, 'weight': weight} ORDER BY {thing})
FROM portfolio_{thing}
WHERE portfolio = $id::UUID
    AND ($before::TIMESTAMP IS NULL OR valid_from < $before) AND ($after::TIMESTAMP IS NULL OR valid_from >= $after)
GROUP BY valid_from, valid_until
ORDER BY valid_from DESC LIMIT $limit;
