-- Price and rate of products or portfolios, from $instant until $thru; null: until another batch ends them.
INSERT INTO {thing}_outcome BY NAME
SELECT *, $instant::TIMESTAMP AS valid_from, $thru::TIMESTAMP AS valid_until FROM {thing}_rows;
