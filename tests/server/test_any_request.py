"""Whatever schemathesis thinks of, within the document or against it: a promised answer, and never a 500."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from fts.server import JwtApplication, local
from fts.server.app import ROUTES
from fts.server.openapi import openapi_document
from fts.server.v0 import routes as v0_routes
from fts.server.v0.schemas import SCHEMAS

BIDDER = UUID(int=11)
LOAD = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]
CURRENT = openapi_document(JwtApplication("x" * 32), ROUTES)
OLD = openapi_document(JwtApplication("x" * 32), v0_routes.ROUTES, SCHEMAS, v0_routes.DESCRIPTION)
DOCUMENTS = {"current": CURRENT, "v0": OLD}


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> bytes:
    """The value as a row, between two copies of itself."""
    return b"\n".join([json.dumps(value).encode()] * 3)


@schemathesis.serializer("application/vnd.apache.arrow.stream")
def stream(context: Any, value: Any) -> bytes:
    """No stream at all, or the beginning of one."""
    return b"\xff\xff\xff\xff" + json.dumps(value).encode()


def operations(name: str) -> list[Any]:
    found = schemathesis.openapi.from_dict(DOCUMENTS[name]).get_all_operations()
    return [result.ok() for result in found if isinstance(result, Ok)]


@dataclass
class Market:
    """A running exchange with one of everything, and what came of the requests so far.

    Attributes
    ----------
    known : dict
        Ids that are there, by the kind of thing.
    seen : Counter
        Replies by contract, operation and status.
    """

    http: httpx.Client
    token: str
    known: dict[str, str]
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **content.pop("headers", {})}
        request = self.http.build_request(method, path, headers=headers, **content)
        reply = self.http.send(request, stream=True)
        # Events go on; that they begin is all there is to see.
        if reply.headers.get("content-type", "").startswith("text/event-stream"):
            reply.close()
        else:
            reply.read()
        return reply

    def make(self, method: str, path: str, **content: Any) -> Any:
        reply = self.send(method, path, **content)
        assert reply.status_code < 300, (method, path, reply.text)
        return reply.json() if reply.headers.get("content-type") == "application/json" else reply.text

    def fill(self) -> None:
        """One of everything that a path or a body may name."""
        hour = {"kind": str(uuid4()), "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        product = self.make("POST", "/product", json=hour)["id"]
        demand = self.make("POST", "/demand", json={"app_data": {"name": "d"}, "curve_data": LOAD})["id"]
        body = {"app_data": {"name": "p"}, "demand": demand, "basis": product}
        self.known |= {
            "product": product,
            "demand": demand,
            "portfolio": self.make("POST", "/portfolio", json=body)["id"],
            "instant": self.make("POST", "/batch"),
            "bidder": str(BIDDER),
        }
        auth = {"portfolio": {product: 1}, "data": {"demand": LOAD}}
        self.known["auth"] = self.make("POST", "/v0/auths", json=auth)["auth_id"]
        cost = {"group": {self.known["auth"]: 1}, "data": {"demand": LOAD}}
        self.known["cost"] = self.make("POST", "/v0/costs", json=cost)["cost_id"]


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with local(page_limit=3) as url, httpx.Client(base_url=str(url), timeout=120) as http:
        market = Market(http, url.token(admin=True, bidder=BIDDER), {})
        market.fill()
        yield market


def thing(path: str) -> str:
    """Which kind of thing a path names."""
    kinds = {"auths": "auth", "costs": "cost", "products": "product", "bidders": "bidder", "submissions": "bidder"}
    words = [word for word in path.split("/") if word and not word.startswith("{") and word not in ("v0", "outcomes")]
    return kinds.get(words[0], words[0]) if words else ""


def check(name: str, operation: Any, reply: httpx.Response) -> None:
    """Hold a reply against the document."""
    said = f"{operation.label} answered {reply.status_code}: {reply.text[:300] if reply.is_stream_consumed else ''}"
    promised = DOCUMENTS[name]["paths"][operation.path][operation.method.lower()]["responses"]
    assert reply.status_code < 500, said
    assert str(reply.status_code) in promised, said
    content = promised[str(reply.status_code)].get("content")
    if content is None:
        assert reply.content == b"", said
        return
    kind = reply.headers["content-type"].partition(";")[0]
    assert kind in content, said
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": DOCUMENTS[name]["components"]}
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(reply.json())


@pytest.mark.soak
@pytest.mark.parametrize("name", DOCUMENTS)
def test_whatever_is_asked(market: Market, name: str, soak: bool) -> None:
    every = operations(name)
    wanted = 5000 if soak else 500
    each = wanted // len(every) + 1
    for operation in every:
        ask_as_shown(market, name, operation)
    # Of some operations there is little to think of; the others are asked again.
    for turn, operation in enumerate(cycle(every)):
        if turn >= len(every) and calls(market, name).total() >= wanted:
            break
        ask_anything(market, name, operation, each, turn)
    statuses = calls(market, name)
    total = statuses.total()
    refused = sum(count for (_, _, status), count in statuses.items() if status in (401, 403))
    print(f"{name}: {total} calls, {refused} not permitted, {len(every)} operations")
    assert total >= wanted
    assert refused <= total / 5
    reached = {label for (_, label, status), _ in statuses.items() if status < 300}
    assert {operation.label for operation in every} - reached == set()


def calls(market: Market, name: str) -> Counter[tuple[str, str, int]]:
    """The replies of one contract so far."""
    return Counter({key: count for key, count in market.seen.items() if key[0] == name})


def ask_anything(market: Market, name: str, operation: Any, count: int, turn: int) -> None:
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

    @seed(turn)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), st.booleans(), modes)
    def ask(data: Any, known: bool, mode: GenerationMode) -> None:
        send(market, name, operation, data.draw(operation.as_strategy(generation_mode=mode)), known)

    ask()


def there(market: Market, operation: Any) -> str:
    """The path of an operation on a thing that is there."""
    name = "instant" if "{instant}" in operation.path else thing(operation.path)
    return re.sub(r"\{\w+\}", market.known.get(name, ""), operation.path)


def ask_as_shown(market: Market, name: str, operation: Any) -> None:
    """Send the example of the document, about things that are there."""
    shown = DOCUMENTS[name]["paths"][operation.path][operation.method.lower()].get("requestBody")
    content: dict[str, Any] = {}
    if shown is not None:
        kind, said = next((kind, said) for kind, said in shown["content"].items() if "example" in said)
        names = {
            "demand": market.known["demand"],
            "basis": market.known["product"],
            "portfolio": {market.known["product"]: 1},
            "group": {market.known["auth"]: 1},
        }
        body = said["example"]
        if isinstance(body, dict):
            body = body | {group: value for group, value in names.items() if group in body}
        content = {"content": json.dumps(body).encode(), "headers": {"Content-Type": kind}}
    reply = market.send(operation.method.upper(), there(market, operation), **content)
    market.seen[name, operation.label, reply.status_code] += 1
    check(name, operation, reply)


def send(market: Market, name: str, operation: Any, case: Any, known: bool) -> None:
    """Send a case; where it names things, those that are there, or whatever it likes."""
    content = case.as_transport_kwargs(base_url=str(market.http.base_url))
    path = httpx.URL(content["url"]).raw_path.decode()
    if known and "{" in operation.path:
        path = there(market, operation)
    headers = {
        key: value
        for key, value in (content.get("headers") or {}).items()
        if key.lower() not in ("authorization", "user-agent", "x-schemathesis-testcaseid", "accept", "accept-encoding")
    }
    body = {key: content[key] for key in ("json", "data", "params") if content.get(key) is not None}
    if "data" in body:
        body["content"] = body.pop("data")
    try:
        reply = market.send(operation.method.upper(), path, headers=headers, **body)
    except (httpx.InvalidURL, UnicodeEncodeError, ValueError, TypeError):
        return
    market.seen[name, operation.label, reply.status_code] += 1
    check(name, operation, reply)
