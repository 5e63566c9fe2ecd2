-- From $instant on these leaves are split.
UPDATE product_expansion SET valid_until = $instant WHERE valid_until IS NULL AND leaf IN (SELECT unnest($leaf::UUID[]));
