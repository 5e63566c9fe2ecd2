"""Flow trading: frequent batch auctions with piecewise-linear demand curves over any portfolio of products.

>>> import fts
>>> auction = fts.Auction(
...     demands={"load": [(0, 60), (100, 20)], "wind": fts.Constant(5, min_rate=-80, max_rate=0)},
...     portfolios={"load": fts.Portfolio("load", "noon"), "wind": fts.Portfolio("wind", "noon")},
... )
>>> outcome = auction.solve()
>>> float(round(outcome.products.loc["noon", "price"], 6))
28.0
"""

from __future__ import annotations

import warnings
from typing import Any

import lazy_loader

from fts import _optional

__version__ = "0.2.0"

# The public names, and where they live, are in __init__.pyi; each is imported when it is first used.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


_RENAMED = {
    "read_instant": "parse_instant",
    "write_instant": "format_instant",
    "read_duration": "parse_duration",
}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        warnings.warn(
            f"fts.{name} is now fts.{_RENAMED[name]}; the old name ends with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        name = _RENAMED[name]
    with _optional.explained(name):
        return _load(name)
