"""Copying a market that runs, over HTTP and from the shell."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from fts.cli import main
from fts.client import Client
from fts.client.download import download_market
from fts.errors import ConfigurationError, RequestFailed
from fts.exchange import Market
from fts.server import JwtApplication, local
from fts.server.jwt_application import write_token
from fts.store import DuckStore
from tests.server.conftest import LOAD

SECRET = "0123456789abcdef0123456789abcdef"
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


def test_a_running_market_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = DuckStore(home / "market.duckdb")
    with local(store, JwtApplication(SECRET)) as url, Client(url, token(admin=True)) as admin:
        product = admin.create_product(HOUR)["id"]
        demand = admin.create_demand({"name": "x"}, LOAD)["id"]
        admin.create_portfolio({"name": "x"}, demand, product)
        instant = admin.run_batch()
        monkeypatch.setenv("APP_SECRET", SECRET)
        assert main(["backup", url, str(tmp_path / "one.duckdb")]) == 0
        monkeypatch.delenv("APP_SECRET")
        monkeypatch.setenv("FTS_TOKEN", token(admin=True))
        assert main(["backup", f"{url}/", str(tmp_path / "two.duckdb")]) == 0
        # The market goes on.
        admin.run_batch()
        assert {path.name for path in home.iterdir()} == {"market.duckdb", "market.duckdb.wal"}
    for name in ("one.duckdb", "two.duckdb"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        with Market(tmp_path / name) as copy:
            assert [batch.to_json()["instant"] for batch in copy.batches().results] == [instant]
            assert copy.demand(demand).id == demand


def token(*, admin: bool = False) -> str:
    return write_token(SECRET, uuid4(), admin=admin, issued=datetime.now(UTC))


class OneOfTwo(JwtApplication):
    """Has operators who run batches and do not manage products."""

    def can_run_batch(self, token: str) -> bool:
        return token == "runs batches" or super().can_run_batch(token)


def test_only_who_may_do_everything_gets_a_copy(tmp_path: Path) -> None:
    with local(application=OneOfTwo(SECRET)) as url:
        for bearer in (token(), "runs batches", "nonsense"):
            reply = httpx.get(f"{url}/backup", headers={"Authorization": f"Bearer {bearer}"})
            assert reply.status_code == 401
            with pytest.raises(RequestFailed, match="401"):
                download_market(url, bearer, tmp_path / "copy")
        assert httpx.get(f"{url}/backup").status_code == 400
        # Nothing that a request says names a file.
        admin = {"Authorization": f"Bearer {token(admin=True)}"}
        for path in ("/backup/../../etc/passwd", "/backup/%2e%2e%2fx", "/backup/x"):
            assert httpx.get(f"{url}{path}", headers=admin).status_code == 404
        with pytest.raises(ConfigurationError, match="there already"):
            download_market(url, token(admin=True), tmp_path)
    assert list(tmp_path.iterdir()) == []


class Stuck(DuckStore):
    """Takes its time to copy."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.started, self.gate = threading.Event(), threading.Event()

    def backup(self, path: Any) -> None:
        self.started.set()
        self.gate.wait(30)
        super().backup(path)


def test_one_copy_at_a_time_and_bids_go_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = Stuck(home / "market.duckdb")
    with local(store, JwtApplication(SECRET)) as url, Client(url, token()) as bidder:
        admin = {"Authorization": f"Bearer {token(admin=True)}"}
        first: list[httpx.Response] = []
        asked = threading.Thread(target=lambda: first.append(httpx.get(f"{url}/backup", headers=admin, timeout=60)))
        asked.start()
        assert store.started.wait(30)
        second = httpx.get(f"{url}/backup", headers=admin)
        assert second.status_code == 503 and second.headers["retry-after"] == "60"
        assert UUID(bidder.create_demand({"name": "x"}, LOAD)["id"])
        store.gate.set()
        asked.join()
        assert first[0].status_code == 200 and int(first[0].headers["content-length"]) == len(first[0].content) > 10_000
        # A reader who goes away in the middle leaves nothing behind either.
        with httpx.stream("GET", f"{url}/backup", headers=admin) as reply:
            next(parts := reply.iter_raw(1000))
            del parts
        deadline = time.monotonic() + 20
        while len(list(home.iterdir())) > 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert {path.name for path in home.iterdir()} == {"market.duckdb", "market.duckdb.wal"}


def test_a_market_that_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    for name in ("APP_SECRET", "API_SECRET", "FTS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    path, copy = str(tmp_path / "market.duckdb"), str(tmp_path / "copy.duckdb")
    with Market(path) as market:
        market.create_product(HOUR)
        assert main(["backup", path, copy]) == 1
        assert "name its URL instead" in capsys.readouterr().err
    assert main(["backup", path, copy]) == 0
    assert main(["export", path, "--format", "parquet", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "product").is_dir()
    refused: list[tuple[Callable[[], int], int, str]] = [
        (lambda: main(["backup", path, copy]), 1, "there already"),
        (lambda: main(["backup", str(tmp_path / "none"), copy + "2"]), 1, "is not there"),
        (lambda: main(["backup", "http://127.0.0.1:9", copy + "2"]), 2, "FTS_TOKEN"),
        (lambda: main(["backup", "http://127.0.0.1:9", copy + "2", "--token", "x"]), 1, "no whole copy"),
        (lambda: main(["export", path, "--format", "parquet"]), 2, "-o FOLDER"),
        (lambda: main(["export", path, "--format", "parquet", "-o", copy]), 1, "there already"),
    ]
    for ask, status, told in refused:
        assert ask() == status
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
    with Market(copy) as market:
        assert market.counts()["products"] == 1
