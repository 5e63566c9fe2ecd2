-- Ids and app_data come as texts, which DuckDB casts to the types of the columns.
INSERT INTO {table} BY NAME SELECT * FROM incoming;
