INSERT INTO product_expansion BY NAME SELECT
    unnest($ancestor::UUID[]) AS ancestor, unnest($leaf::UUID[]) AS leaf, unnest($ratio::DOUBLE[]) AS ratio,
    unnest($depth::INTEGER[]) AS depth, unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
