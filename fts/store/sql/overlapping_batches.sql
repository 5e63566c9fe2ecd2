-- The cleared batches that begin before $thru and end after $from, newest first: begin, true if the end was given,
-- and the end: the given one, or that of the schedule or of the next batch.
SELECT instant, given, ends FROM (
    SELECT
        b.instant, b.thru IS NOT NULL AS given,
        coalesce(b.thru, least(
            b.instant + to_microseconds(round(b.duration * m.time_unit_seconds * 1e6)::BIGINT),
            lead(b.instant) OVER (ORDER BY b.instant)
        )) AS ends
    FROM batch AS b CROSS JOIN market AS m WHERE b.status <> 'not solved'
)
WHERE instant < $thru AND (ends IS NULL OR ends > $from)
ORDER BY instant DESC;
