-- Every product's outcome of one batch, by product id.
SELECT product::VARCHAR AS product, price, rate, reference, price_low, price_high
FROM product_outcome WHERE valid_from = $instant ORDER BY product;
