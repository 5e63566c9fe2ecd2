"""SQL of the store, from the files in ``sql``, and the conversion of instants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, TypeAlias

import duckdb
import pyarrow as pa

from fts.errors import InvalidInstant, StoreError

Thing: TypeAlias = Literal["product", "portfolio", "demand"]
"""The kinds of rows that a statement for several tables may be about."""


@cache
def sql_text(name: str, **parts: str) -> str:
    """Load the text of ``sql/<name>.sql``, with its parts in braces filled in.

    Parameters
    ----------
    name : str
    **parts : str
        Names of tables and columns, never a value from outside. Any other ``{part}`` is the text of that file.
    """
    text = resources.files("fts.store").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return re.sub(r"\{(\w+)\}", lambda part: parts[part[1]] if part[1] in parts else sql_text(part[1]).strip(), text)


def fetch_rows(
    cursor: duckdb.DuckDBPyConnection, name: str, *, thing: Thing | None = None, **values: Any
) -> list[tuple[Any, ...]]:
    """Run a query, of one kind of thing if it exists for several, and return its rows."""
    query = sql_text(name) if thing is None else sql_text(name, thing=thing)
    with translate_errors("read the market"):
        return cursor.execute(query, values).fetchall()


def fetch_table(cursor: duckdb.DuckDBPyConnection, name: str, **values: Any) -> pa.Table:
    """Run a query and return its rows as columns."""
    return cursor.sql(sql_text(name), params=values).to_arrow_table()


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Translate an error of DuckDB to a `StoreError` with the failed action.

    Raises
    ------
    StoreError
    """
    try:
        yield
    except duckdb.Error as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise StoreError(f"could not {action}: {reason}") from error


def to_utc(instant: datetime) -> datetime:
    """Convert an aware instant to naive UTC, the form of the file.

    Raises
    ------
    InvalidInstant
        The instant has no offset.
    """
    if instant.tzinfo is None:
        raise InvalidInstant(f"{instant.isoformat()} has no offset; give an instant in UTC")
    return instant.astimezone(UTC).replace(tzinfo=None)


def optional_utc(instant: datetime | None) -> datetime | None:
    """Convert as `to_utc`; None stays None."""
    return None if instant is None else to_utc(instant)


def from_utc(instant: datetime) -> datetime:
    """Convert an instant of the file to an aware one."""
    return instant.replace(tzinfo=UTC)


def optional_from_utc(instant: datetime | None) -> datetime | None:
    """Convert as `from_utc`; None stays None."""
    return None if instant is None else from_utc(instant)
