"""Old name of `fts.sim.typical_hours`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any

from fts.sim import typical_hours

RENAMED = {"Delivery": "TypicalHour", "read_delivery": "read_typical_hour"}


def __getattr__(name: str) -> Any:
    new = RENAMED.get(name, name)
    if name.startswith("_") or not hasattr(typical_hours, new):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"fts.sim.delivery.{name} is now fts.sim.typical_hours.{new}; import it from there"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(typical_hours, new)
