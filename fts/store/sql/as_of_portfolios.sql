-- The portfolios with both groups not empty at $t.
SELECT p.rowid AS number, p.id::VARCHAR AS id
FROM portfolio AS p
WHERE p.id IN (
    SELECT portfolio FROM portfolio_demand WHERE valid_from <= $t AND (valid_until IS NULL OR valid_until > $t)
) AND p.id IN (
    SELECT portfolio FROM portfolio_product WHERE valid_from <= $t AND (valid_until IS NULL OR valid_until > $t)
)
ORDER BY number;
