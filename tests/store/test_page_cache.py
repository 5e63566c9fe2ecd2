"""What stays in memory of the file is bounded, and nobody who reads is refused memory for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from fts.models.curve import Curve
from fts.store import DuckStore
from fts.store.page_cache import PageCache

ROWS = 300_000
# Sorting these rows takes more than the pages of the file and what is kept of them.
SORT = "SELECT sum(n) FROM (SELECT x, row_number() OVER (ORDER BY x) AS n FROM numbers)"


@pytest.fixture
def numbers(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(tmp_path / "numbers.duckdb")) as connection:
        connection.execute(f"CREATE TABLE numbers AS SELECT hash(range)::DOUBLE AS x FROM range({ROWS})")
        connection.execute("CHECKPOINT")
        yield connection


def pages(cursor: duckdb.DuckDBPyConnection) -> int:
    ((held,),) = cursor.execute("SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'").fetchall()
    return held


def limit(cursor: duckdb.DuckDBPyConnection) -> str:
    ((said,),) = cursor.execute("SELECT current_setting('memory_limit')").fetchall()
    return said


def total(cursor: duckdb.DuckDBPyConnection) -> int:
    ((found,),) = cursor.execute(SORT).fetchall()
    return int(found)


def test_pages_are_given_up_down_to_what_is_kept(numbers: duckdb.DuckDBPyConnection) -> None:
    assert total(numbers) == ROWS * (ROWS + 1) // 2
    held, before = pages(numbers), limit(numbers)
    assert held > 1_500_000
    assert PageCache(10**8).evict(numbers) and pages(numbers) == held
    assert PageCache(2**20).evict(numbers) and pages(numbers) <= 2**20
    assert limit(numbers) == before
    assert total(numbers) == ROWS * (ROWS + 1) // 2


def test_nothing_is_given_up_while_somebody_reads(numbers: duckdb.DuckDBPyConnection) -> None:
    buffer, held = PageCache(2**20), pages(numbers)
    with buffer.reading():
        with buffer.reading():
            assert not buffer.evict(numbers)
        assert not buffer.evict(numbers) and pages(numbers) == held
    assert buffer.evict(numbers) and pages(numbers) < held


def test_where_somebody_always_reads_new_readers_are_held_up_for_a_moment(numbers: duckdb.DuckDBPyConnection) -> None:
    buffer, over, shed = PageCache(2**20, block_interval=0.0), threading.Event(), []

    def read() -> None:
        while not over.is_set():
            with buffer.reading():
                time.sleep(0.01)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    time.sleep(0.02)
    try:
        shed = [buffer.evict(numbers) for _ in range(3)]
    finally:
        over.set()
        for reader in readers:
            reader.join(10)
    assert any(shed) and pages(numbers) <= 2**20
    # And one that reads for long holds up nobody for long.
    patient = PageCache(2**20, block_interval=1e9)
    with patient.reading():
        begun = time.monotonic()
        assert [patient.evict(numbers) for _ in range(100)] == [False] * 100
        assert time.monotonic() - begun < 5
        with patient.reading():
            pass


def test_a_limit_that_stayed_low_is_raised_by_the_next_one(numbers: duckdb.DuckDBPyConnection) -> None:
    buffer, before = PageCache(2**20), limit(numbers)
    numbers.execute("SET memory_limit = '50MB'")
    buffer._is_lowered = True
    assert pages(numbers) > 2**20 and buffer.evict(numbers) and limit(numbers) == before


def test_no_reader_is_refused_memory(numbers: duckdb.DuckDBPyConnection) -> None:
    buffer, over = PageCache(0), threading.Event()
    found: list[int | duckdb.Error] = []

    def read() -> None:
        cursor = numbers.cursor()
        for _ in range(20):
            try:
                with buffer.reading():
                    found.append(total(cursor))
            except duckdb.Error as error:
                found.append(error)

    def shed() -> None:
        cursor = numbers.cursor()
        while not over.is_set():
            times.append(buffer.evict(cursor))

    times: list[bool] = []
    shedding, readers = threading.Thread(target=shed), [threading.Thread(target=read) for _ in range(2)]
    for thread in (shedding, *readers):
        thread.start()
    for reader in readers:
        reader.join()
    over.set()
    shedding.join()
    assert found == [ROWS * (ROWS + 1) // 2] * 40
    assert True in times and False in times


def test_a_market_that_grows_keeps_what_it_may(tmp_path: Path) -> None:
    path, kept = tmp_path / "market.duckdb", 2**20
    store = DuckStore(path, log_bytes=500_000, kept_bytes=kept)
    store.open()
    bidder, names = str(uuid4()), [str(uuid4()) for _ in range(1_000)]

    def begin(market):
        for name in names:
            market.add_demand(name, bidder, {})

    def revise(market):
        for k, name in enumerate(names):
            market.replace_curve(name, Curve([(-k - market.instant.microsecond, 50.25), (k, 10.125)]))

    store.write(begin)
    held = []
    for _ in range(30):
        store.write(revise)
        held.append(pages(store._connections.cursor()))
    size = path.stat().st_size
    assert len(store.read.demands([bidder])) == 1_000
    store.close()
    # Half a megabyte of log is three changes' worth; what they added since is on top of what is kept.
    assert size > 4 * kept and max(held) < kept + 2 * 2**20


def test_so_does_one_whose_every_change_is_longer_than_its_log_may_be(tmp_path: Path) -> None:
    store, bidder = DuckStore(tmp_path / "market.duckdb", log_bytes=50_000, kept_bytes=2**20), str(uuid4())
    store.open()
    names = [str(uuid4()) for _ in range(1_000)]
    held: list[int] = []

    def revise(market):
        for k, name in enumerate(names):
            if not held:
                market.add_demand(name, bidder, {})
            market.replace_curve(name, Curve([(-k - market.instant.microsecond, 50.25), (k, 10.125)]))

    for _ in range(60):
        store.write(revise)
        held.append(pages(store._connections.cursor()))
    store.close()
    assert max(held) < 3 * 2**20
