"""500 readers of events, a batch every second for a minute: whether each hears of every batch, in order, and how late.

The exchange runs in a process of its own, on a schedule, with a market that trades; the readers are plain sockets in
this one: three fifths follow the batches, one fifth one of five products each, one fifth one of five portfolios each.
How late an event is counts from the instant of its batch, so clearing and storing it are in the figure. Processor time
is that of the exchange's process, beside that of the same minute without readers.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from fts.client import Client

READERS = int(os.environ.get("READERS", "500"))
SECONDS = int(os.environ.get("SECONDS", "60"))
PAIRS = 200
SERVE = """
import sys
from fts.server import local
with local(schedule="1s") as url:
    print(url, url.token(admin=True), url.token(), flush=True)
    sys.stdin.read()
"""


class Reader:
    """One who follows events over a socket of its own.

    Attributes
    ----------
    heard : list of (str, float)
        Ids of events, and how late each came [s].
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.heard: list[tuple[str, float]] = []

    async def follow(self, host: str, port: int, token: str, ready: asyncio.Barrier, until: float) -> None:
        """Listen until a time of the clock."""
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        status = await reading.readline()
        assert b" 200 " in status, status
        while await reading.readline() != b":\n":
            pass
        await ready.wait()
        try:
            async with asyncio.timeout(until - time.time()):
                async for line in reading:
                    if line.startswith(b"id: "):
                        instant = line[4:].decode().strip()
                        self.heard.append((instant, time.time() - datetime.fromisoformat(instant).timestamp()))
        except TimeoutError:
            pass
        finally:
            writing.close()


@contextmanager
def exchange() -> Iterator[tuple[subprocess.Popen[str], str, str, str]]:
    """An exchange in a process of its own: the process, URL, an admin's and a bidder's token."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        url, admin, bidder = process.stdout.readline().split()
        try:
            yield process, url, admin, bidder
        finally:
            process.stdin.close()


def bid(url: str, admin: str, bidder: str) -> tuple[list[str], list[str]]:
    """A market that trades: five products, and some of its portfolios."""
    with Client(url, admin) as operator, Client(url, bidder) as client:
        products = [
            operator.create_product(
                {"kind": 0, "from": f"2027-06-01T{hour:02}:00:00Z", "thru": f"2027-06-01T{hour + 1:02}:00:00Z"}
            )["id"]
            for hour in range(5)
        ]
        portfolios = []
        for k in range(PAIRS):
            curve = [(0, 60 + k % 7), (10, 20)] if k % 2 else [(-10, 50 - k % 5), (0, 10)]
            demand = client.create_demand({"name": f"{k}"}, curve)["id"]
            portfolios.append(client.create_portfolio({"name": f"{k}"}, demand, products[k // 2 % 5])["id"])
    return products, portfolios[:5]


def processor_seconds(process: subprocess.Popen[str]) -> float:
    """Processor time that a process has used [s]; NaN where the system does not tell."""
    stat = Path(f"/proc/{process.pid}/stat")
    if not stat.exists():
        return float("nan")
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def listen(readers: list[Reader], url: str, token: str, seconds: float) -> None:
    """Let all of them listen for the same time."""
    host, port = url.removeprefix("http://").split(":")
    ready = asyncio.Barrier(len(readers))
    until = time.time() + seconds + 5
    await asyncio.gather(*(reader.follow(host, int(port), token, ready, until) for reader in readers))


def ran(url: str, token: str, first: str, last: str) -> list[str]:
    """The instants of the batches between two, both included."""
    with Client(url, token) as client:
        page = client.batches(after=first)
        found = [batch["instant"] for batch in page["results"]]
        while "more" in page:
            page = client.batches(**page["more"])
            found += [batch["instant"] for batch in page["results"]]
    found.reverse()
    return found[: found.index(last) + 1]


def main() -> None:
    """Measure and print; fails if a reader missed a batch, heard one out of order, or more than 1 s late."""
    with exchange() as (process, url, admin, bidder):
        products, portfolios = bid(url, admin, bidder)
        before = processor_seconds(process)
        time.sleep(SECONDS)
        alone = processor_seconds(process) - before
        paths = ["/events"] * (READERS - 2 * (READERS // 5))
        paths += [f"/product/{products[k % 5]}/events" for k in range(READERS // 5)]
        paths += [f"/portfolio/{portfolios[k % 5]}/events" for k in range(READERS // 5)]
        readers = [Reader(path) for path in paths]
        before = processor_seconds(process)
        asyncio.run(listen(readers, url, bidder, SECONDS))
        with_readers = processor_seconds(process) - before
        # From when all were there, until the last that all can have heard of.
        first = max((reader.heard[0][0] for reader in readers), key=datetime.fromisoformat)
        last = min((reader.heard[-1][0] for reader in readers), key=datetime.fromisoformat)
        batches = ran(url, bidder, first, last)
    complete = 0
    for reader in readers:
        instants = [instant for instant, _ in reader.heard]
        complete += instants[instants.index(first) : instants.index(last) + 1] == batches
    late = sorted(lateness for reader in readers for _, lateness in reader.heard)
    print(f"{READERS} readers of events, {len(batches)} batches, one a second, {PAIRS} portfolios")
    print(f"  readers that heard of every batch, in order: {complete} of {READERS}")
    p99 = late[int(0.99 * len(late))]
    print(f"  late [s]: median {statistics.median(late):.3f}, p99 {p99:.3f}, largest {late[-1]:.3f}")
    used = with_readers / (SECONDS + 5)
    print(f"  the exchange's processor time [s per second]: {used:.3f}; without readers {alone / SECONDS:.3f}")
    if complete < READERS or late[-1] > 1:
        sys.exit("a reader missed a batch, or heard of it more than 1 s late")


if __name__ == "__main__":
    main()
