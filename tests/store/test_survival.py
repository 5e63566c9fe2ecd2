"""A full or read-only disk: a clear refusal, nothing lost, and on as soon as there is room again."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from fts.errors import ReadOnlyStore, StoreError
from fts.exchange import Market
from fts.server import local
from fts.store import DuckStore

pytestmark = pytest.mark.slow

BIDDER = UUID(int=5)
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}

# No file may grow beyond a size, as on a full disk; then it may again.
FULL = """
    import os, resource, sys
    from uuid import UUID
    from fts.errors import StoreError
    from fts.exchange import Market
    from fts.store import DuckStore

    path, log_bytes, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    bidder, acknowledged, told = UUID(int=5), [], []
    market = Market(store=DuckStore(path, log_bytes=log_bytes))

    def bid():
        name = {"name": "x" * 2000}
        acknowledged.append(market.create_demand(name, [(0, k) for k in range(200, 0, -1)], bidder=bidder).id)

    bid()
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    for k in range(2000):
        try:
            bid()
        except StoreError as error:
            told.append(str(error))
            if len(told) == 3:
                break
    assert len(told) == 3 and all("could not commit" in text and "too large" in text for text in told), told
    during = {record.id for record in market.demands([bidder])}
    assert during == set(acknowledged), "what was acknowledged can be read while the disk is full"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for k in range(30):
        bid()
    assert {record.id for record in market.demands([bidder])} == set(acknowledged)
    records = market.demands([bidder])
    assert len({record.valid_from for record in records}) == len(records)
    print(*acknowledged)
    # No farewell: the process ends as if it were killed.
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.parametrize(
    "log_bytes, most",
    [(16 * 2**20, 300_000), (100_000, 700_000), (20_000, 600_000)],
    ids=["the log", "the log and the file", "the file, again and again"],
)
def test_a_full_disk(tmp_path: Path, log_bytes: int, most: int) -> None:
    path = tmp_path / "market.db"
    words = [sys.executable, "-c", textwrap.dedent(FULL), str(path), str(log_bytes), str(most)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    acknowledged = set(done.stdout.split())
    with Market(path) as market:
        records = market.demands([BIDDER])
        assert {record.id for record in records} == acknowledged and len(acknowledged) > 30
        assert all(len(record.curve.points) == 200 for record in records)
        market.create_demand({"name": "on"}, [(0, 1)], bidder=BIDDER)
    if log_bytes < 2**20:
        assert "opened again" in done.stderr


MANY = """
    import resource, sys, threading, time
    from uuid import UUID
    from fts.errors import StoreError
    from fts.exchange import Market
    from fts.store import DuckStore

    bidder, acknowledged, refused, stop = UUID(int=5), [], [], threading.Event()
    market = Market(store=DuckStore(sys.argv[1], log_bytes=20_000))

    def bid():
        name = {"name": "x" * 2000}
        acknowledged.append(market.create_demand(name, [(0, k) for k in range(200, 0, -1)], bidder=bidder).id)

    def until_stopped(use):
        while not stop.is_set():
            try:
                use()
            except StoreError as error:
                refused.append(error)

    bid()
    resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, resource.RLIM_INFINITY))
    uses = [bid] * 4 + [lambda: market.demands([bidder])] * 3
    threads = [threading.Thread(target=until_stopped, args=(use,)) for use in uses]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 30
    while len(refused) < 30 and time.monotonic() < end:
        time.sleep(0.01)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    before = len(acknowledged)
    while len(acknowledged) < before + 20 and time.monotonic() < end:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(refused) >= 30 and len(acknowledged) >= before + 20, (len(refused), len(acknowledged), before)
    assert {record.id for record in market.demands([bidder])} == set(acknowledged)
    market.close()
    print(*acknowledged)
"""


def test_a_full_disk_under_many_hands(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    words = [sys.executable, "-c", textwrap.dedent(MANY), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    with Market(path) as market:
        assert {record.id for record in market.demands([BIDDER])} == set(done.stdout.split())


def test_a_market_is_closed_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    for _ in range(3):
        market, defects = Market(path), list[BaseException]()
        market.create_demand({"name": "x"}, [(0, 1)], bidder=BIDDER)

        def read(market: Market = market, defects: list[BaseException] = defects) -> None:
            try:
                while True:
                    market.demands([BIDDER])
            except StoreError:
                return
            except BaseException as error:
                defects.append(error)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for thread in readers:
            thread.start()
        time.sleep(0.1)
        market.close()
        for thread in readers:
            thread.join(30)
        assert defects == [] and not any(thread.is_alive() for thread in readers)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("only who may mount a disk can fill one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_an_exchange_on_a_full_disk(disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    ballast, path = disk / "ballast", disk / "market.db"
    with local(DuckStore(path)) as url, httpx.Client(base_url=str(url), timeout=60) as http:
        admin = {"Authorization": f"Bearer {url.token(admin=True)}"}
        product = http.post("/product", json=HOUR, headers=admin).json()["id"]
        bid = {"app_data": {"name": "x"}, "curve_data": [{"rate": 0, "price": k} for k in range(500, 0, -1)]}
        acknowledged = [http.post("/demand", json=bid, headers=admin).json()["id"]]
        with ballast.open("wb") as file:
            file.write(b"x" * (4 * 2**20 - sum(one.stat().st_blocks * 512 for one in disk.iterdir()) - 200_000))
        for _ in range(200):
            reply = http.post("/demand", json=bid, headers=admin)
            if reply.status_code != 201:
                break
            acknowledged.append(reply.json()["id"])
        assert reply.status_code == 503 and str(disk) not in reply.text and "its log" in reply.json()["detail"]
        assert "POST /demand: could not" in caplog.text and "No space left on device" in caplog.text
        # Nothing else suffers: it is there, and what it holds can be read.
        assert http.get("/health").status_code == 200 and http.get(f"/product/{product}", headers=admin).is_success
        assert {record["id"] for record in http.get("/demand", headers=admin).json()} == set(acknowledged)
        # A copy finds no room either, and leaves nothing.
        before = set(disk.iterdir())
        assert http.get("/backup", headers=admin).status_code == 503 and set(disk.iterdir()) == before
        ballast.unlink()
        reply = http.post("/demand", json=bid, headers=admin)
        assert reply.status_code == 201 and http.post("/batch", headers=admin).status_code == 200
        acknowledged.append(reply.json()["id"])
    with Market(path) as market:
        assert {record.id for record in market.demands([market.demand(acknowledged[0]).bidder_id])} == set(acknowledged)
        assert len(market.batches().results) == 1


def test_a_disk_that_cannot_be_written(disk: Path) -> None:
    path = disk / "market.db"
    with Market(path) as market:
        product = market.create_product(HOUR)
    before = path.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(ReadOnlyStore, match="cannot be written"):
        DuckStore(path).open()
    with pytest.raises(StoreError, match="could not (open|write)|cannot be written"):
        DuckStore(disk / "new.db").open()
    reader = DuckStore(path, read_only=True)
    assert [record.id for record in reader.read.products()] == [product.id]
    reader.close()
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert path.read_bytes() == before and [one.name for one in disk.iterdir()] == ["market.db"]
    with Market(path) as market:
        assert len(market.products().results) == 1
