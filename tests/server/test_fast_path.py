"""The short way to an endpoint and the ordinary one give the same replies."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.conftest import LOAD

PATHS = [
    "/health",
    "/market",
    "/product",
    "/demand",
    "/batch",
    "/v0/auths",
    "/v0/products",
    "/nowhere",
    "/product/",
    "//",
]
NO_IDS = ["*", "/", "{id}", "%2F", "%2a", "no-uuid", ""]


def both(exchange: Any, method: str, path: str, **content: Any) -> list[tuple[int, Any]]:
    """What is answered the short way, and what a web page is answered, which goes the ordinary one."""
    replies = []
    for headers in ({}, {"Origin": "https://page.example"}):
        headers = headers | {"Authorization": f"Bearer {exchange.alice}"}
        reply = exchange.http.request(method, path, headers=headers, **content)
        replies.append((reply.status_code, reply.text))
        assert ("access-control-allow-origin" in reply.headers) == ("Origin" in headers)
    return replies


@pytest.mark.parametrize("path", PATHS)
def test_paths_without_a_parameter(exchange, path) -> None:
    short, ordinary = both(exchange, "GET", path)
    assert short == ordinary


@pytest.mark.parametrize("name", NO_IDS)
@pytest.mark.parametrize("path", ["/demand/{}", "/product/{}/outcomes", "/v0/costs/{}", "/batch/{}/prices"])
def test_what_is_no_id_is_no_id_either_way(exchange, path, name) -> None:
    short, ordinary = both(exchange, "GET", path.format(name))
    assert short == ordinary and short[0] in (400, 404, 405)


def test_things_are_found_either_way(exchange) -> None:
    demand = exchange.demand(LOAD)
    for path in (f"/demand/{demand}", f"/demand/{demand}/curve-history", f"/demand/{uuid4()}"):
        short, ordinary = both(exchange, "GET", path)
        assert short == ordinary
    for method in ("PATCH", "OPTIONS", "HEAD"):
        short, ordinary = both(exchange, method, f"/demand/{demand}")
        assert short == ordinary and short[0] == 405
