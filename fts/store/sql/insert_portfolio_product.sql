INSERT INTO portfolio_product BY NAME
SELECT portfolio::UUID AS portfolio, product::UUID AS product, weight, instant AS valid_from, until AS valid_until
FROM incoming;
