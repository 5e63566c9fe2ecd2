"""The one answer, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fts import Auction, Constant, Portfolio
from fts.errors import ConfigurationError
from fts.solver import solve

ENGINES = pytest.mark.parametrize("engine", ["native", "clarabel"])


def cleared(demands, portfolios, engine="native", **options):
    auction = Auction(demands, {name: Portfolio(*parts) for name, parts in portfolios.items()})
    outcome = solve(auction, engine, **options)
    assert outcome.certificate.status == "exact"
    return outcome


@ENGINES
def test_tied_flat_bids_share_by_what_they_offer(engine):
    # Two buyers at 10 offer 1 and 3; at 10 the seller, 5 at 0 and 8 at 2, gives all of its 2.
    outcome = cleared(
        {"a": Constant(10, 0, 1), "b": Constant(10, 0, 3), "s": [(-2, 8), (0, 5)]},
        {k: (k, "A") for k in "abs"},
        engine,
    )
    assert outcome.rates == pytest.approx([0.5, 1.5, -2], rel=1e-12)
    assert outcome.prices == pytest.approx([10], rel=1e-15)


@ENGINES
def test_a_tied_bid_written_in_another_unit_takes_the_same_share(engine):
    # The second buyer counts dozens: 3/12 of them at 120 each.
    outcome = cleared(
        {"a": Constant(10, 0, 1), "b": Constant(120, 0, 0.25), "s": [(-2, 8), (0, 5)]},
        {"a": ("a", "A"), "b": ("b", {"A": 12}), "s": ("s", "A")},
        engine,
    )
    assert outcome.rates == pytest.approx([0.5, 1.5 / 12, -2], rel=1e-12)


@ENGINES
def test_an_open_price_stands_in_the_middle_of_its_quotes(engine):
    # The buyer takes its 1 up to 10, the seller gives its 1 from 5: both are full anywhere between.
    bids = {"a": Constant(10, 0, 1), "s": Constant(5, -1, 0)}
    outcome = cleared(bids, {k: (k, "A") for k in "as"}, engine)
    assert outcome.prices == pytest.approx([7.5], rel=1e-12)
    assert outcome.products.price_low.tolist() == [5] and outcome.products.price_high.tolist() == [10]


@pytest.mark.parametrize(("reference", "price"), [(6.0, 6.0), (1.0, 5.0), (50.0, 10.0), (np.nan, 7.5)])
def test_an_open_price_stands_nearest_to_its_reference(reference, price):
    bids = {"a": Constant(10, 0, 1), "s": Constant(5, -1, 0)}
    # The price may be anywhere in [5, 10]; without a reference it is the middle of its own quotes.
    for given in (np.array([reference]), {"A": reference, "gone": 3}, pd.Series({"A": reference})):
        outcome = cleared(bids, {k: (k, "A") for k in "as"}, reference=given)
        assert outcome.prices == pytest.approx([price], rel=1e-12)
        assert outcome.unique == (False, True)
    assert cleared(bids, {k: (k, "A") for k in "as"}, reference={}).prices == pytest.approx([7.5], rel=1e-12)


@pytest.mark.parametrize("reference", [np.array([1.0, 2.0]), {"A": np.inf}, {"A": "much"}])
def test_references_that_are_none_are_refused(reference):
    with pytest.raises(ConfigurationError, match="reference"):
        cleared({"a": Constant(10, 0, 1), "s": Constant(5, -1, 0)}, {k: (k, "A") for k in "as"}, reference=reference)


@ENGINES
def test_a_spread_between_two_bidders_leaves_the_prices_symmetric(engine):
    # A - B clears between 1 and 3. No product has a quote of its own: nearest 0 is (1/2, -1/2).
    outcome = cleared(
        {"b": Constant(3, 0, 1), "s": Constant(1, -1, 0)},
        {k: (k, {"A": 1, "B": -1}) for k in "bs"},
        engine,
    )
    assert outcome.prices == pytest.approx([0.5, -0.5], rel=1e-12)
    assert outcome.rates.tolist() == [1, -1]


@ENGINES
def test_duplicates_trade_alike(engine):
    portfolios = {"x": ("b", "A"), "y": ("b", "A"), "s": ("s", "A")}
    outcome = cleared({"b": [(0, 10), (2, 0)], "s": [(-2, 8), (0, 5)]}, portfolios, engine)
    # 10 - 5z = 5 + 1.5z at z = 10/13, half of it on each of the two portfolios.
    assert outcome.rates == pytest.approx([5 / 13, 5 / 13, -10 / 13], rel=1e-12)
    assert outcome.prices == pytest.approx([10 - 50 / 13], rel=1e-12)


def test_buyer_and_seller_at_one_price_need_not_trade():
    outcome = cleared({"a": Constant(10, 0, None), "s": Constant(10, -1, 0)}, {k: (k, "A") for k in "as"})
    assert outcome.rates.tolist() == [0, 0] and outcome.prices == pytest.approx([10], rel=1e-15)


def test_no_trade_between_the_quotes_has_their_middle():
    outcome = cleared({"a": Constant(3, 0, 1), "s": Constant(5, -1, 0)}, {k: (k, "A") for k in "as"})
    assert outcome.rates.tolist() == [0, 0] and outcome.prices == pytest.approx([4], rel=1e-12)


def test_a_determined_price_is_its_own_interval():
    outcome = cleared({"a": [(0, 10), (2, 0)], "s": [(-2, 8), (0, 5)]}, {k: (k, "A") for k in "as"})
    assert outcome.products.price_low.tolist() == outcome.products.price_high.tolist() == outcome.prices.tolist()


def test_the_price_interval_of_a_spread_and_of_its_products():
    # A + B is bid for at 10 and not traded, A is offered at 5 and not traded, B trades at 310/23 by itself.
    bids = {"b": Constant(10, 0, 1), "s": Constant(5, -1, 0), "c": [(0, 20), (2, 10)], "t": [(-2, 18), (0, 5)]}
    held = {"b": {"A": 1, "B": 1}, "s": "A", "c": "B", "t": "B"}
    found = cleared(bids, {k: (k, held[k]) for k in bids}).price_interval(["A", "B"])
    # 20 - 5z = 5 + 6.5z at z = 30/23: B at 310/23. Nobody trades A between 10 - 310/23 and 5.
    assert found.loc["B"].tolist() == pytest.approx([310 / 23, 310 / 23])
    assert found.loc["A"].tolist() == pytest.approx([10 - 310 / 23, 5])


def test_only_the_difference_of_two_prices_is_limited():
    outcome = cleared({"b": Constant(3, 0, 1), "s": Constant(1, -1, 0)}, {k: (k, {"A": 1, "B": -1}) for k in "bs"})
    found = outcome.price_interval(["A", "B"])
    assert np.isinf(found.to_numpy()).all()


def test_the_solves_of_the_last_step_alone_count_as_steps():
    # A sloped market with substitutes: the last step finds its segments without the interior point.
    bids = {"either": [(0, 10), (2, 0)], "a": [(-2, 8), (0, 5)], "b": [(-2, 9), (0, 4)]}
    held = {"x": ("either", "A"), "y": ("either", "B"), "a": ("a", "A"), "b": ("b", "B")}
    portfolios = held | {f"{k}{n}": (f"{k}{n}", k.upper()) for k in "ab" for n in range(200)}
    bids |= {f"{k}{n}": [(-0.01, 8.0 + n / 50), (0, 5.0 + n / 50)] for k in "ab" for n in range(200)}
    assert cleared(bids, portfolios).certificate.iterations > 0
