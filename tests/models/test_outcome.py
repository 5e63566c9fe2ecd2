"""Outcomes: an outcome that exists fits its auction, and its numbers agree with each other."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from fts.errors import InvalidOutcome
from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.curve import Constant
from fts.models.outcome import Outcome, Unique
from fts.models.portfolio import Portfolio

PROOF = Certificate("exact", 0, 0, 0, 0, 0, 1600, 1e-9)


@pytest.fixture
def auction() -> Auction:
    # Buyer: 60 − r, seller: 20 + r; they meet at 20 units and 40 money. The spread holds both products at half weight.
    return Auction(
        {"buy": [(0, 60), (60, 0)], "sell": [(-60, 80), (0, 20)], "spread": [(-1, 1), (1, -1)]},
        {
            "buy": Portfolio("buy", "A"),
            "sell": Portfolio("sell", "A"),
            "spread": Portfolio("spread", {"A": 0.5, "B": 0.5}),
            "idle": Portfolio({}, {"C": 1}),
            "none": Portfolio({}, {}),
        },
    )


def make(auction: Auction, **changes):
    values = {
        "rates": [20, -20, 0, 0, 0],
        "prices": [40, -40, np.nan],
        "demand_prices": [40, 40, 0],
        "certificate": PROOF,
        "solver": "hand",
    }
    return Outcome(auction, **{**values, **changes})


def test_prices_volumes_and_surpluses_are_consistent(auction):
    outcome = make(auction)
    assert outcome.volumes.tolist() == [20, 0, 0]
    assert outcome.portfolio_prices.tolist()[:3] == [40, 40, 0]
    assert np.isnan(outcome.portfolio_prices[3:]).all()
    # Each side gains the triangle 20·20/2.
    assert outcome.surpluses.tolist() == [200, 200, 0]
    assert outcome.demands.loc["sell"].to_dict() == {"rate": -20, "price": 40, "surplus": 200}
    assert outcome.portfolios.surplus.tolist() == [200, 200, 0, 0, 0]


def test_a_null_price_is_null_in_json(auction):
    written = make(auction).to_json()
    assert written["products"]["C"] == {"price": None, "rate": 0.0}
    assert written["portfolios"]["none"] == {"price": None, "rate": 0.0}
    assert written["portfolios"]["buy"] == {"price": 40.0, "rate": 20.0}


@pytest.mark.parametrize("scale", [1, 1e-7, 1 / 3, 1e17, 5e-324])
def test_an_outcome_file_is_its_json_to_the_letter(auction, scale):
    outcome = make(auction, rates=np.array([20, -20, 0, 0, 0]) * scale, prices=np.array([40, -40, np.nan]) / 3 * scale)
    written = io.StringIO()
    outcome.write_json(written)
    assert written.getvalue() == json.dumps(outcome.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def test_ids_of_an_outcome_file_are_escaped():
    names = ['quo"te', "back\\slash", "Übung\n", "\x01", "中\U0001f600", ""]
    outcome = Auction({}, {name: Portfolio({}, {name: 1}) for name in names}).solve("native")
    written = io.StringIO()
    outcome.write_json(written)
    assert written.getvalue() == json.dumps(outcome.to_json(), indent=2, ensure_ascii=False) + "\n"
    assert list(json.loads(written.getvalue())["portfolios"]) == names


def test_the_outcome_file_of_nothing():
    written = io.StringIO()
    Auction({}, {}).solve("native").write_json(written)
    assert written.getvalue() == '{\n  "portfolios": {},\n  "products": {}\n}\n'


def test_a_number_that_ran_over_is_no_json(auction):
    # 1.7e308 · 0.5 + 1.7e308 · 0.5 is finite, the volume of A (half of 1.7e308 · 2.5) is not.
    outcome = make(auction, rates=[1.7e308, -1.7e308, 1.7e308, 0, 0])
    with pytest.raises(ValueError, match="not JSON compliant"), np.errstate(over="ignore"):
        outcome.write_json(io.StringIO())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"portfolio_prices": [40, 40.000001, 0, np.nan, np.nan]}, "'sell' is 40.000001"),
        ({"portfolio_prices": [40, -40, 0, np.nan, np.nan]}, "basis · product prices"),
        ({"portfolio_prices": [40, 40, 0, 0, np.nan]}, "'idle'"),
        ({"prices": [40, -40, 0]}, "'C' is 0.0"),
        ({"prices": [40, np.nan, np.nan]}, "'B' is nan"),
        ({"prices": [np.inf, -40, np.nan]}, "'A' is inf"),
        ({"rates": [20, -20, 0, 0]}, "rates has the shape (4,)"),
        ({"rates": [np.nan, -20, 0, 0, 0]}, "'buy' is nan"),
        ({"rates": [20, -20, 0, 1, 0]}, "'idle' is idle"),
    ],
)
def test_an_outcome_that_contradicts_itself_is_refused(auction, changes, message):
    with pytest.raises(InvalidOutcome) as refused:
        make(auction, **changes)
    assert message in str(refused.value)


def test_portfolio_prices_may_differ_by_rounding(auction):
    given = np.array([40, 40 * (1 + 1e-15), 1e-15, np.nan, np.nan])
    assert make(auction, portfolio_prices=given).portfolio_prices.tolist()[:3] == [40, 40, 0]


def test_a_shared_demand_leaves_the_surplus_of_its_portfolios_open():
    auction = Auction({"d": [(-1, 1), (1, -1)]}, {"a": Portfolio("d", "A"), "b": Portfolio("d", "B")})
    outcome = Outcome(auction, rates=[0, 0], prices=[0, 0], demand_prices=[0], certificate=PROOF, solver="hand")
    assert outcome.portfolios.surplus.isna().all()
    assert outcome.demands.surplus.tolist() == [0]


def test_the_sentences_of_a_solver_come_first(auction):
    known = {"unique": Unique(True, False)}
    assert make(auction, **known).warnings == ()
    assert make(auction, **known, warnings=["the tolerance was missed once", "x"]).warnings == (
        "the tolerance was missed once",
        "x",
    )


def test_products_whose_price_was_chosen_are_named(auction):
    nan = np.nan
    assert make(auction, price_low=[40, nan, nan], price_high=[40, nan, nan], warnings=["first"]).warnings == (
        "first",
        "several prices may clear the auction, of which one was chosen, for 'B': "
        "outcome.price_interval([...]) computes the least and the largest",
    )
    assert make(auction, price_low=[39.5, -np.inf, nan], price_high=[41, np.inf, nan]).warnings == (
        "several prices clear the auction, and one was chosen: 'A' (39.5 to 41), 'B' (any price)",
    )
    assert make(auction, price_low=[-np.inf, 20, nan], price_high=[60, np.inf, nan]).warnings == (
        "several prices clear the auction, and one was chosen: 'A' (at most 60), 'B' (at least 20)",
    )
    # Where every price is its own interval, none was chosen; where nothing is proved, nothing is said of prices.
    assert make(auction, price_low=[40, -40, nan], price_high=[40, -40, nan]).warnings == ()
    # A part without an answer has no price to choose; those of the other parts are named.
    partly = Certificate("partly solved", 0, 0, 0, 0, 0, 1600, 1e-9)
    prices = {"prices": [40, nan, nan], "price_low": [39, nan, nan], "price_high": [41, nan, nan]}
    assert make(auction, certificate=partly, **prices).warnings == (
        "several prices clear the auction, and one was chosen: 'A' (39 to 41)",
    )
    other = Certificate("other rule", 0, 0, 0, 0, 0, 1600, 1e-9)
    assert make(auction, certificate=other).warnings == ()


def test_a_solved_auction_names_its_chosen_prices():
    # Buyers at 60 and sellers at 20, as many as there are buyers: any price in between clears.
    products = [f"p{k}" for k in range(7)]
    demands = {name + side: curve for name in products for side, curve in SIDES.items()}
    auction = Auction(demands, {name: Portfolio(name, name[:2]) for name in demands})
    assert auction.solve().warnings == (
        "several prices clear the auction, and one was chosen: "
        "'p0' (20 to 60), 'p1' (20 to 60), 'p2' (20 to 60), 'p3' (20 to 60), 'p4' (20 to 60) and 2 more",
    )
    # A third offer at 50 for part of it sets the price.
    one = Auction({**SIDES, "more": Constant(50, -5, 5)}, {name: Portfolio(name, "p") for name in [*SIDES, "more"]})
    assert one.solve().warnings == ()
    # With a portfolio of both products, their intervals are not computed.
    both = {name: curve for name, curve in demands.items() if name[:2] in products[:2]}
    portfolios = {name: Portfolio(name, name[:2]) for name in both} | {"both": Portfolio("both", ["p0", "p1"])}
    outcome = Auction({**both, "both": Constant(100, 0, 0.5)}, portfolios).solve()
    assert outcome.warnings == (
        "several prices may clear the auction, of which one was chosen, for 'p0', 'p1': "
        "outcome.price_interval([...]) computes the least and the largest",
    )
    assert outcome.price_interval(["p0"]).loc["p0"].tolist() == pytest.approx([40, 60])


SIDES = {"buy": Constant(60, 0, 10), "sell": Constant(20, -10, 0)}
