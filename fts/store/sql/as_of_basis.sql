-- The bases that hold at $t, in the products that trade then; a leaf reached twice stands twice.
SELECT p.rowid AS portfolio, l.rowid AS product, w.weight * e.ratio AS weight
FROM portfolio_product AS w
JOIN portfolio AS p ON p.id = w.portfolio
JOIN product_expansion AS e ON e.ancestor = w.product
    AND e.valid_from <= $t AND (e.valid_until IS NULL OR e.valid_until > $t)
JOIN product AS l ON l.id = e.leaf
WHERE w.valid_from <= $t AND (w.valid_until IS NULL OR w.valid_until > $t)
ORDER BY portfolio, product, e.ancestor;
