"""Rows of changes that are committed together, collected until they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa

from fts.store.queries import sql_text, translate_errors

PendingRow: TypeAlias = dict[str, Any]

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
"""Type of each column of a row; ids are texts, ``app_data`` is JSON."""

EXPIRY_STATEMENTS: Mapping[str, tuple[str, str]] = {
    "close_expansion": ("insert_expansion", "leaf"),
    "close_curve": ("insert_curve", "demand"),
    "close_portfolio_demand": ("insert_portfolio_demand", "portfolio"),
    "close_portfolio_product": ("insert_portfolio_product", "portfolio"),
    "close_auth_limit": ("insert_auth_limit", "portfolio"),
    "close_cost_form": ("insert_cost_form", "portfolio"),
}
"""Statements that end rows, each with the statement that inserts them and their key column."""

INSERT_STATEMENTS = (
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


class PendingRows:
    """Rows to be ended in the database, and rows to be inserted.

    If a row is inserted and ended before it was written, it is written once, with both instants.
    """

    def __init__(self) -> None:
        self._expired: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
        self._inserted: defaultdict[str, list[PendingRow]] = defaultdict(list)
        self._open: defaultdict[tuple[str, str], list[PendingRow]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._expired or self._inserted)

    def expire(self, statement: str, key: str, instant: datetime) -> None:
        """End the rows of a key at an instant (UTC, naive)."""
        for row in self._open.pop((statement, key), ()):
            row["until"] = instant
        self._expired[statement].setdefault(key, instant)

    def insert(self, insertion: str, row: PendingRow) -> None:
        """Insert a row, which has an ``instant``."""
        row.setdefault("until", None)
        self._inserted[insertion].append(row)
        if row["until"] is None and insertion in _EXPIRED_BY:
            statement, key = _EXPIRED_BY[insertion]
            self._open[statement, row[key]].append(row)

    def merge(self, later: PendingRows) -> None:
        """Merge the rows of a later change, which must not be used any more."""
        if not self:
            self._expired, self._inserted, self._open = later._expired, later._inserted, later._open
            return
        for statement, keys in later._expired.items():
            for key, instant in keys.items():
                self.expire(statement, key, instant)
        for insertion, rows in later._inserted.items():
            for row in rows:
                self.insert(insertion, row)

    def write(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Write all rows to the database, inside the open transaction.

        Raises
        ------
        StoreError
        """
        with translate_errors("store the change"):
            for statement in EXPIRY_STATEMENTS:
                if keys := self._expired.get(statement):
                    _send(cursor, statement, _table(key=list(keys), instant=list(keys.values())))
            for insertion in INSERT_STATEMENTS:
                # A row that ended at its first instant was never in force.
                rows = [row for row in self._inserted.get(insertion, ()) if row["until"] != row["instant"]]
                if rows:
                    history = insertion in _EXPIRED_BY
                    names = [name for name in rows[0] if history or name != "until"]
                    _send(cursor, insertion, _table(**{name: [row[name] for row in rows] for name in names}))
        self._expired.clear()
        self._inserted.clear()
        self._open.clear()


_EXPIRED_BY = {insertion: (statement, key) for statement, (insertion, key) in EXPIRY_STATEMENTS.items()}


def _table(**columns: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(values, COLUMNS[name]) for name, values in columns.items()})


def _send(cursor: duckdb.DuckDBPyConnection, name: str, incoming: pa.Table) -> None:
    """Run a statement on a table, which DuckDB finds by its name ``incoming``."""
    cursor.execute(sql_text(name))
