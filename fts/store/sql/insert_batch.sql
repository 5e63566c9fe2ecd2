INSERT INTO batch BY NAME SELECT
    $instant::TIMESTAMP AS instant, $solved_at::TIMESTAMP AS solved_at, $thru::TIMESTAMP AS thru, $duration AS duration, $solver AS solver,
    $status AS status, $reason AS reason, $imbalance AS imbalance, $domain AS domain, $consistency AS consistency,
    $gap AS gap, $fit AS fit, $welfare AS welfare, $tol AS tol, $iterations AS iterations,
    $engine_seconds AS engine_seconds, $seconds AS seconds, $products AS products, $demands AS demands,
    $portfolios AS portfolios;
