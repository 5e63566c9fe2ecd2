"""Migration of a market file from an older schema version."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import duckdb

from fts.errors import SchemaMismatch
from fts.store.queries import translate_errors


def migration_steps() -> dict[int, str]:
    """Load the SQL scripts that migrate a file from each version to the next, ``sql/migrations/<version>.sql``."""
    folder = resources.files("fts.store").joinpath("sql", "migrations")
    return {
        int(file.name.removesuffix(".sql")): file.read_text(encoding="utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    }


def migrate(
    connection: duckdb.DuckDBPyConnection, path: str, version: int, target: int, scripts: Mapping[int, str]
) -> None:
    """Migrate a file version by version, in one transaction.

    Parameters
    ----------
    connection : DuckDBPyConnection
    path : str
        Path of the file, for messages.
    version, target : int
        Version of the file, and the new version.
    scripts : mapping of int to str
        Scripts, as `migration_steps` returns them.

    Raises
    ------
    SchemaMismatch
        A version has no script.
    StoreError
        A script failed; the file was not changed.
    """
    missing = [step for step in range(version, target) if step not in scripts]
    if missing:
        raise SchemaMismatch(
            f"the market file {path} has schema version {version}, which this fts cannot bring to version {target}; "
            "open it with the fts that made it"
        )
    with translate_errors(f"bring the market file {path} from schema version {version} to {target}; it is as it was"):
        connection.execute("BEGIN")
        try:
            for step in range(version, target):
                connection.execute(scripts[step])
            connection.execute("UPDATE market SET schema_version = $1", [target])
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
