"""Histories, splitting products, and what a portfolio is in the products of now."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.server.conftest import LOAD, WIND

JSON = {"Content-Type": "application/json"}
DAYS = [
    {"app_data": {"kind": "part", "from": f"2029-01-0{day}T00:00:00Z", "thru": f"2029-01-0{day + 1}T00:00:00Z"}}
    for day in range(1, 4)
]


def walk(exchange, path: str, token: str, **query: str) -> list[dict]:
    """Every row of a history, page by page."""
    rows, more = [], query
    while more is not None:
        page = exchange.ask("GET", path, token, params=more).json()
        rows += page["results"]
        more = page.get("more")
        assert len(page["results"]) <= 3
    return rows


def test_curves_are_listed_newest_first_without_the_gaps(exchange) -> None:
    demand = exchange.demand(LOAD)
    kept: list[Any] = [LOAD]
    for curve in (WIND, None, None, LOAD, WIND, LOAD, None, WIND):
        body = json.dumps(curve).encode()
        exchange.ask("PUT", f"/demand/{demand}", exchange.alice, content=body, headers=JSON)
        if curve is not None:
            kept.append(curve)
    rows = walk(exchange, f"/demand/{demand}/curve-history", exchange.alice)
    assert [row["value"] for row in reversed(rows)] == kept
    assert rows[0]["valid_until"] is None
    for newer, older in zip(rows, rows[1:], strict=False):
        assert older["valid_until"] <= newer["valid_from"]
    # Two rows were followed by null curves: they end earlier than the next one begins.
    assert sum(a["valid_until"] < b["valid_from"] for b, a in zip(rows, rows[1:], strict=False)) == 2
    inner = walk(exchange, f"/demand/{demand}/curve-history", exchange.alice, after=rows[3]["valid_from"])
    assert inner == rows[:4]


def test_weights_are_listed_newest_first(exchange) -> None:
    product, demand = exchange.product(), exchange.demand(LOAD)
    portfolio = exchange.portfolio({demand: 1}, product)
    changes: list[dict[str, Any]] = [{"demand": {demand: 2}}, {"basis": {product: 3}}, {"demand": {}}]
    for change in (*changes, {"demand": [demand]}):
        exchange.ask("PATCH", f"/portfolio/{portfolio}", exchange.alice, json=change)
    demands = walk(exchange, f"/portfolio/{portfolio}/demand-history", exchange.alice)
    bases = walk(exchange, f"/portfolio/{portfolio}/product-history", exchange.alice)
    assert [row["value"] for row in demands] == [{demand: 1}, {demand: 2}, {demand: 1}]
    assert [row["value"] for row in bases] == [{product: 3}, {product: 1}]


@pytest.mark.parametrize("path", ["/demand/{}/curve-history", "/portfolio/{}/demand-history"])
def test_histories_are_their_bidders_own(exchange, path) -> None:
    product, load, _ = exchange.cross()
    thing = exchange.demand(LOAD) if path.startswith("/demand") else load
    assert exchange.ask("GET", path.format(thing), exchange.bob).status_code == 401
    assert exchange.ask("GET", path.format(uuid4()), exchange.bob).status_code == 404
    assert exchange.ask("GET", path.format(thing), exchange.alice, params={"before": "now"}).status_code == 400


def test_a_product_is_split_once(exchange) -> None:
    product, load, _ = exchange.cross()
    kind = str(uuid4())
    parts = [{"app_data": part["app_data"] | {"kind": kind}, "ratio": 0.5} for part in DAYS]
    path = f"/product/{product}"
    assert exchange.ask("POST", path, exchange.alice, json=parts).status_code == 401
    assert exchange.ask("POST", path, exchange.admin, json=[]).status_code == 400
    assert exchange.ask("POST", path, exchange.admin, json={}).status_code == 422
    assert exchange.ask("POST", path, exchange.admin, json=[{**parts[0], "ratio": 0}]).status_code == 422
    assert exchange.ask("POST", path, exchange.admin, json=[{**parts[0], "ratio": "1"}]).status_code == 422
    assert exchange.ask("POST", path, exchange.admin, json=[parts[0], parts[0]]).status_code == 409
    assert exchange.ask("POST", f"/product/{uuid4()}", exchange.admin, json=parts).status_code == 404
    made = exchange.ask("POST", path, exchange.admin, json=parts)
    assert made.status_code == 201
    children = [part["id"] for part in made.json()]
    assert [part["app_data"] for part in made.json()] == [part["app_data"] for part in parts]
    assert all(part["parent"] == [product, 0.5] and part["basis"] == {part["id"]: 1} for part in made.json())
    assert exchange.ask("GET", path, exchange.alice).json()["basis"] == dict.fromkeys(children, 0.5)
    assert exchange.ask("POST", path, exchange.admin, json=parts).status_code == 403

    plain = exchange.ask("GET", f"/portfolio/{load}", exchange.alice, params={"expand": "false"}).json()
    expanded = exchange.ask("GET", f"/portfolio/{load}", exchange.alice, params={"expand": "true"}).json()
    assert plain["basis"] == {product: 1}
    assert expanded["basis"] == dict.fromkeys(children, 0.5)
    assert expanded["valid_from"] > plain["valid_from"]
    for wrong in ("", "True", "1", "yes"):
        assert exchange.ask("GET", f"/portfolio/{load}", exchange.alice, params={"expand": wrong}).status_code == 400
