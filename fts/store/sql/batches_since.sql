-- Batches later than an instant, oldest first.
SELECT
    instant, solved_at, thru, status, reason, solver, imbalance, domain, consistency, gap, fit, welfare, tol,
    iterations, engine_seconds, seconds, products, demands, portfolios
FROM batch WHERE instant > $since ORDER BY instant LIMIT $limit;
