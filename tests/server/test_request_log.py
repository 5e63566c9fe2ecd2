"""What the exchange logs of a request, and what it never does."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fts.server import JwtApplication, local
from fts.server.request_log import JsonLines

SECRET = "0123456789abcdef0123456789abcdef"


class Careless(JwtApplication):
    """Names the token in what it raises."""

    def can_view_products(self, token: str) -> bool:
        if token == "top.secret.token":
            raise RuntimeError(f"no idea who {token} is")
        return super().can_view_products(token)


@pytest.fixture(scope="module")
def url() -> Iterator[Any]:
    with local(application=Careless(SECRET)) as url:
        url.secret = SECRET
        yield url


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """All that is logged while a test runs, as `fts serve --log json` writes it."""
    text, logger = io.StringIO(), logging.getLogger("fts")
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield text
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_line_for_a_request(url: Any, lines: io.StringIO) -> None:
    token = url.token()
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "trace-7.a_B"}
    missing = "6f1b9c1e-6b0a-5d0e-9a53-0c7c4b1d2f11"
    reply = httpx.get(f"{url}/demand/{missing}?key=confidential", headers=headers)
    assert reply.status_code == 404 and reply.headers["x-request-id"] == "trace-7.a_B"
    (line,) = map(json.loads, lines.getvalue().splitlines())
    assert line["method"] == "GET" and line["path"] == "/demand/{id}" and line["status"] == 404
    assert line["request"] == "trace-7.a_B" and 0 < line["ms"] < 60_000
    assert line["level"] == "INFO" and re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["time"])
    for hidden in (token, "confidential", missing):
        assert hidden not in lines.getvalue()


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "a\tb", 'a"b', "ü", "{token}", "{part}"])
def test_an_id_that_cannot_be_logged_is_replaced(url: Any, lines: io.StringIO, given: str | None) -> None:
    token = "part-of-a.token"
    headers = {"Authorization": f"Bearer {token}"}
    if given is not None:
        headers["X-Request-ID"] = given.format(token=token, part="part-of")
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    first, second = (httpx.get(f"{url}/product", headers=raw) for _ in range(2))
    names = [reply.headers["x-request-id"] for reply in (first, second)]
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names) and names[0] != names[1]
    assert [json.loads(line)["request"] for line in lines.getvalue().splitlines()] == names


def test_what_goes_wrong_has_the_request_s_id_and_no_token(url: Any, lines: io.StringIO) -> None:
    reply = httpx.get(f"{url}/product", headers={"Authorization": "Bearer top.secret.token"})
    assert reply.status_code == 500 and "top.secret.token" not in reply.text
    error, answered = map(json.loads, lines.getvalue().splitlines())
    assert error["level"] == "ERROR" and "no idea who (the token) is" in error["message"]
    assert "Traceback" in error["message"] and "top.secret.token" not in lines.getvalue()
    assert error["request"] == answered["request"] == reply.headers["x-request-id"]
    assert answered["status"] == 500


def test_what_no_route_is_for(url: Any, lines: io.StringIO) -> None:
    assert httpx.request("PROPFIND", f"{url}/coffee/secret").status_code == 404
    assert httpx.request("PROPFIND", f"{url}/product").status_code == 405
    for line in map(json.loads, lines.getvalue().splitlines()):
        assert (line["method"], line["path"]) == ("", "")


def test_an_exception_is_one_line() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        record = logging.getLogger("x").makeRecord("x", logging.ERROR, "f", 1, "so %s", ("ö",), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line and json.loads(line)["message"] == "so ö"
    assert "ValueError: one\ntwo" in json.loads(line)["error"] and "request" not in json.loads(line)
