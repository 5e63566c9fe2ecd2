"""Export of a market as Parquet files."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb

from fts.errors import StoreError
from fts.store.backup import require_free
from fts.store.queries import translate_errors

PARTITION_COLUMNS: Mapping[str, str | None] = {
    "market": None,
    "product": "created",
    "product_expansion": "valid_from",
    "demand": "created",
    "curve": "valid_from",
    "portfolio": "created",
    "portfolio_demand": "valid_from",
    "portfolio_product": "valid_from",
    "auth_limit": "valid_from",
    "batch": "instant",
    "portfolio_outcome": "valid_from",
    "product_outcome": "valid_from",
}
"""Column of each table whose day (UTC) is the folder of a row; None: one file."""


def export_market(cursor: duckdb.DuckDBPyConnection, folder: str | os.PathLike[str]) -> None:
    """Write all tables: ``<table>/day=2027-06-01/*.parquet``, and ``market/market.parquet``.

    All tables are of the same moment. Ids and ``app_data`` are texts, instants are UTC. A table without rows has one
    file without rows.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Cursor of the market, which no other query uses meanwhile.
    folder : path
        New folder; it appears when it is complete.

    Raises
    ------
    StoreError
    """
    target = Path(folder)
    require_free(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(mode=0o700)
        with translate_errors(f"write the market to {target}"):
            cursor.execute("BEGIN")
            try:
                for name, day in PARTITION_COLUMNS.items():
                    _write(_readable(cursor, name, day), partial / name, day)
            finally:
                cursor.execute("ROLLBACK")
        partial.rename(target)
    except OSError as error:
        raise StoreError(f"could not write the market to {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _readable(cursor: duckdb.DuckDBPyConnection, name: str, day: str | None) -> duckdb.DuckDBPyRelation:
    """Select a table with types that every reader of Parquet supports, and the day."""
    rows = cursor.table(name)
    columns: list[duckdb.Expression] = []
    for column, kind in zip(rows.columns, map(str, rows.types), strict=True):
        value: duckdb.Expression = duckdb.ColumnExpression(column)
        if kind in ("UUID", "JSON"):
            value = value.cast("VARCHAR")
        elif kind == "TIMESTAMP":
            value = duckdb.FunctionExpression("timezone", duckdb.ConstantExpression("UTC"), value)
        columns.append(value.alias(column))
    if day is not None:
        columns.append(duckdb.ColumnExpression(day).cast("DATE").alias("day"))
    return rows.select(*columns)


def _write(rows: duckdb.DuckDBPyRelation, folder: Path, day: str | None) -> None:
    if day is None:
        folder.mkdir()
        rows.write_parquet(str(folder / f"{folder.name}.parquet"), compression="zstd")
        return
    rows.write_parquet(str(folder), partition_by=["day"], compression="zstd")
    if not any(folder.iterdir()):
        rows.write_parquet(str(folder / "data_0.parquet"), compression="zstd")
