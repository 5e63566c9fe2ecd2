-- Price and rate of a portfolio in the batches later than an instant, oldest first.
SELECT valid_from, valid_until, price, rate
FROM portfolio_outcome WHERE portfolio = $id::UUID AND valid_from > $since ORDER BY valid_from LIMIT $limit;
