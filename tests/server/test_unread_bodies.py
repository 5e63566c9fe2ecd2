"""A long body is not read before its token is known to be valid, and never further than it may be long."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from fts.server import JwtApplication, Limits, create_app, local
from fts.server.app import ROUTES
from fts.server.unread_bodies import SMALL_BODY, body_length
from fts.server.v0 import routes as v0_routes
from fts.store import DuckStore

TAKING = [route for route in (*ROUTES, *v0_routes.ROUTES) if route.body is not None]
BULK = ("application/x-ndjson", "application/vnd.apache.arrow.stream")
SECRET = "0123456789abcdef0123456789abcdef"
LIMIT = 2**20


@pytest.fixture(scope="module")
def exchange() -> Iterator[Any]:
    with local(limits=Limits(body=LIMIT, seconds=20)) as url:
        yield url


def place(path: str) -> str:
    return "/".join(str(UUID(int=7)) if part.startswith("{") else part for part in path.split("/"))


def kinds(path: str) -> tuple[str, ...]:
    return BULK if path.endswith("/bulk") else ("application/json",)


def opened(url: Any) -> socket.socket:
    parts = urlsplit(str(url))
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def head(method: str, path: str, token: str, kind: str, length: int | None, **headers: str) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"{method} {path} HTTP/1.1\r\nHost: exchange\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {kind}\r\n{size}\r\n{more}\r\n"
    ).encode()


def answer(connection: socket.socket) -> tuple[int, dict[str, str], str]:
    """The reply, read until the exchange closes the connection."""
    received = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    start, _, body = received.partition(b"\r\n\r\n")
    status, *lines = start.decode().split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), fields, json.loads(body)["detail"]


@pytest.mark.parametrize("length", [None, SMALL_BODY + 1, 10**15])
@pytest.mark.parametrize("origin", [{}, {"Origin": "http://page.example"}])
@pytest.mark.parametrize("route", TAKING, ids=lambda route: f"{route.method} {route.path}")
def test_a_made_up_token_is_refused_before_the_body_is_sent(
    exchange: Any, route: Any, length: int | None, origin: dict[str, str]
) -> None:
    for kind in kinds(route.path):
        with opened(exchange) as connection:
            connection.sendall(head(route.method, place(route.path), "made-up", kind, length, **origin))
            status, headers, detail = answer(connection)
        assert (status, headers["connection"]) == (401, "close")
        assert "the body was not read" in detail and "made-up" not in detail


@pytest.mark.parametrize("route", TAKING, ids=lambda route: f"{route.method} {route.path}")
def test_an_operator_s_routes_try_the_operator(exchange: Any, route: Any) -> None:
    with opened(exchange) as connection:
        connection.sendall(head(route.method, place(route.path), exchange.token(), "application/nothing", None))
        status, headers, detail = answer(connection)
    # A bidder's token lets a body in, to be judged in the contract's order; under /admin it does not.
    assert (status, headers["connection"]) == (401 if route.path.startswith("/admin/") else 415, "close")


@pytest.mark.parametrize("route", TAKING, ids=lambda route: f"{route.method} {route.path}")
def test_a_body_that_says_it_is_too_long_is_not_read(exchange: Any, route: Any) -> None:
    most = LIMIT * (16 if route.path.endswith("/bulk") else 1)
    for kind in kinds(route.path):
        with opened(exchange) as connection:
            connection.sendall(head(route.method, place(route.path), exchange.token(admin=True), kind, most + 1))
            status, headers, detail = answer(connection)
        assert (status, headers["connection"]) == (413, "close")
        assert f"larger than {most} bytes" in detail


def sent_without_end(connection: socket.socket) -> int:
    """How many bytes of a body the exchange takes before it ends the connection."""
    chunk = b"100000\r\n" + b"\n" * 2**20 + b"\r\n"
    sent = 0
    try:
        while sent < 2**30:
            connection.sendall(chunk)
            sent += len(chunk)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


@pytest.mark.parametrize(
    ("path", "kind", "most"),
    [("/demand", "application/json", LIMIT), *(("/demand/bulk", kind, 16 * LIMIT) for kind in BULK)],
)
def test_a_body_without_end_is_read_as_far_as_it_may_be_long(exchange: Any, path: str, kind: str, most: int) -> None:
    with opened(exchange) as connection:
        connection.sendall(head("POST", path, exchange.token(), kind, None))
        sent = sent_without_end(connection)
        status, headers, detail = answer(connection)
    assert (status, headers["connection"]) == (413, "close")
    # What the system keeps on the way counts as well.
    assert most <= sent < most + 16 * 2**20


@pytest.mark.parametrize("path", ["/nothing", "/demand/bulk/nothing", "/docs", "/batch", "/market"])
def test_what_takes_no_body_takes_none_in(exchange: Any, path: str) -> None:
    with opened(exchange) as connection:
        connection.sendall(head("POST", path, "made-up", "application/json", None))
        sent = sent_without_end(connection)
        status, headers, detail = answer(connection)
    assert status in (401, 404, 405) and headers["connection"] == "close"
    assert sent < 16 * 2**20


def test_memory_stays_flat_under_made_up_tokens(exchange: Any) -> None:
    """The exchange of this test is in this process: 48 bodies of what would be 12 GB of rows."""
    statuses = []

    def send() -> None:
        for kind in BULK * 3:
            with opened(exchange) as connection:
                connection.sendall(head("POST", "/demand/bulk", "made-up", kind, None))
                sent_without_end(connection)
                statuses.append(answer(connection)[0])

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert statuses == [401] * 48
    assert grown * (1 if sys.platform == "darwin" else 1024) < 64 * 2**20


def test_a_usual_client_is_told(exchange: Any) -> None:
    row = json.dumps({"app_data": {"name": "load"}, "curve_data": None}).encode() + b"\n"
    with httpx.Client(base_url=str(exchange)) as http:
        headers = {"Authorization": "Bearer made-up", "Content-Type": BULK[0]}
        for _ in range(3):
            assert http.post("/demand/bulk", content=row * 100_000, headers=headers).status_code == 401
        # A short body is read and judged in the contract's order, and the connection stays.
        reply = http.post("/demand/bulk", content=b"{", headers=headers)
        assert reply.status_code == 400 and "connection" not in reply.headers
        headers["Authorization"] = f"Bearer {exchange.token()}"
        reply = http.post("/demand/bulk", content=row * 1000, headers=headers)
        assert (reply.status_code, len(reply.json()["ids"])) == (200, 1000) and "connection" not in reply.headers


def test_expect_continue_is_refused_before_the_body(exchange: Any) -> None:
    with opened(exchange) as connection:
        connection.sendall(head("POST", "/demand/bulk", "made-up", BULK[0], 2**20, Expect="100-continue"))
        status, _, _ = answer(connection)
    assert status == 401


def test_blank_lines_are_not_gathered(exchange: Any) -> None:
    headers = {"Authorization": f"Bearer {exchange.token()}", "Content-Type": BULK[0]}
    row = json.dumps({"app_data": {"name": "load"}, "curve_data": None}).encode()
    with httpx.Client(base_url=str(exchange), headers=headers) as http:
        reply = http.post("/demand/bulk", content=b"\n" * 2**20 + row + b"\n\n" + row + b"\n{")
        assert (reply.status_code, reply.json()["detail"][:13]) == (400, "row 1048580: ")
        assert http.post("/demand/bulk", content=b"\n" * 2**20).status_code == 400


class Asked(JwtApplication):
    """Notes which questions are asked, as an application that asks a database would be."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.questions: list[str] = []

    def can_view_products(self, token: str) -> bool:
        self.questions.append(threading.current_thread().name)
        return super().can_view_products(token)


@pytest.mark.parametrize("http_version", ["1.1", "2"])
def test_an_application_of_one_s_own_is_asked_in_a_thread_before_the_first_byte(http_version: str) -> None:
    application, read, sent = Asked(), [], []
    app = create_app(DuckStore(), application)

    async def receive() -> dict[str, Any]:
        read.append(True)
        return {"type": "http.request", "body": b"{}", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": http_version,
        "method": "POST",
        "path": "/demand/bulk",
        "raw_path": b"/demand/bulk",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [
            (b"authorization", b"Bearer made-up"),
            (b"content-type", BULK[0].encode()),
            *([(b"transfer-encoding", b"chunked")] if http_version == "1.1" else []),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    # A browser test before this one may have left its event loop in the main thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(app(scope, receive, send))).result()
    assert sent[0]["status"] == 401 and not read
    assert len(application.questions) == 1 and application.questions[0].startswith("fts-market")
    assert ((b"connection", b"close") in sent[0]["headers"]) == (http_version == "1.1")
    app.state.market.close()


@pytest.mark.parametrize(
    ("headers", "version", "length"),
    [
        ([], "1.1", 0),
        ([], "2", None),
        ([(b"content-length", b"12")], "1.1", 12),
        ([(b"content-length", b"12")], "2", 12),
        ([(b"content-length", b"12"), (b"transfer-encoding", b"chunked")], "1.1", None),
        ([(b"content-length", b"-1")], "1.1", None),
        ([(b"content-length", b"1e9")], "1.1", None),
    ],
)
def test_the_length_of_a_body(headers: Any, version: str, length: int | None) -> None:
    assert body_length({"type": "http", "headers": headers, "http_version": version}) == length
