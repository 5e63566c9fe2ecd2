-- The market file, schema version 1.
--
-- Instants are UTC. A row holds for valid_from <= t < valid_until; null: still. A change closes the row that
-- held and opens the next one; no row is ever deleted, no other column ever changed.
-- Rates are signed: + buys, - sells [quantity_unit / time_unit]. Prices are [money_unit / quantity_unit].

CREATE TABLE market (
    schema_version INTEGER NOT NULL,        -- of this file
    created TIMESTAMP NOT NULL,             -- [UTC]
    time_unit VARCHAR NOT NULL,             -- a duration; rates are quantity per this time
    time_unit_seconds DOUBLE NOT NULL,      -- [s] the same, > 0
    quantity_unit VARCHAR NOT NULL,
    money_unit VARCHAR NOT NULL
);

CREATE TABLE product (
    id UUID PRIMARY KEY,
    created TIMESTAMP NOT NULL,             -- [UTC]
    app_data JSON NOT NULL,                 -- what the application knows about it
    parent UUID NOT NULL,                   -- the product it was split from; a root is its own
    ratio DOUBLE NOT NULL                   -- units of this in one unit of the parent, > 0; a root: 1
);

-- One unit of a product in the products that trade, over time.
CREATE TABLE product_expansion (
    ancestor UUID NOT NULL,
    leaf UUID NOT NULL,
    ratio DOUBLE NOT NULL,                  -- units of the leaf in one unit of the ancestor, > 0
    depth INTEGER NOT NULL,                 -- levels between them; 0: the product itself
    valid_from TIMESTAMP NOT NULL,          -- [UTC]
    valid_until TIMESTAMP                   -- [UTC]
);

CREATE TABLE demand (
    id UUID PRIMARY KEY,
    bidder UUID NOT NULL,
    created TIMESTAMP NOT NULL,             -- [UTC]
    app_data JSON NOT NULL
);

-- While no row holds, the demand is inactive.
CREATE TABLE curve (
    demand UUID NOT NULL,
    rates DOUBLE[] NOT NULL,                -- [quantity / time] never falling; of a constant the two bounds, or infinite
    prices DOUBLE[] NOT NULL,               -- [money / quantity] never rising; of a constant the price, twice
    constant BOOLEAN NOT NULL,              -- written as one price between two bounds
    valid_from TIMESTAMP NOT NULL,          -- [UTC]
    valid_until TIMESTAMP                   -- [UTC]
);

CREATE TABLE portfolio (
    id UUID PRIMARY KEY,
    bidder UUID NOT NULL,
    created TIMESTAMP NOT NULL,             -- [UTC]
    app_data JSON NOT NULL
);

CREATE TABLE portfolio_demand (
    portfolio UUID NOT NULL,
    demand UUID NOT NULL,
    weight DOUBLE NOT NULL,                 -- [demand unit / portfolio unit], any sign
    valid_from TIMESTAMP NOT NULL,          -- [UTC]
    valid_until TIMESTAMP                   -- [UTC]
);

CREATE TABLE portfolio_product (
    portfolio UUID NOT NULL,
    product UUID NOT NULL,
    weight DOUBLE NOT NULL,                 -- [product unit / portfolio unit], any sign
    valid_from TIMESTAMP NOT NULL,          -- [UTC]
    valid_until TIMESTAMP                   -- [UTC]
);

-- Limits of the quantity that an auth may ever trade, and the form in which the data of auths and costs were written.
CREATE TABLE auth_limit (
    portfolio UUID NOT NULL,                -- of the auth; the demand, if the form is that of a cost
    min_trade DOUBLE,                       -- [quantity] signed, + bought; null: unlimited
    max_trade DOUBLE,                       -- [quantity] signed, + bought; null: unlimited
    form VARCHAR NOT NULL,                  -- demand, rates: of an auth; bare cost: of a cost that is a curve alone
    valid_from TIMESTAMP NOT NULL,          -- [UTC]
    valid_until TIMESTAMP                   -- [UTC]
);

CREATE TABLE batch (
    instant TIMESTAMP PRIMARY KEY,          -- [UTC] its outcomes hold from here
    solved_at TIMESTAMP NOT NULL,           -- [UTC] its auction is that of least(instant, solved_at)
    thru TIMESTAMP,                         -- [UTC] the end that its outcomes were given, if they were
    duration DOUBLE,                        -- [time_unit] that limits counted for it, of its slice or one step of the
                                            -- schedule, which it holds for at least; null: one time unit
    solver VARCHAR NOT NULL,                -- the engine or rule that cleared it; empty: none did
    status VARCHAR NOT NULL,                -- solved, exact, other rule; not solved: no outcome, the one before stays
    reason VARCHAR,                         -- why it was not solved
    imbalance DOUBLE,                       -- certificate [relative]: net trade of a product
    domain DOUBLE,                          -- certificate [relative]: rates outside their curve's domain
    consistency DOUBLE,                     -- certificate [relative]: portfolio prices against marginal prices
    gap DOUBLE,                             -- certificate [relative]: gains from trade left
    fit DOUBLE,                             -- certificate [relative]: change of the curves that makes it exact
    welfare DOUBLE,                         -- gains from trade [money_unit / time_unit]
    tol DOUBLE,                             -- certificate [relative]: what was required
    iterations BIGINT,                      -- steps of the engine
    engine_seconds DOUBLE,                  -- [s] of the engine alone
    seconds DOUBLE NOT NULL,                -- [s] of clearing
    products BIGINT NOT NULL,               -- that took part
    demands BIGINT NOT NULL,                -- that took part
    portfolios BIGINT NOT NULL              -- that took part
);

-- Of every portfolio with both groups not empty, batch by batch.
CREATE TABLE portfolio_outcome (
    portfolio UUID NOT NULL,
    price DOUBLE,                           -- [money / portfolio unit]; null: none
    rate DOUBLE NOT NULL,                   -- [portfolio unit / time] + buys
    valid_from TIMESTAMP NOT NULL,          -- [UTC] instant of the batch
    valid_until TIMESTAMP                   -- [UTC]
);

-- Of every product that such a portfolio trades, batch by batch.
CREATE TABLE product_outcome (
    product UUID NOT NULL,
    price DOUBLE,                           -- [money / quantity]; null: none
    rate DOUBLE NOT NULL,                   -- [quantity / time] traded volume, >= 0
    reference DOUBLE,                       -- [money / quantity] the price it was kept near to; null: none
    price_low DOUBLE,                       -- [money / quantity] least clearing price; infinite: unlimited; null: not computed
    price_high DOUBLE,                      -- [money / quantity] largest clearing price; likewise
    valid_from TIMESTAMP NOT NULL,          -- [UTC] instant of the batch
    valid_until TIMESTAMP                   -- [UTC]
);

CREATE INDEX curve_of ON curve (demand);
CREATE INDEX demand_of ON portfolio_demand (portfolio);
CREATE INDEX portfolio_of ON portfolio_demand (demand);
CREATE INDEX basis_of ON portfolio_product (portfolio);

-- For analysis: stable names and columns.

-- The curves that hold now, as in table curve.
CREATE VIEW curves_now AS
SELECT c.demand, d.bidder, c.rates, c.prices, c.constant, c.valid_from
FROM curve AS c JOIN demand AS d ON d.id = c.demand
WHERE c.valid_until IS NULL;

-- The portfolios that have weights now; demand and basis are maps from id to weight, null where empty.
CREATE VIEW portfolios_now AS
SELECT p.id AS portfolio, p.bidder, p.app_data, d.demand, b.basis
FROM portfolio AS p
LEFT JOIN (
    SELECT portfolio, map(list(demand ORDER BY demand), list(weight ORDER BY demand)) AS demand
    FROM portfolio_demand WHERE valid_until IS NULL GROUP BY portfolio
) AS d ON d.portfolio = p.id
LEFT JOIN (
    SELECT portfolio, map(list(product ORDER BY product), list(weight ORDER BY product)) AS basis
    FROM portfolio_product WHERE valid_until IS NULL GROUP BY portfolio
) AS b ON b.portfolio = p.id
WHERE d.demand IS NOT NULL OR b.basis IS NOT NULL;

-- Prices and volumes of every product, batch by batch, as in table product_outcome.
CREATE VIEW prices AS
SELECT o.product, p.app_data, o.price, o.rate, o.price_low, o.price_high, o.valid_from, o.valid_until
FROM product_outcome AS o JOIN product AS p ON p.id = o.product;

-- What every portfolio traded, batch by batch, until an instant: quantity = rate * time [portfolio unit].
CREATE MACRO fills_at(t) AS TABLE
SELECT
    p.bidder, o.portfolio, o.price, o.rate,
    o.rate * (epoch_us(least(o.valid_until, t)) - epoch_us(o.valid_from)) / 1e6 / m.time_unit_seconds AS quantity,
    o.valid_from, o.valid_until
FROM portfolio_outcome AS o JOIN portfolio AS p ON p.id = o.portfolio CROSS JOIN market AS m
WHERE o.valid_from < t;

-- What every bidder holds of every product at an instant: quantity [quantity_unit, + bought] and what it cost
-- [money_unit, + paid], in the products that trade then.
CREATE MACRO positions_at(t) AS TABLE
WITH traded AS (
    SELECT f.bidder, e.leaf, f.valid_from, sum(f.quantity * w.weight * e.ratio) AS quantity
    FROM fills_at(t) AS f
    JOIN batch AS b ON b.instant = f.valid_from
    JOIN portfolio_product AS w ON w.portfolio = f.portfolio
        AND w.valid_from <= least(b.instant, b.solved_at)
        AND (w.valid_until IS NULL OR w.valid_until > least(b.instant, b.solved_at))
    JOIN product_expansion AS e ON e.ancestor = w.product
        AND e.valid_from <= least(b.instant, b.solved_at)
        AND (e.valid_until IS NULL OR e.valid_until > least(b.instant, b.solved_at))
    WHERE f.rate <> 0
    GROUP BY f.bidder, e.leaf, f.valid_from
), paid AS (
    SELECT x.bidder, x.leaf, sum(x.quantity) AS quantity, sum(x.quantity * o.price) AS cost
    FROM traded AS x JOIN product_outcome AS o ON o.product = x.leaf AND o.valid_from = x.valid_from
    GROUP BY x.bidder, x.leaf
), finer AS (
    SELECT ancestor, leaf, ratio, ratio / sum(ratio) OVER (PARTITION BY ancestor) AS share
    FROM product_expansion WHERE valid_from <= t AND (valid_until IS NULL OR valid_until > t)
)
SELECT x.bidder, n.leaf AS product, sum(x.quantity * n.ratio) AS quantity, sum(x.cost * n.share) AS cost
FROM paid AS x JOIN finer AS n ON n.ancestor = x.leaf
GROUP BY x.bidder, n.leaf;

-- The same until now.
CREATE VIEW fills AS SELECT * FROM fills_at((now() AT TIME ZONE 'UTC')::TIMESTAMP);
CREATE VIEW positions AS SELECT * FROM positions_at((now() AT TIME ZONE 'UTC')::TIMESTAMP);
