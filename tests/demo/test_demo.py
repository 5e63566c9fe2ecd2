"""The demo as a stranger runs it: started, watched, interrupted, killed, started again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
import pytest

import fts
from fts.client import Client

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

BATCH = re.compile(r"^\d\d:\d\d:\d\d  (solved|exact) ")


class Demo:
    """A running ``fts demo``."""

    def __init__(self, folder, *options):
        self.begun = time.monotonic()
        self.lines = []
        port = unused_port()
        command = [sys.executable, "-m", "fts", "demo", "--no-lab", "--months", "3", "--every", "1s", *options]
        self.process = subprocess.Popen(
            [*command, "--port", str(port), "--database", str(folder / "market.duckdb")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, condition, seconds=300.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)
        return time.monotonic() - self.begun

    def batches(self):
        return [line for line in self.lines if BATCH.match(line)]

    def wait_for_batches(self, number):
        return self.wait_for(lambda: len(self.batches()) >= number)

    def wait_for_table(self):
        """Until the first prices and the heading of the batches to come are there."""
        shown = ("base, all hours", "UTC  ")
        return self.wait_for(lambda: all(any(line.startswith(start) for line in self.lines) for start in shown))

    def url(self):
        return re.search(r"^exchange +(\S+)", self.text, re.MULTILINE).group(1)

    def tokens(self):
        """The bidder's and the operator's."""
        return [line for line in self.lines if re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", line)]

    def operator(self):
        return Client(self.url(), self.tokens()[1])

    def family(self):
        parent = psutil.Process(self.process.pid)
        return [parent.pid, *(child.pid for child in parent.children(recursive=True))]

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join(10)
        self.process.stdout.close()
        return status


@contextmanager
def demo(folder, *options):
    started = Demo(folder, *options)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.end(signal.SIGTERM)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def alive(pids):
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def none_left(pids, seconds=15.0):
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not alive(pids)


def prices(client, instant):
    return {row["product"]: row["price"] for row in client.batch_prices(instant)}


def test_a_living_market(tmp_path):
    with demo(tmp_path, "--no-dashboard") as running:
        first = running.wait_for_table()
        assert first < 60, f"first prices after {first:.0f} s"
        assert len(running.tokens()) == 2
        running.wait_for_batches(31)
        with running.operator() as client:
            solved = [b for b in client.batches()["results"] if b["status"] in ("solved", "exact")]
            assert len(solved) >= 31
            newest, thirty_before = prices(client, solved[0]["instant"]), prices(client, solved[30]["instant"])
            assert len(newest) == 144
            assert None not in newest.values()
            moved = [p for p, price in newest.items() if abs(price - thirty_before[p]) > 1e-6 * abs(price)]
            assert len(moved) >= 72
            assert client.market()["time_unit"] == "1h"
        # Nothing printed is wider than a terminal, but for links and tokens.
        assert max(len(line) for line in running.lines if "." not in line.split(" ")[0]) <= 100
        secret = (tmp_path / "market.secret").read_text().strip()
        assert secret not in running.text
        family = running.family()
        assert len(family) >= 4  # the demo, the exchange, the bots, the watchdog
        assert running.end(signal.SIGINT) == 0
        assert "Stopped" in running.lines[-1]
        assert none_left(family, 0.5)


def test_killed_and_started_again(tmp_path):
    with demo(tmp_path) as running:
        running.wait_for_table()
        running.wait_for_batches(2)
        with running.operator() as client:
            history = client.batches()["results"]
        token = running.tokens()[1]
        assert len(history) >= 3
        family = running.family()
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        assert none_left(family)
    with demo(tmp_path, "--no-dashboard") as again:
        again.wait_for_batches(1)
        assert "Clearing prices again" in again.text
        assert "history up to" in next(line for line in again.lines if line.startswith("market "))
        with Client(again.url(), token) as client:  # a token from before holds
            instants = [b["instant"] for b in all_batches(client)]
            assert {b["instant"] for b in history} <= set(instants)
            auction = client.batch_auction(instants[0])
        # The bots found their bids; nobody entered one twice.
        assert len(auction["portfolios"]) == 855
        assert again.end(signal.SIGTERM) == 0


def all_batches(client):
    page = client.batches()
    results = page["results"]
    while "more" in page:
        page = client.batches(**page["more"])
        results += page["results"]
    return results


def test_bots_that_die_are_reported(tmp_path):
    with demo(tmp_path, "--no-dashboard") as running:
        running.wait_for_table()
        bots = next(
            child for child in psutil.Process(running.process.pid).children() if "fts.sim.bot_runner" in child.cmdline()
        )
        bots.kill()
        running.wait_for(lambda: "The bots ended with status -9" in running.text)
        exchange = next(child for child in psutil.Process(running.process.pid).children() if "serve" in child.cmdline())
        family = running.family()
        exchange.kill()
        running.process.wait(30)
        assert running.end(0) == 1  # without an exchange there is no demo
        assert none_left(family, 1)


def test_a_file_in_use_is_one_sentence(tmp_path):
    with fts.Market(tmp_path / "market.duckdb"):
        command = [sys.executable, "-m", "fts", "demo", "--database", str(tmp_path / "market.duckdb")]
        refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "open" in refused.stderr


def test_an_interval_that_is_no_duration_is_refused(tmp_path):
    command = [sys.executable, "-m", "fts", "demo", "--every", "often", "--database", str(tmp_path / "m.duckdb")]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    assert refused.stderr.startswith("fts: --every often:")
    assert not (tmp_path / "m.duckdb").exists()
