"""Weights and portfolios: three written forms, one meaning."""

from __future__ import annotations

import math

import pytest

from fts.errors import InvalidAuction, InvalidWeights
from fts.models.portfolio import Portfolio, read_portfolio
from fts.models.weights import read_weights


def test_three_written_forms():
    assert read_weights("X") == {"X": 1.0}
    assert read_weights(["X", "Y", "X"]) == {"X": 1.0, "Y": 1.0}
    assert read_weights({"X": 2, "Y": -0.5}) == {"X": 2.0, "Y": -0.5}
    assert read_weights(None) == {}
    assert read_weights({}) == {}


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, "1", True, None, 10**400, 1j])
def test_a_weight_that_is_no_finite_number_is_refused(weight):
    with pytest.raises(InvalidWeights, match="weight of 'X'"):
        read_weights({"X": weight})


@pytest.mark.parametrize("value", [7, b"X", [1], {1: 1}])
def test_other_forms_are_refused(value):
    with pytest.raises(InvalidWeights):
        read_weights(value)


def test_a_portfolio_without_demand_or_basis_is_refused():
    with pytest.raises(InvalidAuction, match="without 'basis'"):
        read_portfolio({"demand": "d"})
    with pytest.raises(InvalidAuction, match="without 'demand'"):
        read_portfolio({"basis": "p"})
    assert read_portfolio({"demand": None, "basis": "p"}) == Portfolio({}, "p")
