-- The active demands of some bidders, in order of creation.
WITH chosen AS (
    SELECT d.id, d.created, d.bidder, d.app_data, c.rates, c.prices, c.constant
    FROM demand AS d JOIN curve AS c ON c.demand = d.id
    WHERE c.valid_until IS NULL AND d.bidder IN (SELECT unnest($bidders::UUID[]))
), curves AS (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed
    FROM curve WHERE demand IN (SELECT id FROM chosen) GROUP BY demand
), refs AS (
    SELECT
        demand,
        max(greatest(valid_from, valid_until)) AS changed,
        list({'id': portfolio::VARCHAR, 'weight': weight} ORDER BY portfolio) FILTER (WHERE valid_until IS NULL) AS portfolios
    FROM portfolio_demand WHERE demand IN (SELECT id FROM chosen) GROUP BY demand
)
SELECT
    x.id::VARCHAR AS id, greatest(x.created, c.changed, r.changed) AS valid_from, x.bidder::VARCHAR AS bidder,
    x.app_data, x.rates, x.prices, x.constant, r.portfolios
FROM chosen AS x JOIN curves AS c ON c.demand = x.id LEFT JOIN refs AS r ON r.demand = x.id
ORDER BY x.created, x.id;
