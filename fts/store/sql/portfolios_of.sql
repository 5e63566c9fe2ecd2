-- The weights of a demand in the portfolios that refer to it.
SELECT portfolio::VARCHAR, weight FROM portfolio_demand WHERE demand = $id::UUID AND valid_until IS NULL;
