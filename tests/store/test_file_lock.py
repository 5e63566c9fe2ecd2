"""A market file keeps its one writer, whatever this process opens, closes or forks."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from fts.errors import ForkedStore, FtsError, StoreBusy, StoreError
from fts.exchange import Market
from fts.store import DuckStore

# Python warns of the very situation that is tried here.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
MARKET = """
    import sys
    from fts.errors import FtsError
    from fts.exchange import Market
    try:
        with Market(sys.argv[1]) as market:
            market.create_product({"kind": "theirs", "from": "2027-07-01T12:00:00Z", "thru": "2027-07-01T13:00:00Z"})
        print("wrote")
    except FtsError as error:
        print(type(error).__name__)
"""
DUCKDB = """
    import sys, duckdb
    try:
        connection = duckdb.connect(sys.argv[1])
    except duckdb.Error as error:
        print(type(error).__name__)
    else:
        print("open", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "market.db"
    Market(path).close()
    return path


def day(market: Market, number: int, kind: str = "ours") -> str:
    span = {"from": f"2027-06-{number:02d}T12:00:00Z", "thru": f"2027-06-{number:02d}T13:00:00Z"}
    return market.create_product({"kind": kind, **span}).id


def kinds(path: Path) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [kind for (kind,) in connection.execute("SELECT app_data->>'kind' FROM product").fetchall()]


def another(program: str, path: Path) -> str:
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def names(path: Path) -> dict[str, str]:
    symbolic, hard, folder = path.with_name("symbolic.db"), path.with_name("hard.db"), path.with_name("folder")
    symbolic.symlink_to(path)
    hard.hardlink_to(path)
    folder.symlink_to(path.parent)
    return {
        "the same": str(path),
        "relative": os.path.relpath(path),
        "symbolic link": str(symbolic),
        "hard link": str(hard),
        "linked folder": str(folder / path.name),
    }


@pytest.mark.parametrize("name", ["the same", "relative", "symbolic link", "hard link", "linked folder"])
@pytest.mark.parametrize(("read_only", "is_new"), [(False, False), (True, False), (False, True)])
def test_a_second_opening_is_refused_and_the_first_keeps_its_lock(
    path: Path, name: str, read_only: bool, is_new: bool
) -> None:
    if is_new:
        path.unlink()
    with Market(path) as market:
        day(market, 1)
        with pytest.raises(StoreBusy, match="in this process already"):
            DuckStore(names(path)[name], read_only=read_only).open()
        # DuckDB's own lock is as it was, for a program that knows no other.
        assert another(DUCKDB, path) == "IOException"
        assert another(MARKET, path) == "StoreBusy"
        day(market, 2)
    assert kinds(path) == ["ours", "ours"]


def copied(path: Path) -> None:
    shutil.copyfile(path, path.with_name("copied.db"))


def read(path: Path) -> None:
    path.read_bytes()


def looked_at(path: Path) -> None:
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(path), read_only=True)


@pytest.mark.parametrize("use", [copied, read, looked_at])
def test_no_market_is_opened_beside_one_whose_file_was_read(path: Path, use: Callable[[Path], None]) -> None:
    with Market(path) as market:
        day(market, 1)
        use(path)
        assert another(MARKET, path) == "StoreBusy"
        day(market, 2)
        # The change took DuckDB's lock again.
        assert another(DUCKDB, path) == "IOException"
    assert another(MARKET, path) == "wrote"
    assert sorted(kinds(path)) == ["ours", "ours", "theirs"]


def test_nothing_is_acknowledged_while_another_program_has_the_file(path: Path) -> None:
    with Market(path) as market:
        day(market, 1)
        read(path)
        program = [sys.executable, "-c", textwrap.dedent(DUCKDB), str(path)]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None and other.stdout.readline() == "open\n"
            with pytest.raises(StoreBusy, match="another program opened"):
                day(market, 2)
            assert len(market.products().results) == 1
            other.kill()
        day(market, 3)
    assert len(kinds(path)) == 2


@pytest.mark.parametrize("ending", ["backup", "export", "copy refused", "dropped"])
def test_what_else_opens_files_leaves_the_lock(path: Path, tmp_path: Path, ending: str) -> None:
    market = Market(path)
    day(market, 1)
    if ending == "backup":
        market.backup(tmp_path / "copy.db")
    elif ending == "export":
        market.export(tmp_path / "export")
    elif ending == "copy refused":
        with pytest.raises(StoreError, match="is there already"):
            market.backup(path)
    else:
        with pytest.raises(StoreBusy):
            Market(path)
        gc.collect()
    assert another(DUCKDB, path) == "IOException"
    market.close()


def test_the_file_is_free_once_it_is_closed_and_the_folder_of_the_process_does_not_matter(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    market = Market(path.name)
    monkeypatch.chdir("/")
    day(market, 1)
    assert market.maintenance.folder == str(path.parent)
    market.close()
    assert another(MARKET, path) == "wrote"
    Market(path).close()


def test_a_market_behind_a_link_folds_its_log(path: Path) -> None:
    link = path.with_name("elsewhere") / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    store = DuckStore(link, log_bytes=1)
    store.open()
    store.write(lambda change: change.add_product("6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11", {}))
    log = path.with_name("market.db.wal")
    assert not log.exists() or log.stat().st_size == 0
    assert os.listdir(link.parent) == ["link.db"]
    store.close()


def test_many_threads_that_open_one_file_make_one_writer(path: Path) -> None:
    path.unlink()
    opened: list[Market] = []
    refused: list[FtsError] = []

    def begin() -> None:
        try:
            opened.append(Market(path))
        except FtsError as error:
            refused.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1 and all(isinstance(error, StoreBusy) for error in refused)
    assert another(DUCKDB, path) == "IOException"
    opened[0].close()


def in_a_child(act: Callable[[], Any]) -> str:
    """Run something in a forked child to its ordinary end, and give the name of the error that it raised."""
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def run() -> None:
        try:
            send.send(repr(act()))
        except Exception as error:
            send.send(type(error).__name__)

    process = context.Process(target=run)
    process.start()
    assert receive.poll(60), "the child does not answer"
    answer: str = receive.recv()
    process.join(60)
    assert process.exitcode == 0
    return answer


@pytest.mark.parametrize("name", ["market.db", ":memory:"])
def test_a_child_can_neither_change_nor_read(tmp_path: Path, name: str) -> None:
    place = name if name == ":memory:" else str(tmp_path / name)
    with Market(place) as market:
        product = day(market, 1)
        bidder = "11111111-1111-4111-8111-111111111111"
        demand = market.create_demand({"name": "load"}, [(0, 60), (100, 20)], bidder=bidder)
        records = market._context.store.read
        acts: dict[str, Callable[[], Any]] = {
            "create": lambda: day(market, 2, "child"),
            "update": lambda: market.change_demand(demand.id, None),
            "batch": market.run_batch,
            "slices": lambda: market.v0.solve_span("2027-06-01T12:00:00Z", "2027-06-01T13:00:00Z"),
            "list": market.products,
            "read": lambda: market.product(product),
            "demand": lambda: market.demand(demand.id),
            "auction": market.auction,
            "prices": market.prices,
            "positions": lambda: market.positions(bidder),
            "now": market.now,
            "counts": market.counts,
            "remember": market.maintenance.warm_cache,
            "backup": lambda: market.backup(tmp_path / "copy.db"),
            "export": lambda: market.export(tmp_path / "export"),
            "records": records.products,
            "record": lambda: records.product(product),
        }
        for what, act in acts.items():
            assert in_a_child(act) == "ForkedStore", what
        assert not (tmp_path / "copy.db").exists()
        assert len(market.products().results) == 1
        day(market, 3)
        assert len(market.products().results) == 2


def test_a_child_is_refused_while_a_thread_of_the_parent_holds_every_lock(path: Path) -> None:
    holds, go_on = threading.Event(), threading.Event()

    def clear(auction: Any) -> Any:
        holds.set()
        assert go_on.wait(60)
        return auction.solve()

    with Market(path, clearing=clear) as market:
        day(market, 1)
        thread = threading.Thread(target=market.run_batch)
        thread.start()
        assert holds.wait(60)
        assert in_a_child(market.run_batch) == "ForkedStore"
        assert in_a_child(market.close) == "None"
        go_on.set()
        thread.join()
        assert len(market.batches().results) == 1


def test_a_child_that_closes_drops_and_ends_does_the_parent_no_harm(path: Path) -> None:
    market = Market(path)
    day(market, 1)

    def readers() -> None:
        market.products()
        ready.wait(60)
        done.wait(60)

    ready, done = threading.Barrier(2), threading.Event()
    thread = threading.Thread(target=readers)
    thread.start()
    ready.wait(60)
    child = os.fork()
    if child == 0:
        # As a program ends: the market is closed and forgotten, and the interpreter takes everything down.
        status = 1
        try:
            market.close()
            del market
            gc.collect()
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    done.set()
    thread.join()
    day(market, 2)
    assert another(MARKET, path) == "StoreBusy"
    market.close()
    assert kinds(path) == ["ours", "ours"]


WHOLE = """
    import os, sys
    from fts.exchange import Market
    market = Market(sys.argv[1])
    market.create_product({"kind": "ours", "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"})
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        market.create_product({"kind": "ours", "from": "2027-06-02T12:00:00Z", "thru": "2027-06-02T13:00:00Z"})
        market.close()
        print("whole")
"""


def test_a_child_whose_interpreter_ends_leaves_the_file_alone(path: Path) -> None:
    assert another(WHOLE, path) == "whole"
    assert kinds(path) == ["ours", "ours"]


def test_a_child_that_lives_on_does_not_keep_the_file(path: Path) -> None:
    market = Market(path)
    context = multiprocessing.get_context("fork")
    go_on = context.Event()
    child = context.Process(target=go_on.wait, args=(60,))
    child.start()
    market.close()
    assert another(MARKET, path) == "wrote"
    Market(path).close()
    go_on.set()
    child.join(60)
    assert child.exitcode == 0


def test_a_child_may_open_another_market_but_not_that_of_its_parent(path: Path, tmp_path: Path) -> None:
    def other() -> list[str]:
        with Market(tmp_path / "other.db") as market:
            day(market, 1, "child")
        return kinds(tmp_path / "other.db")

    with Market(path):
        assert in_a_child(other) == "['child']"
        assert in_a_child(lambda: Market(path)) == "StoreBusy"


def test_the_error_says_what_to_do() -> None:
    with Market() as market:
        child = os.fork()
        if child == 0:
            said = False
            try:
                market.products()
            except ForkedStore as error:
                said = "talk to it over REST" in str(error) and str(os.getppid()) in str(error)
            os._exit(0 if said else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
