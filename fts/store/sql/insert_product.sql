INSERT INTO product BY NAME
SELECT id::UUID AS id, instant AS created, app_data::JSON AS app_data, parent::UUID AS parent, ratio
FROM incoming;
