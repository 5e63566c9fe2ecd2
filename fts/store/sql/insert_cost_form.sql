INSERT INTO auth_limit BY NAME SELECT
    unnest($portfolio::UUID[]) AS portfolio, unnest($form::VARCHAR[]) AS form,
    unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
