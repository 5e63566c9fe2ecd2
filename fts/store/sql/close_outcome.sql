-- What the batch of $last left open, or would outlast $instant, ends there.
UPDATE {thing}_outcome SET valid_until = $instant
WHERE valid_from = $last AND (valid_until IS NULL OR valid_until > $instant);
