-- Price and quantity of a product or a portfolio, batch by batch on [after, before), newest first; what is open ends with
-- the step of the schedule, and is left out where there is none. A product without a price is left out.
WITH batch_interval AS (
{batch_interval}
)
SELECT
    id, valid_from, thru, price,
    rate * (epoch_us(thru) - epoch_us(valid_from)) / 1e6 / time_unit_seconds AS trade
FROM (
    SELECT
        o.{thing}::VARCHAR AS id, o.valid_from, o.price, o.rate, m.time_unit_seconds, coalesce(o.valid_until, b.ends) AS thru
    FROM {thing}_outcome AS o JOIN batch_interval AS b ON b.instant = o.valid_from CROSS JOIN market AS m
    WHERE o.{thing} = $id::UUID
        AND ($before::TIMESTAMP IS NULL OR o.valid_from < $before)
        AND ($after::TIMESTAMP IS NULL OR o.valid_from >= $after)
)
WHERE thru IS NOT NULL AND (price IS NOT NULL OR '{thing}' = 'portfolio')
ORDER BY valid_from DESC LIMIT $limit;
