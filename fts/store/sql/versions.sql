-- The last change of each of these demands on [after, before), newest first; those of one instant all or none.
SELECT changed, demand::VARCHAR FROM (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed
    FROM curve WHERE demand IN (SELECT unnest($ids::UUID[])) GROUP BY demand
)
WHERE ($before::TIMESTAMP IS NULL OR changed < $before) AND ($after::TIMESTAMP IS NULL OR changed >= $after)
QUALIFY rank() OVER (ORDER BY changed DESC) <= $limit
ORDER BY changed DESC, demand;
