"""Old name of `fts.client.types`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any

from fts.client import types

RENAMED = {
    "Market": "MarketInfo",
    "Outcome": "PriceAndRate",
    "Page": "PageReply",
    "Portfolio": "PortfolioReply",
    "Row": "HistoryEntry",
}


def __getattr__(name: str) -> Any:
    new = RENAMED.get(name, name)
    if name.startswith("_") or not hasattr(types, new):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = f"fts.client.records.{name} is now fts.client.types.{new}; import it from there"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return getattr(types, new)
