INSERT INTO product BY NAME SELECT
    unnest($id::UUID[]) AS id, unnest($instant::TIMESTAMP[]) AS created, unnest($app_data::VARCHAR[])::JSON AS app_data,
    unnest($parent::UUID[]) AS parent, unnest($ratio::DOUBLE[]) AS ratio;
