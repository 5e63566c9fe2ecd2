INSERT INTO auth_limit BY NAME
SELECT portfolio::UUID AS portfolio, form, instant AS valid_from, until AS valid_until
FROM incoming;
