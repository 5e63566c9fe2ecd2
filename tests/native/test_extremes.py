"""Markets at the edges of the language, each with the answer worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fts import Auction, Constant, Curve, Portfolio
from fts.solver import solve
from fts.solver.native.equilibration import scales_of
from fts.solver.program import program_of

BUYER, SELLER = [(0, 60), (100, 20)], [(-100, 60), (0, 20)]


def cleared(demands, portfolios, **options):
    auction = Auction(demands, {name: Portfolio(*parts) for name, parts in portfolios.items()})
    outcome = solve(auction, "native", **options)
    assert outcome.certificate.status == "exact"
    return outcome


def test_one_demand_over_a_product_its_opposite_and_its_double_forces_its_price_to_nothing():
    # Buying {A: 1} and selling {A: 2} twice over costs nothing in the demand and yields A: its price is 0.
    outcome = cleared(
        {"d": [(-10, 5), (10, -5)], "s": Constant(-2, -3, 0)},
        {"up": ("d", "A"), "down": ("d", {"A": -1}), "double": ("d", {"A": 2}), "s": ("s", "A")},
    )
    assert outcome.prices == pytest.approx([0], abs=1e-12)
    # The seller at -2 gives its 3 at a price of 0; d stands where its curve is 0, at rate 0.
    assert outcome.rates[3] == pytest.approx(-3, rel=1e-12)
    assert outcome.demand_rates[0] == pytest.approx(0, abs=1e-12)
    assert (outcome.auction.basis @ outcome.rates) == pytest.approx([0], abs=1e-12)


def test_products_nobody_can_trade_beside_products_everybody_can():
    demands, portfolios = {}, {}
    for k in range(20):
        demands |= {f"b{k}": BUYER, f"s{k}": SELLER, f"stuck{k}": Curve([(0, 7.0 + k)])}
        portfolios |= {f"b{k}": (f"b{k}", f"live{k:02}"), f"s{k}": (f"s{k}", f"live{k:02}")}
        # Two portfolios share a demand of domain {0}: neither is idle, and neither can trade alone.
        portfolios |= {f"x{k}": (f"stuck{k}", f"dead{k:02}"), f"y{k}": (f"stuck{k}", {f"dead{k:02}": 2})}
    outcome = cleared(demands, portfolios)
    prices = outcome.products["price"]
    assert prices[[f"live{k:02}" for k in range(20)]].to_numpy() == pytest.approx(40, rel=1e-12)
    rates = outcome.portfolios["rate"]
    assert rates[[f"b{k}" for k in range(20)]].to_numpy() == pytest.approx(50, rel=1e-12)
    # {dead: 1} and {dead: 2} of one demand convert the product freely, so its price is 0; nobody trades it.
    assert prices[[f"dead{k:02}" for k in range(20)]].to_numpy() == pytest.approx(0, abs=1e-12)
    assert np.abs(rates[[f"{side}{k}" for k in range(20) for side in "xy"]].to_numpy()).max() <= 1e-12


def test_one_demand_over_the_hours_of_a_year():
    # A load of 8,760 may be met in any hour; hour h is sold from 20 + h/876 on, at one more for every ten units.
    hours = np.arange(8760)
    names = [f"h{h:04}" for h in hours]
    demands = {"load": Constant(50.0, 0, 8760)} | {
        f"s{name}": [(-10, 20 + h / 876 + 1), (0, 20 + h / 876)] for h, name in zip(hours.tolist(), names, strict=True)
    }
    portfolios = {f"l{name}": ("load", name) for name in names} | {f"s{name}": (f"s{name}", name) for name in names}
    outcome = cleared(demands, portfolios)
    # At a price of 21.5 hours up to 438 give all of their 10: 4,380; the next 876 half of it on average: 4,380 more.
    sold = -outcome.portfolios["rate"][[f"s{name}" for name in names]].to_numpy()
    price = outcome.demands["price"]["load"]
    assert price == pytest.approx(21.5, abs=1e-3)
    assert sold == pytest.approx(np.clip(10 * (price - 20 - hours / 876), 0, 10), abs=1e-8)
    assert sold.sum() == pytest.approx(8760, rel=1e-12)


def test_supply_equal_to_demand_at_a_step_leaves_the_price_between():
    # 10 are wanted at 50 and then only at 30; 10 are offered at 20 and then only at 45.
    outcome = cleared(
        {"b": [(0, 50), (10, 50), (10, 30), (20, 30)], "s": [(-20, 45), (-10, 45), (-10, 20), (0, 20)]},
        {"b": ("b", "A"), "s": ("s", "A")},
    )
    assert outcome.rates.tolist() == [10, -10]
    assert outcome.products.loc["A", ["price_low", "price_high"]].tolist() == [30, 45]
    assert outcome.prices == pytest.approx([37.5], rel=1e-12)
    assert outcome.unique == (False, True)


def test_every_price_is_open_where_only_a_bundle_is_traded():
    # The bundle of three hours is sold for 30 to 36; each hour's share of it is anybody's: nearest 0 is an equal share.
    outcome = cleared(
        {"b": Constant(36, 0, 1), "s": Constant(30, -1, 0)},
        {k: (k, ["h1", "h2", "h3"]) for k in "bs"},
    )
    assert outcome.rates.tolist() == [1, -1]
    assert outcome.prices == pytest.approx([10, 10, 10], rel=1e-12)
    # Near to known prices of two of them, the third is nearest 0 among what clears: 30 - 9 - 12.
    outcome = cleared(
        {"b": Constant(36, 0, 1), "s": Constant(30, -1, 0)},
        {k: (k, ["h1", "h2", "h3"]) for k in "bs"},
        reference={"h1": 9, "h2": 12},
    )
    assert outcome.prices == pytest.approx([9, 12, 9], rel=1e-12)


@pytest.mark.parametrize("decades", [3, 9])
def test_units_from_product_to_product_and_bid_to_bid(decades):
    # Every product, and every bid, is counted in a unit of its own, from 1e-9 to 1e9; in the first units all are alike.
    rng = np.random.default_rng(decades)
    demands, portfolios, unit = {}, {}, {}
    for k in range(10):
        unit[f"p{k}"] = float(10.0 ** rng.uniform(-decades, decades))
        for side, curve in (("b", BUYER), ("s", SELLER)):
            own = float(10.0 ** rng.uniform(-decades, decades))
            demands[f"{side}{k}"] = [(rate * own, price / own) for rate, price in curve]
            portfolios[f"{side}{k}"] = ({f"{side}{k}": own}, {f"p{k}": unit[f"p{k}"]})
    outcome = cleared(demands, portfolios)
    assert outcome.rates == pytest.approx([50, -50] * 10, rel=1e-9)
    prices = outcome.products["price"]
    assert [prices[p] * unit[p] for p in unit] == pytest.approx([40] * 10, rel=1e-9)


def test_a_quote_that_is_rounding_of_zero_is_no_unit():
    # 1 less a price of 1 that has a rounding error: taken for a typical price, it made every other quote huge.
    # A unit is a lower median, of 1, 2, 3 and of these with the rounding.
    demands = {"a": Constant(1, -3, 3), "b": Constant(3, 0, 4), "c": Constant(2, -4, 0)}
    demands["late"] = Constant(-2.2e-16, 0, 3)
    portfolios = {name: Portfolio(name, "power") for name in demands}
    program = program_of(Auction(demands, portfolios))
    others = program_of(Auction({k: demands[k] for k in "abc"}, {k: portfolios[k] for k in "abc"}))
    assert scales_of(others).price.tolist() == [2.0]
    assert scales_of(program).price.tolist() == [1.0]
