INSERT INTO curve BY NAME SELECT
    unnest($demand::UUID[]) AS demand, unnest($rates::DOUBLE[][]) AS rates, unnest($prices::DOUBLE[][]) AS prices,
    unnest($constant::BOOLEAN[]) AS constant, unnest($instant::TIMESTAMP[]) AS valid_from, unnest($until::TIMESTAMP[]) AS valid_until;
