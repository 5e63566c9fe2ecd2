-- The demands of a bidder that are costs: their name is their id.
SELECT id::VARCHAR FROM demand
WHERE bidder = $bidder::UUID AND json_extract_string(app_data, '$.name') = id::VARCHAR ORDER BY created, id;
