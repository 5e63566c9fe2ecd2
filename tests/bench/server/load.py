"""An exchange in a process of its own, and loads put on it with `wrk` from another."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from fts.server.jwt_application import write_token

BIDDERS = 64
REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %f %d %d %f %f %f %f\\n", summary.requests / summary.duration * 1e6, summary.requests,
    e.connect + e.read + e.write + e.timeout + e.status, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    latency.max / 1000, summary.duration / 1e6))
end
"""


@dataclass(frozen=True)
class Exchange:
    """A running exchange.

    Attributes
    ----------
    url : str
    file : Path
        Its market.
    secret : str
    process : Popen
    """

    url: str
    file: Path
    secret: str
    process: subprocess.Popen[str]

    def token(self, bidder: int, *, admin: bool = False) -> str:
        """A token of the bidder with this number."""
        return write_token(self.secret, UUID(int=bidder), admin=admin, issued=datetime.now(UTC))

    def seconds(self) -> float:
        """Processor time of its process so far [s]."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def megabytes(self) -> float:
        """Resident memory of its process [1e6 bytes]."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024 / 1e6


@contextmanager
def serving(file: Path, *words: str, limits: int = 1_000_000) -> Iterator[Exchange]:
    """`fts serve` on a free port, its market in a file."""
    secret = secrets.token_hex(32)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}
    environment |= {"APP_SECRET": secret, "APP_LIMITS__RATE": str(limits)}
    command = [sys.executable, "-m", "fts", "serve", "--port", "0", "--database", str(file), *words]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            yield Exchange(process.stderr.readline().split()[-1], file, secret, process)
        finally:
            process.terminate()


@dataclass(frozen=True)
class Load:
    """What `wrk` saw.

    Attributes
    ----------
    rate : float
        Replies [1/s].
    count, errors : int
        Replies, and those that were no 2xx or never came.
    p50, p99, largest : float
        Time from request to reply [ms].
    seconds : float
    processor : float
        Processor time of the exchange for one reply [ms].
    """

    rate: float
    count: int
    errors: int
    p50: float
    p99: float
    largest: float
    seconds: float
    processor: float

    def __str__(self) -> str:
        told = f"{self.rate:,.0f}/s, median {self.p50:.1f} ms, p99 {self.p99:.1f} ms, largest {self.largest:.0f} ms"
        wrong = f", {self.errors} errors" if self.errors else ""
        return f"{told}, processor {self.processor:.3f} ms each{wrong}"


def wrk(exchange: Exchange, script: str, folder: Path, seconds: float, clients: int = BIDDERS) -> Load:
    """Put a load on an exchange, as a Lua script says."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("this benchmark needs wrk: apt-get install wrk")
    file = folder / "load.lua"
    file.write_text(script + REPORT)
    before = exchange.seconds()
    done = subprocess.run(
        [program, "-t1", f"-c{clients}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(file), exchange.url],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.findall(r"RESULT (.*)", done.stdout)
    if not found:
        sys.exit(done.stdout + done.stderr)
    rate, count, errors, p50, p99, largest, took = map(float, found[0].split())
    processor = (exchange.seconds() - before) / max(count, 1) * 1e3
    return Load(rate, int(count), int(errors), p50, p99, largest, took, processor)
