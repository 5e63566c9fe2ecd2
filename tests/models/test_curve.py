"""Curves: every rule is enforced at construction, with the rule and the point in the message."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fts.errors import InvalidCurve, InvalidInput
from fts.models.curve import Constant, Curve, read_curve


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "empty"),
        ([(0, 10), (5, 11)], "point 1 has price 11.0 after 10.0"),
        ([(0, 10), (-1, 9)], "point 1 has rate -1.0 after 0.0"),
        ([(1, 10), (5, 9)], "contains rate 0: this one runs from 1.0 to 5.0"),
        ([(-5, 10), (-1, 9)], "contains rate 0: this one runs from -5.0 to -1.0"),
        ([(0, math.nan)], "the price of point 0 is nan"),
        ([(math.nan, 1)], "the rate of point 0 is nan"),
        ([(0, 10), (math.inf, 9)], "the rate of point 1 is infinite"),
        ([(0, 10), (10**400, 9)], "the rate of point 1 is infinite"),
        ([(-math.inf, 10), (0, 9)], "the rate of point 0 is infinite"),
        ([(0, -math.inf)], "the price of point 0 is infinite"),
        ([(0, "10")], "the price of point 0 is '10'"),
        ([(True, 10)], "the rate of point 0 is True"),
        ([{"rate": 0}], "point 0 of the curve has no 'price'"),
        ([(0, 1, 2)], "point 0 of the curve is (0, 1, 2)"),
        ("load", "a list of points"),
        (7, "a list of points"),
    ],
)
def test_a_curve_that_breaks_a_rule_is_refused_with_rule_and_place(points, message):
    with pytest.raises(InvalidCurve) as refused:
        Curve(points)
    assert message in str(refused.value)
    assert isinstance(refused.value, InvalidInput)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price": math.nan}, "price of a constant curve is nan"),
        ({"price": math.inf}, "price of a constant curve is infinite"),
        ({"price": 1, "min_rate": 1}, "min_rate 1 <= 0"),
        ({"price": 1, "max_rate": -1}, "max_rate -1"),
        ({"price": 1, "max_rate": math.nan}, "max_rate is nan"),
        ({"price": 1, "min_rate": math.inf}, "min_rate is infinite"),
        ({"price": 1, "max_rate": -math.inf}, "max_rate is infinite"),
    ],
)
def test_a_constant_that_breaks_a_rule_is_refused(arguments, message):
    with pytest.raises(InvalidCurve, match="."):
        Constant(**arguments)
    with pytest.raises(InvalidCurve) as refused:
        read_curve(arguments)
    assert message in str(refused.value)


def test_a_constant_needs_a_price():
    with pytest.raises(InvalidCurve, match="needs a 'price'"):
        read_curve({"min_rate": 0})


def test_steps_flat_stretches_and_a_single_point_at_zero_are_legal():
    step = Curve([(0, 60), (80, 40), (80, 25), (120, 25)])
    assert (step.min_rate, step.max_rate) == (0, 120)
    assert Curve([(0, 5)]).points == ((0.0, 5.0),)
    assert Curve([(0, 5), (0, 3)]).points == ((0.0, 5.0), (0.0, 3.0))


def test_all_written_forms_read_as_the_same_curve():
    curve = Curve([(0, 60), (100, 20)])
    forms = [curve, [(0, 60), (100, 20)], curve.to_json(), np.array([[0, 60], [100, 20]]), [[0, 60.0], [100, 20]]]
    assert all(read_curve(form) == curve for form in forms)
    constant = Constant(5, min_rate=-80, max_rate=0)
    assert read_curve(constant.to_json()) == constant
    assert read_curve(None) is None


def test_missing_bounds_are_unlimited_and_written_as_null():
    constant = Constant(5, max_rate=0)
    assert constant.min_rate == -math.inf
    assert constant.to_json() == {"min_rate": None, "max_rate": 0.0, "price": 5.0}
    assert read_curve({"price": 5, "max_rate": 0}) == constant


def test_minus_zero_survives():
    assert math.copysign(1, Curve([(-0.0, 1)]).points[0][0]) == -1


NUMBERS = st.one_of(
    st.sampled_from([0, -0.0, 1, -1, 2.5, np.float64(3), np.int64(-2), np.float32(0.1), 10**400, -(10**400), 1.7e308]),
    st.sampled_from([math.nan, math.inf, -math.inf, None, True, "1", 1j, np.bool_(True)]),
    st.integers(-3, 3),
    st.floats(-3, 3),
)
POINTS = st.one_of(
    st.tuples(NUMBERS, NUMBERS),
    st.lists(NUMBERS, min_size=1, max_size=3),
    st.builds(lambda rate, price: {"rate": rate, "price": price, "note": 1}, NUMBERS, NUMBERS),
    st.sampled_from([None, "ab", {"rate": 0}, (0, 1, 2), np.array([0.0, 1.0])]),
)


def result(points: Any) -> str:
    """What comes of a curve, down to the sign of zero and the type of the numbers, or its refusal."""
    try:
        return repr(Curve(points).points)
    except InvalidCurve as error:
        return str(error)


@given(st.lists(POINTS, max_size=3), st.booleans())
def test_points_in_a_plain_list_are_read_as_those_of_any_iterable(points, as_tuple):
    # An iterator is always read point by point.
    assert result(tuple(points) if as_tuple else points) == result(iter(points))


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=5), st.lists(st.floats(-9, 9), min_size=6, max_size=6))
def test_points_in_order_are_read_as_they_are(rates, prices):
    points = list(zip(sorted([*rates, 0.0]), sorted(prices, reverse=True), strict=False))
    if not points[0][0] <= 0 <= points[-1][0]:
        points = [(rate - rate, price) for rate, price in points]
    expected = [list(point) for point in points]
    for form in (points, tuple(points), expected, [{"rate": rate, "price": price} for rate, price in points]):
        assert [list(point) for point in Curve(form).points] == expected
    assert Curve(points).rates.tolist() == [rate for rate, _ in expected]
    assert Curve(points).prices.tolist() == [price for _, price in expected]


def test_a_curve_keeps_its_points_when_the_list_changes():
    points = [[0.0, 60.0], [100.0, 20.0]]
    curve = Curve(points)
    points[1][1] = 99.0
    points.append([200.0, 1e9])
    assert curve.points == ((0.0, 60.0), (100.0, 20.0))


@pytest.mark.parametrize("value", [Curve([(0, 60), (100, 20)]), Constant(5, max_rate=0), Constant(-0.0)])
def test_curves_are_values(value):
    for again in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value), eval(repr(value), NAMES)):
        assert type(again) is type(value)
        assert again == value and hash(again) == hash(value) and repr(again) == repr(value)
    with pytest.raises(AttributeError):
        value.price = 7
    assert value != Curve([(0, 1)])


NAMES = {"Curve": Curve, "Constant": Constant, "inf": math.inf}
