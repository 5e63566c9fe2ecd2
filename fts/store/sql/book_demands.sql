-- Every demand, with its curve of now and the last change of it or of what refers to it.
WITH curves AS (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed FROM curve GROUP BY demand
), refs AS (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed FROM portfolio_demand GROUP BY demand
)
SELECT
    d.id::VARCHAR AS id, d.bidder::VARCHAR AS bidder, d.app_data, greatest(d.created, c.changed, r.changed) AS changed,
    n.rates, n.prices, n.constant
FROM demand AS d
LEFT JOIN curves AS c ON c.demand = d.id
LEFT JOIN refs AS r ON r.demand = d.id
LEFT JOIN curve AS n ON n.demand = d.id AND n.valid_until IS NULL;
