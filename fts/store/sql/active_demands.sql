-- Those of $ids that have a curve now.
SELECT DISTINCT demand::VARCHAR FROM curve WHERE valid_until IS NULL AND demand IN (SELECT unnest($ids::UUID[]));
