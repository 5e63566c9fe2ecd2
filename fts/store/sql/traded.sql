-- What portfolios traded in the batches that have begun at $at [portfolio unit, + bought]; what is open ends with
-- the step of the schedule, or at $at.
WITH batch_interval AS (
{batch_interval}
)
SELECT
    o.portfolio::VARCHAR,
    sum(
        o.rate * (epoch_us(coalesce(o.valid_until, b.ends, $at)) - epoch_us(o.valid_from)) / 1e6 / m.time_unit_seconds
        ORDER BY o.valid_from
    )
FROM portfolio_outcome AS o JOIN batch_interval AS b ON b.instant = o.valid_from CROSS JOIN market AS m
WHERE o.portfolio IN (SELECT unnest($ids::UUID[])) AND o.valid_from <= $at
GROUP BY o.portfolio;
