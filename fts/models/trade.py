"""Old place of `fts.models.v0.Trade`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any

from fts.models import v0


def __getattr__(name: str) -> Any:
    if name != "Trade":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = "fts.models.trade.Trade is now fts.models.v0.Trade; import it from there"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return v0.Trade
