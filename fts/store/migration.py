"""Bringing a market's file of an older schema version to that of now."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import duckdb

from fts.errors import SchemaMismatch
from fts.store.statements import failures


def steps() -> dict[int, str]:
    """The SQL that lifts a file from each older version to the next, ``sql/migrations/<version>.sql``."""
    folder = resources.files("fts.store").joinpath("sql", "migrations")
    return {
        int(file.name.removesuffix(".sql")): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    }


def migrate(
    connection: duckdb.DuckDBPyConnection, path: str, version: int, target: int, written: Mapping[int, str]
) -> None:
    """Lift a file version by version, all in one transaction: it is of the new version, or as it was.

    Parameters
    ----------
    connection : DuckDBPyConnection
    path : str
        Of the file, for what is said of it.
    version, target : int
        That of the file, and that of now.
    written : mapping of int to str
        As `steps` gives them.

    Raises
    ------
    SchemaMismatch
        Some version has no step.
    StoreError
        A step failed; the file is as it was.
    """
    missing = [step for step in range(version, target) if step not in written]
    if missing:
        raise SchemaMismatch(
            f"the market file {path} has schema version {version}, which this fts cannot bring to version {target}; "
            "open it with the fts that made it"
        )
    with failures(f"bring the market file {path} from schema version {version} to {target}; it is as it was"):
        connection.execute("BEGIN")
        try:
            for step in range(version, target):
                connection.execute(written[step])
            connection.execute("UPDATE market SET schema_version = $1", [target])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
