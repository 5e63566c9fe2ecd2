"""A real exchange, a real dashboard, a real browser."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from fts.client import Client
from fts.server.jwt_application import write_token

PATIENCE = 90.0
"""Longest time a process may take to start on a busy machine [s]."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium."""
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": ["--headless", "--no-sandbox"]}


class Process:
    """One `fts` command, ended with the test."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fts", *arguments],
                env=dict(os.environ) | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until it is up."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """End it, as a service manager would."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Exchange:
    """`fts serve` on a market file; it can be stopped and started again at its address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._secret = folder, secrets.token_urlsafe(32)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.operator, self.bidder = (self.token(admin=admin) for admin in (True, False))

    def token(self, *, admin: bool) -> str:
        """A token of somebody new."""
        return write_token(self._secret, uuid4(), admin=admin, issued=datetime.now(UTC))

    def start(self) -> None:
        """Start it, and wait until it answers."""
        arguments = ["serve", "--port", str(self._port), "--database", str(self._folder / "market.duckdb")]
        self._process = Process(arguments, {"APP_SECRET": self._secret}, self._folder / "exchange.log")
        self._process.wait_for(self._answers)

    def stop(self) -> None:
        """Stop it."""
        self._process.stop()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health").is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """An exchange with one product, a load that pays 60 to 20 and gas that asks 35 to 55."""
    exchange = Exchange(tmp_path)
    exchange.start()
    yield exchange
    exchange.stop()


class Market:
    """One product and two bids on an exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.operator, self.bidder = Client(exchange.url, exchange.operator), Client(exchange.url, exchange.bidder)
        data = {"kind": "workday 12", "from": "2026-11-30T23:00:00Z", "thru": "2026-12-31T23:00:00Z"}
        self.product: str = self.operator.create_product(data)["id"]
        self.demands = {}
        for name, curve in {"load": [(0, 60), (100, 20)], "gas": [(-50, 55), (0, 35)]}.items():
            self.demands[name] = self.bidder.create_demand({"name": name}, curve)["id"]
            self.bidder.create_portfolio({"name": name}, self.demands[name], self.product)
        self.operator.run_batch()

    def change(self, curve: list[tuple[float, float]]) -> None:
        """Revise the load's bid over REST, and await the next batch."""
        self.bidder.change_demand(self.demands["load"], curve)
        self.operator.run_batch()

    def price(self) -> float:
        """What `GET /product/{id}/outcomes` says now."""
        return float(self.operator.product_outcomes(self.product)["results"][0]["value"]["price"])

    def close(self) -> None:
        """Give the connections back."""
        self.operator.close()
        self.bidder.close()


@pytest.fixture
def market(exchange: Exchange) -> Iterator[Market]:
    """Its bids have cleared once, at 47.5."""
    market = Market(exchange)
    yield market
    market.close()


@pytest.fixture
def dashboard(exchange: Exchange, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts `fts dashboard` with a token; returns its address."""
    started: list[Process] = []

    def start(token: str, *arguments: str) -> str:
        log = tmp_path / f"dashboard{len(started)}.log"
        process = Process(
            ["dashboard", "--exchange", exchange.url, "--port", "0", "--no-browser", *arguments],
            {"FTS_TOKEN": token},
            log,
        )
        started.append(process)
        process.wait_for(lambda: "http://" in log.read_text())
        address = log.read_text().split("dashboard: ")[1].split()[0]

        def answers() -> bool:
            try:
                return httpx.get(address, timeout=PATIENCE).is_success
            except httpx.TransportError:
                return False

        process.wait_for(answers)
        return address

    yield start
    for process in started:
        process.stop()
