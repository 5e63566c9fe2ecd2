"""Unbounded auctions are named; cycles without profit are solved."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest

import fts
from fts import Auction, Constant, Portfolio
from fts.errors import UnboundedAuction
from fts.solver.program import program_of, tradable_part
from fts.solver.unbounded import check_bounded

CASES = {
    "buyer above seller": (
        Auction(
            {"b": Constant(10, 0), "s": Constant(5, None, 0), "x": [(0, 20), (10, 10)]},
            {"b": Portfolio("b", "A"), "s": Portfolio("s", "A"), "x": Portfolio("x", "A")},
        ),
        ({"A"}, {"b", "s"}, {"b", "s"}),
    ),
    "one curve, portfolios that cancel": (
        Auction({"u": Constant(7)}, {"one": Portfolio("u", "A"), "two": Portfolio({"u": 2}, "A")}),
        ({"A"}, {"u"}, {"one", "two"}),
    ),
    "around a triangle": (
        # Buying A for B, B for C and C for A, one unit each, pays 1 + 1 - 1.9.
        Auction(
            {"ab": Constant(1, 0), "bc": Constant(1, 0), "ca": Constant(-1.9, 0), "other": [(-9, 9), (9, 0)]},
            {
                "ab": Portfolio("ab", {"A": 1, "B": -1}),
                "bc": Portfolio("bc", {"B": 1, "C": -1}),
                "ca": Portfolio("ca", {"C": 1, "A": -1}),
                "other": Portfolio("other", {"A": 1, "C": 0.5}),
            },
        ),
        ({"A", "B", "C"}, {"ab", "bc", "ca"}, {"ab", "bc", "ca"}),
    ),
    "through a bounded demand that is left alone": (
        # The two portfolios on `d` exchange A for B without moving it; `u` pays for the exchange.
        Auction(
            {"d": [(0, 10), (5, 5)], "u": Constant(3, 0)},
            {"a": Portfolio("d", "A"), "b": Portfolio("d", "B"), "u": Portfolio("u", {"A": 1, "B": -1})},
        ),
        ({"A", "B"}, {"d", "u"}, {"a", "b", "u"}),
    ),
    "a profit of a billionth": (
        Auction(
            {"b": Constant(0.1 * (1 + 1e-9), 0), "s": Constant(0.3, None, 0)},
            {"b": Portfolio("b", "A"), "s": Portfolio("s", {"A": 3})},
        ),
        ({"A"}, {"b", "s"}, {"b", "s"}),
    ),
    "in units far apart": (
        Auction(
            {"b": Constant(10e9, 0), "s": Constant(5e-6, None, 0)},
            {"b": Portfolio({"b": 1e-9}, "A"), "s": Portfolio({"s": 1e6}, "A")},
        ),
        ({"A"}, {"b", "s"}, {"b", "s"}),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_unbounded_auction_names_one_cycle(name):
    auction, (products, demands, portfolios) = CASES[name]
    with pytest.raises(UnboundedAuction) as raised:
        auction.solve()
    error = raised.value
    assert (set(error.products), set(error.demands), set(error.portfolios)) == (products, demands, portfolios)
    assert not re.search(r"\d", str(error))


def test_two_cycles_are_reported_as_one():
    names = "AB"
    auction = Auction(
        {f"{side}{n}": Constant(10, 0) if side == "b" else Constant(5, None, 0) for n in names for side in "bs"},
        {f"{side}{n}": Portfolio(f"{side}{n}", n) for n in names for side in "bs"},
    )
    with pytest.raises(UnboundedAuction) as raised:
        auction.solve()
    assert len(raised.value.products) == 1 and len(raised.value.portfolios) == 2


BOUNDED = {
    "cycle without profit": Auction(
        {"b": Constant(5, 0), "s": Constant(5, None, 0)}, {"b": Portfolio("b", "A"), "s": Portfolio("s", "A")}
    ),
    "rounding is no profit": Auction(
        {"b": Constant(3 * 0.1, 0), "s": Constant(0.3, None, 0)}, {"b": Portfolio("b", "A"), "s": Portfolio("s", "A")}
    ),
    "rounding in weights is no profit": Auction(
        {"b": Constant(0.1, 0), "s": Constant(0.3, None, 0)},
        {"b": Portfolio("b", "A"), "s": Portfolio("s", {"A": 3})},
    ),
    "unlimited at price 0, converted freely": Auction(
        {"u": Constant(0)}, {"one": Portfolio("u", "A"), "two": Portfolio({"u": 2}, "A")}
    ),
    "a loss": Auction(
        {"b": Constant(5, 0), "s": Constant(10, None, 0)}, {"b": Portfolio("b", "A"), "s": Portfolio("s", "A")}
    ),
    "unlimited against bounded": Auction(
        {"b": Constant(10, 0), "s": Constant(5, -3, 0)}, {"b": Portfolio("b", "A"), "s": Portfolio("s", "A")}
    ),
}


@pytest.mark.parametrize("engine", ["clarabel", "piqp", "native"])
@pytest.mark.parametrize("name", BOUNDED)
def test_cycle_without_profit_is_solved(name, engine):
    outcome = BOUNDED[name].solve(engine)
    assert outcome.certificate.solved
    assert np.isfinite(outcome.rates).all()


def test_bounded_auction_costs_no_linear_program(monkeypatch, built):
    forbidden = lambda *a, **k: pytest.fail("a linear program was solved")  # noqa: E731
    monkeypatch.setattr(sys.modules["fts.solver.unbounded"], "solve_lp", forbidden)
    bounded = Auction(
        {"a": [(0, 5), (5, 0)], "b": [(-5, 5), (0, 0)]}, {"a": Portfolio("a", "A"), "b": Portfolio("b", "A")}
    )
    assert bounded.solve().certificate.solved


@pytest.mark.parametrize("seed", range(25))
def test_a_profitable_pair_hidden_in_a_market_is_found(built, seed):
    market = built(seed)
    assert market.auction.solve().certificate.solved
    product = next(iter(market.prices))
    demands = market.demands | {"more": Constant(12, 0), "less": Constant(11.5, None, 0)}
    portfolios = market.portfolios | {"more": Portfolio("more", product), "less": Portfolio("less", {product: 1})}
    with pytest.raises(UnboundedAuction) as raised:
        Auction(demands, portfolios).solve()
    assert product in raised.value.products


def test_free_conversion_is_warned_of():
    auction = Auction(
        {"b": [(0, 10), (5, 5)], "s": [(-5, 3), (0, 1)]},
        {"one": Portfolio("b", {"A": 1}), "two": Portfolio("b", {"A": 2}), "s": Portfolio("s", "A")},
    )
    assert auction.warnings == (
        "demand 'b' converts products freely: portfolios 'one', 'two' hold different amounts of 'A' per unit of it, "
        "so the price of 'A' is 0 for everybody",
    )
    outcome = auction.solve()
    assert outcome.certificate.solved and outcome.prices.tolist() == [0.0]


def test_plain_substitutes_and_duplicates_are_not_warned_of():
    auction = Auction(
        {"b": [(0, 10), (5, 5)], "c": [(0, 10), (5, 5)]},
        {
            "in A": Portfolio("b", "A"),
            "in B": Portfolio("b", "B"),
            "in A again": Portfolio({"b": 2}, {"A": 2}),
            "alone": Portfolio({"c": 1}, {"A": 2}),
        },
    )
    assert auction.warnings == ()
    assert fts.Auction({}, {}).warnings == ()


SELL = {"min_rate": None, "max_rate": 0}


@pytest.mark.parametrize(
    ("curves", "portfolios"),
    [
        (
            {"a": {**SELL, "price": 13}, "b": {**SELL, "price": 20}},
            {
                "x": ({"a": 2.000000000028571}, {"p": 2.000000000030866}),
                "y": ({"a": 0.9999999999925789}, {"p": 0.9999999999903859}),
                "z": ({"a": 0.9999999999976572, "b": 2.0000000000109392}, {"p": 1.000000000009531}),
            },
        ),
        (
            {"a": {**SELL, "price": 15}, "b": {**SELL, "price": 14}, "c": {**SELL, "price": 19}},
            {
                "x": ({"a": 1.0000000007547696}, {"p": 0.9999999998540221}),
                "y": ({"b": -1.0000000008598813}, {"p": 2.0000000035233225}),
                "z": ({"c": 1.0000000009933239}, {"p": 0.9999999997084785}),
                "u": ({"d": 1.0000000003926208}, {"p": -1.0000000000051144}),
                "v": ({"d": 0.9999999996384}, {"p": -0.9999999987697678}),
            },
        ),
    ],
)
def test_sellers_alone_earn_nothing_however_nearly_equal_their_portfolios(curves, portfolios):
    # Every unlimited curve only sells, above 0: whatever runs in a cycle costs money. Weights that differ by 1e-10 must
    # not turn the tolerance of a linear program into a profit.
    bids = {**curves, "d": {"min_rate": -2, "max_rate": 0, "price": -4}}
    auction = fts.Auction.from_json(
        {
            "demand_curves": bids,
            "portfolios": {name: {"demand": d, "basis": b} for name, (d, b) in portfolios.items()},
        }
    )
    part = tradable_part(auction)
    check_bounded(auction, part, program_of(auction, part))
