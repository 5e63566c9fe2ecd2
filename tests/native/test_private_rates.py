"""Rates of nearly flat curves at prices that flat bids determine: worked out by hand."""

from __future__ import annotations

import pytest

import fts

FLOOR = -500.0


def spread_at_the_floor(size: float, end_price: float, floor: float = FLOOR) -> fts.Auction:
    """A buyer of the spread between two hours, worth exactly 0 at `size`; both hours are at the floor."""
    curves = {
        "spread": ([(0, end_price), (size, 0), (size + 100, -end_price)], {"h1": 1, "h5": -1}),
        "block": ([(0, 5793.66), (26, 5699.77), (85, 5637.14)], {"h2": 1, "h3": 1, "h5": 1}),
        "h1 floor": ([(-10 * size, floor), (0, floor)], {"h1": 1}),
        "h2 floor": ([(-100, floor), (0, floor)], {"h2": 1}),
        "h3 floor": ([(-100, floor), (0, floor)], {"h3": 1}),
        "h5 floor": ([(-400, floor), (0, floor)], {"h5": 1}),
        "h5 cap": ([(0, 4000), (size + 40, 4000)], {"h5": 1}),
    }
    return fts.Auction(
        {name: curve for name, (curve, _) in curves.items()},
        {name: fts.Portfolio(name, weights) for name, (_, weights) in curves.items()},
    )


@pytest.mark.parametrize("end_price", [1.0, 0.01, 1e-4, 1e-6])
@pytest.mark.parametrize("size", [60.0, 600.0])
def test_a_spread_of_two_prices_at_the_floor_responds_to_exactly_0(size: float, end_price: float) -> None:
    outcome = spread_at_the_floor(size, end_price).solve()
    prices, rates = (frame[column] for frame, column in ((outcome.products, "price"), (outcome.portfolios, "rate")))
    assert outcome.certificate.status == "exact"
    assert prices["h1"] == prices["h5"] == FLOOR
    # What the others trade of h1 and h5 follows: each product is in balance.
    expected = {"spread": size, "h1 floor": -size, "block": 85, "h5 cap": size + 40, "h5 floor": -125}
    assert {name: rates[name] for name in expected} == pytest.approx(expected, rel=1e-11)


def at_the_cap(*names: str) -> fts.Auction:
    curves = {
        "spread": ([(-166, 0.01), (0, 0)], {"A": 1, "B": -1}),
        "idle storage": ([(0, -0.5), (200, -5)], {"C": 1, "A": -0.9}),
        "losing ask": ([(-149, 5192.5), (-145, 5104.7), (0, 4936.01)], {"B": 1}),
        "C cap": ([(0, 4000), (100, 4000)], {"C": 1}),
        "A cap": ([(0, 4000), (50, 4000)], {"A": 1}),
        "A floor": ([(-25, -500), (0, -500)], {"A": 1}),
        "B cap": ([(0, 4000), (50, 4000)], {"B": 1}),
        "B floor": ([(-25, -500), (0, -500)], {"B": 1}),
    }
    return fts.Auction(
        {name: curve for name, (curve, _) in curves.items() if name not in names},
        {name: fts.Portfolio(name, weights) for name, (_, weights) in curves.items() if name not in names},
    )


@pytest.mark.parametrize("left_out", [(), ("losing ask",), ("idle storage",), ("idle storage", "losing ask", "C cap")])
@pytest.mark.parametrize("engine", [None, "clarabel"])
def test_two_zones_at_the_cap_trade_no_spread_whoever_loses_beside_them(left_out: tuple[str, ...], engine) -> None:
    outcome = at_the_cap(*left_out).solve(engine)
    rates = outcome.portfolios["rate"]
    assert outcome.certificate.status == "exact"
    assert outcome.products["price"][["A", "B"]].tolist() == [4000.0, 4000.0]
    assert rates["spread"] == 0.0
    four = rates[["A cap", "B cap", "A floor", "B floor"]].tolist()
    assert four == pytest.approx([25.0, 25.0, -25.0, -25.0], rel=1e-15)
