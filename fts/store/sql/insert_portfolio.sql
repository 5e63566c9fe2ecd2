INSERT INTO portfolio BY NAME SELECT
    unnest($id::UUID[]) AS id, unnest($bidder::UUID[]) AS bidder, unnest($instant::TIMESTAMP[]) AS created,
    unnest($app_data::VARCHAR[])::JSON AS app_data;
