-- An auth and a cost may have one id, and are told apart by the form.
UPDATE auth_limit SET valid_until = $instant
WHERE valid_until IS NULL AND (portfolio, form = 'bare cost') IN (
    SELECT (unnest($portfolio::UUID[]), unnest($cost::BOOLEAN[]))
);
