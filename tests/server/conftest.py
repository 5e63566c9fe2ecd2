"""A real exchange on a loopback port, whose every reply is held against its own OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest
from jsonschema import Draft202012Validator

from fts.server import local

HOURS = count()
LOAD = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]
WIND = {"price": 5, "min_rate": -80, "max_rate": 0}


@dataclass(repr=False)
class Exchange:
    """An exchange and those who talk to it."""

    url: Any
    http: httpx.Client
    document: dict[str, Any]
    admin: str
    alice: str
    bob: str

    def __repr__(self) -> str:
        return f"Exchange({self.url})"

    def ask(self, method: str, path: str, token: str | None = None, **content: Any) -> httpx.Response:
        """Send a request; the reply must be one that the document promises."""
        headers = dict(content.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        reply = self.http.request(method, path, headers=headers, **content)
        self.check(method, path, reply)
        return reply

    def check(self, method: str, path: str, reply: httpx.Response) -> None:
        """Hold a reply against the document."""
        responses = self.operation(method, path)["responses"]
        assert str(reply.status_code) in responses, f"{method} {path} answered {reply.status_code}: {reply.text}"
        content = responses[str(reply.status_code)].get("content")
        if content is None:
            assert reply.content == b""
            return
        kind = reply.headers["content-type"].partition(";")[0]
        schema = {**content[kind]["schema"], "components": self.document["components"]}
        value = reply.json() if kind == "application/json" else reply.text
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """What the document says about a request."""
        path = path.partition("?")[0]
        for pattern, operations in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path) and method.lower() in operations:
                found: dict[str, Any] = operations[method.lower()]
                return found
        raise AssertionError(f"the document does not know {method} {path}")

    def product(self) -> str:
        """A product that nobody else uses."""
        hour = next(HOURS)
        day, hour = divmod(hour, 23)
        data = {"kind": str(uuid4()), "from": f"2027-01-{day + 1:02}T{hour:02}:00:00Z"}
        data["thru"] = f"2027-01-{day + 1:02}T{hour + 1:02}:00:00Z"
        reply = self.ask("POST", "/product", self.admin, json=data)
        assert reply.status_code == 201
        return str(reply.json()["id"])

    def demand(self, curve: Any, token: str | None = None) -> str:
        """A demand, of Alice where nothing else is said."""
        body = {"app_data": {"name": "bid"}, "curve_data": curve}
        reply = self.ask("POST", "/demand", token or self.alice, json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def portfolio(self, demand: Any, basis: Any, token: str | None = None) -> str:
        """A portfolio, of Alice where nothing else is said."""
        body = {"app_data": {"name": "bid"}, "demand": demand, "basis": basis}
        reply = self.ask("POST", "/portfolio", token or self.alice, json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def cross(self) -> tuple[str, str, str]:
        """A product with a load of Alice and a wind farm of Bob: 80 at price 28. Their portfolios too."""
        product = self.product()
        load = self.portfolio(self.demand(LOAD), product)
        wind = self.portfolio(self.demand(WIND, self.bob), product, self.bob)
        return product, load, wind

    def batch(self) -> str:
        """Run a batch."""
        reply = self.ask("POST", "/batch", self.admin)
        assert reply.status_code == 200, reply.text
        return reply.text


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    with local(page_limit=3) as url, httpx.Client(base_url=str(url), timeout=120) as http:
        document = http.get("/docs/api.json").json()
        yield Exchange(url, http, document, url.token(admin=True), url.token(), url.token())
