"""Parsing of arguments: ids, weights, curves, instants, data of the application."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache
from itertools import pairwise
from math import inf
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from fts.errors import InvalidCurve, InvalidInput, InvalidInstant, InvalidWeights, UnknownReference
from fts.models.curve import DemandCurve, read_curve
from fts.models.parse_number import parse_number
from fts.models.timestamps import format_instant, parse_instant
from fts.models.weights import read_weights

SMALLEST, LARGEST = 1e-30, 1e30
"""Smallest and largest size of a number of a bid. One auction holds all bids, and float64 must hold their sums."""
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
"""A UUID as it is written here."""
ADVICE = "write the bid in other units"


def parse_id(value: Any, what: str) -> str:
    """Parse the id of a thing, a UUID, into its canonical text.

    Raises
    ------
    InvalidInput
    """
    name = _uuid(value)
    if name is None:
        raise InvalidInput(f"{value!r} is not the id of a {what}; ids are UUIDs")
    return name


def parse_weights(weights: Any, group: str) -> dict[str, float]:
    """Parse the weights of one group of a portfolio, by canonical id.

    Raises
    ------
    InvalidWeights
    UnknownReference
        An id is no UUID, so nothing can have it.
    """
    given = read_weights(_texts(weights))
    canonical: dict[str, float] = {}
    for value, weight in given.items():
        name = _uuid(value)
        if name is None:
            raise unknown_reference(value, group)
        if name in canonical and isinstance(weights, Mapping):
            raise InvalidWeights(f"the {group} of a portfolio names {name} twice; add the two weights")
        if weight and not SMALLEST <= abs(weight) <= LARGEST:
            raise InvalidWeights(
                f"the weight of {name} is {weight!r}; it is 0 or between {SMALLEST:g} and {LARGEST:g} in size: {ADVICE}"
            )
        canonical[name] = weight
    return canonical


def parse_ratio(value: Any) -> float:
    """Parse the number of units of a child that one unit of its parent is.

    Raises
    ------
    InvalidInput
    """
    ratio = parse_number(value)
    if ratio is None or not SMALLEST <= ratio <= LARGEST:
        raise InvalidInput(f"a ratio is {value!r:.60}; it is a number between {SMALLEST:g} and {LARGEST:g}")
    return ratio


def parse_curve(value: Any) -> DemandCurve | None:
    """Parse the demand curve of a bid; None is an inactive one.

    Raises
    ------
    InvalidCurve
    """
    curve = read_curve(value)
    points = () if curve is None else curve.points
    for k, (rate, price) in enumerate(points):
        if LARGEST < abs(rate) < inf or abs(price) > LARGEST:
            what, number = ("price", price) if abs(price) > LARGEST else ("rate", rate)
            raise InvalidCurve(f"the {what} of point {k} is {number!r}; it is at most {LARGEST:g} in size: {ADVICE}")
    for k, ((rate0, _), (rate1, _)) in enumerate(pairwise(points)):
        if 0 < rate1 - rate0 < SMALLEST:
            raise InvalidCurve(
                f"the rates of points {k} and {k + 1} are {rate1 - rate0!r} apart; they are equal, or differ by "
                f"{SMALLEST:g} or more: {ADVICE}"
            )
    return curve


def unknown_reference(name: str, group: str) -> UnknownReference:
    """Return the error for weights on an unknown id; one text, so that no bidder learns of the bids of others."""
    if group == "basis":
        return UnknownReference(f"the basis of the portfolio names {name!r}, but no product has this id")
    if group == "group":
        return UnknownReference(
            f"the group of the cost names {name!r}, but no auth of this bidder has this id; "
            "a cost refers to auths of its own bidder"
        )
    return UnknownReference(
        f"the demand of the portfolio names {name!r}, but no demand of this bidder has this id; "
        "a portfolio refers to demands of its own bidder"
    )


def parse_app_data(kind: Any, value: Any, what: str) -> tuple[Any, Any]:
    """Validate data of the application; returns the value of its type, and its JSON.

    Parameters
    ----------
    kind : type
        Any that pydantic validates.
    value : JSON value, or a value of that type
    what : str
        ``product``, ``demand`` or ``portfolio``.

    Raises
    ------
    InvalidInput
    """
    adapter = _adapter(kind)
    try:
        data = adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f"app_data of the {what} cannot be used: {place + ': ' if place else ''}{first['msg']}"
        ) from error
    stored = adapter.dump_python(data, mode="json", by_alias=True)
    try:
        json.dumps(stored, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        raise InvalidInput(
            f"app_data of the {what} cannot be kept: it holds a number that is not finite, or a text that is no text"
        ) from error
    return data, stored


def parse_any_instant(instant: Any) -> datetime:
    """Parse an instant, in UTC, from a text or an aware datetime.

    Raises
    ------
    InvalidInstant
    """
    if isinstance(instant, str):
        return parse_instant(instant)
    if isinstance(instant, datetime):
        return parse_instant(format_instant(instant))
    raise InvalidInstant(f"{instant!r} is not an instant; give a datetime with an offset, or a text")


def parse_optional_instant(instant: Any) -> datetime | None:
    """Parse an instant as `parse_any_instant` does; None stays None."""
    return None if instant is None else parse_any_instant(instant)


def parse_span(before: Any, after: Any) -> tuple[datetime | None, datetime | None]:
    """Parse both ends of a span of instants; each may be None."""
    return parse_optional_instant(before), parse_optional_instant(after)


def parse_bidders(bidders: Any) -> list[str]:
    """Parse the ids of one bidder or of several."""
    several = bidders if isinstance(bidders, Collection) and not isinstance(bidders, str) else [bidders]
    return [parse_id(bidder, "bidder") for bidder in several]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _uuid(value: Any) -> str | None:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and CANONICAL.fullmatch(value):
        return value
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(weights: Any) -> Any:
    """Weights whose ids are UUID objects, with their text instead."""
    if isinstance(weights, UUID):
        return str(weights)
    if isinstance(weights, Mapping):
        return {str(key) if isinstance(key, UUID) else key: value for key, value in weights.items()}
    if isinstance(weights, Iterable) and not isinstance(weights, (str, bytes, bytearray)):
        return [str(key) if isinstance(key, UUID) else key for key in weights]
    return weights
