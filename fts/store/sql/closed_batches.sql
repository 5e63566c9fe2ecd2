-- Begin and end of batches with a known end: it was given, or is that of the schedule or of the next batch.
-- Those whose end became known by the batch of $instant, in order; if $instant is null, the latest.
SELECT instant, ends FROM (
    SELECT
        b.instant, b.thru, b.duration, lead(b.instant) OVER (ORDER BY b.instant) AS next,
        least(
            b.thru, b.instant + to_microseconds(round(b.duration * m.time_unit_seconds * 1e6)::BIGINT),
            lead(b.instant) OVER (ORDER BY b.instant)
        ) AS ends
    FROM batch AS b CROSS JOIN market AS m WHERE b.status <> 'not solved'
)
WHERE ends IS NOT NULL
    AND ($instant::TIMESTAMP IS NULL OR instant = $instant OR (next = $instant AND thru IS NULL AND duration IS NULL))
ORDER BY
    CASE WHEN $instant::TIMESTAMP IS NULL THEN instant END DESC, instant
LIMIT CASE WHEN $instant::TIMESTAMP IS NULL THEN 1 ELSE 2 END;
