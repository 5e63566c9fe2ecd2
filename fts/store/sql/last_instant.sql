-- The latest instant at which anything happened; null in a new market.
SELECT max(t) FROM (
    SELECT max(created) AS t FROM product
    UNION ALL SELECT max(created) FROM demand
    UNION ALL SELECT max(created) FROM portfolio
    UNION ALL SELECT max(greatest(valid_from, valid_until)) FROM product_expansion
    UNION ALL SELECT max(greatest(valid_from, valid_until)) FROM curve
    UNION ALL SELECT max(greatest(valid_from, valid_until)) FROM portfolio_demand
    UNION ALL SELECT max(greatest(valid_from, valid_until)) FROM portfolio_product
    UNION ALL SELECT max(greatest(valid_from, valid_until)) FROM auth_limit
    UNION ALL SELECT max(solved_at) FROM batch
);
