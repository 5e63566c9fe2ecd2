-- The batches that cleared, begin before $thru and hold after $from, newest first: when they begin, whether they
-- were given an end, and that end or the one that is known by the schedule or by the next batch.
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
