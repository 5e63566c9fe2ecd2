INSERT INTO demand BY NAME
SELECT id::UUID AS id, bidder::UUID AS bidder, instant AS created, app_data::JSON AS app_data
FROM incoming;
