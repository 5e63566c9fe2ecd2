"""A copy of a market in one file, made while it goes on."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import duckdb

from fts.errors import SchemaMismatch, StoreError
from fts.store.market_file import connect
from fts.store.statements import failures


def copy_market(cursor: duckdb.DuckDBPyConnection, path: str | os.PathLike[str]) -> None:
    """Copy a market as it is now, with all that was committed and nothing that was not.

    The file appears at once when it is whole, and only its owner may read it.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Of the market; used for nothing else meanwhile.
    path : path
        Where the copy goes; nothing may be there.

    Raises
    ------
    StoreError
        Something is there, or the copy could not be written.
    """
    target = Path(path)
    check_free(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    alias = f"copy_{secrets.token_hex(8)}"
    try:
        with failures(f"write the copy {target}"):
            cursor.execute(f"ATTACH $path AS {alias} (READ_WRITE)", {"path": str(partial)})
            try:
                partial.chmod(0o600)
                ((market,),) = cursor.execute("SELECT current_database()").fetchall()
                quoted = '"' + market.replace('"', '""') + '"'
                cursor.execute(f"COPY FROM DATABASE {quoted} TO {alias}")
            finally:
                cursor.execute(f"DETACH {alias}")
        _settle(partial, target)
    except OSError as error:
        raise StoreError(f"could not write the copy {target}: {error.strerror or error}") from error
    finally:
        for left in (partial, partial.with_name(f"{partial.name}.wal")):
            left.unlink(missing_ok=True)


def copy_file(path: str | os.PathLike[str], copy: str | os.PathLike[str]) -> None:
    """Copy a market that nobody has open, of whichever schema version.

    Parameters
    ----------
    path, copy : path

    Raises
    ------
    StoreBusy
        It is open.
    SchemaMismatch, StoreError
    """
    name = os.fspath(path)
    check_free(Path(copy))
    connections = connect(name, read_only=True)
    try:
        cursor = connections.cursor()
        with failures(f"read the market file {name}"):
            tables = cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        if ("market",) not in tables:
            raise SchemaMismatch(f"{name} is a DuckDB file, but no market; name another file")
        copy_market(cursor, copy)
    finally:
        connections.close()


def check_free(target: Path) -> None:
    """Nothing is at a place yet, and its folder is there.

    Raises
    ------
    StoreError
    """
    if target.exists() or target.is_symlink():
        raise StoreError(f"{target} is there already; name a place where nothing is")
    if not target.absolute().parent.is_dir():
        raise StoreError(f"the folder of {target} is not there; create it first")


def _settle(partial: Path, target: Path) -> None:
    """Make sure that the copy is on disk, and give it its name unless somebody else took it."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(partial, target)
    except FileExistsError as error:
        raise StoreError(f"{target} is there already; name a place where nothing is") from error
    folder = os.open(target.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
