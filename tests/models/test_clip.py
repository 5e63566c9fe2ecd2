"""Curves that are cut off at smaller domains."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidAuction
from fts.models.auction import Auction
from fts.models.curve import Constant, Curve


def cut(curve: Any, low: float, high: float) -> Any:
    """One curve, cut off."""
    auction = Auction({"d": curve}, {"p": {"demand": "d", "basis": "a"}})
    return auction.within([low], [high]).demands["d"]


LOAD = [(0, 60), (100, 20)]
BOTH = [(-10, 9), (-5, 8), (0, 8), (0, 4), (10, 2)]


@pytest.mark.parametrize(
    ("curve", "low", "high", "expected"),
    [
        # 60 - 0.4 rate at 25 is 50.
        (LOAD, -inf, 25, [(0, 60), (25, 50)]),
        (LOAD, 0, 0, [(0, 60)]),
        (LOAD, -7, 200, LOAD),
        (LOAD, -inf, inf, LOAD),
        # Between -10 and -5 the price falls by 0.2 per unit; between 0 and 10 too.
        (BOTH, -7, 5, [(-7, 8.4), (-5, 8), (0, 8), (0, 4), (5, 3)]),
        (BOTH, -5, 10, [(-5, 8), (0, 8), (0, 4), (10, 2)]),
        (BOTH, 0, 0, [(0, 8), (0, 4)]),
        (BOTH, 0, 5, [(0, 8), (0, 4), (5, 3)]),
        (BOTH, -2, 0, [(-2, 8), (0, 8), (0, 4)]),
        # No point stands at 0: the price there is half way.
        ([(-1, 4), (1, 2)], 0, 0, [(0, 3)]),
        ([(-1, 4), (1, 2)], -0.5, 0.5, [(-0.5, 3.5), (0.5, 2.5)]),
        ([(0, 5)], -1, 1, [(0, 5)]),
    ],
)
def test_a_curve_keeps_its_shape_inside(curve: Any, low: float, high: float, expected: Any) -> None:
    assert cut(curve, low, high) == Curve(expected)


@pytest.mark.parametrize(
    ("curve", "low", "high", "expected"),
    [
        (Constant(5), -3, inf, Constant(5, -3, None)),
        (Constant(5), -inf, inf, Constant(5)),
        (Constant(5, -80, 0), -20, 20, Constant(5, -20, 0)),
        (Constant(5), 0, 0, Constant(5, 0, 0)),
        (Constant(5, 0, 0), -1, 1, Constant(5, 0, 0)),
    ],
)
def test_a_constant_stays_one(curve: Any, low: float, high: float, expected: Any) -> None:
    assert cut(curve, low, high) == expected


def test_every_demand_is_cut_by_its_own_rates() -> None:
    curves = {"a": LOAD, "b": Constant(5), "c": BOTH, "d": [(0, 5)]}
    auction = Auction(curves, {name: {"demand": name, "basis": "x"} for name in curves})
    assert auction.idle.tolist() == [False, False, False, True]
    small = auction.within([-1, -2, -7, 0], [25, 3, 0, 0])
    assert small.to_json()["demand_curves"] == {
        "a": Curve([(0, 60), (25, 50)]).to_json(),
        "b": Constant(5, -2, 3).to_json(),
        "c": Curve([(-7, 8.4), (-5, 8), (0, 8), (0, 4)]).to_json(),
        "d": [{"rate": 0, "price": 5}],
    }
    # The auction itself is what it was.
    assert auction.demands["a"] == Curve(LOAD)
    assert small.within([0] * 4, [0] * 4).idle.all()


@pytest.mark.parametrize("rates", [([0.1], [1]), ([-1], [-0.1]), ([np.nan], [1]), ([0, 0], [0, 0])])
def test_rate_0_is_never_left_out(rates: Any) -> None:
    auction = Auction({"d": LOAD}, {"p": {"demand": "d", "basis": "a"}})
    with pytest.raises(InvalidAuction, match="at most 0"):
        auction.within(*rates)


sizes = st.floats(0, 1e3, allow_subnormal=False)


@st.composite
def curves(draw: Any) -> Any:
    if draw(st.booleans()):
        low, high = draw(st.one_of(st.none(), sizes)), draw(st.one_of(st.none(), sizes))
        return Constant(draw(st.floats(-9, 9)), None if low is None else -low, high)
    count = draw(st.integers(1, 6))
    rates = sorted(draw(st.lists(st.integers(-20, 20), min_size=count, max_size=count)))
    prices = sorted(draw(st.lists(st.floats(-50, 50), min_size=count, max_size=count)), reverse=True)
    shift = draw(st.sampled_from(rates))
    return Curve([(rate - shift, price) for rate, price in zip(rates, prices, strict=True)])


@given(st.lists(st.tuples(curves(), sizes, sizes), min_size=1, max_size=5))
def test_inside_the_cut_the_price_is_what_it_was(drawn: Any) -> None:
    names = [f"d{k}" for k in range(len(drawn))]
    auction = Auction(
        {name: curve for name, (curve, _, _) in zip(names, drawn, strict=True)},
        {name: {"demand": name, "basis": "x"} for name in names},
    )
    small = auction.within([-low for _, low, _ in drawn], [high for _, _, high in drawn])
    for name, (curve, low, high) in zip(names, drawn, strict=True):
        # Constructing it proves that rates never fall and prices never rise, and that 0 lies inside.
        found = small.demands[name]
        assert type(found) is type(curve)
        assert (found.min_rate, found.max_rate) == (max(-low, curve.min_rate), min(high, curve.max_rate))
        inside = np.linspace(found.min_rate, found.max_rate, 9) if np.isfinite(found.rates).all() else np.zeros(1)
        if isinstance(curve, Constant):
            assert isinstance(found, Constant) and found.price == curve.price
            continue
        # At a step numpy takes one of its prices; between the points there is only one.
        inside = inside[~np.isin(inside, curve.rates)]
        np.testing.assert_allclose(
            np.interp(inside, found.rates, found.prices), np.interp(inside, curve.rates, curve.prices), atol=1e-9
        )
