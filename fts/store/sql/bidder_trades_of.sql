-- Price and quantity of the auths of some bidders in the batch of $instant, which holds until $thru; an auth is a
-- portfolio whose name is its id.
SELECT
    o.portfolio::VARCHAR AS id, o.valid_from, $thru::TIMESTAMP AS thru, o.price,
    o.rate * (epoch_us($thru::TIMESTAMP) - epoch_us(o.valid_from)) / 1e6 / m.time_unit_seconds AS trade,
    p.bidder::VARCHAR AS bidder
FROM portfolio_outcome AS o JOIN portfolio AS p ON p.id = o.portfolio CROSS JOIN market AS m
WHERE o.valid_from = $instant AND p.bidder IN (SELECT unnest($bidders::UUID[]))
    AND p.app_data ->> '$.name' = p.id::VARCHAR
ORDER BY o.portfolio;
