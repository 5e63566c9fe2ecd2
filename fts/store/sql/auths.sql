-- Auths by id, with their own demands, of which $own has one for each: their data, and the weights of their portfolios.
-- Weights are those that hold now (now: true), or else the last ones that held.
WITH given AS (
    SELECT unnest($id::UUID[]) AS id, unnest($own::UUID[]) AS own
), demands AS (
    SELECT portfolio, demand, weight, valid_until, max(valid_until) OVER w AS last, bool_or(valid_until IS NULL) OVER w AS now
    FROM portfolio_demand WHERE portfolio IN (SELECT id FROM given) WINDOW w AS (PARTITION BY portfolio)
), weights AS (
    SELECT portfolio, bool_or(now) AS now, list({'id': demand::VARCHAR, 'weight': weight} ORDER BY demand) AS entries
    FROM demands WHERE CASE WHEN now THEN valid_until IS NULL ELSE valid_until = last END GROUP BY portfolio
), products AS (
    SELECT portfolio, product, weight, valid_until, max(valid_until) OVER w AS last, bool_or(valid_until IS NULL) OVER w AS now
    FROM portfolio_product WHERE portfolio IN (SELECT id FROM given) WINDOW w AS (PARTITION BY portfolio)
), bases AS (
    SELECT portfolio, bool_or(now) AS now, list({'id': product::VARCHAR, 'weight': weight} ORDER BY product) AS entries
    FROM products WHERE CASE WHEN now THEN valid_until IS NULL ELSE valid_until = last END GROUP BY portfolio
), changes AS (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed
    FROM curve WHERE demand IN (SELECT own FROM given) GROUP BY demand
)
SELECT
    p.id::VARCHAR AS id, p.bidder::VARCHAR AS bidder, coalesce(x.changed, p.created) AS version,
    c.rates, c.prices, c.constant, l.min_trade, l.max_trade, l.form,
    w.now, w.entries, b.now, b.entries
FROM given AS g
JOIN portfolio AS p ON p.id = g.id AND json_extract_string(p.app_data, '$.name') = p.id::VARCHAR
LEFT JOIN changes AS x ON x.demand = g.own
LEFT JOIN curve AS c ON c.demand = g.own AND c.valid_until IS NULL
LEFT JOIN auth_limit AS l ON l.portfolio = g.id AND l.form IN ('demand', 'rates') AND l.valid_until IS NULL
LEFT JOIN weights AS w ON w.portfolio = g.id
LEFT JOIN bases AS b ON b.portfolio = g.id
ORDER BY version, p.id;
