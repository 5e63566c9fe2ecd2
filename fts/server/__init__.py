"""The exchange over HTTP: an application for any ASGI server, and one that runs for a notebook cell."""

from __future__ import annotations

import lazy_loader

# The public names are in __init__.pyi; a token is made without loading a web server.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
