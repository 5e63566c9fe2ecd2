-- All changes of a demand's curve on [after, before), newest first, with the limits that were written with it; a change
-- without a curve is a stop.
WITH changes AS (
    SELECT valid_from AS version FROM curve WHERE demand = $demand::UUID
    UNION SELECT valid_until FROM curve WHERE demand = $demand::UUID AND valid_until IS NOT NULL
)
SELECT v.version, c.rates, c.prices, c.constant, l.min_trade, l.max_trade, l.form
FROM changes AS v
LEFT JOIN curve AS c ON c.demand = $demand::UUID
    AND c.valid_from <= v.version AND (c.valid_until IS NULL OR c.valid_until > v.version)
LEFT JOIN auth_limit AS l ON l.portfolio = $limits::UUID AND (l.form = 'bare cost') = $cost
    AND l.valid_from <= v.version AND (l.valid_until IS NULL OR l.valid_until > v.version)
WHERE ($before::TIMESTAMP IS NULL OR v.version < $before) AND ($after::TIMESTAMP IS NULL OR v.version >= $after)
ORDER BY v.version DESC LIMIT $limit;
