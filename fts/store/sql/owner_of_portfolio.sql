-- Whose portfolio it is, and what it is called.
SELECT bidder::VARCHAR, app_data FROM portfolio WHERE id = $id::UUID;
