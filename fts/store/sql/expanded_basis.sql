-- The basis of a portfolio in the products that trade now, and since when it is that.
SELECT e.leaf::VARCHAR AS id, sum(w.weight * e.ratio) AS weight, max(greatest(w.valid_from, e.valid_from)) AS valid_from
FROM portfolio_product AS w JOIN product_expansion AS e ON e.ancestor = w.product AND e.valid_until IS NULL
WHERE w.portfolio = $id::UUID AND w.valid_until IS NULL
GROUP BY e.leaf ORDER BY e.leaf;
