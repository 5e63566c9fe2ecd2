-- Those of $ids that no portfolio has.
SELECT id::VARCHAR FROM (SELECT unnest($ids::UUID[]) AS id) WHERE id NOT IN (SELECT id FROM portfolio);
