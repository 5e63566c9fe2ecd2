"""The certificate: measures worked out by hand, and what it refuses."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

import fts
from fts.solver import certify

PRIVATE = fts.Auction(
    {"buyer": [(0, 60), (100, 20)], "seller": [(-100, 70), (0, 10)]},
    {"buyer": fts.Portfolio("buyer", "noon"), "seller": fts.Portfolio("seller", "noon")},
)


def read(folder):
    auction = fts.Auction.read_json(folder / "auction.json")
    return auction, fts.Outcome.read_json(folder / "outcome.json", auction)


def test_golden_outcomes_are_exact(folder):
    auction, outcome = read(folder)
    assert outcome.certificate.status == "exact"
    assert max(outcome.certificate.fit, outcome.certificate.gap) < 1e-14


def test_a_rate_changed_by_a_millionth_or_its_sign_is_not_solved(folder):
    auction, outcome = read(folder)
    for i in np.flatnonzero(outcome.rates):
        for factor in (1 + 1e-6, 1 - 1e-6, -1):
            rates = outcome.rates.copy()
            rates[i] *= factor
            assert certify(auction, rates, outcome.prices).status == "not solved", (i, factor)


def test_a_price_changed_by_a_millionth_is_not_exact(folder):
    auction, outcome = read(folder)
    for p in np.flatnonzero(~np.isnan(outcome.prices)):
        for factor in (1 + 1e-6, 1 - 1e-6):
            prices = outcome.prices.copy()
            prices[p] *= factor
            status = certify(auction, outcome.rates, prices).status
            assert status != "exact", (p, factor)


def test_portfolio_price_that_is_not_its_basis_at_product_prices_is_refused(folder):
    auction, outcome = read(folder)
    written = json.loads((folder / "outcome.json").read_text())
    name = next(name for name, one in written["portfolios"].items() if one["price"])
    written["portfolios"][name]["price"] *= 1 + 1e-9
    with pytest.raises(fts.errors.InvalidOutcome, match="basis"):
        fts.Outcome.from_json(written, auction)


def test_measures_worked_out_by_hand():
    # Buyer 60 - 0.4 q takes 60 at price 40 (wants 50), seller 10 + 0.6 q gives 50 (wants 50).
    measured = certify(PRIVATE, np.array([60.0, -50.0]), np.array([40.0]))
    assert measured.imbalance == pytest.approx(10 / 110)
    assert measured.domain == measured.consistency == 0
    # Between 50 and 60 the buyer loses the triangle 10 · 4 / 2; U(60) = 60 · 60 - 0.2 · 60² = 2880,
    # U(-50) = -(10 · 50 + 0.3 · 50²) = -1250.
    assert measured.gap == pytest.approx(20 / (40 * (60 + 50) + 40 * (50 + 50) + 2880 + 1250))
    assert measured.welfare == pytest.approx(2880 - 1250)
    # The buyer's line in units Z = 100, Λ = 40: 60 - 0.4 (60 + 100 τ) = 40 + 40 τ (τ < 0) → τ = -4 / 80.
    assert measured.fit == pytest.approx(4 / 80)
    assert measured.status == "not solved"


def test_rate_outside_the_domain():
    measured = certify(PRIVATE, np.array([110.0, -110.0]), np.array([40.0]))
    assert measured.imbalance == 0
    assert measured.domain == pytest.approx(10 / 110)
    # Gap and welfare take both rates at their ends, 100 and -100.
    assert measured.welfare == pytest.approx((6000 - 2000) - (1000 + 3000))


def test_unlimited_offer_below_the_price_is_an_infinite_gap():
    auction = fts.Auction(
        {"buyer": [(0, 60), (100, 20)], "import": fts.Constant(30, None, 0)},
        {"buyer": fts.Portfolio("buyer", "noon"), "import": fts.Portfolio("import", "noon")},
    )
    rates = np.array([50.0, -50.0])
    assert certify(auction, rates, np.array([40.0])).gap == np.inf
    # Tied within the tolerance, it is content with what it trades; the buyer wants 75 at 30.
    assert certify(auction, np.array([75.0, -75.0]), np.array([30 * (1 + 1e-12)])).status == "exact"


def test_missing_demand_prices_are_fitted_by_component():
    # Two portfolios share both demands with different weights: λ solves [[1, 1], [1, 2]] λ = (r_1, r_2).
    auction = fts.Auction(
        {"d": [(-10, 20), (10, 0)], "e": [(-10, 20), (10, 0)], "f": [(0, 9), (10, 0)]},
        {
            "one": fts.Portfolio({"d": 1, "e": 1}, "A"),
            "two": fts.Portfolio({"d": 1, "e": 2}, "B"),
            "three": fts.Portfolio({"f": 2}, "A"),
            "four": fts.Portfolio({"f": 4}, "B"),
        },
    )
    demand_prices, certificate = fts.solver.certified(auction, np.zeros(4), np.array([7.0, 10.0]))
    # Alone on their component, three and four share f: 2 λ = 7 and 4 λ = 10, each in units of its own money,
    # are (2/7) λ = 1 and (4/10) λ = 1: least squares is (2/7 + 4/10) / ((2/7)² + (4/10)²).
    f = (2 / 7 + 0.4) / (4 / 49 + 0.16)
    assert demand_prices == pytest.approx([4.0, 3.0, f])
    assert certificate.consistency == pytest.approx(max(abs(7 - 2 * f) / (7 + 2 * f), abs(10 - 4 * f) / (10 + 4 * f)))


def test_demands_whose_weights_cancel_are_fitted_together():
    # -2 λ_a + λ_b = -2·3 and -2 λ_a - λ_b = -2·3: λ_a = 3, λ_b = 0; the two rows of weights are at right angles.
    auction = fts.Auction(
        {"a": [(0, 3)], "b": [(0, 0)]},
        {"one": fts.Portfolio({"a": -2, "b": 1}, {"noon": -2}), "two": fts.Portfolio({"a": -2, "b": -1}, {"noon": -2})},
    )
    demand_prices, certificate = fts.solver.certified(auction, np.zeros(2), np.array([3.0]))
    assert demand_prices == pytest.approx([3.0, 0.0])
    assert certificate.status == "exact"


def test_a_fitted_price_of_zero_is_zero_in_any_order():
    # λ_flat is 0 by two portfolios of a product at 0, λ_other 0.25 by the third; rounding would let a flat bid trade.
    free = fts.Constant(0, 0, 0.25)
    demands = {"flat": free, "other": fts.Constant(0.25, 0, 0.25), "third": free}
    portfolios = {
        "one": fts.Portfolio({"flat": -2, "third": -2}, {"a": -2}),
        "two": fts.Portfolio({"flat": -2}, {"a": -2}),
        "three": fts.Portfolio({"flat": -2, "other": -2}, {"b": -2}),
    }
    for names in itertools.permutations(demands):
        for order in itertools.permutations(portfolios):
            auction = fts.Auction({d: demands[d] for d in names}, {i: portfolios[i] for i in order})
            found = certify(auction, np.zeros(3), np.array([0.0, 0.25]))
            assert found.status == "exact" and found.gap < 1e-15


@pytest.mark.parametrize("third", range(1, 120, 7))
def test_a_market_that_clears_at_zero_between_points_is_proved(third):
    # Both curves pass price 0 at rate 0, the second one in floating point only nearly.
    auction = fts.Auction(
        {"whole": [(-40, 10), (40, -10)], "cut": [(-40, 10), (third / 3, 10 - (third / 3 + 40) / 4)]},
        {"whole": fts.Portfolio("whole", "noon"), "cut": fts.Portfolio("cut", "noon")},
    )
    assert certify(auction, np.zeros(2), np.zeros(1)).status == "exact"
    # Nothing is traded, so nothing is lost; but no curve has this price at rate 0.
    assert certify(auction, np.zeros(2), np.array([1e-6])).status == "solved"
    assert certify(auction, np.array([1e-6, -1e-6]), np.zeros(1)).status == "not solved"
    outcome = auction.solve()
    assert outcome.prices == pytest.approx([0.0], abs=1e-14) and outcome.rates == pytest.approx([0, 0], abs=1e-13)


def test_rounding_of_one_market_excuses_nothing_in_another():
    # East trades a million at a price of 0, on curves that leave it for a billion; west's answer is 50 and 2.5.
    flat = [(-1e6 - 1, 1e9), (-1e6, 0), (1e6, 0), (1e6 + 1, -1e9)]
    auction = fts.Auction(
        {"a": flat, "b": flat, "buyer": [(0, 100), (5, 0), (1e9, 0)], "seller": [(-1e9, 100), (-5, 100), (0, 0)]},
        {
            "a": fts.Portfolio("a", "east"),
            "b": fts.Portfolio("b", "east"),
            "buyer": fts.Portfolio("buyer", "west"),
            "seller": fts.Portfolio("seller", "west"),
        },
    )
    assert auction.product_ids.to_pylist() == ["east", "west"]
    assert certify(auction, np.array([1e6, -1e6, 2.5, -2.5]), np.array([0.0, 50.0])).status == "exact"
    for rate, price in ((2.0, 40.0), (2.5, 40.0), (2.0, 50.0)):
        assert certify(auction, np.array([1e6, -1e6, rate, -rate]), np.array([0.0, price])).status == "not solved"


def test_wrong_and_unreadable_answers_are_not_solved():
    for rates, prices in (
        [[np.nan, -50], [40]],
        [[50, -50], [np.inf]],
        [[50, -50], [np.nan]],
        [[np.inf, -np.inf], [40]],
    ):
        assert certify(PRIVATE, np.array(rates, float), np.array(prices, float)).status == "not solved"


@pytest.mark.parametrize("seed", range(40))
def test_built_answers_are_exact_and_other_prices_are_not(built, seed):
    market = built(seed)
    auction = market.auction
    rates = np.array([market.rates[name] for name in auction.portfolio_ids.to_pylist()])
    prices = np.array([market.prices[name] for name in auction.product_ids.to_pylist()])
    certificate = certify(auction, rates, prices, tol=1e-9)
    assert certificate.status == "exact"
    for p in range(len(prices)):
        moved = prices.copy()
        moved[p] *= 1 + 1e-5
        assert certify(auction, rates, moved, tol=1e-9).status != "exact"
