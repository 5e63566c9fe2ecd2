-- Whose demand it is, and what it is called.
SELECT bidder::VARCHAR, app_data FROM demand WHERE id = $id::UUID;
