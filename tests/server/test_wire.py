"""Requests that arrive late, in pieces, or not to their end."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fts.server import Limits, local


@pytest.fixture(scope="module")
def url() -> Iterator[Any]:
    with local(limits=Limits(seconds=0.5)) as url:
        yield url


def sent(url: Any, *pieces: bytes, pause: float = 0.0, length: int | None = None) -> str:
    """Send a body piece by piece on one connection; what comes back."""
    host, port = str(url).removeprefix("http://").split(":")
    size = sum(map(len, pieces)) if length is None else length
    with socket.create_connection((host, int(port)), timeout=20) as line:
        head = f"POST /demand HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {url.token()}\r\nConnection: close\r\n"
        line.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode())
        for piece in pieces:
            line.sendall(piece)
            time.sleep(pause)
        answer = b""
        while part := line.recv(65536):
            answer += part
        return answer.decode()


def test_a_body_may_come_in_pieces(url: Any) -> None:
    answer = sent(url, b'{"app_data": {"na', b'me": "\xe2\x98', b'\x83"}, "curve_data": null}', pause=0.05)
    assert answer.startswith("HTTP/1.1 201") and "☃" in answer


def test_a_body_that_does_not_come_is_given_up(url: Any) -> None:
    started = time.monotonic()
    answer = sent(url, b'{"app_data"', length=1000)
    assert answer.startswith("HTTP/1.1 408") and '"detail"' in answer
    assert 0.4 < time.monotonic() - started < 10


def test_a_client_that_goes_away_leaves_nothing(url: Any, caplog: pytest.LogCaptureFixture) -> None:
    host, port = str(url).removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(
                f"POST /demand HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {url.token()}\r\n"
                "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
            )
    assert httpx.get(f"{url}/health").status_code == 200
    assert not caplog.records
