"""Numbers as people and files write them, read as float64."""

from __future__ import annotations

from typing import Any

import numpy as np


def read_number(value: Any) -> float | None:
    """The float64 that a value stands for, or None where it is no real number.

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
