-- The portfolios of some bidders that have a demand or a basis, in order of creation.
WITH chosen AS (
    SELECT id, created, bidder, app_data FROM portfolio WHERE bidder IN (SELECT unnest($bidders::UUID[]))
), demands AS (
    SELECT
        portfolio,
        max(greatest(valid_from, valid_until)) AS changed,
        list({'id': demand::VARCHAR, 'weight': weight} ORDER BY demand) FILTER (WHERE valid_until IS NULL) AS weights
    FROM portfolio_demand WHERE portfolio IN (SELECT id FROM chosen) GROUP BY portfolio
), bases AS (
    SELECT
        portfolio,
        max(greatest(valid_from, valid_until)) AS changed,
        list({'id': product::VARCHAR, 'weight': weight} ORDER BY product) FILTER (WHERE valid_until IS NULL) AS weights
    FROM portfolio_product WHERE portfolio IN (SELECT id FROM chosen) GROUP BY portfolio
)
SELECT
    x.id::VARCHAR AS id, greatest(x.created, d.changed, b.changed) AS valid_from, x.bidder::VARCHAR AS bidder,
    x.app_data, d.weights AS demand, b.weights AS basis
FROM chosen AS x LEFT JOIN demands AS d ON d.portfolio = x.id LEFT JOIN bases AS b ON b.portfolio = x.id
WHERE d.weights IS NOT NULL OR b.weights IS NOT NULL
ORDER BY x.created, x.id;
