-- All products, for their numbers.
SELECT rowid AS number, id::VARCHAR AS id FROM product ORDER BY number;
