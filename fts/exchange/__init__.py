"""The exchange: what can be done in a market, once, for Python and for HTTP alike."""

from __future__ import annotations

import lazy_loader

# The public names are in __init__.pyi; a token or a schedule is made without loading a market.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
