"""A server that is killed at any moment, with many requests under way, loses nothing that it acknowledged."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import httpx
import pytest

from fts.exchange import Market
from fts.server.jwt_application import write_token

pytestmark = pytest.mark.slow

SECRET = "0123456789abcdef0123456789abcdef"
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
CLIENTS = 40
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}


@contextmanager
def serving(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """An exchange of its own process, and where it is."""
    words = [sys.executable, "-m", "fts", "serve", "--port", "0", "--database", str(path)]
    environment = ENVIRONMENT | {"APP_SECRET": SECRET}
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield process, process.stderr.readline().split()[-1]
        finally:
            process.kill()


@dataclass
class Acknowledged:
    """What clients were told."""

    curves: list[tuple[str, str, float]] = field(default_factory=list)
    portfolios: set[str] = field(default_factory=set)
    bulk: list[list[str]] = field(default_factory=list)


def curve(price: float) -> list[dict[str, float]]:
    return [{"rate": 0, "price": price}, {"rate": 10, "price": price - 10}]


async def bid(http: httpx.AsyncClient, client: int, product: str, told: Acknowledged, prices: Iterator[int]) -> None:
    """Enter, change and replace bids until the server is gone."""
    token = write_token(SECRET, UUID(int=client), issued=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {token}"}

    async def ask(method: str, path: str, kind: str = "application/json", **content: Any) -> dict[str, Any]:
        reply = await http.request(method, path, headers=headers | {"Content-Type": kind}, **content)
        assert reply.status_code in (200, 201), reply.text
        return reply.json()

    def keep(record: dict[str, object], price: float) -> None:
        told.curves.append((str(record["id"]), str(record["valid_from"]), price))

    try:
        price = float(next(prices))
        demand = await ask("POST", "/demand", json={"app_data": {"name": "d"}, "curve_data": curve(price)})
        keep(demand, price)
        while True:
            price = float(next(prices))
            keep(await ask("PUT", f"/demand/{demand['id']}", json=curve(price)), price)
            if client % 4 == 0:
                body = {"app_data": {"name": "p"}, "demand": demand["id"], "basis": product}
                told.portfolios.add(str((await ask("POST", "/portfolio", json=body))["id"]))
            if client % 4 == 1:
                name = f"bulk {next(prices)}"
                rows = "\n".join(
                    f'{{"app_data": {{"name": "{name}"}}, "curve_data": [{{"rate": 0, "price": {k}}}]}}'
                    for k in range(3)
                )
                kind = "application/x-ndjson"
                told.bulk.append((await ask("POST", "/demand/bulk", kind, content=rows.encode()))["ids"])
    except httpx.TransportError:
        return


async def bids_until(process: subprocess.Popen[str], url: str, product: str, moment: float, prices: Iterator[int]):
    """Forty clients at work when the server is killed; what they were told by then."""
    told = Acknowledged()
    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as http:
        work = [asyncio.create_task(bid(http, client, product, told, prices)) for client in range(CLIENTS)]
        while not told.curves and not any(task.done() for task in work):
            await asyncio.sleep(0.01)
        await asyncio.sleep(moment)
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*work)
    return told


def check_histories(connection: duckdb.DuckDBPyConnection) -> None:
    """The intervals of every entity tile time without gap or overlap, and one at most is open."""
    for table, key in (
        ("curve", "demand"),
        ("portfolio_demand", "(portfolio, demand)"),
        ("portfolio_product", "(portfolio, product)"),
        ("product_expansion", "(ancestor, leaf)"),
    ):
        wrong = connection.execute(f"""
            SELECT count(*) FROM (
                SELECT *, lead(valid_from) OVER (PARTITION BY {key} ORDER BY valid_from) AS next FROM {table}
            ) WHERE valid_until <= valid_from OR valid_until <> next OR (valid_until IS NULL AND next IS NOT NULL)
        """).fetchone()
        assert wrong == (0,), table


@pytest.mark.soak
def test_killed_with_requests_under_way(tmp_path: Path, soak: bool) -> None:
    path, rounds = tmp_path / "market.duckdb", 100 if soak else 5
    with Market(path) as market:
        product = market.create_product(HOUR).id
    prices = iter(range(100, 10**9))
    choose = random.Random(1)
    acknowledged, changes, portfolios = 0, set(), set()
    for _ in range(rounds):
        # In a thread of its own: a browser test before this one may have left its event loop in the main thread.
        with serving(path) as (process, url), ThreadPoolExecutor(1) as thread:
            bidding = bids_until(process, url, product, choose.uniform(0.0, 1.2), prices)
            told = thread.submit(asyncio.run, bidding).result()
        assert len(told.curves) > 0
        acknowledged += len(told.curves) + len(told.portfolios) + len(told.bulk)
        changes |= {(name, instant.removesuffix("Z"), price) for name, instant, price in told.curves}
        portfolios |= told.portfolios
        with Market(path) as market:
            # Whatever was entered is whole.
            assert all(
                len(p.demand) == len(p.basis) == 1 for p in market.portfolios([UUID(int=k) for k in range(CLIENTS)])
            )
            assert len(market.auction().portfolio_ids) >= len(portfolios)
        with duckdb.connect(str(path)) as connection:
            kept = {
                (name, instant.isoformat(), price)
                for name, instant, price in connection.execute(
                    "SELECT demand::VARCHAR, valid_from, prices[1] FROM curve"
                ).fetchall()
            }
            lost = {(n, datetime.fromisoformat(i).isoformat(), p) for n, i, p in changes} - kept
            assert lost == set()
            known = {name for (name,) in connection.execute("SELECT id::VARCHAR FROM portfolio").fetchall()}
            assert portfolios <= known
            halves = connection.execute("""
                SELECT app_data->>'name', count(*) FROM demand WHERE app_data->>'name' LIKE 'bulk%'
                GROUP BY ALL HAVING count(*) <> 3
            """).fetchall()
            assert halves == []
            names = {name for (name,) in connection.execute("SELECT id::VARCHAR FROM demand").fetchall()}
            assert all(set(ids) <= names for ids in told.bulk)
            check_histories(connection)
    print(f"{acknowledged} acknowledged changes in {rounds} kills, none lost")
    assert acknowledged > 10 * rounds
