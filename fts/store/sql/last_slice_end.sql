-- The end that was given to the last batch before $before that was given one.
SELECT thru FROM batch WHERE instant < $before AND thru IS NOT NULL ORDER BY instant DESC LIMIT 1;
