"""Markets that an adversary found: ties, free conversions, sizes and prices far from the others, nearly flat curves.

`hostile/markets.json` has them by name, one a line: the market, and where there are, an earlier market to start from
and the market with one more bid, which trades nothing. No expected answer is stored: `judge.py` proves an answer
without the solver, and `relations.py` compares it with those to the same market in another form.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

# Found by the path that conftest.py adds.
from judge import judge
from relations import Tolerance, broken

import fts

MARKETS = json.loads((Path(__file__).parent / "hostile" / "markets.json").read_text(encoding="utf-8"))
BESIDE = fts.Auction({"b": [(0, 60), (100, 20)], "s": [(-100, 60), (0, 20)]}, {n: fts.Portfolio(n, "x") for n in "bs"})
"""A market of its own beside each of them."""


def markets(form: str) -> list[str]:
    return [name for name, forms in MARKETS.items() if form in forms]


def cleared(market: dict, **options) -> fts.Outcome:
    auction = fts.Auction.from_json(market)
    outcome = auction.solve(**options)
    assert outcome.certificate.status == "exact"
    assert judge(auction, outcome) == []
    return outcome


@pytest.mark.parametrize("name", markets("market"))
def test_the_answer_is_optimal_and_canonical(name):
    for form in MARKETS[name].values():
        cleared(form)


@pytest.mark.parametrize("name", markets("earlier"))
def test_an_earlier_outcome_does_not_change_the_answer(name):
    cold = cleared(MARKETS[name]["market"])
    warm = cleared(MARKETS[name]["market"], warm=cleared(MARKETS[name]["earlier"]))
    assert list(Tolerance(cold.auction, cold).compare(cold, warm.rates, warm.prices)) == []


@pytest.mark.parametrize("name", markets("with a losing bid"))
def test_a_losing_bid_changes_no_other_rate(name):
    without, beside = (cleared(MARKETS[name][form]) for form in ("market", "with a losing bid"))
    known = dict(zip(beside.auction.portfolio_ids.to_pylist(), beside.rates.tolist(), strict=True))
    rates = np.array([known.pop(i) for i in without.auction.portfolio_ids.to_pylist()])
    assert list(known.values()) == [0.0]
    assert list(Tolerance(without.auction, without).compare(without, rates, None)) == []


@pytest.mark.parametrize("name", markets("market"))
def test_the_same_market_in_another_form_has_the_same_answer(name):
    outcome = cleared(MARKETS[name]["market"])
    assert list(broken(outcome.auction, outcome, 1, BESIDE)) == []


def test_a_nearly_flat_curve_beside_a_free_conversion():
    # One demand of rate 0 converts p0 into p1, so both have one price, and the seller of the spread from a price of 0
    # on (a slope of 2e-10) sells none of it. The seller at 50 sells its 0.005; the buyer pays 51 - 5 * 0.005 for it.
    outcome = cleared(MARKETS["losing bid 248"]["with a losing bid"])
    rates = dict(zip(outcome.auction.portfolio_ids.to_pylist(), outcome.rates.tolist(), strict=True))
    right = {"i1": -0.005, "i1b": 0.005, "i3": 0, "i5": -0.005, "i11": 0, "i12": 0.005, "i12b": 0, "L": 0}
    assert rates == pytest.approx(right, rel=1e-12, abs=1e-15)
    assert outcome.prices == pytest.approx([50.975, 50.975, 0], rel=1e-15)


def test_a_conversion_of_7e11_hides_no_trade():
    # i8 trades p0 - 2 p1, and i8b minus half of that, with one demand: its price is 0, so it sells all of its 7e11 at
    # -40, a fifth through i8. Then p0 is worth twice p1. The bids at -0.75 and at 30 do not meet: p0 is in the middle
    # of what they leave it, of -60 and 0.75.
    forms = MARKETS["warm 5019"]
    for options in ({}, {"warm": cleared(forms["earlier"])}, {"reference": {"p0": -29.625}}):
        outcome = cleared(forms["market"], **options)
        rates = dict(zip(outcome.auction.portfolio_ids.to_pylist(), outcome.rates.tolist(), strict=True))
        assert rates == pytest.approx({"i8": -1.4e11, "i8b": -2.8e11, "i9": 0, "i7dup": 0}, rel=1e-15)
        assert outcome.prices == pytest.approx([-29.625, -14.8125], rel=1e-10)


def test_equal_flat_bids_of_sizes_far_apart():
    # a buys x, b and c together as well, all at 0: they share the 7 that is sold so that a²/1e9 + √2 b²/1e6 + c²/10 is
    # least with b = c = 7 - a.
    outcome = cleared(MARKETS["sizes not solved"]["market"])
    rates = dict(zip(outcome.auction.portfolio_ids.to_pylist(), outcome.rates.tolist(), strict=True))
    b = 7e-9 / (1e-9 + 2**0.5 * 1e-6 + 0.1)
    assert rates == pytest.approx({"a": 7 - b, "b": b, "c": b, "s": -7}, rel=1e-6)
    assert outcome.prices == pytest.approx([0, 0], abs=1e-15)


def test_prices_next_to_nothing():
    # i4 and i4b sell for one demand, so p3 costs half of p1. i2b buys p1 at -1e-9 x, i4 sells it while the price of its
    # demand, 1 - 2.5 x, is above that of p1 with the other sign.
    outcome = cleared(MARKETS["not solved 38"]["market"])
    x = 1 / (2.5 + 2e-9)
    assert outcome.rates == pytest.approx([x, x, 0], rel=1e-12, abs=1e-25)
    assert outcome.prices == pytest.approx([-2e-9 * x, -1e-9 * x], rel=1e-9)
