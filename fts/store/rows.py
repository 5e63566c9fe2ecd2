"""Rows of changes that are committed together, until they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from fts.store.statements import failures, statement

Row: TypeAlias = dict[str, Any]

_TEXT, _NUMBER, _INSTANT = pa.string(), pa.float64(), pa.timestamp("us")
COLUMNS: Mapping[str, pa.DataType] = {
    **dict.fromkeys(("id", "bidder", "parent", "ancestor", "leaf", "demand", "portfolio", "product", "key"), _TEXT),
    **dict.fromkeys(("app_data", "form"), _TEXT),
    **dict.fromkeys(("ratio", "weight", "min_trade", "max_trade"), _NUMBER),
    **dict.fromkeys(("rates", "prices"), pa.list_(_NUMBER)),
    **dict.fromkeys(("instant", "until"), _INSTANT),
    "depth": pa.int32(),
    "constant": pa.bool_(),
}
"""What a row may say; ids are texts, ``app_data`` is JSON."""

CLOSINGS: Mapping[str, tuple[str, str]] = {
    "close_expansion": ("insert_expansion", "leaf"),
    "close_curve": ("insert_curve", "demand"),
    "close_portfolio_demand": ("insert_portfolio_demand", "portfolio"),
    "close_portfolio_product": ("insert_portfolio_product", "portfolio"),
    "close_auth_limit": ("insert_auth_limit", "portfolio"),
    "close_cost_form": ("insert_cost_form", "portfolio"),
}
"""Each closing with the opening whose rows it ends, and the column that says which of them."""

OPENINGS = (
    "insert_product",
    "insert_expansion",
    "insert_demand",
    "insert_portfolio",
    "insert_curve",
    "insert_portfolio_demand",
    "insert_portfolio_product",
    "insert_auth_limit",
    "insert_cost_form",
)


class Rows:
    """What is to be closed in the database, and what is to be opened.

    A row that is opened and closed before it was written is written once, with both its instants.
    """

    def __init__(self) -> None:
        self._closed: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        self._opened: defaultdict[str, list[Row]] = defaultdict(list)
        self._open: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._closed or self._opened)

    def close(self, closing: str, key: str, instant: datetime) -> None:
        """End the rows of a key; instants are UTC, naive."""
        for row in self._open.pop((closing, key), ()):
            row["until"] = instant
        self._closed[closing].setdefault(key, instant)

    def open(self, opening: str, row: Row) -> None:
        """Begin a row; it has an ``instant``."""
        row.setdefault("until", None)
        self._opened[opening].append(row)
        if row["until"] is None and opening in _CLOSED_BY:
            closing, key = _CLOSED_BY[opening]
            self._open[closing, row[key]].append(row)

    def absorb(self, later: Rows) -> None:
        """Take the rows of a change that was made after these, and that is not used any more."""
        if not self:
            self._closed, self._opened, self._open = later._closed, later._opened, later._open
            return
        for closing, keys in later._closed.items():
            for key, instant in keys.items():
                self.close(closing, key, instant)
        for opening, rows in later._opened.items():
            for row in rows:
                self.open(opening, row)

    def write(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Send everything to the database, where it waits for the commit.

        Raises
        ------
        StoreError
        """
        with failures("store the change"):
            for closing in CLOSINGS:
                if keys := self._closed.get(closing):
                    _send(cursor, closing, _table(key=list(keys), instant=list(keys.values())))
            for opening in OPENINGS:
                # What ended at the instant it began never held.
                rows = [row for row in self._opened.get(opening, ()) if row["until"] != row["instant"]]
                if rows:
                    history = opening in _CLOSED_BY
                    names = [name for name in rows[0] if history or name != "until"]
                    _send(cursor, opening, _table(**{name: [row[name] for row in rows] for name in names}))
        self._closed.clear()
        self._opened.clear()
        self._open.clear()


_CLOSED_BY = {opening: (closing, key) for closing, (opening, key) in CLOSINGS.items()}


def _table(**columns: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(values, COLUMNS[name]) for name, values in columns.items()})


def _send(cursor: duckdb.DuckDBPyConnection, name: str, given: pa.Table) -> None:
    """Run a statement on a table, which DuckDB finds by its name ``given``."""
    cursor.execute(statement(name))
