"""The same exchange, in the words of /v0; every reply is held against that contract's own document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from fts.server import local
from tests.server.conftest import HOURS, LOAD, WIND, Exchange

SUN = {"min_rate": -80, "max_rate": 0}


@dataclass(repr=False)
class V0Exchange(Exchange):
    """An exchange, its bidders and what they are called.

    Attributes
    ----------
    ids : dict of str to str
        Token to bidder.
    """

    ids: dict[str, str]

    def delivery(self) -> str:
        """A product that nobody else uses."""
        day, hour = divmod(next(HOURS), 23)
        span = {"from": f"2027-02-{day + 1:02}T{hour:02}:00:00Z", "thru": f"2027-02-{day + 1:02}T{hour + 1:02}:00:00Z"}
        reply = self.ask("POST", "/admin/products", self.admin, json=[{"kind": str(uuid4()), **span}])
        assert reply.status_code == 200, reply.text
        return str(reply.json()[0])

    def auth(self, data: Any, portfolio: Any, token: str | None = None) -> dict[str, Any]:
        """An auth, of Alice where nothing else is said."""
        reply = self.ask("POST", "/v0/auths", token or self.alice, json={"portfolio": portfolio, "data": data})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def cost(self, data: Any, group: Any, token: str | None = None) -> dict[str, Any]:
        """A cost, of Alice where nothing else is said."""
        reply = self.ask("POST", "/v0/costs", token or self.alice, json={"group": group, "data": data})
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def read(self, path: str, token: str | None = None, **query: Any) -> Any:
        """What is there, as Alice sees it where nothing else is said."""
        reply = self.ask("GET", path, token or self.alice, params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def someone(self) -> str:
        """The token of a bidder that has no bids yet."""
        bidder = uuid4()
        token = str(self.url.token(bidder=bidder))
        self.ids[token] = str(bidder)
        return token


@contextmanager
def exchange_of_its_own(**settings: Any) -> Iterator[V0Exchange]:
    """An exchange in which nothing has happened yet."""
    with local(page_limit=3, **settings) as url, httpx.Client(base_url=str(url), timeout=120) as http:
        document, now = http.get("/api-docs/openapi.json").json(), http.get("/docs/api.json").json()
        document["paths"] |= now["paths"]
        document["components"]["schemas"] |= now["components"]["schemas"]
        bidders = [uuid4() for _ in range(3)]
        tokens = [url.token(bidder=bidder, admin=k == 0) for k, bidder in enumerate(bidders)]
        ids = {token: str(bidder) for token, bidder in zip(tokens, bidders, strict=True)}
        admin, alice, bob = tokens
        yield V0Exchange(url, http, document, admin, alice, bob, ids)


@pytest.fixture(scope="session")
def v0() -> Iterator[V0Exchange]:
    with exchange_of_its_own() as v0:
        yield v0


__all__ = ["LOAD", "SUN", "UUID", "WIND", "V0Exchange", "exchange_of_its_own", "v0"]
