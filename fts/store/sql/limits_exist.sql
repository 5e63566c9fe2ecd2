-- Whether anything limited total trade at $at.
SELECT 1 FROM auth_limit
WHERE valid_from <= $at AND (valid_until IS NULL OR valid_until > $at) AND (min_trade IS NOT NULL OR max_trade IS NOT NULL)
LIMIT 1;
