"""A file of an older schema version is brought up to date, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from fts.errors import SchemaMismatch, StoreError
from fts.exchange import Market
from fts.store import DuckStore
from fts.store.market_file import SCHEMA_VERSION, connect, ensure_schema
from fts.store.migration import migration_steps

# A version before the first, made by hand: batches did not say how long their rates were limited for, and money had
# no unit.
OLDER = """
    DROP VIEW fills;
    DROP VIEW positions;
    ALTER TABLE market DROP COLUMN money_unit;
    CREATE TABLE old_batch AS SELECT * EXCLUDE (duration) FROM batch;
    DROP TABLE batch;
    ALTER TABLE old_batch RENAME TO batch;
    UPDATE market SET schema_version = {version};
"""
LIFT: Mapping[int, str] = {
    SCHEMA_VERSION - 1: """
    ALTER TABLE batch ADD COLUMN duration DOUBLE;
    ALTER TABLE market ADD COLUMN money_unit VARCHAR;
    UPDATE market SET money_unit = 'EUR';
    CREATE VIEW fills AS SELECT * FROM fills_at((now() AT TIME ZONE 'UTC')::TIMESTAMP);
    CREATE VIEW positions AS SELECT * FROM positions_at((now() AT TIME ZONE 'UTC')::TIMESTAMP);
    """,
    SCHEMA_VERSION - 2: "CREATE TABLE note (text VARCHAR); INSERT INTO note VALUES ('two steps');",
}
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "market.db"
    with Market(path) as market:
        product = market.create_product(HOUR)
        for name, curve in {"load": [(0, 60), (100, 20)], "gas": [(-100, 20), (0, 20)]}.items():
            demand = market.create_demand({"name": name}, curve, bidder=UUID(int=5))
            market.create_portfolio({"name": name}, demand.id, product.id, bidder=UUID(int=5))
        market.run_batch()
    return path


def age(path: Path, version: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(OLDER.format(version=version))


def lift(path: Path, migrations: Mapping[int, str], *, read_only: bool = False) -> None:
    connections = connect(str(path), read_only=read_only)
    try:
        cursor, now = connections.cursor(), datetime(2027, 1, 1)
        ensure_schema(cursor, str(path), {}, now=now, read_only=read_only, migrations=migrations)
    finally:
        connections.close()


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION - 2])
def test_an_older_file_is_lifted_step_by_step(path: Path, version: int, caplog: pytest.LogCaptureFixture) -> None:
    with Market(path) as market:
        before = market.batches().results, market.prices().to_csv(), market.counts()
    age(path, version)
    with pytest.raises(SchemaMismatch, match=f"version {version}, which this fts cannot bring to"):
        DuckStore(path).open()
    lift(path, LIFT)
    assert f"from schema version {version} to {SCHEMA_VERSION}" in caplog.text
    with Market(path) as market:
        assert (market.batches().results, market.prices().to_csv(), market.counts()) == before
        assert market.units.money_unit == "EUR"
        assert market.run_batch().cleared
    with duckdb.connect(str(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        assert ("note" in tables) == (version == SCHEMA_VERSION - 2)
        assert connection.execute("SELECT count(*) FROM fills").fetchall() == [(4,)]


@pytest.mark.parametrize("broken", ["ALTER TABLE batch ADD COLUMN duration DOUBLE; SELECT * FROM nothing;", "no SQL"])
def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, broken: str) -> None:
    age(path, SCHEMA_VERSION - 2)
    before = described(path)
    with pytest.raises(StoreError, match="it is as it was"):
        lift(path, {**LIFT, SCHEMA_VERSION - 1: broken})
    assert described(path) == before
    lift(path, LIFT)
    with Market(path) as market:
        assert len(market.batches().results) == 1


def test_a_missing_step_is_said_before_anything_is_done(path: Path) -> None:
    age(path, SCHEMA_VERSION - 3)
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="open it with the fts that made it"):
        lift(path, LIFT)
    assert path.read_bytes() == before


def test_who_only_looks_lifts_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    age(path, SCHEMA_VERSION - 1)
    with pytest.raises(SchemaMismatch, match="open it once without read_only"):
        lift(path, LIFT, read_only=True)
    assert caplog.records == [] and described(path)["version"] == SCHEMA_VERSION - 1


@pytest.mark.parametrize("version", [None, "text"])
def test_a_version_that_is_none(path: Path, version: Any) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE OR REPLACE TABLE market AS SELECT $1 AS schema_version", [version])
    with pytest.raises(SchemaMismatch, match="does not say its schema version"):
        DuckStore(path).open()


def described(path: Path) -> dict[str, Any]:
    """Tables, columns and version of a file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        columns = connection.execute("SELECT table_name, column_name, data_type FROM duckdb_columns()").fetchall()
        ((version,),) = connection.execute("SELECT schema_version FROM market").fetchall()
    return {"columns": columns, "version": version}


def test_every_version_since_the_first_has_its_step() -> None:
    assert sorted(migration_steps()) == list(range(1, SCHEMA_VERSION))
    for text in migration_steps().values():
        assert not {"BEGIN", "COMMIT", "SCHEMA_VERSION"} & set(text.upper().replace(";", " ").split())
