"""Auctions: what counts, what is dropped, and columns that come back as they went in."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidAuction, InvalidCurve, InvalidFile, InvalidWeights
from fts.models.auction import Auction
from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.models.utility import utilities

EXAMPLE = {
    "demand_curves": {
        "load": [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}],
        "wind": {"min_rate": -80, "max_rate": 0, "price": 5},
        "import": {"min_rate": None, "max_rate": 0, "price": 70},
        "asleep": None,
        "unused": [{"rate": 0, "price": 1}],
    },
    "portfolios": {
        "load": {"demand": "load", "basis": ["noon", "dusk"]},
        "wind": {"demand": {"wind": 1, "nobody": 2, "asleep": 1}, "basis": {"noon": 0.7, "dusk": 0.3, "dawn": 0}},
        "import": {"demand": ["import"], "basis": "Übung"},
        "nothing": {"demand": {"load": 0}, "basis": {"only here": 1}},
        "empty": {"demand": None, "basis": None},
    },
    "comment": "unknown keys are ignored",
}


@pytest.fixture
def auction() -> Auction:
    return Auction.from_json(EXAMPLE)


def test_what_does_not_count_is_dropped_and_listed(auction):
    assert auction.demand_ids.to_pylist() == ["load", "wind", "import"]
    assert auction.portfolio_ids.to_pylist() == ["load", "wind", "import", "nothing", "empty"]
    assert auction.product_ids.to_pylist() == ["dusk", "noon", "only here", "Übung"]
    assert auction.dropped.inactive == ("asleep",)
    assert auction.dropped.unused == ("unused",)
    assert auction.dropped.unknown == (("wind", 2),)
    assert set(auction.dropped.zero) == {("wind", "dawn"), ("nothing", "load")}


def test_matrices_hold_exactly_the_weights(auction):
    assert auction.basis.toarray().tolist() == [
        [1, 0.3, 0, 0, 0],
        [1, 0.7, 0, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 1, 0, 0],
    ]
    assert auction.weights.toarray().tolist() == [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]


def test_idle_portfolios_and_products_without_a_price(auction):
    assert auction.idle.tolist() == [False, False, False, True, True]
    assert auction.unpriced.tolist() == [False, False, True, False]


def test_a_private_demand_of_domain_zero_makes_idle_but_a_shared_one_does_not():
    curves = {"stuck": [(0, 5)], "both": Constant(1, 0, 0)}
    auction = Auction(curves, {"a": Portfolio("stuck", "A"), "b": Portfolio("both", "A"), "c": Portfolio("both", "B")})
    assert auction.idle.tolist() == [True, False, False]


def test_views_give_back_curves_and_portfolios(auction):
    assert auction.demands["load"] == Curve([(0, 60), (100, 20)])
    assert auction.demands["import"] == Constant(70, max_rate=0)
    assert auction.portfolios["wind"] == Portfolio("wind", {"dusk": 0.3, "noon": 0.7})
    assert list(auction.portfolios) == auction.portfolio_ids.to_pylist()
    with pytest.raises(KeyError):
        auction.demands["unused"]


@pytest.mark.parametrize("convert", [lambda t: t, pl.from_pandas, lambda t: pa.Table.from_pandas(t)])
def test_frames_go_out_and_come_back(auction, convert):
    frames = {name: convert(table) for name, table in auction.to_frames().items()}
    again = Auction.from_frames(**frames)
    # Tables cannot hold a portfolio that has neither demand nor basis.
    expected = auction.to_json()
    del expected["portfolios"]["empty"]
    assert again.to_json() == expected


def test_arrow_frames_and_json_agree(auction, tmp_path):
    auction.write_json(tmp_path / "auction.json")
    assert Auction.read_json(tmp_path / "auction.json").to_json() == auction.to_json()
    arrow = Auction.from_frames(**auction.to_frames("arrow"))
    assert arrow.to_json()["demand_curves"] == auction.to_json()["demand_curves"]


def test_points_of_several_demands_may_be_mixed_in_one_table():
    points = pd.DataFrame({"demand": ["a", "b", "a"], "rate": [0, -1, 2], "price": [5, 4, 1.0]})
    points.loc[3] = ["b", 0, 3.0]
    weights = pd.DataFrame({"portfolio": ["x", "y"], "demand": ["a", "b"], "weight": [1, 1]})
    basis = pd.DataFrame({"portfolio": ["x", "y"], "product": ["P", "P"], "weight": [1, 1]})
    auction = Auction.from_frames(points=points, weights=weights, basis=basis)
    assert auction.demands["a"] == Curve([(0, 5), (2, 1)])
    assert auction.demands["b"] == Curve([(-1, 4), (0, 3)])


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ({"points": {"demand": ["a"], "rate": [0]}}, InvalidAuction, "needs a column 'price'"),
        ({"points": {"demand": ["a"], "rate": ["x"], "price": [1]}}, InvalidAuction, "'rate' of points"),
        ({"points": {"demand": ["a"], "rate": [None], "price": [1]}}, InvalidAuction, "null in row 0"),
        ({"points": {"demand": ["a"], "rate": [1], "price": [1]}}, InvalidCurve, "demand 'a', point 0"),
        ({"points": {"demand": ["a"], "rate": [math.inf], "price": [1]}}, InvalidCurve, "not finite"),
        ({"points": {"demand": ["a", "a"], "rate": [0, 1], "price": [1, 2]}}, InvalidCurve, "demand 'a', point 1"),
        ({"points": {"demand": ["a", "a"], "rate": [0, -1], "price": [1, 1]}}, InvalidCurve, "rates never fall"),
        (
            {
                "points": {"demand": ["a"], "rate": [0], "price": [1]},
                "constants": {"demand": ["a"], "min_rate": [0], "max_rate": [0], "price": [1]},
            },
            InvalidAuction,
            "'a' stands in points and in constants",
        ),
        (
            {"constants": {"demand": ["a", "a"], "min_rate": [0, 0], "max_rate": [0, 0], "price": [1, 1]}},
            InvalidAuction,
            "'a' stands twice",
        ),
        ({"basis": {"portfolio": ["x", "x"], "product": ["P", "P"], "weight": [1, 2]}}, InvalidWeights, "'P' twice"),
        ({"basis": {"portfolio": ["x"], "product": ["P"], "weight": [math.nan]}}, InvalidAuction, "null in row 0"),
        ({"basis": {"portfolio": ["x"], "product": ["P"], "weight": [math.inf]}}, InvalidWeights, "not finite"),
        ({"basis": 7}, InvalidAuction, "no table"),
    ],
)
def test_tables_that_break_a_rule_are_refused(tables, error, message):
    frames = {name: pd.DataFrame(table) if isinstance(table, dict) else table for name, table in tables.items()}
    with pytest.raises(error) as refused:
        Auction.from_frames(**frames)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "an object with the keys"),
        ('{"demand_curves": {}}', "needs 'portfolios'"),
        ('{"demand_curves": {"a": [{"rate": NaN, "price": 1}]}, "portfolios": {}}', "NaN is no number"),
        ("[" * 100_000, "nested too deeply"),
        ("\xff", "not a JSON file"),
    ],
)
def test_a_malformed_file_is_refused(text, message):
    with pytest.raises(InvalidFile) as refused:
        Auction.read_json(io.BytesIO(text.encode("latin-1")))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"demand_curves": {"a": [{"rate": 0, "price": 1e999}]}, "portfolios": {}}, InvalidCurve, "demand 'a'"),
        ({"demand_curves": {}, "portfolios": {"x": {"demand": "a"}}}, InvalidAuction, "portfolio 'x'"),
        ({"demand_curves": {}, "portfolios": {"x": {"demand": 1, "basis": 1}}}, InvalidWeights, "portfolio 'x'"),
    ],
)
def test_errors_name_the_demand_or_portfolio(value, error, message):
    with pytest.raises(error) as refused:
        Auction.from_json(value)
    assert message in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidFile, match="cannot read"):
        Auction.read_json(tmp_path / "nowhere.json")


def test_integers_of_a_file_are_float64():
    text = '{"demand_curves": {"a": [{"rate": -0, "price": 12345678901234567890}]}, "portfolios": {"x": '
    auction = Auction.read_json(io.StringIO(text + '{"demand": "a", "basis": "P"}}}'))
    assert auction.point_prices.tolist() == [12345678901234567890.0]
    assert math.copysign(1, auction.point_rates[0]) == -1


def test_an_empty_auction_exists():
    auction = Auction({}, {})
    assert (len(auction.product_ids), len(auction.portfolio_ids), len(auction.demand_ids)) == (0, 0, 0)
    assert auction.to_json() == {"demand_curves": {}, "portfolios": {}}


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InvalidAuction, match="missing or not known"):
        Auction.from_columns(demand_ids=["a"])


@given(st.permutations(["a", "b", "c", "d"]))
def test_products_are_sorted_whatever_the_order_of_the_input(order):
    curves = {name: [(0, 5), (1, 1)] for name in order}
    auction = Auction(curves, {name: Portfolio(name, {name: 2.0}) for name in order})
    assert auction.product_ids.to_pylist() == ["a", "b", "c", "d"]
    assert auction.portfolio_ids.to_pylist() == list(order)
    rows = [auction.basis.indices[auction.basis.indptr[i]] for i in range(4)]
    assert [auction.product_ids[int(row)].as_py() for row in rows] == list(order)


def test_utilities_are_the_integrals_of_the_curves():
    auction = Auction(
        {
            "two slopes": [(0, 60), (80, 40), (80, 25), (120, 15)],
            "sells": [(-50, 55), (-20, 35.5), (0, 35.5)],
            "unlimited": Constant(7),
            "stuck": [(0, 3)],
        },
        {name: Portfolio(name, "P") for name in ("two slopes", "sells", "unlimited", "stuck")},
    )
    # ∫0..80 of 60→40 is 4000, then 80..100 of 25→20 is 450; −(20·35.5 + 10·(35.5 + 42)/2); 7·(−3); 0
    values = utilities(auction, np.array([100.0, -30.0, -3.0, 0.0]))
    assert values.tolist() == pytest.approx([4450, -(710 + 387.5), -21, 0], rel=1e-15)


def test_json_is_json(auction):
    assert json.loads(json.dumps(auction.to_json())) == auction.to_json()
