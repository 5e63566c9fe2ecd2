"""Weights: how much of each product, or of each demand, one unit of a portfolio is."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from fts.errors import InvalidWeights
from fts.models.parse_number import parse_number

_LARGEST = sys.float_info.max


def read_weights(value: Any) -> dict[str, float]:
    """Read weights from any of their three written forms.

    Parameters
    ----------
    value : mapping id -> weight, list of ids, one id, or None
        ``"X"`` means ``{"X": 1}``, ``["X", "Y"]`` means ``{"X": 1, "Y": 1}`` (an id listed twice counts once),
        None means no weights.

    Returns
    -------
    dict of str to float
        In the order written; a weight of 0 stays (an auction drops it).

    Raises
    ------
    InvalidWeights
        The value has none of these forms, or a weight is not finite.
    """
    if isinstance(value, str):
        return {value: 1.0}
    if type(value) is dict and _is_plain(value):
        return value.copy()
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {_id(key): _weight(key, weight) for key, weight in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        return {_id(key): 1.0 for key in value}
    raise InvalidWeights(f"weights are {value!r}; write one id, a list of ids, or a mapping of id to weight")


def _is_plain(weights: dict[Any, Any]) -> bool:
    """Return True if all ids are text and all weights finite floats, so that nothing is to be converted or refused."""
    for key, weight in weights.items():
        if type(key) is not str or type(weight) is not float or not -_LARGEST <= weight <= _LARGEST:
            return False
    return True


def _id(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidWeights(f"weights name {key!r}; an id is a text")
    return key


def _weight(key: Any, value: Any) -> float:
    number = parse_number(value)
    if number is None or not math.isfinite(number):
        raise InvalidWeights(f"the weight of {key!r} is {value!r}; it must be a finite number")
    return number
