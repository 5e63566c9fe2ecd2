"""Sizes and price caps far from the market: "unlimited" written as a huge number, and caps that do set the price."""

from __future__ import annotations

import pytest

import fts
from fts.solver import certify

# Buy 60 - 0.4 q, sell 5 + 0.5625 q: 55 / 0.9625 = 57.142857 is traded at 60 - 0.4 * 57.142857 = 37.142857.
BUY, SELL = [(0, 60), (100, 20)], [(-80, 50), (0, 5)]
RATE = 55 / 0.9625
PRICE = 60 - 0.4 * RATE
SIZES = [1e6, 1e9, 1e10, 1e12, 1e16, 1e18, 1e30, None]


def cleared(**more):
    demands = {"buy": BUY, "sell": SELL, **more}
    return fts.Auction(demands, {name: fts.Portfolio(name, "noon") for name in demands}).solve()


@pytest.mark.parametrize("size", SIZES)
def test_a_losing_bid_trades_nothing_and_moves_nothing_however_large(size):
    outcome = cleared(low=fts.Constant(1, 0, size), high=fts.Constant(99, None if size is None else -size, 0))
    assert outcome.certificate.status == "exact"
    assert outcome.prices == pytest.approx([PRICE], rel=1e-14)
    assert outcome.rates == pytest.approx([RATE, -RATE, 0, 0], rel=1e-14)
    assert outcome.rates[2] == outcome.rates[3] == 0


@pytest.mark.parametrize("size", SIZES)
def test_a_huge_bid_that_trades_sets_the_price(size):
    # It sells anything at 30: the buyer takes 75, the seller gives 25 / 0.5625, the huge bid the rest.
    outcome = cleared(base=fts.Constant(30, None if size is None else -size, 0))
    assert outcome.certificate.status == "exact"
    assert outcome.prices.tolist() == [30.0]
    assert outcome.rates == pytest.approx([75, -25 / 0.5625, 25 / 0.5625 - 75], rel=1e-13)


@pytest.mark.parametrize("cap", [1e3, 1e6, 1e10, 1e15, 1e16, 1e20])
def test_a_price_cap_buys_what_it_wants_at_the_price_of_the_others(cap):
    # One unit more is bought: 60 - 0.4 q = 5 + 0.5625 (q + 1).
    q = (55 - 0.5625) / 0.9625
    outcome = cleared(load=[(0, cap), (1, cap), (1, -cap), (2, -cap)])
    assert outcome.certificate.status == "exact"
    assert outcome.prices == pytest.approx([60 - 0.4 * q], rel=1e-13)
    assert outcome.rates == pytest.approx([q, -q - 1, 1], rel=1e-13)


@pytest.mark.parametrize("cap", [1e3, 1e6, 1e12, 1e15])
def test_a_price_cap_that_is_rationed_is_the_price(cap):
    # Three units are offered and five wanted, at any price up to the cap.
    demands = {"load": fts.Constant(cap, 0, 5), "wind": fts.Constant(2, -3, 0), "other": [(-4, 9), (4, 1)]}
    portfolios = {"load": fts.Portfolio("load", "noon"), "wind": fts.Portfolio("wind", "noon")}
    portfolios["other"] = fts.Portfolio("other", {"noon": -1, "night": 1})
    demands["late"], portfolios["late"] = fts.Constant(4, -1, 1), fts.Portfolio("late", "night")
    outcome = fts.Auction(demands, portfolios).solve()
    # The other bid turns the one unit of night that is offered into noon, at any price of noon above 4.
    prices = outcome.products["price"]
    assert outcome.certificate.status == "exact"
    assert prices["noon"] == cap
    assert outcome.portfolios["rate"].to_dict() == pytest.approx({"load": 4, "wind": -3, "other": 1, "late": -1})


def test_a_cap_of_one_product_leaves_another_its_digits():
    demands = {"load": fts.Constant(1e15, 0, 5), "wind": fts.Constant(2, -3, 0), "buy": BUY, "sell": SELL}
    portfolios = {name: fts.Portfolio(name, "noon" if name in ("load", "wind") else "night") for name in demands}
    demands["link"], portfolios["link"] = fts.Constant(1e16, 0, 1), fts.Portfolio("link", {"night": 1, "noon": 1e-9})
    outcome = fts.Auction(demands, portfolios).solve()
    assert outcome.certificate.status == "exact"
    q = (55 - 0.5625) / 0.9625  # the link buys one unit of night
    assert outcome.products["price"]["night"] == pytest.approx(60 - 0.4 * q, rel=1e-12)


def test_the_certificate_measures_against_what_is_traded_not_against_what_is_offered():
    demands = {"buy": BUY, "sell": SELL, "low": fts.Constant(1, 0, 1e16)}
    auction = fts.Auction(demands, {name: fts.Portfolio(name, "noon") for name in demands})
    assert certify(auction, [RATE, -RATE, 0], [PRICE]).status == "exact"
    # A bid that may only buy sells 31.6: a tiny share of its size, half of the trade.
    price = 29.75
    buys, sells = (60 - price) / 0.4, (price - 5) / 0.5625
    wrong = certify(auction, [buys, -sells, sells - buys], [price])
    assert wrong.status == "not solved" and wrong.domain > 0.1
    # The same at its own side of 0, where only fit and gap can see it.
    wrong = certify(auction, [buys - 31.6, -buys, 31.6], [price])
    assert wrong.status == "not solved" and wrong.fit > 0.1
