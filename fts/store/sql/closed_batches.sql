-- Begin and end of batches with a known end: it was given, or is that of the schedule or of the next batch.
-- Those whose end became known by the batch of $instant, in order; if $instant is null, the latest.
WITH batch_interval AS (
{batch_interval}
), cleared AS (
    SELECT instant, ends, lead(instant) OVER (ORDER BY instant) AS next FROM batch_interval WHERE cleared
)
SELECT instant, least(ends, next) AS ends
FROM cleared
WHERE coalesce(ends, next) IS NOT NULL
    AND ($instant::TIMESTAMP IS NULL OR instant = $instant OR (next = $instant AND ends IS NULL))
ORDER BY
    CASE WHEN $instant::TIMESTAMP IS NULL THEN instant END DESC, instant
LIMIT CASE WHEN $instant::TIMESTAMP IS NULL THEN 1 ELSE 2 END;
