-- Price and rate of a product in the batches later than an instant, oldest first.
SELECT valid_from, valid_until, price, rate
FROM product_outcome WHERE product = $id::UUID AND valid_from > $since ORDER BY valid_from LIMIT $limit;
