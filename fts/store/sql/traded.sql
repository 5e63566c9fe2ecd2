-- What portfolios traded in the batches that had begun at $at: rate * time, until $at where no end is known yet.
SELECT
    o.portfolio::VARCHAR,
    sum(o.rate * (epoch_us(coalesce(o.valid_until, $at::TIMESTAMP)) - epoch_us(o.valid_from)) / 1e6 / m.time_unit_seconds)
FROM portfolio_outcome AS o CROSS JOIN market AS m
WHERE o.portfolio IN (SELECT unnest($ids::UUID[])) AND o.valid_from <= $at::TIMESTAMP
GROUP BY o.portfolio;
