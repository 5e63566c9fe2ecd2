-- One demand and the portfolios that refer to it; valid_from is the last change of any of it.
SELECT
    d.id::VARCHAR AS id,
    greatest(
        d.created,
        (SELECT max(greatest(valid_from, valid_until)) FROM curve WHERE demand = $id::UUID),
        (SELECT max(greatest(valid_from, valid_until)) FROM portfolio_demand WHERE demand = $id::UUID)
    ) AS valid_from,
    d.bidder::VARCHAR AS bidder,
    d.app_data,
    c.rates, c.prices, c.constant,
    (
        SELECT list({'id': portfolio::VARCHAR, 'weight': weight} ORDER BY portfolio)
        FROM portfolio_demand WHERE demand = $id::UUID AND valid_until IS NULL
    ) AS portfolios
FROM demand AS d
LEFT JOIN curve AS c ON c.demand = d.id AND c.demand = $id::UUID AND c.valid_until IS NULL
WHERE d.id = $id::UUID;
