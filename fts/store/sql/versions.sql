-- The last change of each of these demands on [after, before), newest first: those of one instant all or none, until there
-- are $limit, and the one after them.
SELECT changed, demand FROM (
    SELECT demand::VARCHAR AS demand, changed, rank() OVER (ORDER BY changed DESC) AS place FROM (
        SELECT demand, max(greatest(valid_from, valid_until)) AS changed
        FROM curve WHERE demand IN (SELECT unnest($ids::UUID[])) GROUP BY demand
    )
    WHERE ($before::TIMESTAMP IS NULL OR changed < $before) AND ($after::TIMESTAMP IS NULL OR changed >= $after)
)
QUALIFY lag(place, 1, 0) OVER (ORDER BY changed DESC, demand) <= $limit
ORDER BY changed DESC, demand;
