"""Submissions: everything of a bidder in one transaction."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.server.v0.conftest import LOAD, SUN, WIND, V0Exchange


def put(v0: V0Exchange, token: str, auths: Any, costs: Any) -> Any:
    reply = v0.ask("PUT", f"/v0/submissions/{v0.ids[token]}", token, json={"auths": auths, "costs": costs})
    assert reply.status_code == 200, reply.text
    return reply.json()


def active(v0: V0Exchange, token: str) -> tuple[set[str], set[str]]:
    found = v0.read(f"/v0/submissions/{v0.ids[token]}", token)
    return {auth["auth_id"] for auth in found["auths"]}, {cost["cost_id"] for cost in found["costs"]}


def test_entries_are_made_changed_and_kept_and_the_others_stop(v0: V0Exchange) -> None:
    token, product = v0.someone(), v0.delivery()
    a, b, c, x, y = (str(uuid4()) for _ in range(5))
    made = put(
        v0,
        token,
        [{"auth_id": name, "portfolio": {product: 1}, "data": SUN} for name in (a, b)],
        [{"cost_id": x, "group": {a: 1, b: 1}, "data": WIND}],
    )
    assert set(made) == {"auths", "costs", "as_of"}
    # All of it has one instant.
    assert {record["version"] for record in made["auths"] + made["costs"]} == {made["as_of"]}
    assert "portfolio" not in made["auths"][0] and "group" not in made["costs"][0]
    changed = put(
        v0,
        token,
        [
            {"auth_id": a},
            {"auth_id": b, "data": {"demand": LOAD}},
            {"auth_id": c, "portfolio": {}, "data": {"demand": LOAD}},
        ],
        [{"cost_id": y, "group": {c: 1, a: 2}, "data": {"demand": WIND}}],
    )
    by_id = {record["auth_id"]: record for record in changed["auths"]}
    assert by_id[a] == next(record for record in made["auths"] if record["auth_id"] == a)
    assert by_id[b]["data"]["demand"] == LOAD and by_id[b]["version"] == changed["as_of"]
    assert active(v0, token) == ({a, b, c}, {y})
    assert v0.read(f"/v0/costs/{x}", token)["data"] is None
    # a is written in rates, and goes on trading because y refers to it now.
    demand = v0.ask("GET", f"/portfolio/{a}", token).json()["demand"]
    assert demand[y] == 2 and len(demand) == 3
    ended = v0.ask("DELETE", f"/v0/submissions/{v0.ids[token]}", token).json()
    assert (ended["auths"], ended["costs"]) == ([], []) and ended["as_of"] > changed["as_of"]
    assert active(v0, token) == (set(), set())
    # What is named and has stopped is told, as programs for 0.3 expect of what they named, and stays so.
    named = put(v0, token, [{"auth_id": a}], [{"cost_id": x}])
    assert [(record["auth_id"], record["data"]) for record in named["auths"]] == [(a, None)]
    assert [(record["cost_id"], record["data"]) for record in named["costs"]] == [(x, None)]
    assert active(v0, token) == (set(), set())
    # Bids of the other contract are not touched by it.
    demand = v0.demand(LOAD, token)
    put(v0, token, [], [])
    assert v0.ask("GET", f"/demand/{demand}", token).json()["curve_data"] == LOAD


def test_a_refused_entry_changes_nothing(v0: V0Exchange) -> None:
    token, product = v0.someone(), v0.delivery()
    a, theirs = v0.auth({"demand": LOAD}, {product: 1}, token)["auth_id"], v0.auth(SUN, {}, v0.bob)["auth_id"]
    x, foreign = v0.cost(WIND, {a: 1}, token)["cost_id"], v0.cost(WIND, {}, v0.bob)["cost_id"]
    before = v0.read("/v0/auths", token), v0.read("/v0/costs", token)
    new = {"portfolio": {product: 1}, "data": SUN}
    nobody = str(uuid4())
    refused: list[tuple[list[Any], list[Any]]] = [
        ([{"auth_id": nobody}], []),
        ([{"auth_id": theirs}], []),
        ([{"auth_id": nobody, "data": SUN}], []),
        ([{"auth_id": theirs, "data": SUN}], []),
        ([{"auth_id": a, **new}], []),
        ([{"auth_id": theirs, **new}], []),
        ([{"auth_id": nobody, "data": SUN, "portfolio": {nobody: 1}}], []),
        ([{"auth_id": a, "data": SUN}], []),  # rates over points
        ([{"auth_id": a}, {"auth_id": a}], []),
        ([], [{"cost_id": nobody}]),
        ([], [{"cost_id": foreign, "data": WIND}]),
        ([], [{"cost_id": x, "group": {}, "data": WIND}]),
        ([], [{"cost_id": nobody, "group": {theirs: 1}, "data": WIND}]),
        ([{"auth_id": str(uuid4()), **new}], [{"cost_id": x}, {"cost_id": x, "data": WIND}]),
    ]
    for auths, costs in refused:
        body = {"auths": auths, "costs": costs}
        reply = v0.ask("PUT", f"/v0/submissions/{v0.ids[token]}", token, json=body)
        assert reply.status_code == 400 and "nothing was changed" in reply.json()["detail"], body
    assert (v0.read("/v0/auths", token), v0.read("/v0/costs", token)) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"auths": []},
        {"costs": []},
        {"auths": {}, "costs": []},
        {"auths": [5], "costs": []},
        {"auths": [{}], "costs": []},
        {"auths": [{"auth_id": "x"}], "costs": []},
        {"auths": [{"auth_id": str(uuid4()), "portfolio": {}}], "costs": []},
        {"auths": [], "costs": [{"cost_id": str(uuid4()), "group": {}, "data": {"demand": None}}]},
    ],
)
def test_a_body_that_is_not_valid_is_422(v0: V0Exchange, body: Any) -> None:
    assert v0.ask("PUT", f"/v0/submissions/{v0.ids[v0.alice]}", v0.alice, json=body).status_code == 422


def test_what_came_together_stays_on_one_page(v0: V0Exchange) -> None:
    token = v0.someone()
    first = [str(uuid4()) for _ in range(2)]
    together = [str(uuid4()) for _ in range(5)]
    put(v0, token, [{"auth_id": name, "portfolio": {}, "data": SUN} for name in first], [])
    put(
        v0,
        token,
        [*({"auth_id": name} for name in first)]
        + [{"auth_id": name, "portfolio": {}, "data": SUN} for name in together],
        [],
    )
    page = v0.read("/v0/auths", token)
    assert {row["auth_id"] for row in page["results"]} == set(together)
    rest = v0.read("/v0/auths", token, **page["more"])
    assert {row["auth_id"] for row in rest["results"]} == set(first) and "more" not in rest
