-- How much was ever stored, ended or not.
SELECT
    (SELECT count(*) FROM product) AS products,
    (SELECT count(*) FROM demand) AS demands,
    (SELECT count(*) FROM portfolio) AS portfolios,
    (SELECT count(*) FROM curve) AS curves,
    (SELECT count(*) FROM portfolio_demand) + (SELECT count(*) FROM portfolio_product) AS weights;
