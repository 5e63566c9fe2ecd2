"""A place to read the market from: one cursor, used by one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb

from fts.store.book import Sheet
from fts.store.statements import rows


class Cursor:
    """What all readers of a market share.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Used by one thread.
    book : callable
        The market as it is now.
    inside : bool
        Whether the cursor is inside a transaction.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, book: Callable[[], Sheet], *, inside: bool = False) -> None:
        self._cursor = cursor
        self._book = book
        self._inside = inside

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        return rows(self._cursor, name, **values)
