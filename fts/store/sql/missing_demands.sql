-- Those of $ids that no demand has, or, where $bidder is given, no demand of this bidder.
SELECT id::VARCHAR FROM (SELECT unnest($ids::UUID[]) AS id)
WHERE id NOT IN (SELECT id FROM demand WHERE $bidder::UUID IS NULL OR bidder = $bidder::UUID);
