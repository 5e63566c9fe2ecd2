"""Old name of `fts.server.request_log`, kept for one release."""

from __future__ import annotations

import warnings
from typing import Any

from fts.server import request_log


def __getattr__(name: str) -> Any:
    if name != "JsonLines":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    message = "fts.server.journal.JsonLines is now fts.server.request_log.JsonLines; import it from there"
    warnings.warn(message, DeprecationWarning, stacklevel=2)
    return request_log.JsonLines
