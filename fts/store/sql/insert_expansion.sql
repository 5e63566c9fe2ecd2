INSERT INTO product_expansion BY NAME
SELECT ancestor::UUID AS ancestor, leaf::UUID AS leaf, ratio, depth, instant AS valid_from, until AS valid_until
FROM incoming;
