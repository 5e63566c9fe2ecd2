-- What a bidder holds at an instant, by product id.
SELECT product::VARCHAR AS product, quantity, cost
FROM positions_at($at::TIMESTAMP) WHERE bidder = $bidder::UUID ORDER BY product;
