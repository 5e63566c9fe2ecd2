-- Batches on [after, before), newest first.
SELECT
    instant, solved_at, thru, status, reason, solver, imbalance, domain, consistency, gap, fit, welfare, tol,
    iterations, engine_seconds, seconds, products, demands, portfolios, duration
FROM batch
WHERE ($before::TIMESTAMP IS NULL OR instant < $before) AND ($after::TIMESTAMP IS NULL OR instant >= $after)
    AND (NOT $cleared OR (status <> 'not solved'))
ORDER BY instant DESC LIMIT $limit;
