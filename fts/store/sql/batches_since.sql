-- Batches that ran after the one of an instant, in the order in which they ran (one of a coming slice may have a later
-- instant than one that ran after it); after an instant that no batch has: the batches of later instants.
WITH known AS (SELECT max(solved_at) AS solved_at FROM batch WHERE instant = $since)
SELECT
    b.instant, b.solved_at, b.thru, b.status, b.reason, b.solver, b.imbalance, b.domain, b.consistency, b.gap, b.fit,
    b.welfare, b.tol, b.iterations, b.engine_seconds, b.seconds, b.products, b.demands, b.portfolios, b.duration
FROM batch AS b, known AS k
WHERE CASE
    WHEN k.solved_at IS NULL THEN b.instant > $since
    ELSE b.solved_at > k.solved_at OR (b.solved_at = k.solved_at AND b.instant > $since)
END
ORDER BY b.solved_at, b.instant LIMIT $limit;
