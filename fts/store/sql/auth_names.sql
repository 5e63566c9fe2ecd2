-- The portfolios of a bidder that are auths: their name is their id.
SELECT id::VARCHAR FROM portfolio
WHERE bidder = $bidder::UUID AND json_extract_string(app_data, '$.name') = id::VARCHAR ORDER BY created, id;
