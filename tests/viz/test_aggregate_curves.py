"""Supply and demand of one product, against numbers worked out by hand and against the clearing itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fts
from fts.errors import UnknownReference
from fts.viz import MarketCurves, market_curves

NOON = fts.Auction(
    demands={
        "load": [(0, 60), (100, 20)],
        "wind": fts.Constant(5, min_rate=-80, max_rate=0),
        "gas": [(-50, 55), (0, 35)],
    },
    portfolios={name: fts.Portfolio(name, "noon") for name in ("load", "wind", "gas")},
)


def test_one_product_with_private_demands_shows_the_bids_themselves() -> None:
    curves = market_curves(NOON, NOON.solve(), "noon")
    assert corners(curves.demand_rates, curves.demand_prices) == [(0, 60), (100, 20)]
    assert corners(curves.supply_rates, curves.supply_prices) == [(0, 5), (80, 5), (80, 35), (130, 55)]
    # The load pays 60 - 0.4 · 80 for the last unit of wind, less than gas costs.
    assert curves.price == pytest.approx(28, rel=1e-6)
    assert curves.volume == pytest.approx(80, rel=1e-6)


def test_substitutes_answer_with_their_other_rates_held() -> None:
    auction = fts.Auction.read_json(Path(__file__).parents[1] / "golden" / "example" / "auction.json")
    curves = market_curves(auction, auction.solve(), "noon")
    # The load holds 34.284375 at dusk, so at noon its curve begins there; the store buys where noon is cheaper than
    # 0.9 of dusk, 15.975; wind gets 0.3 · 17.75 from dusk.
    expected_demand = [
        (0, 60 - 20 * 34.284375 / 80),
        (45.715625, 40),
        (45.715625, 25),
        (65.715625, 20),
        (65.715625 + 20 * (20 - 15.975) / 5, 15.975),
        (65.715625 + 20 + 2.4375, 15),
        (95.715625, 11.975),
    ]
    got = np.column_stack([curves.demand_rates, curves.demand_prices])
    assert np.allclose(got, expected_demand, atol=1e-6)
    wind = (5 - 0.3 * 17.75) / 0.7
    expected_supply = [
        (0, wind),
        (56, wind),
        (56, 15.975),
        (56 + 10 * (17.75 - 15.975) / 4, 17.75),
        (76 + 10 * (17.75 - 15.975) / 4, 17.75),
    ]
    got = np.column_stack([curves.supply_rates, curves.supply_prices])[: len(expected_supply)]
    assert np.allclose(got, expected_supply, atol=1e-6)


def test_an_unlimited_bid_ends_its_curve() -> None:
    auction = fts.Auction(
        {"buyer": [(0, 50), (10, 40)], "import": fts.Constant(45, max_rate=0)},
        {"buyer": fts.Portfolio("buyer", "A"), "import": fts.Portfolio("import", "A")},
    )
    curves = market_curves(auction, auction.solve(), "A")
    assert corners(curves.supply_rates, curves.supply_prices) == [(0, 45), (float("inf"), 45)]
    assert curves.volume == pytest.approx(5, rel=1e-6)


def test_a_portfolio_of_two_demands_is_worth_their_weighted_sum() -> None:
    auction = fts.Auction(
        {"value": [(0, 30), (10, 10)], "permit": [(-5, 4), (5, -4)], "seller": [(-100, 12), (0, 12)]},
        {"buyer": fts.Portfolio({"value": 1, "permit": 0.5}, "A"), "seller": fts.Portfolio("seller", "A")},
    )
    curves = market_curves(auction, auction.solve(), "A")
    # 30 - 2x + 0.5 · (-0.8 · 0.5x) = 30 - 2.2x on 0 ≤ x ≤ 10; below 0 the value has no domain.
    assert corners(curves.demand_rates, curves.demand_prices) == [(0, 30), (10, 8)]


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(UnknownReference, match="'midnight'.*noon"):
        market_curves(NOON, NOON.solve(), "midnight")


@st.composite
def markets(draw: st.DrawFn) -> fts.Auction:
    """Small markets of sloped bids, some over two products, some sharing a demand, some valued by two."""
    demands, portfolios = {}, {}
    n = draw(st.integers(2, 6))
    for k in range(n):
        low, high = draw(st.integers(-9, 0)), draw(st.integers(1, 9))
        top = draw(st.integers(5, 60))
        demands[f"d{k}"] = [(low, top), (high, top - draw(st.integers(1, 30)))]
    for k in range(n + draw(st.integers(0, 3))):
        weights = {f"d{k % n}": draw(st.sampled_from([1.0, -0.5, 2.0]))}
        if draw(st.integers(0, 3)) == 0:
            weights[f"d{(k + 1) % n}"] = draw(st.sampled_from([1.0, 0.5]))
        basis = {draw(st.sampled_from("AB")): draw(st.sampled_from([1.0, 0.7, -1.0, 2.0]))}
        if draw(st.booleans()):
            basis["C"] = draw(st.sampled_from([1.0, -0.9]))
        portfolios[f"p{k}"] = fts.Portfolio(weights, basis)
    return fts.Auction(demands, portfolios)


@settings(max_examples=60, deadline=None)
@given(markets())
def test_the_curves_cross_where_the_auction_clears(auction: fts.Auction) -> None:
    outcome = auction.solve(tol=1e-6)
    hair = 1e-5 * float(np.abs(auction.point_prices).max())
    for product in auction.product_ids.to_pylist():
        curves = market_curves(auction, outcome, product)
        if np.isnan(curves.price):
            assert not len(curves.demand_rates) and not len(curves.supply_rates)
            continue
        assert np.all(np.diff(curves.demand_rates) >= 0) and np.all(np.diff(curves.demand_prices) <= 0)
        assert np.all(np.diff(curves.supply_rates) >= 0) and np.all(np.diff(curves.supply_prices) >= 0)
        above, below = curves.price + hair, curves.price - hair
        near = 1e-3 * max(1.0, curves.volume)
        assert bought(curves, above) - near <= curves.volume <= bought(curves, below) + near
        assert sold(curves, below) - near <= curves.volume <= sold(curves, above) + near


def bought(curves: MarketCurves, price: float) -> float:
    """What demand takes at a price, read off its corners."""
    if not len(curves.demand_rates):
        return 0.0
    return float(np.interp(price, curves.demand_prices[::-1], curves.demand_rates[::-1]))


def sold(curves: MarketCurves, price: float) -> float:
    """What supply gives at a price, read off its corners."""
    if not len(curves.supply_rates):
        return 0.0
    return float(np.interp(price, curves.supply_prices, curves.supply_rates))


def corners(rates: np.ndarray, prices: np.ndarray) -> list[tuple[float, float]]:
    return [(round(float(rate), 6), round(float(price), 6)) for rate, price in zip(rates, prices, strict=True)]
