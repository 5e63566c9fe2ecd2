"""Parsing of the data of auths and costs, in both forms that clients write."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from fts.errors import InvalidInput
from fts.exchange import parsing
from fts.models.arguments import CurveLike
from fts.models.curve import Constant, Curve, DemandCurve
from fts.models.parse_number import parse_number
from fts.models.v0 import AuthData, CostData

AuthDataLike: TypeAlias = AuthData | Mapping[str, object]
CostDataLike: TypeAlias = CostData | CurveLike | Mapping[str, object]
ParseCurve = Callable[[Any], DemandCurve | None]


def parse_auth_data(value: Any, parse_curve: ParseCurve = parsing.parse_curve) -> AuthData:
    """Parse the data of an auth.

    Parameters
    ----------
    value : AuthData, {"demand", "min_trade"?, "max_trade"?} or {"min_rate", "max_rate", "min_trade"?, "max_trade"?}
        The older form is a constant curve of price 0 between the two rates; null is unlimited.
    parse_curve : callable
        How a curve is read.

    Raises
    ------
    InvalidInput, InvalidCurve
    """
    if isinstance(value, AuthData):
        return value
    if not isinstance(value, Mapping):
        raise InvalidInput(f"data of an auth is an object with 'demand', not {value!r:.60}")
    low, high = (_bound(value.get(name), name) for name in ("min_trade", "max_trade"))
    if low is not None and high is not None and low > high:
        raise InvalidInput(f"min_trade <= max_trade does not hold: {low:g} > {high:g}")
    if "demand" in value:
        return AuthData(_demand(value["demand"], "auth", parse_curve), low, high, "demand")
    for name in ("min_rate", "max_rate"):
        if name not in value:
            raise InvalidInput(f"data of an auth needs 'demand', or 'min_rate' and 'max_rate'; {name!r} is not there")
    rates = {"price": 0.0, "min_rate": value["min_rate"], "max_rate": value["max_rate"]}
    return AuthData(_demand(rates, "auth", parsing.parse_curve), low, high, "rates")


def parse_cost_data(value: Any, parse_curve: ParseCurve = parsing.parse_curve) -> CostData:
    """Parse the data of a cost.

    Parameters
    ----------
    value : CostData, {"demand": curve}, or a curve
    parse_curve : callable
        How a curve is read.

    Raises
    ------
    InvalidInput, InvalidCurve
    """
    if isinstance(value, CostData):
        return value
    bare = not (isinstance(value, Mapping) and "demand" in value)
    return CostData(_demand(value if bare else value["demand"], "cost", parse_curve), bare)


def updated(before: AuthData | None, data: AuthData) -> AuthData:
    """Return the data of an auth after an update: rates alone keep the price of a constant.

    Raises
    ------
    InvalidInput
        They would be laid over points.
    """
    if before is None or data.form == "demand":
        return data
    if isinstance(before.curve, Curve):
        raise InvalidInput("this auth has a demand of points, which min_rate and max_rate cannot change; send 'demand'")
    curve = data.curve
    low, high = (None if math.isinf(rate) else rate for rate in (curve.min_rate, curve.max_rate))
    return AuthData(Constant(before.curve.price, low, high), data.min_trade, data.max_trade, before.form)


def _demand(value: Any, what: str, parse_curve: ParseCurve) -> DemandCurve:
    curve = parse_curve(value)
    if curve is None:
        raise InvalidInput(f"the demand of the {what} is null; to stop the {what}, delete it")
    return curve


def _bound(value: Any, name: str) -> float | None:
    if value is None:
        return None
    number = parse_number(value)
    if number is None or not math.isfinite(number) or abs(number) > parsing.LARGEST:
        raise InvalidInput(f"{name} is {value!r:.60}; it is a number up to {parsing.LARGEST:g} in size, or null")
    return number
