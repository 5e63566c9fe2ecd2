"""Bodies that are nearly right, and any others: taken or refused, and never a defect."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.v0.conftest import LOAD, SUN, WIND, V0Exchange

JSON = {"Content-Type": "application/json"}
PLACES = ("/v0/auths", "/v0/costs", "auth", "cost", "submission", "/admin/products")
KEYS = ["portfolio", "group", "data", "demand", "min_rate", "max_rate", "min_trade", "max_trade", "price", "rate"]
KEYS += ["auths", "costs", "auth_id", "cost_id", "kind", "from", "thru"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from([LOAD, WIND, SUN, {}, [], "2028-01-01T00:00:00Z", str(uuid4())]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


def send(v0: V0Exchange, place: str, content: Any) -> Any:
    """Send a body to a route that takes one."""
    token = v0.admin if place.startswith("/admin") else v0.alice
    path = {
        "auth": "/v0/auths/{}",
        "cost": "/v0/costs/{}",
        "submission": f"/v0/submissions/{v0.ids[v0.alice]}",
    }.get(place, place)
    if place == "auth":
        path = path.format(v0.auth(SUN, {})["auth_id"])
    if place == "cost":
        path = path.format(v0.cost(WIND, {})["cost_id"])
    method = "PUT" if place in ("auth", "cost", "submission") else "POST"
    return v0.ask(method, path, token, content=content, headers=JSON)


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=VALUES, place=st.sampled_from(PLACES))
def test_any_json_is_taken_or_refused(v0: V0Exchange, body: Any, place: str) -> None:
    reply = send(v0, place, json.dumps(body))
    assert reply.status_code in (200, 400, 409, 422), reply.text


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"[" * 100_000, 400),
        (b"\xff\xfe", 400),
        (b'{"data": "\\ud800"}', 400),
        (b'{"data": NaN}', 422),
        (b'{"data": 1' + b"0" * 400 + b"}", 422),
        (b"x" * (2 * 2**20 + 1), 413),
    ],
)
def test_bodies_that_nobody_sends(v0: V0Exchange, place: str, content: bytes, status: int) -> None:
    assert send(v0, place, content).status_code == status


@pytest.mark.parametrize("text", ["1e400", "-1e400", "NaN", '"5"', "true", "[5]", "1e31"])
@pytest.mark.parametrize("key", ["min_rate", "max_rate", "min_trade", "max_trade"])
def test_numbers_are_numbers(v0: V0Exchange, key: str, text: str) -> None:
    fields = {"min_rate": "-1", "max_rate": "1", "min_trade": "-2", "max_trade": "2"} | {key: text}
    data = ", ".join(f'"{name}": {value}' for name, value in fields.items())
    assert send(v0, "/v0/auths", f'{{"portfolio": {{}}, "data": {{{data}}}}}').status_code == 422


def test_curves_have_at_most_so_many_points(v0: V0Exchange) -> None:
    demand = [{"rate": k, "price": -k} for k in range(10_001)]
    for place, body in (
        ("/v0/auths", {"portfolio": {}, "data": {"demand": demand}}),
        ("/v0/costs", {"group": {}, "data": demand}),
        ("submission", {"auths": [], "costs": [{"cost_id": str(uuid4()), "group": {}, "data": demand}]}),
    ):
        reply = send(v0, place, json.dumps(body))
        assert reply.status_code == 422 and "10000" in reply.json()["detail"]
