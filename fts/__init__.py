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

from typing import Any

import lazy_loader

from fts import adapters

__version__ = "0.1.0"

# The public names, and where they live, are in __init__.pyi; each is imported when it is first used.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with adapters.explained(name):
        return _load(name)
