-- One portfolio; valid_from is the last change of any of it.
SELECT
    p.id::VARCHAR AS id,
    greatest(
        p.created,
        (SELECT max(greatest(valid_from, valid_until)) FROM portfolio_demand WHERE portfolio = $id::UUID),
        (SELECT max(greatest(valid_from, valid_until)) FROM portfolio_product WHERE portfolio = $id::UUID)
    ) AS valid_from,
    p.bidder::VARCHAR AS bidder,
    p.app_data,
    (
        SELECT list({'id': demand::VARCHAR, 'weight': weight} ORDER BY demand)
        FROM portfolio_demand WHERE portfolio = $id::UUID AND valid_until IS NULL
    ) AS demand,
    (
        SELECT list({'id': product::VARCHAR, 'weight': weight} ORDER BY product)
        FROM portfolio_product WHERE portfolio = $id::UUID AND valid_until IS NULL
    ) AS basis
FROM portfolio AS p
WHERE p.id = $id::UUID;
