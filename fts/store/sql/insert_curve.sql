INSERT INTO curve BY NAME
SELECT demand::UUID AS demand, rates, prices, constant, instant AS valid_from, until AS valid_until
FROM incoming;
