"""Numbers as people and files write them, read as float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from fts.errors import ConfigurationError, FtsError
from fts.models.columns import Floats, floats


def parse_number(value: Any) -> float | None:
    """Return the float64 that a value stands for, or None if it is no real number.

    Text and booleans are no numbers; an integer too large for a float64 is infinite.
    """
    if type(value) is float:
        return value
    if isinstance(value, (bool, np.bool_, str, bytes)) or value is None:
        return None
    if isinstance(value, (float, np.floating)):
        return float(value)
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    except (TypeError, ValueError):
        return None


def parse_numbers(given: Any, length: int, name: str, error: type[FtsError]) -> Floats:
    """Parse numbers as float64, (length,); None is NaN.

    Parameters
    ----------
    given : sequence or array
    length : int
    name : str
        Of what is given, for the message of the error.
    error : type
        Raised where it is something else.
    """
    try:
        array = np.asarray(given)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.shape != (length,):
        shape = f"the shape {array.shape}" if array.shape else f"the type {type(given).__name__}"
        raise error(f"{name} must be a sequence of {length} numbers, but has {shape}")
    if array.dtype.kind in "iuf":
        return floats(array)
    numbers = [float("nan") if value is None else parse_number(value) for value in array.tolist()]
    if None in numbers:
        raise error(f"{name} must be a sequence of {length} numbers, but holds {array.tolist()[numbers.index(None)]!r}")
    return floats(numbers)


def parse_tolerance(value: Any) -> float:
    """Parse a tolerance as a float.

    Raises
    ------
    ConfigurationError
        It is no positive number.
    """
    number = parse_number(value)
    if number is None or not 0 < number < np.inf:
        raise ConfigurationError(f"the tolerance is {value!r}; it must be a positive number, such as 1e-9")
    return number
