"""Calls that cannot be meant end in an error of our own tree, which says what must be given instead."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fts
import fts.solver
from fts.errors import ConfigurationError, FtsError, InvalidAuction, InvalidFile, InvalidInput, InvalidOutcome

AUCTION = fts.Auction(
    {"a": [(0, 60), (100, 20)], "b": fts.Constant(5, -80, 0)},
    {"i": fts.Portfolio("a", "x"), "j": fts.Portfolio("b", "x")},
)
OUTCOME = AUCTION.solve()
# Calls that no type checker would let pass.
untyped: Any = fts
untyped_auction: Any = AUCTION
WARM: tuple[Any, ...] = (5, "x", AUCTION, {})
RIGHT = OUTCOME.rates, OUTCOME.prices


@pytest.mark.parametrize(
    "options",
    [
        *({"reference": r} for r in ("x", 5, True, ["a"], [1j], [1, 2], [[1]], [math.inf], [10**400], {"x": "5"})),
        *({"warm": w} for w in WARM),
        *({"tol": t} for t in ("x", 0, -1, math.nan, math.inf, [1e-9], 1j, True, 10**400, np.ones(2))),
        *({"solver": s} for s in ("nope", 5, ["native"])),
    ],
    ids=repr,
)
def test_options_of_solve(options):
    with pytest.raises(ConfigurationError, match="must be|choose|NaN is"):
        AUCTION.solve(**options)


@pytest.mark.parametrize("reference", [[7], (7.0,), np.array([7]), [None], pd.Series({"x": 7}), {"x": None}], ids=repr)
def test_references_that_are_right(reference):
    assert AUCTION.solve(reference=reference).prices == OUTCOME.prices


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (([0], [1]), "rates"),
        ((None, None), "rates"),
        (("ab", [1]), "rates"),
        (([[1, -1]], [1]), "rates"),
        (([1j, 1], [1]), "rates"),
        (([1, -1], [1, 2]), "prices"),
        (([1, -1], {"x": 1}), "prices"),
        (([1, -1], [1], [1]), "demand_prices"),
    ],
    ids=repr,
)
def test_answers_to_certify(given, name):
    with pytest.raises(InvalidOutcome, match=f"^{name} must be a sequence of"):
        AUCTION.certify(*given)


def test_tolerances_to_certify_with():
    assert AUCTION.certify(*RIGHT, tol=1e-6).status == "exact"
    for tol in ("x", -1, 0, math.inf):
        with pytest.raises(ConfigurationError, match="positive number"):
            AUCTION.certify(*RIGHT, tol=tol)


@pytest.mark.parametrize("products", [None, 5, [5], [None], [["x"]], b"x"], ids=repr)
def test_products_of_a_price_interval(products):
    with pytest.raises(InvalidInput, match="ids of products"):
        OUTCOME.price_interval(products)


def test_one_product_may_be_named_alone():
    pd.testing.assert_frame_equal(OUTCOME.price_interval("x"), OUTCOME.price_interval(["x"]))


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (InvalidAuction, lambda: untyped_auction.outcome_of(None)),
        (InvalidAuction, lambda: untyped_auction.outcome_of(5)),
        (InvalidAuction, lambda: untyped.Auction(5, {})),
        (InvalidAuction, lambda: untyped.Auction({}, None)),
        *(
            (InvalidAuction, lambda f=f: f(OUTCOME))
            for f in (fts.solver.solve, fts.solver.problem, fts.solver.write_lp)
        ),
        (InvalidAuction, lambda: untyped.solver.write_mps(None)),
        (InvalidAuction, lambda: untyped.solver.certify({}, [], [])),
        (InvalidOutcome, lambda: untyped.solver.price_interval(AUCTION, ["x"])),
        (InvalidOutcome, lambda: untyped.Outcome.from_json(OUTCOME.to_json(), 5)),
        (ConfigurationError, lambda: untyped.solver.write_lp(AUCTION, names=["safe"])),
        (InvalidFile, lambda: untyped_auction.write_json(5)),
        (InvalidFile, lambda: untyped_auction.write_json(io.BytesIO())),
        (InvalidFile, lambda: untyped.Auction.read_json(None)),
    ],
)
def test_what_else_is_given(error, call):
    with pytest.raises(error) as raised:
        call()
    assert isinstance(raised.value, FtsError) and len(str(raised.value)) > 20
