INSERT INTO portfolio_demand BY NAME
SELECT portfolio::UUID AS portfolio, demand::UUID AS demand, weight, instant AS valid_from, until AS valid_until
FROM incoming;
