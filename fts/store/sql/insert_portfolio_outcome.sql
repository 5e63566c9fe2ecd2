INSERT INTO portfolio_outcome BY NAME SELECT
    portfolio::UUID AS portfolio, price, rate, $instant::TIMESTAMP AS valid_from, $thru::TIMESTAMP AS valid_until
FROM portfolio_rows;
