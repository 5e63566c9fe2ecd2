"""What web pages need: other origins, and refusals that they can read."""

from __future__ import annotations

import httpx
import pytest

from fts.server import local
from tests.server.conftest import Exchange

ORIGIN = {"Origin": "https://elsewhere.example"}


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/health", 200),
        ("GET", "/product", 400),
        ("GET", "/nothing", 404),
        ("DELETE", "/health", 405),
        ("POST", "/demand", 415),
        ("GET", "/docs/api.json", 200),
    ],
)
def test_any_origin_reads_replies_and_refusals(exchange: Exchange, method: str, path: str, status: int) -> None:
    headers = ORIGIN | ({"Authorization": "Bearer x"} if status == 415 else {})
    reply = exchange.http.request(method, path, headers=headers)
    assert reply.status_code == status
    assert reply.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("header", ["authorization", "content-type", "last-event-id"])
def test_any_method_with_these_headers(exchange: Exchange, method: str, header: str) -> None:
    asked = ORIGIN | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": header}
    reply = exchange.http.request("OPTIONS", "/demand/x", headers=asked)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == "*"
    assert method in reply.headers["access-control-allow-methods"]
    assert header in reply.headers["access-control-allow-headers"].lower()


def test_other_headers_are_not_promised(exchange: Exchange) -> None:
    asked = ORIGIN | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-other"}
    assert exchange.http.request("OPTIONS", "/demand", headers=asked).status_code == 400


def test_the_origins_can_be_narrowed() -> None:
    with local(origins=("https://here.example",)) as url:
        here = httpx.get(f"{url}/health", headers={"Origin": "https://here.example"})
        elsewhere = httpx.get(f"{url}/health", headers=ORIGIN)
    assert here.headers["access-control-allow-origin"] == "https://here.example"
    assert "access-control-allow-origin" not in elsewhere.headers
