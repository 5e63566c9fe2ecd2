-- A product and all it was split from: units of the product in one unit of each.
WITH RECURSIVE up AS (
    SELECT id, parent, ratio AS step, 1.0::DOUBLE AS ratio, 0 AS depth FROM product WHERE id = $id::UUID
    UNION ALL
    SELECT p.id, p.parent, p.ratio, up.ratio * up.step, up.depth + 1
    FROM up JOIN product AS p ON p.id = up.parent WHERE up.parent <> up.id
)
SELECT id::VARCHAR AS id, ratio, depth FROM up ORDER BY depth;
