"""The former name of :mod:`fts._optional`."""

from __future__ import annotations

from fts._optional import explained, load, missing

__all__ = ["explained", "load", "missing"]
