-- Price and rate of a product or a portfolio in the batches that ran after the one of an instant, in their order; as in
-- batches_since.
WITH known AS (SELECT max(solved_at) AS solved_at FROM batch WHERE instant = $since)
SELECT o.valid_from, o.valid_until, o.price, o.rate
FROM {thing}_outcome AS o JOIN batch AS b ON b.instant = o.valid_from, known AS k
WHERE o.{thing} = $id::UUID AND CASE
    WHEN k.solved_at IS NULL THEN b.instant > $since
    ELSE b.solved_at > k.solved_at OR (b.solved_at = k.solved_at AND b.instant > $since)
END
ORDER BY b.solved_at, b.instant LIMIT $limit;
