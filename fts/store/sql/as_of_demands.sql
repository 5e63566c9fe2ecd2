-- The curves that hold at $t; number: order of creation.
SELECT d.rowid AS number, d.id::VARCHAR AS id, c.rates, c.prices, c.constant
FROM curve AS c JOIN demand AS d ON d.id = c.demand
WHERE c.valid_from <= $t AND (c.valid_until IS NULL OR c.valid_until > $t)
ORDER BY number;
