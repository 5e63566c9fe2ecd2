"""The dashboard answers to the names it was started for, so that no web page reaches it under a name of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from apps.hosts import is_loopback, known_hosts
from fts.errors import ConfigurationError


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:5006",
        "127.0.0.1:1",
        "127.0.0.1",
        "127.8.9.1:5006",
        "[::1]:5006",
        "[::1]",
        "localhost.:1",
    ],
)
def test_names_that_only_this_machine_has(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "elsewhere.example",
        "elsewhere.example:5006",
        "localhost.elsewhere.example:5006",
        "127.0.0.1.elsewhere.example:5006",
        "localhost@elsewhere.example:5006",
        "localhost:5006, elsewhere.example",
        "0.0.0.0:5006",
        "192.168.1.2:5006",
        "[::]:5006",
        "127.1:5006",
    ],
)
def test_names_that_others_may_have(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("host", ["", "a:b", "http://a:80", ":5006"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigurationError, match="--allow-websocket-origin"):
        known_hosts(5006, [host])


def test_hosts_are_added_to_this_machine_s_own() -> None:
    own = ["localhost:5006", "127.0.0.1:5006"]
    assert known_hosts(5006, []) == own
    assert known_hosts(5006, ["a.example", "b.example:8000", "*"]) == [*own, "a.example:80", "b.example:8000", "*"]


def status(address: str, host: str) -> int:
    return httpx.get(address, headers={"Host": host}, timeout=60).status_code


def is_opened(address: str, host: str, origin: str) -> bool:
    """Whether a page of an origin gets a session through the websocket."""
    page = httpx.get(address, timeout=60).text
    token = re.findall(r'"token":"([^"]+)"', page)[0]

    async def session() -> Any:
        request = HTTPRequest(address.replace("http://", "ws://") + "ws", headers={"Origin": origin, "Host": host})
        socket = await websocket_connect(request, subprotocols=["bokeh", token])
        first = await asyncio.wait_for(socket.read_message(), 30)
        protocol = socket.protocol
        socket.close()
        # The connection is closed once the other side has answered.
        while await asyncio.wait_for(socket.read_message(), 30) is not None:
            pass
        protocol.stream.close()
        return first

    try:
        # A browser test before this one may have left its event loop in the main thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(session())).result() is not None
    except HTTPClientError as refused:
        assert refused.code == 403
        return False


def test_a_foreign_name_is_refused_on_every_path(exchange: Any, dashboard: Callable[..., str]) -> None:
    address = dashboard(exchange.operator)
    port = urlsplit(address).port
    foreign = f"elsewhere.example:{port}"
    script = re.findall(r'src="([^"]+\.js[^"]*)"', httpx.get(address, timeout=60).text)[0]
    for path in ("", "favicon.ico", "nothing", "autoload.js?bokeh-autoload-element=1", "metadata", script):
        assert status(address + path.removeprefix("/"), foreign) == 403, path
    reply = httpx.get(address, headers={"Host": foreign}, timeout=60)
    assert "elsewhere" not in reply.text and reply.headers["content-type"].startswith("text/plain")
    for own in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost:9999"):
        assert status(address, own) == 200, own
    assert not is_opened(address, foreign, f"http://{foreign}")
    assert not is_opened(address, f"127.0.0.1:{port}", f"http://{foreign}")
    assert not is_opened(address, foreign, f"http://127.0.0.1:{port}")
    for own in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost:9999"):
        assert is_opened(address, own, f"http://{own}"), own


def test_a_proxy_s_name_is_answered_once_it_is_configured(exchange: Any, dashboard: Callable[..., str]) -> None:
    proxy = "notebooks.example.org"
    address = dashboard(exchange.operator, "--allow-websocket-origin", proxy)
    port = urlsplit(address).port
    # A proxy keeps the name that its reader used, or puts that of this machine in its place.
    for host in (proxy, f"127.0.0.1:{port}"):
        assert status(address, host) == 200
        assert is_opened(address, host, f"https://{proxy}")
    for host in (f"elsewhere.example:{port}", f"{proxy}.example", f"sub.{proxy}"):
        assert status(address, host) == 403


def test_any_name_where_that_is_asked_for(exchange: Any, dashboard: Callable[..., str]) -> None:
    address = dashboard(exchange.operator, "--allow-websocket-origin", "*")
    assert status(address, "hub.example") == 200
    assert is_opened(address, "hub.example", "https://hub.example")
