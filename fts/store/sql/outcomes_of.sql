-- Price and rate of these products or portfolios in one batch.
SELECT {thing}::VARCHAR AS id, valid_from, valid_until, price, rate
FROM {thing}_outcome WHERE valid_from = $instant AND list_contains($ids::UUID[], {thing});
