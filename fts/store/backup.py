"""Copy of a market in one file, made while the market runs."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import duckdb

from fts.errors import SchemaMismatch, StoreError
from fts.store.market_file import connect
from fts.store.queries import translate_errors


def copy_market(cursor: duckdb.DuckDBPyConnection, path: str | os.PathLike[str]) -> None:
    """Copy the committed state of a market.

    The file appears when it is complete, and only its owner may read it.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Cursor of the market, which no other query uses meanwhile.
    path : path
        File of the copy; it must not exist.

    Raises
    ------
    StoreError
        The file exists, or the copy could not be written.
    """
    target = Path(path)
    require_free(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    alias = f"copy_{secrets.token_hex(8)}"
    try:
        with translate_errors(f"write the copy {target}"):
            cursor.execute(f"ATTACH $path AS {alias} (READ_WRITE)", {"path": str(partial)})
            try:
                partial.chmod(0o600)
                ((market,),) = cursor.execute("SELECT current_database()").fetchall()
                quoted = '"' + market.replace('"', '""') + '"'
                cursor.execute(f"COPY FROM DATABASE {quoted} TO {alias}")
            finally:
                cursor.execute(f"DETACH {alias}")
        _publish(partial, target)
    except OSError as error:
        raise StoreError(f"could not write the copy {target}: {error.strerror or error}") from error
    finally:
        for leftover in (partial, partial.with_name(f"{partial.name}.wal")):
            leftover.unlink(missing_ok=True)


def copy_file(path: str | os.PathLike[str], copy: str | os.PathLike[str]) -> None:
    """Copy a market that is not open, of any schema version.

    Parameters
    ----------
    path, copy : path

    Raises
    ------
    StoreBusy
        The market is open.
    SchemaMismatch, StoreError
    """
    name = os.fspath(path)
    require_free(Path(copy))
    connections = connect(name, read_only=True)
    try:
        cursor = connections.cursor()
        with translate_errors(f"read the market file {name}"):
            tables = cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        if ("market",) not in tables:
            raise SchemaMismatch(f"{name} is a DuckDB file, but no market; name another file")
        copy_market(cursor, copy)
    finally:
        connections.close()


def require_free(target: Path) -> None:
    """Require that a file does not exist and its folder does.

    Raises
    ------
    StoreError
    """
    if target.exists() or target.is_symlink():
        raise StoreError(f"{target} is there already; name a place where nothing is")
    if not target.absolute().parent.is_dir():
        raise StoreError(f"the folder of {target} is not there; create it first")


def _publish(partial: Path, target: Path) -> None:
    """Flush the copy to disk and give it its name, if that is still free."""
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
