-- The cleared batches that begin before $ends and end after $begins, newest first: begin, true if the end was given,
-- and the end: the given one, or that of the schedule or of the next batch.
WITH batch_interval AS (
{batch_interval}
), cleared AS (
    SELECT
        instant, given, CASE WHEN given THEN ends ELSE least(ends, lead(instant) OVER (ORDER BY instant)) END AS ends
    FROM batch_interval WHERE cleared
)
SELECT instant, given, ends
FROM cleared
WHERE instant < $ends AND (ends IS NULL OR ends > $begins)
ORDER BY instant DESC;
