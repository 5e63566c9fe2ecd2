"""A market file is made, kept, shared with nobody, and refused in a sentence when it cannot be used."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from fts.errors import (
    ConfigurationError,
    InvalidInstant,
    ReadOnlyStore,
    SchemaMismatch,
    StoreBusy,
    StoreError,
    UnitsMismatch,
)
from fts.exchange import Market
from fts.models.records import Units
from fts.store import DuckStore

OTHER = """
    import sys
    from fts.errors import FtsError
    from fts.store import DuckStore
    store = DuckStore(sys.argv[1])
    try:
        store.open()
    except FtsError as error:
        print(type(error).__name__, error, sep="|", flush=True)
    else:
        print("open", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "market.db"


def other(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nothing_happens_before_the_first_use(path: Path) -> None:
    store = DuckStore(path)
    assert not path.exists()
    assert store.read.products() == []
    assert path.exists()
    store.close()


def test_a_second_process_is_refused_in_a_sentence(path: Path) -> None:
    store = DuckStore(path)
    store.open()
    with other(path) as process:
        answer, _ = process.communicate("\n", timeout=60)
    assert answer.startswith("StoreBusy|")
    assert str(path) in answer and "another process" in answer
    store.close()


def test_we_are_refused_while_another_process_has_it(path: Path) -> None:
    with other(path) as process:
        assert process.stdout is not None and process.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match="another process"):
            DuckStore(path).open()
        with pytest.raises(StoreBusy, match="another process"):
            DuckStore(path, read_only=True).open()
        process.communicate("\n", timeout=60)
    DuckStore(path).open()


def test_the_same_process_is_refused_under_any_name_of_the_file(path: Path, tmp_path: Path) -> None:
    store = DuckStore(path)
    store.open()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    for name in (path, link, os.path.relpath(path)):
        with pytest.raises(StoreBusy, match="this process"):
            DuckStore(name).open()
    store.close()
    store.close()
    again = DuckStore(path)
    again.open()
    again.close()


def test_a_market_that_was_dropped_does_not_keep_its_file(path: Path) -> None:
    Market(path).create_product({"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"})
    with Market(path) as market:
        assert len(market.products().results) == 1
    # At once, after it was read too, and not only when garbage is looked for.
    gc.disable()
    try:
        market = Market(path)
        (noon,) = market.products().results
        assert market.product(noon.id) == noon
        del market
        Market(path).close()
    finally:
        gc.enable()


def test_two_markets_in_memory_are_two() -> None:
    first, second = DuckStore(), DuckStore()
    first.open(money_unit="USD")
    assert second.open().money_unit == "EUR"
    first.write(lambda change: change.add_product("6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11", {}))
    assert len(first.read.products()) == 1
    assert second.read.products() == []
    first.close()
    second.close()


def test_another_schema_version_is_refused_and_not_touched(path: Path) -> None:
    store = DuckStore(path)
    store.open()
    store.close()
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE market SET schema_version = 2")
    before = path.read_bytes()
    with pytest.raises(SchemaMismatch, match="version 2, this fts reads version 1"):
        DuckStore(path).open()
    assert path.read_bytes() == before


def test_other_databases_and_other_files_are_refused(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE cats (name VARCHAR)")
    with pytest.raises(SchemaMismatch, match="no market"):
        DuckStore(path).open()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE market (name VARCHAR)")
    with pytest.raises(SchemaMismatch, match="not ours"):
        DuckStore(path).open()
    path.write_bytes(b"these are no bids" * 1000)
    with pytest.raises(SchemaMismatch, match="not a market file"):
        DuckStore(path).open()


def test_units_are_fixed_when_the_file_is_made(path: Path) -> None:
    store = DuckStore(path)
    assert store.open(time_unit="15m", money_unit="USD") == Units("15m", "MWh", "USD")
    store.close()
    with pytest.raises(UnitsMismatch, match="counts time_unit in '15m', not '1h'"):
        DuckStore(path).open(time_unit="1h")
    again = DuckStore(path)
    assert again.open(money_unit="USD") == Units("15m", "MWh", "USD")
    again.close()


@pytest.mark.parametrize("unit", ["an hour", "", "0h"])
def test_a_time_unit_is_a_duration(path: Path, unit: str) -> None:
    with pytest.raises(InvalidInstant, match="not a duration"):
        DuckStore(path).open(time_unit=unit)
    # Nothing half made is left behind.
    store = DuckStore(path)
    assert store.open().time_unit == "1h"
    store.close()


def test_a_unit_has_a_name(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="quantity_unit"):
        DuckStore(path).open(quantity_unit=" ")


def test_places_that_cannot_hold_a_market(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        DuckStore(tmp_path).open()
    with pytest.raises(StoreError, match="folder of the market file"):
        DuckStore(tmp_path / "nowhere" / "market.db").open()
    with pytest.raises(StoreError, match="is not there"):
        DuckStore(tmp_path / "market.db", read_only=True).open()
    assert list(tmp_path.iterdir()) == []


def test_read_only_reads_and_refuses_changes(path: Path) -> None:
    store = DuckStore(path)
    store.write(lambda change: change.add_product("6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11", {"kind": 0}))
    store.close()
    reader = DuckStore(path, read_only=True)
    assert [record.app_data for record in reader.read.products()] == [{"kind": 0}]
    with pytest.raises(ReadOnlyStore, match="read-only"):
        reader.write(lambda change: None)
    reader.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user who may not write the file")
def test_a_file_that_may_not_be_written_is_refused(path: Path) -> None:
    store = DuckStore(path)
    store.open()
    store.close()
    path.chmod(0o444)
    for folder in (path.parent, *path.parent.parents):
        folder.chmod(folder.stat().st_mode | 0o055) if folder.is_relative_to("/tmp/pytest-of-root") else None
    script = """
        import os, sys, threading
        from fts.errors import FtsError
        from fts.store import DuckStore
        store, reader = DuckStore(sys.argv[1]), DuckStore(sys.argv[1], read_only=True)
        DuckStore().open()
        os.setuid(65534)
        try:
            store.open()
        except FtsError as error:
            print(type(error).__name__, error)
        print(reader.open())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    refused, read = done.stdout.splitlines()
    assert refused.startswith("ReadOnlyStore the market file") and "cannot be written" in refused
    assert read.startswith("Units(")


def test_a_file_of_another_program_is_refused_without_asking_for_extensions(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE market (id)")
    other.close()
    with pytest.raises(SchemaMismatch, match="is not a market file, but something else"):
        DuckStore(path).open()


def test_a_closed_market_says_so(path: Path) -> None:
    store = DuckStore(path)
    store.open()
    assert store.read.products() == []
    store.close()
    for use in (lambda: store.read, store.next_timestamp, lambda: store.write(lambda change: None), store.open):
        with pytest.raises(StoreError, match="closed|opened before"):
            use()
