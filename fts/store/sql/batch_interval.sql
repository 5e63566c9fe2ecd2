-- Begin and end of every batch, as far as they are its own: the end that it was given, else that of its step of the
-- schedule; null: it holds until another batch ends it.
SELECT
    b.instant, b.solved_at, b.status <> 'not solved' AS cleared, b.thru IS NOT NULL AS given,
    coalesce(b.thru, b.instant + to_microseconds(round(b.duration * m.time_unit_seconds * 1e6)::BIGINT)) AS ends
FROM batch AS b CROSS JOIN market AS m
