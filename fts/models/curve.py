"""Demand curves: the marginal price one bidder gives to every rate of trade."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fts.errors import InvalidCurve
from fts.models import html
from fts.models.number import read_number

Floats: TypeAlias = NDArray[np.float64]
Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, init=False)
class Curve:
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

    def __init__(self, points: Iterable[Any]) -> None:
        if isinstance(points, (str, bytes, Mapping)) or not isinstance(points, Iterable):
            raise InvalidCurve(f"a curve is a list of points (rate, price), not {_shown(points)}")
        read = tuple(_read_point(k, point) for k, point in enumerate(points))
        _check(read)
        object.__setattr__(self, "points", read)

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
        """The curve as the auction file writes it."""
        return [{"rate": rate, "price": price} for rate, price in self.points]

    def _repr_html_(self) -> str:
        return html.curve(self)


@dataclass(frozen=True, init=False)
class Constant:
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
    min_rate: float
    max_rate: float

    def __init__(self, price: float, min_rate: float | None = None, max_rate: float | None = None) -> None:
        price = _number(price, "the price of a constant curve")
        low = -math.inf if min_rate is None else _number(min_rate, "min_rate", unlimited=-math.inf)
        high = math.inf if max_rate is None else _number(max_rate, "max_rate", unlimited=math.inf)
        if not low <= 0 <= high:
            raise InvalidCurve(
                f"the domain of a curve contains rate 0: min_rate {low:g} <= 0 <= max_rate {high:g} does not hold"
            )
        object.__setattr__(self, "price", price)
        object.__setattr__(self, "min_rate", low)
        object.__setattr__(self, "max_rate", high)

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
        """The curve as the auction file writes it; null is unlimited."""
        return {
            "min_rate": self.min_rate if math.isfinite(self.min_rate) else None,
            "max_rate": self.max_rate if math.isfinite(self.max_rate) else None,
            "price": self.price,
        }

    def _repr_html_(self) -> str:
        return html.curve(self)


DemandCurve: TypeAlias = Curve | Constant


def read_curve(value: Any) -> DemandCurve | None:
    """A curve from any of its written forms.

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


_PLAIN = frozenset((int, float))
# Below the largest float64, and false for NaN.
_LARGE = 1e308


def _read_point(k: int, point: Any) -> Point:
    # What programs send, a thousand times a second.
    if type(point) is dict and len(point) == 2:
        rate, price = point.get("rate", ""), point.get("price", "")
        if type(rate) in _PLAIN and type(price) in _PLAIN and -_LARGE < rate < _LARGE and -_LARGE < price < _LARGE:
            return float(rate), float(price)
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
    number = read_number(value)
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
