-- One product with the leaves of now; the columns of products.sql.
SELECT
    p.id::VARCHAR AS id, p.app_data, p.parent::VARCHAR AS parent, p.ratio,
    (
        SELECT list({'id': leaf::VARCHAR, 'weight': ratio} ORDER BY leaf)
        FROM product_expansion WHERE ancestor = $id::UUID AND valid_until IS NULL
    ) AS basis,
    p.created
FROM product AS p
WHERE p.id = $id::UUID;
