INSERT INTO portfolio_product BY NAME SELECT
    unnest($portfolio::UUID[]) AS portfolio, unnest($product::UUID[]) AS product, unnest($weight::DOUBLE[]) AS weight,
    unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
