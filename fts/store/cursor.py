"""A place to read the market from: one cursor, used by one thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import duckdb
import pyarrow as pa

from fts.store.book import Sheet
from fts.store.statements import failures, rows, table


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
    reading : callable
        What surrounds every reading of the file.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        book: Callable[[], Sheet],
        *,
        inside: bool = False,
        reading: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._cursor = cursor
        self._book = book
        self._inside = inside
        self._reading = reading

    def _rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        with self._reading():
            return rows(self._cursor, name, **values)

    def _table(self, name: str, **values: Any) -> pa.Table:
        with self._reading(), failures("read the market"):
            return table(self._cursor, name, **values)
