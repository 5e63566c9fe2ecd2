"""A place to read the market from: one cursor, used by one thread."""

from __future__ import annotations

from typing import Any

import duckdb

from fts.store.statements import rows


class Cursor:
    """What all readers of a market share.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Used by one thread.
    inside : bool
        Whether the cursor is inside a transaction.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, *, inside: bool = False) -> None:
        self._cursor = cursor
        self._inside = inside

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        return rows(self._cursor, name, **values)
