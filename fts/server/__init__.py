"""HTTP interface of the exchange, for any ASGI server; `local` runs one for a notebook cell."""

from __future__ import annotations

from typing import Any

import lazy_loader

from fts import _optional

# The public names are in __init__.pyi; they load lazily, so that making a token does not load a web server.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with _optional.explained("server"):
        return _load(name)
