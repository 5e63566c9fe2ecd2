"""Opening, creation and checks of a market file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from fts.errors import ConfigurationError, ReadOnlyStore, SchemaMismatch, StoreBusy, StoreError, UnitsMismatch
from fts.models.records import Units
from fts.models.timestamps import parse_duration
from fts.store.connections import Connections
from fts.store.file_lock import MEMORY, FileLock, busy
from fts.store.migration import migrate, migration_steps
from fts.store.queries import sql_text, translate_errors

SCHEMA_VERSION = 1
# First bytes of a DuckDB file, after a checksum.
MAGIC, MAGIC_AT = b"DUCK", 8
# Extensions are never downloaded.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

log = logging.getLogger(__name__)


def connect(path: str, *, read_only: bool) -> Connections:
    """Open the file, as its only writer until the connections are closed.

    Raises
    ------
    StoreBusy
        The file is open elsewhere, in this process or another.
    ReadOnlyStore
        The file cannot be written, and ``read_only`` is False.
    SchemaMismatch
        The file is not a DuckDB file, or of a newer DuckDB.
    StoreError
    """
    if path != MEMORY:
        _check_path(path, read_only)
    # DuckDB opens the same file twice in one process, which would make two writers.
    lock = FileLock(path, read_only=read_only)
    try:
        # For a file of another format, DuckDB would ask for an extension.
        if lock.head and lock.head[MAGIC_AT : MAGIC_AT + len(MAGIC)] != MAGIC:
            raise SchemaMismatch(f"{path} is not a market file, but something else; name another file")
        connection = _connect(path, lock, read_only)
        try:
            lock.complete()
        except BaseException:
            connection.close()
            raise
    except BaseException:
        lock.release()
        raise
    return Connections(connection, lock)


def _check_path(path: str, read_only: bool) -> None:
    file = Path(path)
    if file.is_dir():
        raise StoreError(f"{path} is a folder; name a file for the market")
    if not file.exists():
        if read_only:
            raise StoreError(f"the market file {path} is not there; only a market that exists can be opened read-only")
        if not file.absolute().parent.is_dir():
            raise StoreError(f"the folder of the market file {path} is not there; create it first")
        return
    if not read_only and not os.access(file, os.W_OK):
        raise ReadOnlyStore(
            f"the market file {path} cannot be written; allow writing, or open it with DuckStore(path, read_only=True)"
        )


def _first(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...] | None:
    # A result that is not read to its end keeps its transaction open, which would prevent checkpoints.
    rows = connection.execute(query).fetchall()
    return rows[0] if rows else None


def _connect(path: str, lock: FileLock, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return _open_database(path, read_only)
    except StoreBusy:
        with lock.suspended():
            return _open_database(path, read_only)


def _open_database(path: str, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(path, read_only=read_only, config=CONFIG)
    except duckdb.Error as error:
        text = str(error)
        if "lock" in text:
            raise busy(path) from error
        if "Permission denied" in text or "read-only" in text.lower():
            raise ReadOnlyStore(f"the market file {path} cannot be written, nor anything beside it") from error
        if "not a valid DuckDB" in text or isinstance(error, duckdb.SerializationException) or "version" in text:
            raise SchemaMismatch(f"{path} is not a market file: {text.splitlines()[0]}") from error
        raise StoreError(f"could not open the market file {path}: {text.splitlines()[0]}") from error


def ensure_schema(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    units_wanted: dict[str, str | None],
    *,
    now: datetime,
    read_only: bool,
    migrations: Mapping[int, str] | None = None,
) -> Units:
    """Create the tables of a new file, or check those of an old one; returns the market's units.

    Parameters
    ----------
    connection : DuckDBPyConnection
    path : str
    units_wanted : dict
        Units by name; None: those of the file.
    now : datetime
        Time of creation of a new market.
    read_only : bool
    migrations : mapping of int to str, optional
        Scripts from older schema versions; by default `fts.store.migration.migration_steps`.

    Raises
    ------
    SchemaMismatch, UnitsMismatch, ConfigurationError
    """
    with translate_errors(f"read the market file {path}"):
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables and not read_only:
        return _create(connection, units_wanted, now)
    if "market" not in tables:
        raise SchemaMismatch(f"{path} is a DuckDB file, but no market; name another file")
    version = _version(connection, path)
    if version < SCHEMA_VERSION:
        if read_only:
            raise SchemaMismatch(
                f"the market file {path} has schema version {version}, this fts reads version {SCHEMA_VERSION}; "
                "open it once without read_only to bring it up to date"
            )
        migrate(connection, path, version, SCHEMA_VERSION, migration_steps() if migrations is None else migrations)
        log.warning("the market file %s was brought from schema version %d to %d", path, version, SCHEMA_VERSION)
    return _check(connection, path, units_wanted)


def _create(connection: duckdb.DuckDBPyConnection, units_wanted: dict[str, str | None], now: datetime) -> Units:
    units = Units(**{name: unit for name, unit in units_wanted.items() if unit is not None})
    if not (units.quantity_unit.strip() and units.money_unit.strip()):
        raise ConfigurationError("quantity_unit and money_unit must be texts such as MWh and EUR")
    seconds = parse_duration(units.time_unit).total_seconds()
    with translate_errors("make the tables of the market"):
        connection.execute("BEGIN")
        connection.execute(sql_text("schema"))
        connection.execute(
            "INSERT INTO market VALUES ($1, $2, $3, $4, $5, $6)",
            [SCHEMA_VERSION, now, units.time_unit, seconds, units.quantity_unit, units.money_unit],
        )
        connection.execute("COMMIT")
    return units


def _version(connection: duckdb.DuckDBPyConnection, path: str) -> int:
    try:
        found = _first(connection, "SELECT schema_version FROM market")
    except duckdb.Error as error:
        raise SchemaMismatch(f"{path} has a table 'market', but not ours; name another file") from error
    version = found[0] if found else None
    if not isinstance(version, int):
        raise SchemaMismatch(f"the market file {path} does not say its schema version; name another file")
    if version > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the market file {path} has schema version {version}, this fts reads version {SCHEMA_VERSION}; "
            "open it with the fts that made it"
        )
    return version


def _check(connection: duckdb.DuckDBPyConnection, path: str, units_wanted: dict[str, str | None]) -> Units:
    with translate_errors(f"read the market file {path}"):
        row = _first(connection, "SELECT time_unit, quantity_unit, money_unit FROM market")
    if row is None:
        raise SchemaMismatch(f"the market file {path} does not say its units; name another file")
    units = Units(*row)
    other = {name: unit for name, unit in units_wanted.items() if unit is not None and unit != units.to_json()[name]}
    if other:
        name, unit = next(iter(other.items()))
        raise UnitsMismatch(
            f"the market file {path} counts {name} in {units.to_json()[name]!r}, not {unit!r}; units are fixed when "
            "a market is made: leave them out, or start a new file"
        )
    return units
