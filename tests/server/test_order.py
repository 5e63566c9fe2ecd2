"""The order of checks: each row breaks one rule and every rule after it, and gets the status of the first."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.server.conftest import LOAD, Exchange

NOWHERE = str(uuid4())
NEVER = "2020-01-01T00:00:00Z"
DATA = {"kind": 0, "from": "2030-01-01T00:00:00Z", "thru": "2030-01-01T01:00:00Z"}
NAMED = {"name": "bid"}
DEMAND = {"app_data": NAMED, "curve_data": LOAD}
PORTFOLIO = {"app_data": NAMED, "demand": {}, "basis": {}}

# Method, path, a body that is valid, and whether the permission asks for no thing.
ROUTES: list[tuple[str, str, Any, bool]] = [
    ("GET", "/product", None, True),
    ("POST", "/product", DATA, True),
    ("GET", "/product/{id}", None, True),
    ("POST", "/product/{id}", [{"app_data": DATA, "ratio": 1}], True),
    ("GET", "/product/{id}/outcomes", None, True),
    ("GET", "/demand", None, True),
    ("POST", "/demand", DEMAND, True),
    ("GET", "/demand/{id}", None, False),
    ("PUT", "/demand/{id}", LOAD, False),
    ("DELETE", "/demand/{id}", None, False),
    ("GET", "/demand/{id}/curve-history", None, False),
    ("GET", "/portfolio", None, True),
    ("POST", "/portfolio", PORTFOLIO, True),
    ("GET", "/portfolio/{id}", None, False),
    ("PATCH", "/portfolio/{id}", {}, False),
    ("DELETE", "/portfolio/{id}", None, False),
    ("GET", "/portfolio/{id}/demand-history", None, False),
    ("GET", "/portfolio/{id}/product-history", None, False),
    ("GET", "/portfolio/{id}/outcomes", None, False),
    ("GET", "/batch", None, True),
    ("POST", "/batch", None, True),
    ("GET", "/batch/{instant}", None, True),
    ("GET", "/batch/{instant}/prices", None, True),
    ("GET", "/batch/{instant}/auction", None, True),
    ("GET", "/events", None, True),
    ("GET", "/product/{id}/events", None, True),
    ("GET", "/portfolio/{id}/events", None, False),
    ("GET", "/backup", None, True),
]
FIELDS = ("method", "path", "body", "by_token")


def each(routes: list[tuple[str, str, Any, bool]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(FIELDS, routes, ids=[f"{method} {path}" for method, path, _, _ in routes])


WITH_PARAMETERS = [
    route for route in ROUTES if "{" in route[1] or (route[0], route[1]) in {("GET", "/product"), ("GET", "/batch")}
]
WITH_BODY = [route for route in ROUTES if route[2] is not None]
OF_A_BID = [route for route in ROUTES if not route[3]]
JSON = {"Content-Type": "application/json"}


def test_every_route_is_here(exchange: Exchange) -> None:
    served = {(method.upper(), path) for path, found in exchange.document["paths"].items() for method in found}
    elsewhere = {("GET", path) for path in ("/health", "/market", "/metrics")}
    elsewhere |= {("POST", "/demand/bulk"), ("POST", "/portfolio/bulk")}
    assert {(method, path) for method, path, _, _ in ROUTES} == served - elsewhere


def broken(path: str) -> str:
    """A path or query that cannot be read; the path itself where it has neither."""
    if "{" in path:
        return path.replace("{id}", "no-uuid").replace("{instant}", "2027-01-01T00:00:00")
    return f"{path}?before=&from=soon"


def absent(path: str) -> str:
    """A path to what is not there."""
    return path.replace("{id}", NOWHERE).replace("{instant}", NEVER)


@each(ROUTES)
def test_a_token_comes_first(exchange: Exchange, method: str, path: str, body: Any, by_token: bool) -> None:
    for header in (None, "Basic YTpi", "Bearer", "token", "Bearerx y"):
        headers = {} if header is None else {"Authorization": header}
        reply = exchange.ask(method, broken(path), headers=headers, content=b"{" if body is not None else None)
        assert reply.status_code == 400 and "Authorization: Bearer" in reply.json()["detail"]


@each(WITH_PARAMETERS)
def test_then_path_and_query(exchange: Exchange, method: str, path: str, body: Any, by_token: bool) -> None:
    reply = exchange.ask(method, broken(path), "bad token", content=b"{" if body is not None else None)
    assert reply.status_code == 400 and "Bearer" not in reply.json()["detail"]


@each(WITH_BODY)
def test_then_the_body(exchange: Exchange, method: str, path: str, body: Any, by_token: bool) -> None:
    def status(content: bytes, kind: str = "application/json") -> int:
        headers = {"Content-Type": kind}
        return exchange.ask(method, absent(path), "bad token", content=content, headers=headers).status_code

    assert status(b"{", "text/plain") == 415
    assert status(b"", "application/x-www-form-urlencoded") == 415
    assert exchange.ask(method, absent(path), "bad token", content=b"").status_code == 415
    for malformed in (b"", b"  \n", b"{", b"{'a': 1}", b"\xff", b'{"a": "\\ud800"}', b"[" * 10_000, b"{} {}"):
        assert status(malformed) == 400, malformed[:20]
    # A body over 16 KiB is not read for a token that is not valid.
    assert [status(b" " * size) for size in (2**14, 2**14 + 1)] == [400, 401]
    for invalid in (b'"text"', b"true", b"1", b"[1]", b'{"app_data": NaN}', b"[1e400]", b"1" + b"0" * 5000):
        assert status(invalid) == 422, invalid[:20]


@each(ROUTES)
def test_then_the_permission_and_existence(
    exchange: Exchange, method: str, path: str, body: Any, by_token: bool
) -> None:
    content = {} if body is None else {"json": body}
    # A bid that is not there is 404 for anyone with a token, a bad one too.
    assert exchange.ask(method, absent(path), "bad token", **content).status_code == (401 if by_token else 404)
    if "{" in path:
        assert exchange.ask(method, absent(path), exchange.admin, **content).status_code == 404


@each(OF_A_BID)
def test_then_the_permission_on_the_bid(exchange: Exchange, method: str, path: str, body: Any, by_token: bool) -> None:
    name = exchange.demand(LOAD) if path.startswith("/demand") else exchange.portfolio(None, exchange.product())
    # What the body refers to is looked at later.
    content = {} if body is None else {"json": {"basis": NOWHERE} if method == "PATCH" else body}
    target = path.replace("{id}", name)
    record = "/".join(target.split("/")[:3])
    before = exchange.ask("GET", record, exchange.alice).json()
    for token in (exchange.bob, exchange.admin, "bad token"):
        assert exchange.ask(method, target, token, **content).status_code == 401
    assert exchange.ask("GET", record, exchange.alice).json() == before


@pytest.mark.parametrize(
    "method, path", [("POST", "/product"), ("POST", "/batch"), ("GET", "/batch/{instant}/auction")]
)
def test_only_an_admin_runs_the_market(exchange: Exchange, method: str, path: str) -> None:
    content = {"json": DATA} if path == "/product" else {}
    assert exchange.ask(method, absent(path), exchange.alice, **content).status_code == 401


def test_references_come_before_nothing_is_stored(exchange: Exchange) -> None:
    product = exchange.product()
    theirs = exchange.demand(LOAD, exchange.bob)
    mine = exchange.portfolio(None, product)
    known = len(exchange.ask("GET", "/portfolio", exchange.alice).json())
    told = []
    for demand, basis in ((NOWHERE, product), (theirs, product), ({}, NOWHERE), ("no uuid", {}), ({product: 1}, {})):
        body = {"app_data": NAMED, "demand": demand, "basis": basis}
        created = exchange.ask("POST", "/portfolio", exchange.alice, json=body)
        changed = exchange.ask("PATCH", f"/portfolio/{mine}", exchange.alice, json={"demand": demand, "basis": basis})
        assert (created.status_code, changed.status_code) == (422, 422)
        told.append(created.json()["detail"])
    # One text for unknown and foreign.
    assert told[0].replace(NOWHERE, "X") == told[1].replace(theirs, "X")
    assert len(exchange.ask("GET", "/portfolio", exchange.alice).json()) == known
    assert exchange.ask("GET", f"/portfolio/{mine}", exchange.alice).json()["basis"] == {product: 1}


@pytest.mark.parametrize(
    "query",
    [
        "before=",
        "after=",
        "before=2027-01-01",
        "before=2027-01-01T00:00:00",
        "before=2027-01-01T00:00:00+01:00",
        "before=yesterday",
        "before=2027-02-30T00:00:00Z",
        "before=2027-01-01T00:00:00.1234567890Z",
        "before=2027-01-01T00:00:00Z&before=2028-01-01T00:00:00Z",
        "after=%ff",
    ],
)
def test_instants_of_a_query(exchange: Exchange, query: str) -> None:
    for path in ("/batch", f"/product/{NOWHERE}/outcomes", f"/portfolio/{NOWHERE}/outcomes"):
        assert exchange.ask("GET", f"{path}?{query}", exchange.alice).status_code == 400


def test_digits_below_a_microsecond_round_up(exchange: Exchange) -> None:
    product, _, _ = exchange.cross()
    instant = exchange.batch()
    # Longer fractions than the clock writes: .123456 001 is after the row at .123456, .123456 000 is not.
    seconds, fraction = instant.removesuffix("Z").split(".")
    exact, later = (f"{seconds}.{fraction.ljust(6, '0')}{rest}Z" for rest in ("000", "001"))
    path = f"/product/{product}/outcomes"

    def rows(**query: str) -> int:
        return len(exchange.ask("GET", path, exchange.alice, params=query).json()["results"])

    assert (rows(before=exact), rows(before=later)) == (0, 1)
    assert (rows(after=exact), rows(after=later)) == (1, 0)
    assert rows(after=seconds + "." + fraction.ljust(6, "0") + "+00:00") == 1


@pytest.mark.parametrize(
    "method, path, status",
    [("GET", "/nothing", 404), ("GET", "/product/", 404), ("PUT", "/batch", 405), ("DELETE", "/health", 405)],
)
def test_what_is_not_served_says_so_in_json(exchange: Exchange, method: str, path: str, status: int) -> None:
    reply = exchange.http.request(method, path)
    assert reply.status_code == status and path in reply.json()["detail"]
    if status == 405:
        assert "GET" in reply.headers["allow"]


def test_a_body_may_be_too_large(exchange: Exchange) -> None:
    large = b'{"app_data": {"name": "' + b"x" * (2 * 1024 * 1024) + b'"}, "curve_data": null}'
    reply = exchange.ask("POST", "/demand", exchange.alice, content=large, headers=JSON)
    assert reply.status_code == 413
    pieces = (large[k : k + 65536] for k in range(0, len(large), 65536))
    # Without a length, too.
    try:
        reply = exchange.ask("POST", "/demand", exchange.alice, content=pieces, headers=JSON)
        assert reply.status_code == 413
    except httpx.WriteError:
        pass
    assert exchange.ask("GET", "/health").status_code == 200


def test_a_curve_may_have_too_many_points(exchange: Exchange) -> None:
    most = [{"rate": k, "price": -k} for k in range(10_000)]
    assert exchange.ask("PUT", f"/demand/{exchange.demand(LOAD)}", exchange.alice, json=most).status_code == 200
    more = [*most, {"rate": 10_000, "price": -10_000}]
    reply = exchange.ask("POST", "/demand", exchange.alice, json={"app_data": NAMED, "curve_data": more})
    assert reply.status_code == 422 and "10000" in reply.json()["detail"]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1582-10-10T00:00:00Z"])
def test_the_ends_of_time(exchange: Exchange, instant: str) -> None:
    product, load, _ = exchange.cross()
    for path in ("/batch", f"/product/{product}/outcomes", f"/portfolio/{load}/outcomes"):
        for name in ("before", "after"):
            assert exchange.ask("GET", path, exchange.alice, params={name: instant}).status_code == 200
    for name in ("from", "thru"):
        assert exchange.ask("GET", "/product", exchange.alice, params={name: instant}).status_code == 200
    for path in (f"/batch/{instant}", f"/batch/{instant}/prices", f"/batch/{instant}/auction"):
        assert exchange.ask("GET", path, exchange.admin).status_code == 404


@pytest.mark.parametrize(
    "instant", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-01:00"]
)
def test_beyond_the_ends_of_time(exchange: Exchange, instant: str) -> None:
    assert exchange.ask("GET", "/batch", exchange.alice, params={"before": instant}).status_code == 400


def test_a_product_from_the_beginning_to_the_end_of_time(exchange: Exchange) -> None:
    data = {"kind": str(uuid4()), "from": "0001-01-01T00:00:00Z", "thru": "9999-12-31T23:59:59.999999Z"}
    made = exchange.ask("POST", "/product", exchange.admin, json=data)
    assert made.status_code == 201 and made.json()["app_data"] == data
    assert len(exchange.ask("GET", "/product", exchange.bob, params={"kind": data["kind"]}).json()["results"]) == 1


def test_a_cursor_of_another_list(exchange: Exchange) -> None:
    for cursor in ("", "x", NOWHERE):
        assert exchange.ask("GET", "/product", exchange.bob, params={"cursor": cursor}).status_code == 400
