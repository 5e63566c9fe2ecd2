INSERT INTO portfolio_demand BY NAME SELECT
    unnest($portfolio::UUID[]) AS portfolio, unnest($demand::UUID[]) AS demand, unnest($weight::DOUBLE[]) AS weight,
    unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
