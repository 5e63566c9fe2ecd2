-- Remaining quantity, by the limits of $at, of a batch that begins at $begins and is solved at $solved, for the own
-- demand of every limited portfolio (the demand named after it) [quantity, + bought]. Batches that were solved later
-- do not count.
WITH batch_interval AS (
{batch_interval}
), units AS (
    SELECT time_unit_seconds * 1e6 AS us FROM market        -- [µs] of a time unit
), limited AS (
    SELECT l.portfolio, w.demand, w.weight, l.min_trade, l.max_trade
    FROM auth_limit AS l JOIN portfolio_demand AS w ON w.portfolio = l.portfolio
    JOIN demand AS d ON d.id = w.demand AND d.id <> l.portfolio AND d.app_data ->> '$.name' = l.portfolio::VARCHAR
    WHERE l.valid_from <= $at AND (l.valid_until IS NULL OR l.valid_until > $at)
        AND w.valid_from <= $at AND (w.valid_until IS NULL OR w.valid_until > $at)
        AND (l.min_trade IS NOT NULL OR l.max_trade IS NOT NULL) AND w.weight <> 0
), known AS (
    SELECT instant, given, cleared, ends FROM batch_interval WHERE solved_at < $solved AND instant <> $begins
), held AS (
    SELECT *, max(instant) FILTER (WHERE cleared) OVER (ORDER BY instant) AS holder FROM known
), spans AS (
    -- A batch that failed lets the outcome before it go on for its own time.
    SELECT
        holder AS instant,
        CASE
            WHEN bool_or(cleared AND given) THEN max(ends) FILTER (WHERE cleared)
            WHEN NOT bool_or(cleared AND ends IS NULL) THEN max(ends) FILTER (WHERE NOT given)
        END AS ends
    FROM held WHERE holder IS NOT NULL GROUP BY holder
), begun AS (
    -- Until the next batch, and no longer; one that is later than $begins and open counts for a time unit.
    SELECT
        s.instant,
        least(
            coalesce(
                s.ends,
                CASE WHEN s.instant > $begins THEN greatest($solved, s.instant + to_microseconds(u.us::BIGINT)) END
            ),
            lead(s.instant) OVER (ORDER BY s.instant),
            CASE WHEN s.instant < $begins THEN $begins END
        ) AS ends
    FROM spans AS s CROSS JOIN units AS u
), trades AS (
    SELECT
        o.portfolio, o.valid_from AS instant,
        o.rate * ((epoch_us(b.ends) - epoch_us(b.instant)) / u.us) AS quantity
    FROM portfolio_outcome AS o JOIN begun AS b ON b.instant = o.valid_from CROSS JOIN units AS u
    WHERE o.portfolio IN (SELECT portfolio FROM limited) AND o.rate <> 0
), before AS (
    SELECT portfolio, sum(quantity ORDER BY instant) AS traded FROM trades WHERE instant < $begins GROUP BY portfolio
), after AS (
    -- What later batches were promised may not be taken from them: how far they lead either way.
    SELECT portfolio, min(led) AS down, max(led) AS up FROM (
        SELECT portfolio, sum(quantity) OVER (PARTITION BY portfolio ORDER BY instant) AS led
        FROM trades WHERE instant > $begins
    ) GROUP BY portfolio
), room AS (
    SELECT
        l.demand, l.weight,
        coalesce(l.min_trade - (coalesce(b.traded, 0) + least(0, coalesce(a.down, 0))), '-infinity'::DOUBLE) AS low,
        coalesce(l.max_trade - (coalesce(b.traded, 0) + greatest(0, coalesce(a.up, 0))), 'infinity'::DOUBLE) AS high,
        -- What rounding leaves of a sum is not room.
        1e-12 * greatest(abs(coalesce(b.traded, 0)), abs(coalesce(l.min_trade, 0)), abs(coalesce(l.max_trade, 0))) AS dust
    FROM limited AS l LEFT JOIN before AS b ON b.portfolio = l.portfolio LEFT JOIN after AS a ON a.portfolio = l.portfolio
)
SELECT
    demand::VARCHAR AS demand,
    CASE WHEN weight > 0 THEN lower ELSE upper END * weight AS low,
    CASE WHEN weight > 0 THEN upper ELSE lower END * weight AS high
FROM (
    SELECT
        demand, weight,
        CASE WHEN abs(low) <= dust THEN 0 ELSE low END AS lower, CASE WHEN abs(high) <= dust THEN 0 ELSE high END AS upper
    FROM room
)
ORDER BY demand;
