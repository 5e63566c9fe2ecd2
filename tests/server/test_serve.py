"""``fts serve`` and ``fts token`` as the shell runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fts.cli import main
from fts.client import Client
from fts.errors import RequestFailed
from fts.server import JwtApplication
from fts.server.jwt_application import write_token

SECRET = "0123456789abcdef0123456789abcdef"
HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("APP_")}


def fts(*words: str, secret: str | None = SECRET, **environment: str) -> subprocess.CompletedProcess[str]:
    secrets = {} if secret is None else {"APP_SECRET": secret}
    return subprocess.run(
        [sys.executable, "-m", "fts", *words],
        env=ENVIRONMENT | secrets | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The same within this process, where nothing is served: status, output, errors."""

    def run(*words: str, secret: str | None = SECRET) -> tuple[int, str, str]:
        for name in [name for name in os.environ if name.startswith("APP_")]:
            monkeypatch.delenv(name)
        if secret is not None:
            monkeypatch.setenv("APP_SECRET", secret)
        try:
            status = main(words)
        except SystemExit as ended:
            status = int(str(ended.code))
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


class Served:
    """A running ``fts serve``, and what it says."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fts", "serve", "--port", "0", *words],
            env=ENVIRONMENT | {"APP_SECRET": SECRET} | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.url = self.wait(r"exchange +(http://[^\s\"]+)")[1]

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())

    def wait(self, pattern: str, count: int = 1) -> re.Match[str]:
        """Wait until that many lines say this; the last of them."""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            found = [match for match in map(re.compile(pattern).search, list(self.lines)) if match]
            if len(found) >= count:
                return found[count - 1]
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.05)
        raise AssertionError(f"never said {pattern!r}: {self.lines}")

    def client(self, *, admin: bool = False) -> Client:
        return Client(self.url, write_token(SECRET, uuid4(), admin=admin, issued=datetime.now(UTC)))

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    serve_in_thread: list[Served] = []

    def start(*words: str, **environment: str) -> Served:
        serve_in_thread.append(Served(*words, **environment))
        return serve_in_thread[-1]

    yield start
    for served in serve_in_thread:
        served.end(signal.SIGKILL)


def test_a_schedule_a_kill_and_a_restart(serve: Callable[..., Served], tmp_path: Path) -> None:
    file = str(tmp_path / "market.duckdb")
    served = serve("--database", file, "--every", "1s", "--from", "2027-01-01T00:00:00.25Z")
    with served.client(admin=True) as admin, served.client() as bidder:
        assert admin.market()["schedule"] == {"from": "2027-01-01T00:00:00.250000Z", "every": "1s"}
        product = admin.create_product(HOUR)["id"]
        demand = bidder.create_demand({"name": "load"}, [(-10, 60), (10, 20)])["id"]
        bidder.create_portfolio({"name": "load"}, demand, product)
        # The grid begins in the future, so nothing runs by itself yet.
        assert admin.batches()["results"] == []
        first = admin.run_batch()
    told = served.wait(r"batch +(\S+) +(\S+) +(\d+) prices +([\d.]+) s")
    assert (told[1], told[3]) == (first, "1")
    served.end(signal.SIGKILL)

    again = serve("--database", file, "--every", "1s", "--from", "2020-01-01T00:00:00.25Z")
    again.wait(r"batch +\S+ +(solved|exact)", 3)
    with again.client(admin=True) as admin:
        (row,) = admin.product_outcomes(product, before=first[:-1] + "9Z")["results"]
        assert row["valid_from"] == first and row["value"]["price"] == pytest.approx(40)
        instants = [datetime.fromisoformat(batch["instant"]) for batch in admin.batches(after=first)["results"]]
    assert len(instants) >= 4
    assert {instant.microsecond for instant in instants[:-1]} == {250_000}
    # The file and its log hold everybody's bids: nobody else on the machine may read them.
    made = list(tmp_path.glob("market.duckdb*"))
    assert len(made) == 2 and {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o600}
    busy = fts("serve", "--port", "0", "--database", file)
    assert busy.returncode == 1 and busy.stderr.count("\n") == 1 and "another process" in busy.stderr
    assert again.end() == 0


def test_what_was_accepted_is_finished(serve: Callable[..., Served], tmp_path: Path) -> None:
    file = str(tmp_path / "market.duckdb")
    served = serve("--database", file)
    acknowledged: list[str] = []
    client, admin = served.client(), served.client(admin=True)
    batch: list[str] = []

    def bid() -> None:
        for k in range(10_000):
            try:
                acknowledged.append(client.create_demand({"name": str(k)}, [(0, k)])["id"])
            except Exception:
                return

    def run() -> None:
        batch.append(admin.run_batch())

    threads = [threading.Thread(target=bid), threading.Thread(target=run)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 5:
        time.sleep(0.01)
    assert served.end() == 0
    for thread in threads:
        thread.join()
    # The batch was under way when it was told to stop.
    assert len(batch) == 1
    assert not any("Traceback" in line or "ERROR" in line for line in served.lines)
    again = serve("--database", file)
    admin.close()
    client.close()
    with Client(again.url, client._http.headers["Authorization"].removeprefix("Bearer ")) as reader:
        assert {record["id"] for record in reader.demands()} >= set(acknowledged)
        assert reader.batches()["results"][0]["instant"] == batch[0]
    assert again.end() == 0


def test_lines_of_json_and_tokens_made_elsewhere(serve: Callable[..., Served], tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    public = tmp_path / "public.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    config = tmp_path / "fts.toml"
    config.write_text(f'[server]\nlog = "json"\n[token]\nalgorithm = "EdDSA"\npublic_key = "{public}"\n')
    # An exchange that checks with a public key asks for no secret, and takes no token that its secret signed.
    served = serve("--config", str(config), APP_SECRET="")
    token = jwt.encode({"sub": str(uuid4()), "admin": True}, key, algorithm="EdDSA")
    with Client(served.url, token) as admin:
        instant = admin.run_batch()
    with served.client(admin=True) as forger, pytest.raises(RequestFailed, match="401"):
        forger.run_batch()
    assert served.end() == 0
    lines = [json.loads(line) for line in served.lines]
    requests = [(line["method"], line["path"], line["status"]) for line in lines if line["message"] == "answered"]
    assert requests == [("POST", "/batch", 200), ("POST", "/batch", 401)]
    assert len({line["request"] for line in lines if "request" in line}) == 2
    assert any(instant in line["message"] and line["logger"] == "fts.cli.serve" for line in lines)
    assert not any(token in line or SECRET in line for line in served.lines)


def test_a_market_in_use_says_where_it_is(
    serve: Callable[..., Served], run: Callable[..., tuple[int, str, str]]
) -> None:
    served = serve("--root-path", "/exchange")
    assert served.wait(r"explorer +(\S+)")[1] == f"{served.url}/docs"
    port = served.url.rpartition(":")[2]
    status, _, errors = run("serve", "--port", port)
    assert status == 2 and errors.count("\n") == 1 and "--port" in errors
    assert served.end(signal.SIGINT) in (0, 130)


@pytest.mark.parametrize(
    "words, secret, told",
    [
        (["serve"], None, "APP_SECRET"),
        (["serve"], SECRET[1:], "31 bytes"),
        (["serve", "--every", "often"], SECRET, "often"),
        (["serve", "--config", "/no/such/file"], SECRET, "/no/such/file"),
        (["serve", "--host", "192.0.2.1"], SECRET, "192.0.2.1"),
        (["serve", "--port", "0", "--solver", "abacus"], SECRET, "abacus"),
        (["token"], None, "APP_SECRET"),
        (["token"], "short", "5 bytes"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    run: Callable[..., tuple[int, str, str]], words: list[str], secret: str | None, told: str
) -> None:
    status, output, errors = run(*words, secret=secret)
    assert status == 2 and output == ""
    assert errors.count("\n") == 1 and told in errors and (secret is None or secret not in errors)


@pytest.mark.parametrize("words", [["--days", "0"], ["--days", "nan"], ["--count", "0"], ["--bidder", "x"]])
def test_a_token_that_cannot_be_made(run: Callable[..., tuple[int, str, str]], words: list[str]) -> None:
    assert run("token", *words)[0] == 2


def test_tokens(run: Callable[..., tuple[int, str, str]]) -> None:
    application = JwtApplication(SECRET)
    plain = run("token", "--count", "3")[1].split()
    assert len({application.can_create_bid(token) for token in plain}) == 3
    assert not any(application.can_run_batch(token) for token in plain)
    header, row = run("token", "--csv", "--admin", "--bidder", str(UUID(int=5)))[1].split()
    bidder, token = row.split(",")
    assert header == "bidder,token" and UUID(bidder) == UUID(int=5)
    assert application.can_create_bid(token) == UUID(int=5) and application.can_run_batch(token)


def test_a_token_expires(run: Callable[..., tuple[int, str, str]]) -> None:
    def lifetime(*words: str) -> float:
        claims = jwt.decode(run("token", *words)[1].strip(), SECRET, algorithms=["HS256"])
        return float(claims["exp"] - claims["iat"]) / 86400

    assert lifetime() == 30
    assert lifetime("--days", "0.5") == 0.5
