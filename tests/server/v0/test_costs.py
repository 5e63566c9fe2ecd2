"""Costs: both forms of data, groups, and what becomes of a cost."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.v0.conftest import LOAD, SUN, WIND, V0Exchange


@pytest.mark.parametrize("data", [{"demand": LOAD}, {"demand": WIND}, LOAD, WIND])
def test_a_reply_uses_the_form_that_was_written(v0: V0Exchange, data: Any) -> None:
    auth, name = v0.auth(SUN, {})["auth_id"], str(uuid4())
    body = {"cost_id": name, "group": {auth: -2}, "data": data}
    record = v0.ask("POST", "/v0/costs", v0.alice, json=body).json()
    assert record == {
        "bidder_id": v0.ids[v0.alice],
        "cost_id": name,
        "data": data,
        "version": record["version"],
    }
    assert v0.read(f"/v0/costs/{name}") == v0.read(f"/v0/costs/{name}", group="exclude") == record
    assert v0.read(f"/v0/costs/{name}", group="include") == record | {"group": {auth: -2}}
    other = LOAD if isinstance(data, dict) and "demand" in data else {"demand": LOAD}
    assert v0.ask("PUT", f"/v0/costs/{name}", v0.alice, json={"data": other}).json()["data"] == other
    assert [row["data"] for row in v0.read(f"/v0/costs/{name}/history")["results"]] == [other, data]


@pytest.mark.parametrize("data", [None, {"demand": None}, [], {}, {"demand": {}}, [[0, 1]], {"price": "1"}, "x"])
def test_data_that_are_refused(v0: V0Exchange, data: Any) -> None:
    assert v0.ask("POST", "/v0/costs", v0.alice, json={"group": {}, "data": data}).status_code == 422


def test_a_group_names_ones_own_auths(v0: V0Exchange) -> None:
    mine, theirs = v0.auth(SUN, {})["auth_id"], v0.auth(SUN, {}, v0.bob)["auth_id"]
    portfolio = v0.portfolio({}, {})
    details = []
    for name in (str(uuid4()), theirs, portfolio, "no-uuid"):
        reply = v0.ask("POST", "/v0/costs", v0.alice, json={"group": {mine: 1, name: 1}, "data": WIND})
        assert reply.status_code == 422
        details.append(reply.json()["detail"].replace(name, "it"))
    # Nobody learns whether someone else has such an auth.
    assert len(set(details)) == 1
    for group in (None, 5, {mine: "1"}):
        assert v0.ask("POST", "/v0/costs", v0.alice, json={"group": group, "data": WIND}).status_code == 422
    assert v0.ask("POST", "/v0/costs", v0.alice, json={"group": {}, "data": WIND}).status_code == 200


def test_put_creates_updates_and_deletes(v0: V0Exchange) -> None:
    auth, name = v0.auth(SUN, {})["auth_id"], str(uuid4())
    path = f"/v0/costs/{name}?group=include"
    made = v0.ask("PUT", path, v0.alice, json={"group": [auth], "data": WIND}).json()
    assert (made["cost_id"], made["group"]) == (name, {auth: 1})
    assert v0.ask("PUT", path, v0.bob, json={"group": {}, "data": WIND}).status_code == 409
    assert v0.ask("POST", "/v0/costs", v0.bob, json={"cost_id": name, "group": {}, "data": WIND}).status_code == 409
    stopped = v0.ask("DELETE", path, v0.alice).json()
    assert stopped["data"] is None and stopped["group"] == {auth: 1} and stopped["version"] > made["version"]
    assert v0.read(f"/v0/costs/{name}", group="include") == stopped
    again = v0.ask("PUT", path, v0.alice, json={"data": LOAD}).json()
    assert again["data"] == LOAD and again["group"] == {auth: 1}
    null = {"content": b"null", "headers": {"Content-Type": "application/json"}}
    assert v0.ask("PUT", path, v0.alice, **null).json()["data"] is None
    assert v0.ask("PUT", f"/v0/costs/{uuid4()}", v0.alice, **null).status_code == 404
    assert [row["data"] for row in v0.read(f"/v0/costs/{name}/history")["results"]] == [None, LOAD, None]


def test_a_stopped_auth_stays_in_its_groups_and_comes_back_to_them(v0: V0Exchange) -> None:
    product = v0.delivery()
    auth = v0.auth(SUN, {product: 1})["auth_id"]
    cost = v0.cost(WIND, {auth: 1})["cost_id"]
    v0.ask("DELETE", f"/v0/auths/{auth}", v0.alice)
    later = v0.cost(WIND, {auth: 3})["cost_id"]
    assert v0.read(f"/v0/costs/{cost}", group="include")["group"] == {auth: 1}
    assert v0.read(f"/v0/costs/{later}", group="include")["group"] == {auth: 3}
    assert v0.ask("GET", f"/portfolio/{auth}", v0.alice).json()["basis"] is None
    v0.ask("PUT", f"/v0/auths/{auth}", v0.alice, json={"data": SUN})
    portfolio = v0.ask("GET", f"/portfolio/{auth}", v0.alice).json()
    assert portfolio["basis"] == {product: 1}
    (own,) = set(portfolio["demand"]) - {cost, later}
    assert portfolio["demand"] == {own: 1, cost: 1, later: 3}
    assert v0.read(f"/v0/costs/{cost}", group="include")["group"] == {auth: 1}


def test_an_auth_and_a_cost_may_have_one_id(v0: V0Exchange) -> None:
    name = v0.auth({"demand": LOAD, "max_trade": 7}, {})["auth_id"]
    v0.ask("POST", "/v0/costs", v0.alice, json={"cost_id": name, "group": {name: 1}, "data": WIND})
    assert v0.read(f"/v0/auths/{name}")["data"]["max_trade"] == 7
    assert v0.read(f"/v0/costs/{name}", group="include")["data"] == WIND
    v0.ask("DELETE", f"/v0/auths/{name}", v0.alice)
    assert v0.read(f"/v0/costs/{name}")["data"] == WIND


def test_costs_are_listed(v0: V0Exchange) -> None:
    token = v0.someone()
    names = [v0.cost(WIND, {}, token)["cost_id"] for _ in range(4)]
    page = v0.read("/v0/costs", token)
    assert [row["cost_id"] for row in page["results"]] == names[:0:-1]
    assert [row["cost_id"] for row in v0.read("/v0/costs", token, **page["more"])["results"]] == names[:1]
    # A demand of the other contract is no cost, and neither is an auth's own.
    v0.demand(LOAD, token)
    v0.auth({"demand": LOAD}, {}, token)
    assert v0.read("/v0/costs", token) == page


@pytest.mark.parametrize("query", ["group=expand", "group=", "group=include&group=include"])
def test_another_way_to_show_a_group_is_400(v0: V0Exchange, query: str) -> None:
    assert v0.ask("GET", f"/v0/costs/{uuid4()}?{query}", v0.alice).status_code == 400
