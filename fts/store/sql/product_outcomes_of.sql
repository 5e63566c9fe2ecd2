-- Price and rate of these products in one batch.
SELECT product::VARCHAR AS product, valid_from, valid_until, price, rate
FROM product_outcome WHERE valid_from = $instant AND list_contains($ids::UUID[], product);
