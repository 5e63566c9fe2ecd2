"""Every change happens once, at its own instant, whole, and stays."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest

from fts.errors import StoreError
from fts.exchange import Market
from fts.models.curve import Curve
from fts.store import DuckStore

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


def a_demand(store: DuckStore) -> datetime:
    def change(market):
        name = str(uuid4())
        market.add_demand(name, str(uuid4()), {})
        market.replace_curve(name, Curve([(0, 5)]))
        return market.instant

    return store.write(change)


def test_instants_grow_when_the_clock_stands_still_or_goes_back() -> None:
    times = iter([NOON] * 4 + [NOON - timedelta(hours=1)] * 2 + [NOON + timedelta(seconds=1)] * 2)
    store = DuckStore()
    store.open(now=lambda: next(times))
    instants = [a_demand(store) for _ in range(5)]
    assert instants == [NOON, NOON + MICRO, NOON + 2 * MICRO, NOON + 3 * MICRO, NOON + 4 * MICRO]
    assert store.next_timestamp() == NOON + timedelta(seconds=1)
    assert a_demand(store) == NOON + timedelta(seconds=1) + MICRO
    store.close()


def test_a_clock_set_back_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    times = iter([NOON, NOON] + [NOON - timedelta(hours=1)] * 3)
    store = DuckStore()
    store.open(now=lambda: next(times))
    with caplog.at_level(logging.WARNING, "fts"):
        for _ in range(4):
            a_demand(store)
    assert [record.message for record in caplog.records if "clock" in record.message] == [
        "the clock went back to 2027-06-01 11:00:00+00:00; changes go on from 2027-06-01 12:00:00+00:00, 1 µs apart"
    ]
    store.close()


def test_instants_grow_from_one_run_to_the_next(tmp_path: Path) -> None:
    store = DuckStore(tmp_path / "market.db")
    store.open(now=lambda: NOON)
    a_demand(store)
    last = a_demand(store)
    store.close()
    again = DuckStore(tmp_path / "market.db")
    again.open(now=lambda: NOON - timedelta(days=1))
    assert a_demand(again) == last + MICRO
    again.close()


def test_a_change_that_raises_changes_nothing() -> None:
    store = DuckStore()
    name = str(uuid4())

    def broken(market):
        market.add_demand(name, str(uuid4()), {})
        market.replace_curve(name, Curve([(0, 5)]))
        # Written already, and seen from inside, when it breaks.
        assert market.demand(name).curve == Curve([(0, 5)])
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        store.write(broken)
    assert store.read.demand(name) is None
    a_demand(store)
    store.close()


def test_a_change_inside_a_change_is_refused() -> None:
    store = DuckStore()
    with pytest.raises(StoreError, match="inside another"):
        store.write(lambda change: store.write(lambda inner: None))
    a_demand(store)
    store.close()


def test_nothing_is_deleted_or_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    with Market(path) as market:
        bidder = uuid4()
        first = market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder=bidder)
        second = market.change_demand(first.id, [(0, 50), (100, 20)])
        third = market.delete_demand(first.id)
    with duckdb.connect(str(path)) as connection:
        found = connection.execute("SELECT prices, valid_from, valid_until FROM curve ORDER BY valid_from").fetchall()
    naive = [record.valid_from.replace(tzinfo=None) for record in (first, second, third)]
    assert found == [([60.0, 20.0], naive[0], naive[1]), ([50.0, 20.0], naive[1], naive[2])]


def test_threads_write_and_read_at_once() -> None:
    with Market() as market:
        bidder = uuid4()
        noon = market.create_product({"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}).id
        made: list[datetime] = []
        problems: list[BaseException] = []

        def bid() -> None:
            try:
                for _ in range(15):
                    demand = market.create_demand({"name": "d"}, [(0, 5), (1, 4)], bidder=bidder)
                    portfolio = market.create_portfolio({"name": "p"}, demand.id, noon, bidder=bidder)
                    changed = market.change_demand(demand.id, [(0, 6), (1, 3)])
                    assert market.demand(demand.id) == _with(changed, {portfolio.id: 1.0}, portfolio.valid_from)
                    made.extend([demand.valid_from, portfolio.valid_from, changed.valid_from])
            except BaseException as error:
                problems.append(error)

        def look() -> None:
            try:
                for _ in range(40):
                    auction = market.auction()
                    assert set(auction.point_prices.tolist()) <= {3.0, 4.0, 5.0, 6.0}
                    assert len(auction.demand_ids) == len(auction.portfolio_ids)
            except BaseException as error:
                problems.append(error)

        threads = [threading.Thread(target=work) for work in (bid, bid, bid, look, look)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert len(set(made)) == len(made) == 3 * 15 * 3
        assert len(market.portfolios(bidder)) == 45


def _with(record, portfolios, instant):
    return type(record)(**{**record.__dict__, "portfolios": portfolios, "valid_from": max(record.valid_from, instant)})


WRITER = """
    import sys
    from uuid import UUID
    from fts.exchange import Market
    market = Market(sys.argv[1])
    bidder = UUID(int=7)
    noon = market.create_products([{"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}])[0].id \
        if not market.products().results else market.products().results[0].id
    while True:
        demands = market.create_demands([({"name": "d"}, [(0, 5), (1, 4)])] * 3, bidder=bidder)
        print(*(record.id for record in demands), flush=True)
        portfolio = market.create_portfolio({"name": "p"}, [record.id for record in demands], noon, bidder=bidder)
        print(portfolio.id, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_is_half(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    demands: set[str] = set()
    portfolios: set[str] = set()
    for pause in (0.02, 0.15, 0.31):
        with subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            told = [first, *process.stdout.read().splitlines()]
        for line in told:
            names = line.split()
            # The last line may be cut short by the kill; what is cut was acknowledged all the same.
            (demands if len(names) == 3 else portfolios).update(name for name in names if len(name) == 36)
        with Market(path) as market:
            found = market.demands("00000000-0000-0000-0000-000000000007")
            assert demands <= {record.id for record in found}
            assert len(found) % 3 == 0
            kept = market.portfolios("00000000-0000-0000-0000-000000000007")
            assert portfolios <= {record.id for record in kept}
            assert all(len(record.demand) == 3 and len(record.basis) == 1 for record in kept)
            assert len(market.auction().portfolio_ids) == len(kept)
    assert len(portfolios) > 3


FULL = """
    import resource, sys
    from uuid import UUID
    from fts.errors import StoreError
    from fts.exchange import Market
    market = Market(sys.argv[1])
    bidder = UUID(int=7)
    # The disk is full from here: no file may grow beyond this size.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    while True:
        try:
            made = market.create_demands([({"name": "d" * 500}, [(0, 5), (1, 4)])] * 20, bidder=bidder)
        except StoreError as error:
            print(error, file=sys.stderr)
            break
        print(*(record.id for record in made))
    print(len(market.demands(bidder)), file=sys.stderr)
"""


def test_a_full_disk_refuses_changes_and_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = set(done.stdout.split())
    refused, still_read = done.stderr.splitlines()
    assert refused.startswith("could not commit the change: ")
    assert len(told) >= 20 and int(still_read) == len(told)
    with Market(path) as market:
        assert {record.id for record in market.demands("00000000-0000-0000-0000-000000000007")} == told


@pytest.mark.parametrize("reopened", [False, True])
def test_the_log_stays_short_while_others_read_and_folding_it_loses_nothing(tmp_path: Path, reopened: bool) -> None:
    store = DuckStore(tmp_path / "market.duckdb", log_bytes=60_000)
    store.open()
    if reopened:
        store.close()
        store = DuckStore(tmp_path / "market.duckdb", log_bytes=60_000)
        store.open()
    log, longest, over = tmp_path / "market.duckdb.wal", 0, threading.Event()

    def read() -> None:
        while not over.is_set():
            store.read.demands([str(uuid4())])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        instants = []
        for _ in range(150):
            instants.append(a_demand(store))
            longest = max(longest, log.stat().st_size if log.exists() else 0)
    finally:
        over.set()
        for reader in readers:
            reader.join()
    store.close()
    assert 30_000 < longest < 120_000
    again = DuckStore(tmp_path / "market.duckdb")
    again.open()
    # Nobody trades with these demands, so each auction lists those that were there as unused.
    assert [len(again.read.auction_as_of(t).dropped.unused) for t in (instants[0], instants[-1])] == [1, 150]
    assert again.next_timestamp() > instants[-1]
    again.close()
