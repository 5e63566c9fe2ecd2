-- End of the last batch before $before that was given an end.
SELECT thru FROM batch WHERE instant < $before AND thru IS NOT NULL ORDER BY instant DESC LIMIT 1;
