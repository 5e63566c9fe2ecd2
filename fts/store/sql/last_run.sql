-- The instant of the last batch that was given no end.
SELECT max(instant) FROM batch WHERE thru IS NULL;
