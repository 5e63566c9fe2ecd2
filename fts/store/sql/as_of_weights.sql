-- The demand weights that hold at $t.
SELECT p.rowid AS portfolio, d.rowid AS demand, w.weight
FROM portfolio_demand AS w JOIN portfolio AS p ON p.id = w.portfolio JOIN demand AS d ON d.id = w.demand
WHERE w.valid_from <= $t AND (w.valid_until IS NULL OR w.valid_until > $t);
