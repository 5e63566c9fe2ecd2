"""What holds for every market, whatever its bids, units and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fts import Auction, Constant, Curve, Portfolio
from fts.solver import certify

# The same markets every time in CI; the soak draws new ones.
FEW = settings(derandomize=settings.default.max_examples <= 100, suppress_health_check=[HealthCheck.too_slow])
MEASURES = ("imbalance", "domain", "consistency", "gap", "fit")
number = st.integers(-40, 40).map(lambda n: n / 4)
weight = st.sampled_from([-2.0, -1.0, -0.5, 0.3, 0.7, 1.0, 2.0])
names = st.sampled_from("ABCD")


@st.composite
def curves(draw):
    if draw(st.booleans()):
        low, high = -abs(draw(number)), abs(draw(number))
        return Constant(draw(number), low, high)
    n = draw(st.integers(1, 5))
    rates = sorted([0.0, *draw(st.lists(number, min_size=n - 1, max_size=n - 1))])
    prices = sorted(draw(st.lists(number, min_size=n, max_size=n)), reverse=True)
    return Curve(list(zip(rates, prices, strict=True)))


@st.composite
def markets(draw):
    demands = {f"d{k}": draw(curves()) for k in range(draw(st.integers(1, 6)))}
    portfolios = {}
    for k in range(draw(st.integers(1, 8))):
        demand = draw(st.dictionaries(st.sampled_from(sorted(demands)), weight, max_size=2))
        portfolios[f"b{k}"] = Portfolio(demand, draw(st.dictionaries(names, weight, max_size=3)))
    return demands, portfolios


@FEW
@given(markets())
def test_every_market_clears(market):
    auction = Auction(*market)
    outcome = auction.solve()
    assert outcome.certificate.solved
    # The net trade of every product is zero, and every rate is within its curve, worked out again from the bids.
    for product in auction.product_ids.to_pylist():
        trades = [one.basis.get(product, 0) * outcome.rates[i] for i, one in enumerate(market[1].values())]
        assert abs(sum(trades)) <= 1e-8 * max(sum(map(abs, trades)), 1e-6 * np.abs(outcome.rates).max(initial=0))
    for name, curve in auction.demands.items():
        trades = [one.demand.get(name, 0) * outcome.rates[i] for i, one in enumerate(market[1].values())]
        assert curve.min_rate - 1e-7 * sum(map(abs, trades)) <= sum(trades)
        assert sum(trades) <= curve.max_rate + 1e-7 * sum(map(abs, trades))


@FEW
@given(markets())
def test_gains_from_trade_are_never_negative(market):
    outcome = Auction(*market).solve()
    assert outcome.certificate.welfare >= -1e-7
    assert (outcome.demands["surplus"] >= -1e-6).all()


@FEW
@given(markets(), st.randoms(use_true_random=False))
def test_order_and_names_of_bids_do_not_matter(market, random):
    demands, portfolios = market
    outcome = Auction(demands, portfolios).solve()
    renamed = {name: f"r{k}" for k, name in enumerate(random.sample(sorted(demands), len(demands)))}
    shuffled = random.sample(sorted(portfolios), len(portfolios))
    other = Auction(
        {renamed[name]: demands[name] for name in random.sample(sorted(demands), len(demands))},
        {
            name: Portfolio({renamed[d]: w for d, w in portfolios[name].demand.items()}, portfolios[name].basis)
            for name in shuffled
        },
    )
    order = [list(portfolios).index(name) for name in shuffled]
    # With the prices of demands: those that least squares finds where portfolios have a price of 0 may be rounding.
    original = {new: name for name, new in renamed.items()}
    place = [outcome.auction.demand_ids.to_pylist().index(original[new]) for new in other.demand_ids.to_pylist()]
    back = certify(other, outcome.rates[order], outcome.prices, outcome.demand_prices[place])
    ours = certify(Auction(demands, portfolios), outcome.rates, outcome.prices, outcome.demand_prices)
    for measure in MEASURES:
        assert getattr(back, measure) == pytest.approx(getattr(ours, measure), rel=1e-6, abs=1e-12)
    assert other.solve().certificate.welfare == pytest.approx(outcome.certificate.welfare, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("seed", range(60))
def test_certificate_has_no_unit(built, seed):
    """Money, time, products, portfolios and demands in other units: the same measures of the same wrong answer."""
    market, rng = built(seed), np.random.default_rng(seed)
    money, time = 10 ** rng.uniform(-9, 9, 2)
    product = {p: 10 ** rng.uniform(-6, 6) for p in market.prices}
    demand = {d: 10 ** rng.uniform(-6, 6) for d in market.demands}
    portfolio = {b: 10 ** rng.uniform(-6, 6) for b in market.portfolios}

    def in_unit(curve, k):
        if isinstance(curve, Constant):
            return Constant(curve.price * money / k, curve.min_rate * time * k, curve.max_rate * time * k)
        return [(q * time * k, p * money / k) for q, p in curve]

    other = Auction(
        {d: in_unit(curve, demand[d]) for d, curve in market.demands.items()},
        {
            b: Portfolio(
                {d: w * portfolio[b] * demand[d] for d, w in one.demand.items()},
                {p: w * portfolio[b] * product[p] for p, w in one.basis.items()},
            )
            for b, one in market.portfolios.items()
        },
    )
    here = market.auction
    names = here.portfolio_ids.to_pylist()
    rates = np.array([market.rates[b] for b in names]) * rng.uniform(0.9, 1.1, len(names))
    prices = np.array([market.prices[p] for p in here.product_ids.to_pylist()]) * rng.uniform(0.9, 1.1, len(product))
    ours = certify(here, rates, prices)
    theirs = certify(
        other,
        rates * time / np.array([portfolio[b] for b in names]),
        prices * money / np.array([product[p] for p in other.product_ids.to_pylist()]),
    )
    for measure in MEASURES:
        assert getattr(theirs, measure) == pytest.approx(getattr(ours, measure), rel=1e-9, abs=1e-14), measure
    assert theirs.welfare == pytest.approx(ours.welfare * money * time, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_splitting_a_bid_changes_no_price(built, seed):
    market = built(seed)
    name = next(n for n in market.demands if n.startswith("last"))
    halves = {f"{name} {k}": [(q / 2, p) for q, p in market.demands[name]] for k in (1, 2)}
    one = market.portfolios[name]
    weight = one.demand[name]
    split = Auction(
        {d: c for d, c in market.demands.items() if d != name} | halves,
        {b: o for b, o in market.portfolios.items() if b != name}
        | {half: Portfolio({half: weight}, one.basis) for half in halves},
    )
    scale = max(map(abs, market.prices.values()))
    for product, price in zip(split.product_ids.to_pylist(), split.solve().prices, strict=True):
        assert price == pytest.approx(market.prices[product], abs=1e-6 * scale)
