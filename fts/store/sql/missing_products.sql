-- Those of $ids that no product has.
SELECT id::VARCHAR FROM (SELECT unnest($ids::UUID[]) AS id) WHERE id NOT IN (SELECT id FROM product);
