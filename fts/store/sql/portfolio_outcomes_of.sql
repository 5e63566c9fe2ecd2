-- Price and rate of these portfolios in one batch.
SELECT portfolio::VARCHAR AS portfolio, valid_from, valid_until, price, rate
FROM portfolio_outcome WHERE valid_from = $instant AND list_contains($ids::UUID[], portfolio);
