"""Storage of a market in one DuckDB file."""

from __future__ import annotations

from fts.store.duck_store import DuckStore

__all__ = ["DuckStore"]
