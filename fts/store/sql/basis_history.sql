-- Weights of a portfolio on products on [after, before), newest first.
SELECT valid_from, valid_until, list({'id': product::VARCHAR, 'weight': weight} ORDER BY product)
FROM portfolio_product
WHERE portfolio = $id::UUID
    AND ($before::TIMESTAMP IS NULL OR valid_from < $before) AND ($after::TIMESTAMP IS NULL OR valid_from >= $after)
GROUP BY valid_from, valid_until
ORDER BY valid_from DESC LIMIT $limit;
