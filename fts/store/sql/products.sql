-- All products in order of creation, with the leaves of now.
SELECT
    p.id::VARCHAR AS id, p.app_data, p.parent::VARCHAR AS parent, p.ratio,
    list({'id': e.leaf::VARCHAR, 'weight': e.ratio} ORDER BY e.leaf) AS basis, p.created
FROM product AS p JOIN product_expansion AS e ON e.ancestor = p.id AND e.valid_until IS NULL
GROUP BY p.id, p.app_data, p.parent, p.ratio, p.created
ORDER BY p.created, p.id;
