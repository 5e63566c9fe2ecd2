"""Rows of changes that are committed together, collected until they are written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
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
    **dict.fromkeys(("instant", "created", "valid_from", "valid_until"), _INSTANT),
    "depth": pa.int32(),
    "constant": pa.bool_(),
}
"""Type of each column of a row; ids are texts, ``app_data`` is JSON."""


@dataclass(frozen=True)
class RowKind:
    """Rows of one kind.

    Attributes
    ----------
    table : str
    key : str or None
        Column by whose value rows that are in force are ended; None: they are never ended.
    condition : str
        SQL that is true for rows of this kind, if the table has others, too.
    """

    table: str
    key: str | None = None
    condition: str = "true"


KINDS: Mapping[str, RowKind] = {
    "product": RowKind("product"),
    "expansion": RowKind("product_expansion", "leaf"),
    "demand": RowKind("demand"),
    "portfolio": RowKind("portfolio"),
    "curve": RowKind("curve", "demand"),
    "portfolio_demand": RowKind("portfolio_demand", "portfolio"),
    "portfolio_product": RowKind("portfolio_product", "portfolio"),
    "auth_limit": RowKind("auth_limit", "portfolio", "form <> 'bare cost'"),
    "cost_form": RowKind("auth_limit", "portfolio", "form = 'bare cost'"),
}
"""Kinds of rows, in the order in which they are written. An auth and a cost may have one id."""


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

    def expire(self, kind: str, key: str, instant: datetime) -> None:
        """End the rows of a key at an instant (UTC, naive)."""
        for row in self._open.pop((kind, key), ()):
            row["valid_until"] = instant
        self._expired[kind].setdefault(key, instant)

    def insert(self, kind: str, row: PendingRow, instant: datetime) -> None:
        """Insert a row at an instant (UTC, naive)."""
        key = KINDS[kind].key
        if key is None:
            self._inserted[kind].append({**row, "created": instant})
            return
        inserted = {**row, "valid_from": instant, "valid_until": None}
        self._inserted[kind].append(inserted)
        self._open[kind, row[key]].append(inserted)

    def merge(self, later: PendingRows) -> None:
        """Merge the rows of a later change, which must not be used any more."""
        if not self:
            self._expired, self._inserted, self._open = later._expired, later._inserted, later._open
            return
        for kind, keys in later._expired.items():
            for key, instant in keys.items():
                self.expire(kind, key, instant)
        for kind, rows in later._inserted.items():
            self._inserted[kind] += rows
        for place, rows in later._open.items():
            self._open[place] += rows

    def write(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Write all rows to the database, inside the open transaction.

        Raises
        ------
        StoreError
        """
        with translate_errors("store the change"):
            for name, kind in KINDS.items():
                if keys := self._expired.get(name):
                    statement = sql_text("close_rows", **vars(kind))
                    _send(cursor, statement, _table(key=list(keys), instant=list(keys.values())))
            for name, kind in KINDS.items():
                rows = self._inserted.get(name, [])
                if kind.key is not None:
                    # A row that ended at its first instant was never in force.
                    rows = [row for row in rows if row["valid_until"] != row["valid_from"]]
                if rows:
                    columns = {column: [row[column] for row in rows] for column in rows[0]}
                    _send(cursor, sql_text("insert_rows", table=kind.table), _table(**columns))
        self._expired.clear()
        self._inserted.clear()
        self._open.clear()


def _table(**columns: list[Any]) -> pa.Table:
    return pa.table({name: pa.array(values, COLUMNS[name]) for name, values in columns.items()})


def _send(cursor: duckdb.DuckDBPyConnection, statement: str, incoming: pa.Table) -> None:
    """Run a statement on a table, which DuckDB finds by its name ``incoming``."""
    cursor.execute(statement)
