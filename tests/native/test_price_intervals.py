"""Intervals of clearing prices: by hand, and against the clearing conditions written out for another engine."""

from __future__ import annotations

import math
from typing import Any

import cvxpy
import numpy as np
import pandas as pd
import pytest

import fts
from fts import Constant, Portfolio
from fts.models.curve import DemandCurve

INF = math.inf


def cleared(demands: dict[str, Any], portfolios: dict[str, Any]) -> fts.Outcome:
    return fts.Auction(demands, {name: Portfolio(*parts) for name, parts in portfolios.items()}).solve()


def interval(outcome: fts.Outcome, *products: str) -> dict[str, tuple[float, float]]:
    found = outcome.price_interval(list(products))
    assert list(found.columns) == ["price_low", "price_high"] and found.index.name == "product"
    return {str(name): (float(row.price_low), float(row.price_high)) for name, row in found.iterrows()}


def on_curve(curve: DemandCurve, rate: float) -> tuple[float, float]:
    """Lowest and highest price at a rate, ends continued; a rate within 1e-9 of a point is at the point."""
    if isinstance(curve, Constant):
        points = [(curve.min_rate, curve.price), (curve.max_rate, curve.price)]
    else:
        points = list(curve.points)
    at = [price for q, price in points if abs(q - rate) <= 1e-9]
    low, high = (min(at), max(at)) if at else (-INF, INF)
    for (q0, p0), (q1, p1) in zip(points[:-1], points[1:], strict=True):
        if q0 + 1e-9 < rate < q1 - 1e-9:
            low = high = p0 if p0 == p1 else p0 + (p1 - p0) * (rate - q0) / (q1 - q0)
    return (-INF if points[-1][0] - rate <= 1e-9 else low), (INF if rate - points[0][0] <= 1e-9 else high)


def by_another_engine(outcome: fts.Outcome, product: str) -> tuple[float, float]:
    """The two linear programs over all prices and all demand prices, as the definition has them."""
    auction = outcome.auction
    pi = cvxpy.Variable(len(auction.product_ids))
    lam = cvxpy.Variable(max(len(auction.demand_ids), 1))
    rules = []
    for d, curve in enumerate(auction.demands.values()):
        low, high = on_curve(curve, float(outcome.demand_rates[d]))
        rules += [lam[d] >= low] if low > -INF else []
        rules += [lam[d] <= high] if high < INF else []
    active = np.flatnonzero(~auction.idle)
    rules.append(auction.basis.T.toarray()[active] @ pi == auction.weights.T.toarray()[active] @ lam)
    ends = []
    for sense in (cvxpy.Minimize, cvxpy.Maximize):
        problem = cvxpy.Problem(sense(pi[auction.product_ids.to_pylist().index(product)]), rules)
        ends.append(float(problem.solve(solver="CLARABEL")))
        assert problem.status in ("optimal", "unbounded")
    return ends[0], ends[1]


def random_market(seed: int) -> fts.Auction:
    """Few products, whole numbers: ties, steps at 0, spreads, unlimited curves, shared demands and several demands."""
    rng = np.random.default_rng(seed)
    products = [f"p{k}" for k in range(rng.integers(1, 6))]
    demands: dict[str, Any] = {}
    portfolios: dict[str, Any] = {}
    for k in range(int(rng.integers(2, 14))):
        price, size = int(rng.integers(-4, 9)), int(rng.integers(1, 4))
        kind = rng.choice(["buy", "sell", "both", "step", "slope", "unlimited"])
        demands[f"d{k}"] = {
            "buy": Constant(price, 0, size),
            "sell": Constant(price, -size, 0),
            "both": Constant(price, -size, size),
            "step": [(-size, price + 5), (0, price + 3), (0, price), (size, price - 1)],
            "slope": [(-size, price + 2), (size, price - 2)],
            "unlimited": Constant(price + 12, None, 0),
        }[str(kind)]
        for j in range(1 if rng.random() < 0.8 else 2):
            held = rng.choice(products, size=min(len(products), int(rng.integers(1, 4))), replace=False)
            basis = {str(p): int(rng.choice([1, 1, 1, -1, 2])) for p in held}
            weights = {f"d{k}": int(rng.choice([1, 1, -1, 2]))}
            if k and rng.random() < 0.1:
                weights[f"d{k - 1}"] = 1
            portfolios[f"b{k}.{j}"] = Portfolio(weights, basis)
    return fts.Auction(demands, portfolios)


def priced(outcome: fts.Outcome) -> list[str]:
    return outcome.products.index[outcome.products.price.notna()].tolist()


@pytest.mark.parametrize("start", range(0, 100, 20))
def test_random_markets_against_another_engine(start, soak):
    is_open = is_unlimited = 0
    for seed in range(start, start + (400 if soak else 20)):
        try:
            outcome = random_market(seed).solve()
        except fts.errors.UnboundedAuction:
            continue
        found = outcome.price_interval(priced(outcome))
        for name, low, high in found.itertuples():
            assert (low, high) == pytest.approx(by_another_engine(outcome, name), rel=1e-6, abs=1e-6), (seed, name)
            assert low <= outcome.products.price[name] <= high
            is_open += low != high
            is_unlimited += math.isinf(low) or math.isinf(high)
    assert is_open > is_unlimited > 0


def rewritten(auction: fts.Auction, seed: int) -> tuple[fts.Auction, dict[str, float]]:
    """The same auction in another order and other units, and the units of its products."""
    rng = np.random.default_rng(seed)
    units = {
        kind: {name: float(10.0 ** rng.integers(-6, 7)) * float(rng.choice([1, 3, 7])) for name in ids.to_pylist()}
        for kind, ids in (("product", auction.product_ids), ("demand", auction.demand_ids))
    }
    demands: dict[str, Any] = {}
    for name, curve in auction.demands.items():
        unit = units["demand"][name]
        demands[name] = (
            Constant(curve.price / unit, curve.min_rate * unit, curve.max_rate * unit)
            if isinstance(curve, Constant)
            else [(rate * unit, price / unit) for rate, price in curve.points]
        )
    portfolios = {}
    for name in rng.permutation(auction.portfolio_ids.to_pylist()).tolist():
        portfolio, unit = auction.portfolios[name], float(10.0 ** rng.integers(-6, 7))
        portfolios[name] = Portfolio(
            {d: weight * unit * units["demand"][d] for d, weight in portfolio.demand.items()},
            {p: weight * unit * units["product"][p] for p, weight in portfolio.basis.items()},
        )
    return fts.Auction(demands, portfolios), units["product"]


@pytest.mark.parametrize("start", range(0, 60, 20))
def test_intervals_do_not_depend_on_units_or_order(start, soak):
    for seed in range(start, start + (400 if soak else 20)):
        auction = random_market(seed)
        try:
            outcome = auction.solve()
        except fts.errors.UnboundedAuction:
            continue
        other, units = rewritten(auction, seed)
        names = priced(outcome)
        found, again = outcome.price_interval(names), other.solve().price_interval(names)
        for name in names:
            same = tuple(again.loc[name] * units[name])
            assert tuple(found.loc[name]) == pytest.approx(same, rel=1e-9, abs=1e-9), (seed, name)


def test_an_outcome_of_a_file_has_the_same_intervals():
    # It does not know which prices are determined.
    compared = 0
    for seed in range(20):
        try:
            outcome = random_market(seed).solve()
        except fts.errors.UnboundedAuction:
            continue
        read = fts.Outcome.from_json(outcome.to_json(), outcome.auction)
        assert np.isnan(read.price_low).all()
        if read.certificate.status != "exact":
            continue
        pd.testing.assert_frame_equal(
            read.price_interval(priced(outcome)), outcome.price_interval(priced(outcome)), rtol=1e-9, atol=1e-9
        )
        compared += 1
    assert compared > 5


def test_products_asked_for_together_or_alone():
    for seed in range(30):
        try:
            outcome = random_market(seed).solve()
        except fts.errors.UnboundedAuction:
            continue
        names = priced(outcome)[::-1]
        together = outcome.price_interval(names)
        assert together.index.tolist() == names
        for name in names:
            pd.testing.assert_frame_equal(outcome.price_interval([name]), together.loc[[name]], rtol=1e-12)


def test_a_quote_reaches_another_product_through_a_spread():
    # Nothing trades. A is bid at 10 and offered at 20, B − A is bid at 2 and offered at 5.
    demands = {
        "bid": Constant(10, 0, 1),
        "ask": Constant(20, -1, 0),
        "buy": Constant(2, 0, 1),
        "sell": Constant(5, -1, 0),
    }
    held: dict[str, Any] = {"bid": "A", "ask": "A", "buy": {"B": 1, "A": -1}, "sell": {"B": 1, "A": -1}}
    outcome = cleared(demands, {name: (name, held[name]) for name in demands})
    assert interval(outcome, "A", "B") == {"A": (10, 20), "B": (12, 25)}
    # B offered at 18: A costs at most 18 − 2.
    demands["cap"], held["cap"] = Constant(18, -1, 0), "B"
    outcome = cleared(demands, {name: (name, held[name]) for name in demands})
    assert interval(outcome, "B", "A") == {"B": (12, 18), "A": (10, 16)}


def test_an_end_that_nobody_limits_is_infinite():
    # A costs at least 3, and B at least twice as much: from above nothing limits either.
    demands = {"bid": Constant(3, 0, 1), "spread": Constant(0, 0, 1)}
    outcome = cleared(demands, {"bid": ("bid", "A"), "spread": ("spread", {"B": 1, "A": -2})})
    assert interval(outcome, "A", "B") == {"A": (3, INF), "B": (6, INF)}


@pytest.mark.parametrize("weights", [(1, 1, 1, 1), (1, 1, 3, 1), (1, 0.1, 0.3, 7), (1e6, 1, 1, 1e-6)])
def test_traded_spreads_alone_leave_every_price_unlimited(weights):
    # Each spread pins one combination, at any level; the price of "a" may be anything.
    a, b, c, d = weights
    demands = {"s": Constant(1, -2, 2), "t": Constant(1, -0.5, 0.5)}
    outcome = cleared(demands, {"s": ("s", {"a": a, "b": b}), "t": ("t", {"b": c, "c": d})})
    assert interval(outcome, "a", "b", "c") == dict.fromkeys("abc", (-INF, INF))


def test_the_price_of_a_shared_demand_ties_its_products():
    # The load is full with 4 of A, so λ ≤ 10; the seller of A is full at 6. B counts twice, and is offered at 16.
    demands = {"load": Constant(10, 0, 4), "A at 6": Constant(6, -4, 0), "B at 16": Constant(16, -1, 0)}
    portfolios = {
        "load A": ("load", "A"),
        "load B": ({"load": 2}, "B"),
        "A at 6": ("A at 6", "A"),
        "B at 16": ("B at 16", "B"),
    }
    outcome = cleared(demands, portfolios)
    assert outcome.portfolios.rate[["load A", "load B"]].tolist() == pytest.approx([4, 0])
    found = interval(outcome, "A", "B")
    assert found["A"] == pytest.approx((6, 8)) and found["B"] == pytest.approx((12, 16))
    # Without the offer of B the load's own price is the limit.
    del demands["B at 16"], portfolios["B at 16"]
    found = interval(cleared(demands, portfolios), "A", "B")
    assert found["A"] == pytest.approx((6, 10)) and found["B"] == pytest.approx((12, 20))


def test_a_step_at_zero_is_an_interval():
    # A within 3 and 9, A + B within 12 and 14, and sloped bids set B to exactly 7.
    demands = {
        "step": [(-1, 9), (0, 9), (0, 3), (1, 3)],
        "pair": [(-1, 14), (0, 14), (0, 12), (1, 12)],
        "b": [(0, 8), (2, 6)],
        "s": [(-2, 8), (0, 6)],
    }
    held: dict[str, Any] = {"step": "A", "pair": {"A": 1, "B": 1}, "b": "B", "s": "B"}
    outcome = cleared(demands, {name: (name, held[name]) for name in demands})
    assert interval(outcome, "A", "B") == {"A": (5, 7), "B": (7, 7)}


def test_a_product_without_a_price_has_no_interval_and_an_unknown_one_is_named():
    outcome = cleared({"d": Constant(3, 0, 1)}, {"d": ("d", "A"), "idle": ({}, "B")})
    found = outcome.price_interval(["B", "A", "B"])
    assert found.index.tolist() == ["B", "A", "B"]
    assert found.loc["A"].tolist() == [3, INF] and found.loc["B"].isna().all(axis=None)
    assert outcome.price_interval([]).empty
    with pytest.raises(fts.errors.UnknownReference, match="no product 'C'"):
        outcome.price_interval(["A", "C"])


def test_an_outcome_that_is_not_exact_is_refused():
    auction = fts.Auction({"d": [(0, 9), (2, 1)], "s": [(-2, 8), (0, 2)]}, {k: Portfolio(k, "A") for k in "ds"})
    outcome = auction.solve("osqp", throw=False)
    rough = fts.Outcome(
        auction,
        rates=[1, -1],
        prices=[5.001],
        demand_prices=[5.001, 5.001],
        certificate=auction.certify([1, -1], [5.001]),
        solver="by hand",
    )
    assert outcome.certificate.status == "exact" and rough.certificate.status != "exact"
    with pytest.raises(fts.errors.NotSolved, match="only an exact outcome"):
        rough.price_interval(["A"])


def test_many_products_tied_in_a_chain():
    # Product k is bid at 100 − k² and offered at 200 + k², and costs between 1 and 2 more than the one before.
    n = 40
    demands: dict[str, Any] = {}
    portfolios: dict[str, Any] = {}
    for k in range(n):
        demands |= {f"bid{k}": Constant(100 - k * k, 0, 1), f"ask{k}": Constant(200 + k * k, -1, 0)}
        portfolios |= {f"bid{k}": (f"bid{k}", f"p{k}"), f"ask{k}": (f"ask{k}", f"p{k}")}
        if k:
            demands |= {f"buy{k}": Constant(1, 0, 1), f"sell{k}": Constant(2, -1, 0)}
            portfolios |= {f"{side}{k}": (f"{side}{k}", {f"p{k}": 1, f"p{k - 1}": -1}) for side in ("buy", "sell")}
    # Each end is the tightest of all quotes, carried along the chain.
    found = interval(cleared(demands, portfolios), *(f"p{k}" for k in range(n)))
    for k in range(n):
        low = max(100 - j * j + (k - j if j <= k else -2 * (j - k)) for j in range(n))
        high = min(200 + j * j + (2 * (k - j) if j <= k else -(j - k)) for j in range(n))
        assert found[f"p{k}"] == pytest.approx((low, high), rel=1e-12)
