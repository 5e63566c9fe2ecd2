"""Weights and portfolios: three written forms, one meaning."""

from __future__ import annotations

import copy
import math
import pickle
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


IDS = st.sampled_from(["X", "Y", np.str_("Z"), 1, None, b"X"])
VALUES = st.sampled_from(
    [1, 0.5, -0.0, np.float64(2), np.int64(3), True, None, "1", math.nan, math.inf, 10**400, 1e308]
)


def result(weights: object) -> object:
    """What comes of weights, down to the sign of zero and the type of the numbers, or the refusal."""
    try:
        return repr(read_weights(weights))
    except InvalidWeights as error:
        return str(error)


@given(st.dictionaries(IDS, VALUES, max_size=3))
def test_weights_in_a_plain_dict_are_read_as_those_of_any_mapping(weights):
    assert result(weights) == result(MappingProxyType(weights))


def test_a_portfolio_is_a_value_of_its_own():
    basis = {"X": 1.0, "Y": -0.5}
    portfolio = Portfolio("d", basis)
    basis["X"] = 7.0
    assert portfolio == Portfolio({"d": 1}, {"X": 1, "Y": -0.5}) != Portfolio("d", "X")
    assert Portfolio() == Portfolio(None, None) == Portfolio(demand={}, basis=[])
    for again in (pickle.loads(pickle.dumps(portfolio)), copy.copy(portfolio), copy.deepcopy(portfolio)):
        assert type(again) is Portfolio and again == portfolio
    with pytest.raises(AttributeError):
        portfolio.basis = {}
