INSERT INTO auth_limit BY NAME SELECT
    unnest($portfolio::UUID[]) AS portfolio, unnest($min_trade::DOUBLE[]) AS min_trade,
    unnest($max_trade::DOUBLE[]) AS max_trade, unnest($form::VARCHAR[]) AS form,
    unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
