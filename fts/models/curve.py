"""Demand curves: the marginal price one bidder gives to every rate of trade."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import force_setattr

from fts.errors import InvalidCurve
from fts.models import _repr_html
from fts.models.arrays import Floats
from fts.models.parse_number import parse_number

Point: TypeAlias = tuple[float, float]


# Curves and constants hold numbers only, so the garbage collector need not follow a hundred thousand of them.
class Curve(msgspec.Struct, frozen=True, gc=False):
    """A piecewise-linear demand curve.

    Rates never fall and prices never rise from point to point; rate 0 lies between the first and
    the last rate. Two points with one rate are a vertical step, two points with one price a flat stretch.

    Parameters
    ----------
    points : iterable of (rate, price) or of {"rate": …, "price": …}
        In curve order. Rates [quantity / time, + buys, - sells], prices [money / quantity].

    Raises
    ------
    InvalidCurve
        A rule is broken; the message names rule and point.

    Notes
    -----
    Source: Budish, Cramton, Kyle, Lee, Malec, *Flow Trading*, section 2 (piecewise-linear demand).
    """

    points: tuple[Point, ...]

    if TYPE_CHECKING:

        def __init__(self, points: Iterable[Any]) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "points", read_points(self.points))

    @property
    def rates(self) -> Floats:
        """Rates of the points, (n_points,) [quantity / time]."""
        return np.array([rate for rate, _ in self.points])

    @property
    def prices(self) -> Floats:
        """Prices of the points, (n_points,) [money / quantity]."""
        return np.array([price for _, price in self.points])

    @property
    def min_rate(self) -> float:
        """Left end of the domain [quantity / time]."""
        return self.points[0][0]

    @property
    def max_rate(self) -> float:
        """Right end of the domain [quantity / time]."""
        return self.points[-1][0]

    def to_json(self) -> list[dict[str, float]]:
        """Return the curve as the auction file writes it."""
        return [{"rate": rate, "price": price} for rate, price in self.points]

    def _repr_html_(self) -> str:
        return _repr_html.curve(self)


class Constant(msgspec.Struct, frozen=True, gc=False):
    """A demand curve of one price over a domain that may be unlimited.

    Parameters
    ----------
    price : float
        [money / quantity], finite.
    min_rate, max_rate : float or None
        Ends of the domain [quantity / time], ``min_rate <= 0 <= max_rate``; None is unlimited.

    Raises
    ------
    InvalidCurve
        A rule is broken.
    """

    price: float
    min_rate: float = -math.inf
    max_rate: float = math.inf

    if TYPE_CHECKING:

        def __init__(self, price: float, min_rate: float | None = None, max_rate: float | None = None) -> None: ...

    def __post_init__(self) -> None:
        price = _number(self.price, "the price of a constant curve")
        low = -math.inf if self.min_rate is None else _number(self.min_rate, "min_rate", unlimited=-math.inf)
        high = math.inf if self.max_rate is None else _number(self.max_rate, "max_rate", unlimited=math.inf)
        if not low <= 0 <= high:
            raise InvalidCurve(
                f"the domain of a curve contains rate 0: min_rate {low:g} <= 0 <= max_rate {high:g} does not hold"
            )
        force_setattr(self, "price", price)
        force_setattr(self, "min_rate", low)
        force_setattr(self, "max_rate", high)

    @property
    def rates(self) -> Floats:
        """The two ends of the domain, (2,) [quantity / time]."""
        return np.array([self.min_rate, self.max_rate])

    @property
    def prices(self) -> Floats:
        """The price at both ends, (2,) [money / quantity]."""
        return np.array([self.price, self.price])

    @property
    def points(self) -> tuple[Point, ...]:
        """Both ends as (rate, price); an unlimited end has an infinite rate."""
        return ((self.min_rate, self.price), (self.max_rate, self.price))

    def to_json(self) -> dict[str, float | None]:
        """Return the curve as the auction file writes it; null is unlimited."""
        return {
            "min_rate": self.min_rate if math.isfinite(self.min_rate) else None,
            "max_rate": self.max_rate if math.isfinite(self.max_rate) else None,
            "price": self.price,
        }

    def _repr_html_(self) -> str:
        return _repr_html.curve(self)


DemandCurve: TypeAlias = Curve | Constant


def read_curve(value: Any) -> DemandCurve | None:
    """Read a curve from any of its written forms.

    Parameters
    ----------
    value : Curve, Constant, list of points, {"price", "min_rate"?, "max_rate"?} or None
        None is the curve of an inactive demand.

    Raises
    ------
    InvalidCurve
        The value has none of these forms, or breaks a rule of curves.
    """
    if value is None or isinstance(value, (Curve, Constant)):
        return value
    if isinstance(value, Mapping):
        if "price" not in value:
            raise InvalidCurve('a constant curve needs a \'price\'; write {"price": 5, "min_rate": -80, "max_rate": 0}')
        return Constant(value["price"], value.get("min_rate"), value.get("max_rate"))
    return Curve(value)


def read_points(points: Any) -> tuple[Point, ...]:
    """Points of a piecewise-linear curve, as (rate, price), from any iterable of points in a written form.

    Raises
    ------
    InvalidCurve
        A rule is broken; the message names rule and point.
    """
    read = _plain_points(points)
    if read is None:
        if isinstance(points, (str, bytes, Mapping)) or not isinstance(points, Iterable):
            raise InvalidCurve(f"a curve is a list of points (rate, price), not {_shown(points)}")
        read = tuple(_read_point(k, point) for k, point in enumerate(points))
        _check(read)
    return read


_PLAIN = frozenset((int, np.float64, np.int64, np.float32, np.int32))
_LARGEST = sys.float_info.max


def _plain_points(points: Any) -> tuple[Point, ...] | None:
    """Read points written as plain lists, tuples or dicts of numbers, if they keep the rules of a curve.

    None: they must be read one by one, to accept a rarer form or to name the rule that is broken.
    """
    if type(points) is not list and type(points) is not tuple:
        return None
    read: list[Point] = []
    last_rate, last_price = -_LARGEST, _LARGEST
    for point in points:
        kind = type(point)
        if kind is tuple or kind is list:
            if len(point) != 2:
                return None
            rate, price = point
        elif kind is dict:
            rate, price = point.get("rate"), point.get("price")
        else:
            return None
        if type(rate) is not float or type(price) is not float:
            rate, price = _plain_number(rate), _plain_number(price)
        # False for NaN. Numbers in this order are finite if the first and the last ones are.
        if not (last_rate <= rate and price <= last_price):
            return None
        read.append((rate, price))
        last_rate, last_price = rate, price
    if not 0 <= last_rate <= _LARGEST or last_price < -_LARGEST or read[0][0] > 0:
        return None
    return tuple(read)


def _plain_number(value: Any) -> float:
    """Read a number of a frequent type; NaN for everything else."""
    if type(value) is float:
        return value
    if type(value) not in _PLAIN or (type(value) is int and abs(value) > _LARGEST):
        return math.nan
    return float(value)


def _read_point(k: int, point: Any) -> Point:
    if isinstance(point, Mapping):
        missing = [key for key in ("rate", "price") if key not in point]
        if missing:
            raise InvalidCurve(f"point {k} of the curve has no {missing[0]!r}; a point has a rate and a price")
        rate, price = point["rate"], point["price"]
    elif isinstance(point, Sequence) and not isinstance(point, (str, bytes)) and len(point) == 2:
        rate, price = point
    elif isinstance(point, np.ndarray) and point.shape == (2,):
        rate, price = point
    else:
        raise InvalidCurve(f"point {k} of the curve is {_shown(point)}; write (rate, price)")
    return _number(rate, f"the rate of point {k}"), _number(price, f"the price of point {k}")


def _number(value: Any, place: str, unlimited: float | None = None) -> float:
    number = parse_number(value)
    if number is None or math.isnan(number):
        raise InvalidCurve(f"{place} is {_shown(value)}; it must be a finite number")
    if math.isinf(number) and number != unlimited:
        raise InvalidCurve(f"{place} is infinite; it must be a finite number")
    return number


def _check(points: tuple[Point, ...]) -> None:
    if not points:
        raise InvalidCurve("the curve is empty; it needs at least one point (null, or None, is an inactive demand)")
    for k in range(1, len(points)):
        (rate0, price0), (rate1, price1) = points[k - 1], points[k]
        if rate1 < rate0:
            raise InvalidCurve(
                f"rates never fall along a curve: point {k} has rate {rate1!r} after {rate0!r}; sort the points by rate"
            )
        if price1 > price0:
            raise InvalidCurve(
                f"prices never rise along a demand curve: point {k} has price {price1!r} after {price0!r}; "
                "a seller's curve runs from negative rates at high prices to rate 0 at its lowest price"
            )
    if not points[0][0] <= 0 <= points[-1][0]:
        raise InvalidCurve(
            f"the domain of a curve contains rate 0: this one runs from {points[0][0]!r} to {points[-1][0]!r}; "
            "add a point at rate 0"
        )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
