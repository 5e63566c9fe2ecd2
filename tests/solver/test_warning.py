"""Warnings of an auction: what is legal and probably not meant, in few sentences however large the auction is."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidAuction
from fts.models.auction import Auction
from fts.models.curve import Constant
from fts.models.nearest_id import MAX_CANDIDATES, nearest_id
from fts.models.portfolio import Portfolio

CURVES = {"load": [(0, 60), (100, 20)], "wind": Constant(5, -80, 0), "asleep": None}
LOAD, WIND = Portfolio("load", "noon"), Portfolio("wind", "noon")


def test_a_misspelled_demand_is_named_with_the_one_that_was_meant():
    auction = Auction(CURVES, {"load": LOAD, "wind": Portfolio("wnd", "noon"), "more": Portfolio({"Wind": 2}, "noon")})
    assert auction.dropped.undefined == (("wind", "wnd"), ("more", "Wind"))
    assert auction.warnings == (
        "portfolio 'wind' names the demand 'wnd', which nothing defines, so this weight does not count; "
        "did you mean 'wind'?",
        "portfolio 'more' names the demand 'Wind', which nothing defines, so this weight does not count; "
        "did you mean 'wind'?",
    )


def test_portfolios_that_name_one_undefined_demand_share_a_sentence():
    portfolios = {f"x{k}": Portfolio("nowhere", "noon") for k in range(7)}
    auction = Auction(CURVES, {"load": LOAD, "wind": WIND, **portfolios})
    assert auction.warnings == (
        "portfolios 'x0', 'x1', 'x2', 'x3', 'x4' and 2 more name the demand 'nowhere', which nothing defines, "
        "so this weight does not count",
    )


def test_an_inactive_demand_is_defined_and_not_warned_of():
    auction = Auction(CURVES, {"load": LOAD, "wind": WIND, "x": Portfolio({"asleep": 1, "load": 1}, "noon")})
    assert auction.dropped.unknown == (("x", 1),)
    assert auction.dropped.undefined == () == auction.warnings


def test_files_frames_and_columns_name_the_same(tmp_path):
    portfolios = {"load": LOAD, "wind": Portfolio("wnd", "noon")}
    auction = Auction(CURVES, portfolios)
    text = {"demand_curves": {"load": [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]}}
    text["demand_curves"]["wind"] = {"price": 5, "min_rate": -80, "max_rate": 0}
    from_file = Auction.from_json({**text, "portfolios": {name: each.to_json() for name, each in portfolios.items()}})
    frames = Auction(CURVES, {"load": LOAD, "wind": WIND}).to_frames()
    frames["weights"]["demand"] = frames["weights"]["demand"].replace("wind", "wnd")
    from_frames = Auction.from_frames(**frames)
    columns = {
        "demand_ids": ["load", "wind"],
        "point_offsets": [0, 2, 4],
        "point_rates": [0, 100, -80, 0],
        "point_prices": [60, 20, 5, 5],
        "constant": [False, True],
        "portfolio_ids": ["load", "wind"],
        "weight_portfolio": [0, 1],
        "weight_demand": [0, -1],
        "weight_value": [1, 1],
        "product_ids": ["noon"],
        "basis_portfolio": [0, 1],
        "basis_product": [0, 0],
        "basis_value": [1, 1],
    }
    from_columns = Auction.from_columns(**columns, undefined_ids=["wnd"])
    for one in (from_file, from_frames, from_columns):
        assert one.dropped.undefined == auction.dropped.undefined == (("wind", "wnd"),)
        assert one.warnings == auction.warnings and "did you mean 'wind'?" in one.warnings[0]
    # Where their ids are not given, they are counted only, and a portfolio of nothing else has no demand.
    assert Auction.from_columns(**columns).dropped.unknown == (("wind", 1),)
    assert Auction.from_columns(**columns).warnings == ("portfolio 'wind' has no demand, so it cannot trade",)
    with pytest.raises(InvalidAuction, match="one id for every demand weight whose demand is -1"):
        Auction.from_columns(**columns, undefined_ids=["wnd", "x"])


def test_portfolios_that_lack_something_are_named():
    portfolios = {"load": LOAD, "wind": WIND, "a": Portfolio("load"), "b": Portfolio("load", {"noon": 0})}
    auction = Auction(CURVES, {**portfolios, "c": Portfolio(None, "noon"), "neither": Portfolio()})
    assert auction.warnings == (
        "portfolios 'a', 'b' have no products, so they cannot trade",
        "portfolio 'c' has no demand, so it cannot trade",
    )


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("weights", "no portfolio has a demand: in frames, the table 'weights' gives it"),
        ("basis", "no portfolio has products: in frames, the table 'basis' gives them"),
    ],
)
def test_frames_without_weights_or_products_are_warned_of(table, sentence):
    frames = Auction(CURVES, {"load": LOAD, "wind": WIND}).to_frames()
    del frames[table]
    assert Auction.from_frames(**frames).warnings == (f"nothing can trade, because {sentence}",)


def test_a_large_auction_is_warned_of_in_few_sentences():
    count = 3 * MAX_CANDIDATES
    curves = {f"d{k:05d}": [(0, 5), (1, 4)] for k in range(count)}
    portfolios = {f"b{k:05d}": Portfolio(f"D{k:05d}", "noon") for k in range(count)}
    warnings = Auction(curves, {**portfolios, **{f"x{k}": Portfolio("d00000") for k in range(count)}}).warnings
    for k, sentence in enumerate(warnings[:5]):
        assert sentence.startswith(f"portfolio 'b{k:05d}' names the demand 'D{k:05d}', which nothing defines")
        assert sentence.endswith(f"did you mean 'd{k:05d}'?")
    assert warnings[5] == f"{count - 5} more demand ids that nothing defines are in auction.dropped.undefined"
    assert len(warnings) == 7 and len("".join(warnings)) < 1000


def test_conversions_are_bounded_too():
    products = [f"p{k}" for k in range(9)]
    curves = {f"d{k}": [(0, 10), (5, 5)] for k in range(7)}
    portfolios = {
        f"{name} {size}": Portfolio(name, dict.fromkeys(products, size)) for name in curves for size in (1.0, 2.0)
    }
    warnings = Auction(curves, portfolios).warnings
    assert len(warnings) == 6 and warnings[5] == "2 more demands convert products freely"
    assert "'p0', 'p1', 'p2', 'p3', 'p4' and 4 more" in warnings[0] and "'p5'" not in warnings[0]


IDS = random.Random(1).sample(range(10**11, 10**12), 5 * MAX_CANDIDATES)


@given(st.sampled_from(IDS), st.integers(0, 11), st.sampled_from(["0", "7", "x", "É", "", "ab"]), st.booleans())
def test_an_id_with_one_wrong_letter_is_found_among_many(number, place, letter, keeps):
    # No two of these ids are alike: one of the others has few of its digits at the same places.
    name = str(number)
    wrong = name[:place] + letter[:1] + (name[place:] if keeps and letter else name[place + 1 :])
    ids = pa.array([str(each) for each in IDS])
    found = nearest_id(f" {wrong} ", ids)
    assert found == name


def test_ids_that_are_like_none_are_left_alone():
    ids = pa.array(["noon", "Dusk", "a" * 200])
    assert nearest_id("dusk", ids) == "Dusk"
    assert nearest_id("transmission", ids) is None
    assert nearest_id("", ids) is None
    assert nearest_id("a" * 199, ids) is None
    assert nearest_id("noon", pa.array([], pa.string())) is None
