"""Cases that any market meets one day, on the two engines of high accuracy."""

from __future__ import annotations

import numpy as np
import pytest

import fts
from fts import Auction, Constant, Portfolio

pytestmark = pytest.mark.parametrize("engine", ["clarabel", "piqp", "native"])
BUYER, SELLER = [(0, 60), (100, 20)], [(-100, 70), (0, 10)]


def solved(engine, demands, portfolios):
    outcome = Auction(demands, {name: Portfolio(*parts) for name, parts in portfolios.items()}).solve(engine)
    assert outcome.certificate.status == "exact"
    return outcome


def test_empty_auction(engine):
    outcome = solved(engine, {}, {})
    assert len(outcome.prices) == len(outcome.rates) == 0
    assert outcome.certificate.welfare == 0


def test_no_product(engine):
    outcome = solved(engine, {"b": BUYER}, {"b": ("b", None), "c": (None, None)})
    assert outcome.rates.tolist() == [0, 0]
    assert np.isnan(outcome.portfolio_prices).all() and len(outcome.prices) == 0


def test_one_sided_market_has_a_price_and_no_trade(engine):
    outcome = solved(engine, {"b": BUYER, "c": Constant(70, 0, 5)}, {"b": ("b", "A"), "c": ("c", "A")})
    assert outcome.rates.tolist() == [0, 0] and outcome.prices[0] >= 70


def test_single_bidder_with_everything(engine):
    # Buyer and seller of one owner on one demand: only the net counts, and it is 0.
    outcome = solved(engine, {"d": [(-10, 30), (10, 10)]}, {"in": ("d", "A"), "out": ("d", "B")})
    assert outcome.demand_rates == pytest.approx([0], abs=1e-7)
    assert np.abs(outcome.rates).max() < 1e-7
    assert outcome.prices == pytest.approx([20, 20])


def test_single_point_at_zero_cannot_trade(engine):
    outcome = solved(engine, {"b": BUYER, "s": SELLER, "p": [(0, 5)]}, {k: (k, "A") for k in "bsp"})
    assert outcome.prices == pytest.approx([40]) and outcome.rates == pytest.approx([50, -50, 0])
    assert np.isnan(outcome.demand_prices).tolist() == [False, False, True]


def test_single_point_at_zero_shared_lets_products_be_exchanged(engine):
    # "swap" has domain {0}: what it buys of A it sells of B. A is wanted, B is offered.
    outcome = solved(
        engine,
        {"swap": [(0, 5)], "b": BUYER, "s": SELLER},
        {"swap A": ("swap", "A"), "swap B": ("swap", "B"), "b": ("b", "A"), "s": ("s", "B")},
    )
    assert outcome.prices == pytest.approx([40, 40])
    assert outcome.rates == pytest.approx([-50, 50, 50, -50])


def test_step_at_zero(engine):
    dealer = [(-10, 48), (0, 45), (0, 35), (10, 32)]
    outcome = solved(engine, {"b": BUYER, "s": SELLER, "m": dealer}, {k: (k, "A") for k in "bsm"})
    assert outcome.prices == pytest.approx([40]) and outcome.rates[2] == 0


def test_dead_product_beside_a_living_one(engine):
    # Nobody offers B below what is bid for it: no trade there, and nothing but rounding would show.
    outcome = solved(
        engine,
        {"b": BUYER, "s": SELLER, "bB": Constant(5, 0, 10), "sB": Constant(9, -10, 0), "m": [(-10, 8), (10, 6)]},
        {"b": ("b", "A"), "s": ("s", "A"), "bB": ("bB", "B"), "sB": ("sB", "B"), "m": ("m", "B")},
    )
    assert outcome.rates[2:].tolist() == [0, 0, 0]
    assert outcome.prices == pytest.approx([40, 7])


def test_everything_at_price_zero(engine):
    outcome = solved(engine, {"b": Constant(0, 0, 10), "s": Constant(0, -10, 0)}, {"b": ("b", "A"), "s": ("s", "A")})
    assert outcome.prices.tolist() == [0]


def test_null_curves_unknown_demands_and_zero_weights(engine):
    outcome = solved(
        engine,
        {"b": BUYER, "s": SELLER, "asleep": None},
        {
            "b": ({"b": 1, "s": 0}, {"A": 1, "B": 0}),
            "s": ({"s": 1, "gone": 3}, "A"),
            "asleep": ("asleep", ["A", "C"]),
            "gone": ("gone", "A"),
        },
    )
    assert outcome.products.index.tolist() == ["A", "C"]
    assert outcome.prices[0] == pytest.approx(40) and np.isnan(outcome.prices[1])
    assert outcome.rates == pytest.approx([50, -50, 0, 0])
    assert np.isnan(outcome.portfolio_prices).tolist() == [False, False, True, False]


def test_unlimited_both_ways_sets_the_price(engine):
    outcome = solved(engine, {"b": BUYER, "s": SELLER, "bank": Constant(37)}, {k: (k, "A") for k in ("b", "s", "bank")})
    assert outcome.prices == pytest.approx([37])
    assert outcome.rates == pytest.approx([57.5, -45, -12.5])


def test_ten_thousand_points_on_one_curve(engine):
    # A staircase along 60 - 0.4 q: the same clearing to the width of a stair.
    q = np.repeat(np.linspace(0, 100, 5001), 2)[1:-1]
    p = np.repeat(60 - 0.4 * (q[::2] + q[1::2]) / 2, 2)
    outcome = solved(engine, {"b": np.column_stack([q, p]), "s": SELLER}, {"b": ("b", "A"), "s": ("s", "A")})
    assert outcome.prices == pytest.approx([40], abs=0.02)


@pytest.mark.parametrize("decades", [3, 9])
def test_units_from_tiny_to_huge(engine, decades, built):
    rng = np.random.default_rng(decades)
    for seed in range(10):
        market = built(seed)
        product = {p: 10 ** rng.uniform(-decades, decades) for p in market.prices}
        demand = {d: 10 ** rng.uniform(-decades, decades) for d in market.demands}
        portfolios = {}
        for name, one in market.portfolios.items():
            k = 10 ** rng.uniform(-decades, decades)
            portfolios[name] = Portfolio(
                {d: w * k * demand[d] for d, w in one.demand.items()},
                {p: w * k * product[p] for p, w in one.basis.items()},
            )
        auction = Auction({d: in_unit(curve, demand[d]) for d, curve in market.demands.items()}, portfolios)
        outcome = auction.solve(engine)
        scale = max(map(abs, market.prices.values()))
        for name, price in zip(auction.product_ids.to_pylist(), outcome.prices, strict=True):
            assert price * product[name] == pytest.approx(market.prices[name], abs=1e-4 * scale)


def in_unit(curve, k):
    """A demand with rates and weights × k and prices / k."""
    if isinstance(curve, Constant):
        return Constant(curve.price / k, curve.min_rate * k, curve.max_rate * k)
    return fts.Curve([(q * k, p / k) for q, p in curve])


def test_surpluses_add_up_to_the_welfare(engine, folder):
    outcome = fts.Auction.read_json(folder / "auction.json").solve(engine)
    welfare = outcome.certificate.welfare
    assert outcome.demands["surplus"].sum() == pytest.approx(welfare, rel=1e-7)


def test_missing_the_tolerance_raises_with_what_was_reached(engine):
    # Thirds and sevenths: some measure is a rounding error, and not 0.
    demands = {"b": [(0, 61), (93, 17)], "s": SELLER, "t": [(-70, 33), (0, 10 / 3)], "u": [(-9, 31), (9, 10 / 7)]}
    portfolios = {"b": Portfolio("b", {"A": 0.7, "B": 0.3}), "s": Portfolio("s", "A"), "t": Portfolio("t", "B")}
    auction = Auction(demands, portfolios | {"u": Portfolio("u", {"A": -0.3, "B": 0.7})})
    with pytest.raises(fts.errors.NotSolved, match="throw=False") as raised:
        auction.solve(engine, tol=1e-300)
    reached = raised.value.outcome
    assert reached.certificate.status == "not solved" and reached.certificate.tol == 1e-300
    again = auction.solve(engine, tol=1e-300, throw=False)
    assert again.certificate.status == "not solved" and again.prices == pytest.approx(reached.prices)


@pytest.mark.parametrize(
    "bid",
    [
        [(-1, 1e308), (1, -1e308)],
        [(0, 1e308), (1e308, 0)],
        [(0, 1e-300), (1e-300, 0)],
    ],
)
def test_numbers_that_float64_cannot_hold_together_are_refused_or_solved_never_a_defect(engine, bid):
    auction = Auction({"b": bid, "s": SELLER}, {"b": Portfolio("b", "A"), "s": Portfolio("s", "A")})
    try:
        assert auction.solve(engine).certificate.solved
    except fts.errors.InvalidAuction as refused:
        assert "'b'" in str(refused)
    except fts.errors.NotSolved as missed:
        assert missed.outcome is not None


@pytest.mark.parametrize("weight", [1e308, 1e-308, -1e300])
def test_a_weight_at_the_end_of_float64_is_refused_or_solved_never_a_defect(engine, weight):
    curves = {"b": [(0, 30), (9, 3)], "s": SELLER}
    auction = Auction(curves, {"b": Portfolio("b", {"A": weight}), "s": Portfolio("s", "A")})
    try:
        assert auction.solve(engine).certificate.solved
    except fts.errors.InvalidAuction as refused:
        assert "portfolio 'b'" in str(refused) or "demand 'b'" in str(refused)
    except fts.errors.NotSolved as missed:
        assert missed.outcome is not None
