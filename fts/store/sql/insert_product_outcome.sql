INSERT INTO product_outcome BY NAME SELECT
    product::UUID AS product, price, rate, reference, price_low, price_high, $instant::TIMESTAMP AS valid_from,
    $thru::TIMESTAMP AS valid_until
FROM product_rows;
