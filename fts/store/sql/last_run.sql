-- Instant of the last batch that was not given an end.
SELECT max(instant) FROM batch WHERE thru IS NULL;
