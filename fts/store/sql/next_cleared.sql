-- The first batch later than $instant that stored an outcome.
SELECT min(instant) FROM batch WHERE instant > $instant AND status <> 'not solved';
