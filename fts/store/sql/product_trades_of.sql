-- Price and quantity of some products in the batch of $instant, which holds until $thru; only what has a price.
SELECT
    o.product::VARCHAR AS id, o.valid_from, $thru::TIMESTAMP AS thru, o.price,
    o.rate * (epoch_us($thru::TIMESTAMP) - epoch_us(o.valid_from)) / 1e6 / m.time_unit_seconds AS trade
FROM product_outcome AS o CROSS JOIN market AS m
WHERE o.valid_from = $instant AND o.product IN (SELECT unnest($ids::UUID[])) AND o.price IS NOT NULL;
