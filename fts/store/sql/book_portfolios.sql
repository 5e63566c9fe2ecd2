-- Every portfolio, with its weights of now and the last change of any of it.
WITH demands AS (
    SELECT
        portfolio,
        max(greatest(valid_from, valid_until)) AS changed,
        list({'id': demand::VARCHAR, 'weight': weight} ORDER BY demand) FILTER (WHERE valid_until IS NULL) AS weights
    FROM portfolio_demand GROUP BY portfolio
), bases AS (
    SELECT
        portfolio,
        max(greatest(valid_from, valid_until)) AS changed,
        list({'id': product::VARCHAR, 'weight': weight} ORDER BY product) FILTER (WHERE valid_until IS NULL) AS weights
    FROM portfolio_product GROUP BY portfolio
)
SELECT
    p.id::VARCHAR AS id, greatest(p.created, d.changed, b.changed) AS valid_from, p.bidder::VARCHAR AS bidder,
    p.app_data, d.weights AS demand, b.weights AS basis
FROM portfolio AS p LEFT JOIN demands AS d ON d.portfolio = p.id LEFT JOIN bases AS b ON b.portfolio = p.id;
