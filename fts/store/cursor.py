"""Base of all readers: one cursor, used by one thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import duckdb
import pyarrow as pa

from fts.store.order_book import BookLayer
from fts.store.queries import Thing, fetch_rows, fetch_table, translate_errors


class CursorReader:
    """Runs queries with one cursor.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Used by one thread.
    book : callable
        Returns the order book.
    in_transaction : bool
        True if the cursor is inside a transaction.
    reading : callable
        Context manager around every query of the file.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        book: Callable[[], BookLayer],
        *,
        in_transaction: bool = False,
        reading: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._cursor = cursor
        self._book = book
        self._in_transaction = in_transaction
        self._reading = reading

    def _rows(self, name: str, *, thing: Thing | None = None, **values: Any) -> list[tuple[Any, ...]]:
        with self._reading():
            return fetch_rows(self._cursor, name, thing=thing, **values)

    def _table(self, name: str, **values: Any) -> pa.Table:
        with self._reading(), translate_errors("read the market"):
            return fetch_table(self._cursor, name, **values)
