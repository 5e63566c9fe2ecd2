"""The SQL of the store, from the files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

import duckdb
import pyarrow as pa

from fts.errors import InvalidInstant, StoreError


@cache
def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return resources.files("fts.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def rows(cursor: duckdb.DuckDBPyConnection, name: str, **values: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement gives for these parameters."""
    with failures("read the market"):
        return cursor.execute(statement(name), values).fetchall()


def table(cursor: duckdb.DuckDBPyConnection, name: str, **values: Any) -> pa.Table:
    """The rows that a statement gives for these parameters, as columns."""
    return cursor.sql(statement(name), params=values).to_arrow_table()


@contextmanager
def failures(doing: str) -> Iterator[None]:
    """Say in one sentence what DuckDB could not do.

    Raises
    ------
    StoreError
    """
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StoreError(f"could not {doing}: {reason}") from error


def to_utc(instant: datetime) -> datetime:
    """An aware instant as the store writes it: UTC, without saying so.

    Raises
    ------
    InvalidInstant
        The instant has no offset.
    """
    if instant.tzinfo is None:
        raise InvalidInstant(f"{instant.isoformat()} has no offset; give an instant in UTC")
    return instant.astimezone(UTC).replace(tzinfo=None)


def optional_utc(instant: datetime | None) -> datetime | None:
    """As `to_utc`, and None for None."""
    return None if instant is None else to_utc(instant)


def from_utc(instant: datetime) -> datetime:
    """An instant of the store, aware."""
    return instant.replace(tzinfo=UTC)


def optional_from_utc(instant: datetime | None) -> datetime | None:
    """As `from_utc`, and None for None."""
    return None if instant is None else from_utc(instant)
