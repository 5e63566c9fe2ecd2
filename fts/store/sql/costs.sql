-- Costs by id: their data, and the weights of the auths of their group, as they hold now or held last.
WITH given AS (
    SELECT unnest($id::UUID[]) AS id
), demands AS (
    SELECT portfolio, demand, weight, valid_until, max(valid_until) OVER w AS last, bool_or(valid_until IS NULL) OVER w AS now
    FROM portfolio_demand
    WHERE portfolio IN (SELECT portfolio FROM portfolio_demand WHERE demand IN (SELECT id FROM given))
    WINDOW w AS (PARTITION BY portfolio)
), groups AS (
    SELECT demand, list({'id': portfolio::VARCHAR, 'weight': weight} ORDER BY portfolio) AS entries
    FROM demands
    WHERE demand IN (SELECT id FROM given) AND CASE WHEN now THEN valid_until IS NULL ELSE valid_until = last END
    GROUP BY demand
), changes AS (
    SELECT demand, max(greatest(valid_from, valid_until)) AS changed
    FROM curve WHERE demand IN (SELECT id FROM given) GROUP BY demand
)
SELECT
    d.id::VARCHAR AS id, d.bidder::VARCHAR AS bidder, coalesce(x.changed, d.created) AS version,
    c.rates, c.prices, c.constant, l.form, g.entries
FROM demand AS d
LEFT JOIN changes AS x ON x.demand = d.id
LEFT JOIN curve AS c ON c.demand = d.id AND c.valid_until IS NULL
LEFT JOIN auth_limit AS l ON l.portfolio = d.id AND l.form = 'bare cost' AND l.valid_until IS NULL
LEFT JOIN groups AS g ON g.demand = d.id
WHERE d.id IN (SELECT id FROM given) AND json_extract_string(d.app_data, '$.name') = d.id::VARCHAR
ORDER BY version, d.id;
