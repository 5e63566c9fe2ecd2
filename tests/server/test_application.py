"""Another application: its own data, ids and way to read tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest

from fts.errors import AlreadyPartitioned, FtsError, NotFound, StoreBusy, UnboundedAuction
from fts.server import Application, Limits, local
from fts.server.errors import status_of

SPACE = UUID(int=1)
ANNA, BERT = UUID(int=10), UUID(int=11)


class Clan:
    """Bidders read each other's bids; a token is a name; ids are what the data say."""

    demand_data: Any = UUID
    portfolio_data: Any = str
    product_data: Any = str
    names = {"anna": ANNA, "bert": BERT}

    def now(self) -> datetime:
        return datetime.now(UTC)

    def generate_demand_id(self, data: UUID) -> UUID:
        assert isinstance(data, UUID)
        return data

    def generate_portfolio_id(self, data: str) -> UUID:
        return uuid5(SPACE, "portfolio" + data)

    def generate_product_id(self, data: str) -> UUID:
        return uuid5(SPACE, "product" + data)

    def can_create_bid(self, token: str) -> UUID | None:
        return self.names.get(token)

    def can_query_bid(self, token: str) -> Sequence[UUID]:
        return list(self.names.values()) if token in self.names else []

    def can_read_bid(self, token: str, bidder: UUID) -> bool:
        return token in self.names

    def can_update_bid(self, token: str, bidder: UUID) -> bool:
        return self.names.get(token) == bidder

    def can_view_products(self, token: str) -> bool:
        if token == "defect":
            raise RuntimeError("the operator's own mistake")
        return True

    def can_manage_products(self, token: str) -> bool:
        return token == "operator of the market"

    def can_run_batch(self, token: str) -> bool:
        return token == "operator of the market"


def test_a_market_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    application: Application = Clan()
    with local(application=application, limits=Limits(body=500, points=2)) as url, httpx.Client(base_url=url) as http:

        def ask(method: str, path: str, token: str, **content: Any) -> httpx.Response:
            headers = {"Authorization": f"bearer   {token}"} | content.pop("headers", {})
            return http.request(method, path, headers=headers, timeout=60, **content)

        made = ask("POST", "/product", "operator of the market", json="noon")
        assert made.status_code == 201 and made.json()["app_data"] == "noon"
        product = made.json()["id"]
        assert ask("POST", "/product", "operator of the market", json="noon").status_code == 409
        assert ask("POST", "/product", "operator of the market", json=5).status_code == 422
        assert ask("POST", "/product", "operator", json="dusk").status_code == 401

        name = str(UUID(int=77))
        body = {"app_data": name.upper(), "curve_data": {"price": 5, "min_rate": -1, "max_rate": 1}}
        record = ask("POST", "/demand", "anna", json=body).json()
        assert (record["id"], record["bidder_id"], record["app_data"]) == (name, str(ANNA), name)
        # An id is taken, whoever takes it.
        assert ask("POST", "/demand", "anna", json=body).status_code == 409
        assert ask("POST", "/demand", "bert", json=body).status_code == 409
        assert ask("POST", "/demand", "anna", json={**body, "app_data": "no uuid"}).status_code == 422

        bid = {"app_data": "p", "demand": name, "basis": product}
        first = ask("POST", "/portfolio", "anna", json=bid)
        assert first.status_code == 201 and first.json()["app_data"] == "p"
        # References are looked at before the id.
        assert ask("POST", "/portfolio", "bert", json=bid).status_code == 422
        assert ask("POST", "/portfolio", "anna", json=bid).status_code == 409

        assert ask("GET", f"/demand/{name}", "bert").status_code == 200
        assert ask("PUT", f"/demand/{name}", "bert", json=[{"rate": 0, "price": 1}]).status_code == 401
        assert [entry["id"] for entry in ask("GET", "/demand", "bert").json()] == [name]
        assert ask("GET", "/demand", "carl").status_code == 401

        # Smaller limits.
        points = [{"rate": k, "price": 0} for k in range(3)]
        assert ask("PUT", f"/demand/{name}", "anna", json=points).status_code == 422
        assert ask("PUT", f"/demand/{name}", "anna", json=points[:2]).status_code == 200
        large = {"content": b" " * 501, "headers": {"Content-Type": "application/json"}}
        assert ask("PUT", f"/demand/{name}", "anna", **large).status_code == 413

        # A defect is a 500 that says nothing of itself, and goes to the log.
        reply = ask("GET", "/product", "defect")
        assert reply.status_code == 500 and "mistake" not in reply.text
    assert "the operator's own mistake" in caplog.text


@pytest.mark.parametrize(
    "error, status",
    [
        (UnboundedAuction(["p"], ["d"], ["i"]), 422),
        (AlreadyPartitioned("x"), 403),
        (NotFound("x"), 404),
        (StoreBusy("x"), 503),
        (FtsError("x"), 500),
    ],
)
def test_every_error_has_a_status(error: FtsError, status: int) -> None:
    assert status_of(error) == status
