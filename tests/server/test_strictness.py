"""Bodies that are nearly right: refused with 422, and nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.conftest import LOAD, Exchange

JSON = {"Content-Type": "application/json"}
SPAN = '"from": "2030-01-01T00:00:00Z", "thru": "2030-01-01T01:00:00Z"'

CURVES = [
    "[]",
    '[{"rate": "0", "price": 1}]',
    '[{"rate": false, "price": 1}]',
    '[{"rate": 0, "price": null}]',
    '[{"rate": 0}]',
    "[[0, 1]]",
    "[0, 1]",
    '[{"rate": 0, "price": NaN}]',
    '[{"rate": 0, "price": Infinity}]',
    '[{"rate": 0, "price": -1e400}]',
    '[{"rate": 0, "price": 1' + "0" * 400 + "}]",
    '[{"rate": 0, "price": 1}, {"rate": 1, "price": 2}]',
    '[{"rate": 1, "price": 2}, {"rate": 0, "price": 1}]',
    '[{"rate": 1, "price": 2}]',
    "{}",
    '{"price": null}',
    '{"price": "5"}',
    '{"price": true}',
    '{"price": 5, "min_rate": 1}',
    '{"price": 5, "max_rate": -1}',
    '{"price": 5, "min_rate": "-1"}',
    '{"price": 5, "max_rate": true}',
    '{"min_rate": -1, "max_rate": 1}',
    "0",
    '"null"',
    "false",
]
WEIGHTS = ['{"%s": "1"}', '{"%s": true}', '{"%s": null}', '{"%s": 1e999}', '{"%s": [1]}', "[1]", "1", "false", '"x"']
PRODUCTS = [
    "{}",
    "null",
    "[]",
    '{"kind": 0}',
    f'{{"kind": true, {SPAN}}}',
    f'{{"kind": 2, {SPAN}}}',
    f'{{"kind": 0.0, {SPAN}}}',
    f'{{"kind": null, {SPAN}}}',
    '{"kind": 0, "from": "2030-01-01T00:00:00", "thru": "2030-01-01T01:00:00Z"}',
    '{"kind": 0, "from": 0, "thru": 3600}',
    '{"kind": 0, "from": "2030-01-01T01:00:00Z", "thru": "2030-01-01T00:00:00Z"}',
    '{"kind": 0, "from": "2030-01-01T01:00:00Z", "thru": "2030-01-01T01:00:00Z"}',
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda text: text[:40])
def test_curves(exchange: Exchange, curve: str) -> None:
    name = exchange.demand(LOAD)
    known = exchange.ask("GET", "/demand", exchange.alice).json()
    body = f'{{"app_data": {{"name": "x"}}, "curve_data": {curve}}}'
    created = exchange.ask("POST", "/demand", exchange.alice, content=body, headers=JSON)
    changed = exchange.ask("PUT", f"/demand/{name}", exchange.alice, content=curve, headers=JSON)
    assert (created.status_code, changed.status_code) == (422, 422)
    assert exchange.ask("GET", "/demand", exchange.alice).json() == known
    exchange.ask("DELETE", f"/demand/{name}", exchange.alice)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("group", ["demand", "basis"])
def test_weights(exchange: Exchange, weights: str, group: str) -> None:
    product = exchange.product()
    name = exchange.portfolio(None, product)
    text = weights.replace("%s", product)
    other = "basis" if group == "demand" else "demand"
    body = f'{{"app_data": {{"name": "x"}}, "{group}": {text}, "{other}": null}}'
    created = exchange.ask("POST", "/portfolio", exchange.alice, content=body, headers=JSON)
    changed = exchange.ask(
        "PATCH", f"/portfolio/{name}", exchange.alice, content=f'{{"{group}": {text}}}', headers=JSON
    )
    assert (created.status_code, changed.status_code) == (422, 422)
    assert exchange.ask("GET", f"/portfolio/{name}", exchange.alice).json()["basis"] == {product: 1}


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda text: text[:40])
def test_products(exchange: Exchange, product: str) -> None:
    assert exchange.ask("POST", "/product", exchange.admin, content=product, headers=JSON).status_code == 422


@pytest.mark.parametrize("key", ["app_data", "curve_data"])
def test_a_demand_has_every_key(exchange: Exchange, key: str) -> None:
    body: dict[str, Any] = {"app_data": {"name": "x"}, "curve_data": None}
    del body[key]
    reply = exchange.ask("POST", "/demand", exchange.alice, json=body)
    assert reply.status_code == 422 and key in reply.json()["detail"]


@pytest.mark.parametrize("key", ["app_data", "demand", "basis"])
def test_a_portfolio_has_every_key(exchange: Exchange, key: str) -> None:
    body: dict[str, Any] = {"app_data": {"name": "x"}, "demand": None, "basis": None}
    del body[key]
    reply = exchange.ask("POST", "/portfolio", exchange.alice, json=body)
    assert reply.status_code == 422 and key in reply.json()["detail"]


@pytest.mark.parametrize("data", [None, "x", 1, {}, {"name": 1}, {"name": None}, {"name": ["x"]}])
def test_the_applications_data(exchange: Exchange, data: Any) -> None:
    demand = exchange.ask("POST", "/demand", exchange.alice, json={"app_data": data, "curve_data": None})
    portfolio = exchange.ask("POST", "/portfolio", exchange.alice, json={"app_data": data, "demand": {}, "basis": {}})
    assert (demand.status_code, portfolio.status_code) == (422, 422)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["app_data", "name", "curve_data", "price", "rate", "min_rate", "demand", "basis", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=json_values, route=st.sampled_from(["/product", "/demand", "/portfolio", "put", "patch"]))
def test_any_json_is_taken_or_refused(exchange: Exchange, body: Any, route: str) -> None:
    content = {"content": json.dumps(body), "headers": JSON}
    if route == "put":
        reply = exchange.ask("PUT", f"/demand/{exchange.demand(None)}", exchange.alice, **content)
    elif route == "patch":
        reply = exchange.ask("PATCH", f"/portfolio/{exchange.portfolio(None, None)}", exchange.alice, **content)
    else:
        reply = exchange.ask("POST", route, exchange.admin, **content)
    assert reply.status_code in (200, 201, 422), reply.text


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=40))
def test_any_bytes_are_taken_or_refused(exchange: Exchange, body: bytes) -> None:
    reply = exchange.ask("POST", "/demand", exchange.alice, content=body, headers=JSON)
    assert reply.status_code in (400, 422), reply.text


BODIES = {
    "ten megabytes of nesting": (b'{"app_data": ' + b"[" * 10_000_000, 413),
    "nesting that ends": (b'{"app_data": {"name": "d"}, "curve_data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    "a key twice, the last counts": (
        b'{"app_data": {"name": 5, "name": "d"}, "curve_data": 5, "curve_data": null}',
        201,
    ),
    "an empty name": (b'{"app_data": {"name": ""}, "curve_data": null}', 201),
    "a name that is null": (b'{"app_data": {"name": null}, "curve_data": null}', 422),
    "unknown fields": (b'{"app_data": {"name": "d", "more": 1}, "curve_data": null, "and": {"so": "on"}}', 201),
    "a huge integer": (b'{"app_data": {"name": "d"}, "curve_data": [{"rate": 0, "price": 1' + b"0" * 400 + b"}]}", 422),
    "a long integer": (
        b'{"app_data": {"name": "d"}, "curve_data": [{"rate": 0, "price": 1' + b"0" * 9999 + b"}]}",
        422,
    ),
    "1e400": (b'{"app_data": {"name": "d"}, "curve_data": [{"rate": 0, "price": 1e400}]}', 422),
    "NaN": (b'{"app_data": {"name": "d"}, "curve_data": [{"rate": 0, "price": NaN}]}', 422),
    "text that is not UTF-8": (b'{"app_data": {"name": "\xff"}, "curve_data": null}', 400),
    "half a character": (b'{"app_data": {"name": "\\ud800"}, "curve_data": null}', 400),
    "UTF-16": ('{"app_data": {"name": "d"}, "curve_data": null}'.encode("utf-16"), 400),
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_that_nobody_sends(exchange: Exchange, what: str) -> None:
    content, status = BODIES[what]
    reply = exchange.ask("POST", "/demand", exchange.alice, content=content, headers=JSON)
    assert reply.status_code == status, reply.text[:200]
    if status >= 400:
        assert len(reply.json()["detail"]) < 500
