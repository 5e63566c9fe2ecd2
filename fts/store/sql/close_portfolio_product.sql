UPDATE portfolio_product SET valid_until = $instant
WHERE valid_until IS NULL AND portfolio IN (SELECT unnest($portfolio::UUID[]));
