-- Price and quantity of a portfolio, batch by batch on [after, before), newest first; what is open ends with the step of
-- the schedule, and is left out where there is none.
SELECT
    id, valid_from, thru, price,
    rate * (epoch_us(thru) - epoch_us(valid_from)) / 1e6 / time_unit_seconds AS trade
FROM (
    SELECT
        o.portfolio::VARCHAR AS id, o.valid_from, o.price, o.rate, m.time_unit_seconds,
        coalesce(
            o.valid_until, o.valid_from + to_microseconds(round(b.duration * m.time_unit_seconds * 1e6)::BIGINT)
        ) AS thru
    FROM portfolio_outcome AS o JOIN batch AS b ON b.instant = o.valid_from CROSS JOIN market AS m
    WHERE o.portfolio = $id::UUID
        AND ($before::TIMESTAMP IS NULL OR o.valid_from < $before)
        AND ($after::TIMESTAMP IS NULL OR o.valid_from >= $after)
)
WHERE thru IS NOT NULL
ORDER BY valid_from DESC LIMIT $limit;
