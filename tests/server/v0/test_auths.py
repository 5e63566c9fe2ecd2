"""Auths: both forms of data, what replies show, and what becomes of an auth."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.v0.conftest import LOAD, SUN, WIND, V0Exchange

LIMITS = {"min_trade": None, "max_trade": None}


def test_a_record_shows_the_demand_and_its_domain(v0: V0Exchange) -> None:
    product, name = v0.delivery(), str(uuid4())
    body = {"auth_id": name.upper(), "portfolio": {product: 2}, "data": {"demand": LOAD, "max_trade": 500}}
    record = v0.ask("POST", "/v0/auths", v0.alice, json=body).json()
    assert record == {
        "bidder_id": v0.ids[v0.alice],
        "auth_id": name,
        "data": {"demand": LOAD, "min_rate": 0, "max_rate": 100, "min_trade": None, "max_trade": 500},
        "version": record["version"],
        "trade": 0,
    }
    assert v0.read(f"/v0/auths/{name}") == record
    assert v0.read(f"/v0/auths/{name}", portfolio="exclude") == record
    assert v0.read(f"/v0/auths/{name}", portfolio="include") == record | {"portfolio": {product: 2}}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"demand": WIND}, {"demand": WIND, "min_rate": -80, "max_rate": 0, **LIMITS}),
        ({"demand": {"price": 7}}, {"demand": {"price": 7, "min_rate": None, "max_rate": None}}),
        (SUN, {"demand": {"price": 0, **SUN}, **SUN, **LIMITS}),
        ({"min_rate": None, "max_rate": None}, {"min_rate": None, "max_rate": None, **LIMITS}),
        (SUN | {"min_trade": -5, "max_trade": -5}, {"min_trade": -5, "max_trade": -5}),
        ({"demand": LOAD, "min_rate": -1, "max_rate": 1}, {"demand": LOAD, "min_rate": 0, "max_rate": 100}),
        ({"demand": LOAD, "min_trade": None}, LIMITS),
    ],
)
def test_both_forms_of_data(v0: V0Exchange, given: Any, shown: Any) -> None:
    assert v0.auth(given, {})["data"].items() >= shown.items()


@pytest.mark.parametrize(
    "data",
    [
        {"demand": None},
        {"demand": []},
        {"demand": [{"rate": 1, "price": 2}]},
        {"demand": [[0, 1]]},
        {"demand": "5"},
        {"demand": LOAD, "min_trade": 2, "max_trade": 1},
        {"demand": LOAD, "max_trade": "1"},
        {"demand": LOAD, "max_trade": True},
        {"min_rate": 1, "max_rate": 2},
        {"min_rate": "0", "max_rate": 2},
        {"min_rate": -1},
        {"max_rate": 1},
        {},
        None,
        [],
        LOAD,
    ],
)
def test_data_that_are_refused(v0: V0Exchange, data: Any) -> None:
    reply = v0.ask("POST", "/v0/auths", v0.alice, json={"portfolio": {}, "data": data})
    assert reply.status_code == 422 and reply.json()["detail"]


@pytest.mark.parametrize("body", [{"data": SUN}, {"portfolio": None, "data": SUN}, {"portfolio": {}}, [], None])
def test_a_creation_needs_all_its_keys(v0: V0Exchange, body: Any) -> None:
    content = {"content": b"null", "headers": {"Content-Type": "application/json"}} if body is None else {"json": body}
    assert v0.ask("POST", "/v0/auths", v0.alice, **content).status_code == 422


def test_an_unknown_product_is_422_and_a_taken_id_409(v0: V0Exchange) -> None:
    name, product = str(uuid4()), v0.delivery()
    body = {"auth_id": name, "portfolio": {product: 1}, "data": SUN}
    assert v0.ask("POST", "/v0/auths", v0.alice, json=body).status_code == 200
    for token in (v0.alice, v0.bob):
        assert v0.ask("POST", "/v0/auths", token, json=body).status_code == 409
        assert v0.ask("PUT", f"/v0/auths/{name}", token, json=body).status_code == 409
    reply = v0.ask("POST", "/v0/auths", v0.alice, json=body | {"portfolio": {str(uuid4()): 1}})
    assert reply.status_code == 422


def test_put_creates_updates_and_deletes(v0: V0Exchange) -> None:
    product, name = v0.delivery(), str(uuid4())
    path = f"/v0/auths/{name}?portfolio=include"
    made = v0.ask("PUT", path, v0.alice, json={"portfolio": [product], "data": {"demand": LOAD}}).json()
    assert made["auth_id"] == name and made["portfolio"] == {product: 1}
    assert v0.ask("GET", f"/portfolio/{name}", v0.alice).json()["basis"] == {product: 1}
    changed = v0.ask("PUT", path, v0.alice, json={"data": {"demand": WIND}}).json()
    assert changed["data"]["demand"] == WIND and changed["version"] > made["version"]
    stopped = v0.ask("PUT", path, v0.alice, content=b"null", headers={"Content-Type": "application/json"}).json()
    assert stopped["data"] is None and stopped["portfolio"] == {product: 1}
    assert v0.read(f"/v0/auths/{name}") == {k: stopped[k] for k in stopped if k != "portfolio"}
    # The other contract sees a portfolio that has ended.
    ended = v0.ask("GET", f"/portfolio/{name}", v0.alice).json()
    assert (ended["demand"], ended["basis"]) == (None, None)
    again = v0.ask("PUT", path, v0.alice, json={"data": {"demand": LOAD}}).json()
    assert again["portfolio"] == {product: 1} and again["data"]["demand"] == LOAD
    assert v0.ask("GET", f"/portfolio/{name}", v0.alice).json()["basis"] == {product: 1}
    assert v0.ask("PUT", f"/v0/auths/{uuid4()}", v0.alice, json={"data": SUN}).status_code == 404


def test_deleting_twice_changes_nothing(v0: V0Exchange) -> None:
    name = v0.auth({"demand": LOAD}, {})["auth_id"]
    first = v0.ask("DELETE", f"/v0/auths/{name}?portfolio=include", v0.alice)
    assert first.status_code == 200 and first.json()["data"] is None and first.json()["portfolio"] == {}
    assert v0.ask("DELETE", f"/v0/auths/{name}?portfolio=include", v0.alice).json() == first.json()


def test_rates_alone_keep_the_price_of_a_constant_but_do_not_go_over_points(v0: V0Exchange) -> None:
    product = v0.delivery()
    name = v0.auth({"demand": WIND}, {product: 1})["auth_id"]
    reply = v0.ask("PUT", f"/v0/auths/{name}", v0.alice, json={"data": {"min_rate": -10, "max_rate": None}})
    assert reply.json()["data"]["demand"] == {"price": 5, "min_rate": -10, "max_rate": None}
    # It was written with a demand, so it goes on trading by itself.
    assert len(v0.ask("GET", f"/portfolio/{name}", v0.alice).json()["demand"]) == 1
    v0.ask("PUT", f"/v0/auths/{name}", v0.alice, json={"data": {"demand": LOAD}})
    reply = v0.ask("PUT", f"/v0/auths/{name}", v0.alice, json={"data": SUN})
    assert reply.status_code == 422 and "points" in reply.json()["detail"]
    assert v0.read(f"/v0/auths/{name}")["data"]["demand"] == LOAD


def test_a_portfolio_is_expanded_into_what_trades_now(v0: V0Exchange) -> None:
    kind = str(uuid4())
    span = {"kind": kind, "from": "2027-03-01T00:00:00Z", "thru": "2027-03-01T02:00:00Z"}
    halves = [span | {"thru": "2027-03-01T01:00:00Z"}, span | {"from": "2027-03-01T01:00:00Z"}]
    (whole,) = v0.ask("POST", "/admin/products", v0.admin, json=[span]).json()
    path = f"/v0/auths/{v0.auth({'demand': LOAD}, {whole: 3})['auth_id']}"
    assert v0.read(path, portfolio="expand")["portfolio"] == {whole: 3}
    parts = v0.ask("POST", "/admin/products", v0.admin, json=halves).json()
    assert v0.read(path, portfolio="expand")["portfolio"] == {parts[0]: 3, parts[1]: 3}
    assert v0.read(path, portfolio="include")["portfolio"] == {whole: 3}
    stopped = v0.ask("DELETE", f"{path}?portfolio=expand", v0.alice).json()
    assert stopped["portfolio"] == {parts[0]: 3, parts[1]: 3}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("query", ["portfolio=all", "portfolio=", "portfolio=include&portfolio=include"])
def test_another_way_to_show_a_portfolio_is_400(v0: V0Exchange, method: str, query: str) -> None:
    body = {"json": {"data": SUN}} if method == "PUT" else {}
    assert v0.ask(method, f"/v0/auths/{uuid4()}?{query}", v0.alice, **body).status_code == 400


def test_a_history_has_every_version_and_stops_are_null(v0: V0Exchange) -> None:
    path = f"/v0/auths/{v0.auth({'demand': LOAD}, {})['auth_id']}"
    v0.ask("PUT", path, v0.alice, json={"data": {"demand": WIND, "min_trade": -9}})
    v0.ask("DELETE", path, v0.alice)
    v0.ask("PUT", path, v0.alice, json={"data": SUN})
    page = v0.read(f"{path}/history")
    assert [row["data"] and row["data"]["demand"] for row in page["results"]] == [{"price": 0, **SUN}, None, WIND]
    assert [row["data"] and row["data"]["min_trade"] for row in page["results"]] == [None, None, -9]
    rest = v0.read(f"{path}/history", **page["more"])
    assert [row["data"]["demand"] for row in rest["results"]] == [LOAD] and "more" not in rest
    versions = [row["version"] for row in page["results"] + rest["results"]]
    assert versions == sorted(versions, reverse=True) and versions[0] == v0.read(path)["version"]


def test_both_ends_of_a_span_are_included(v0: V0Exchange) -> None:
    path = f"/v0/auths/{v0.auth({'demand': LOAD}, {})['auth_id']}"
    second = v0.ask("PUT", path, v0.alice, json={"data": SUN | {"min_rate": None}, "portfolio": None})
    assert second.status_code == 422  # rates over points
    second = v0.ask("PUT", path, v0.alice, json={"data": {"demand": WIND}, "portfolio": None})
    third = v0.ask("DELETE", path, v0.alice)
    versions = [row["version"] for row in v0.read(f"{path}/history")["results"]]
    assert versions[:2] == [third.json()["version"], second.json()["version"]]

    def found(**query: str) -> list[str]:
        return [row["version"] for row in v0.read(f"{path}/history", **query)["results"]]

    assert found(before=versions[1]) == versions[1:]
    assert found(after=versions[1]) == versions[:2]
    assert found(before=versions[1], after=versions[1]) == [versions[1]]
    # As a browser writes it: cut to the millisecond.
    assert found(before=versions[0][:23] + "Z") == versions
    assert found(before="2026-01-01T00:00:00Z") == [] and len(found(before="9999-12-31T23:59:59.999Z")) == 3


def test_auths_are_listed_last_change_first(v0: V0Exchange) -> None:
    token = v0.someone()
    assert v0.read("/v0/auths", token) == {"results": []}
    names = [v0.auth({"demand": LOAD}, {}, token)["auth_id"] for _ in range(4)]
    v0.ask("PUT", f"/v0/auths/{names[0]}", token, json={"data": {"demand": WIND}})
    v0.ask("DELETE", f"/v0/auths/{names[1]}", token)
    page = v0.read("/v0/auths", token)
    assert [row["auth_id"] for row in page["results"]] == [names[1], names[0], names[3]]
    assert set(page["results"][0]) == {"auth_id", "version"}
    assert [row["auth_id"] for row in v0.read("/v0/auths", token, **page["more"])["results"]] == [names[2]]
    # A portfolio of the other contract is no auth.
    v0.portfolio({}, {}, token)
    assert len(v0.read("/v0/auths", token)["results"]) == 3
