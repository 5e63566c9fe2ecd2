"""An operator's own rules, in under forty lines, on a real exchange."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx

from fts.server import Application, create_app
from fts.server.uvicorn_server import serve_in_thread
from fts.store import DuckStore


class MeterMarket:
    """A token is ``name:rights``; a demand is a meter, a product the text of its hour."""

    demand_data: Any = UUID  # the meter, and the demand's id
    portfolio_data: Any = str
    product_data: Any = str

    def now(self) -> datetime:
        return datetime.now(UTC)

    def generate_demand_id(self, data: UUID) -> UUID:
        return data

    def generate_portfolio_id(self, data: str) -> UUID:
        return uuid5(UUID(int=1), data)

    def generate_product_id(self, data: str) -> UUID:
        return uuid5(UUID(int=2), data)

    def can_create_bid(self, token: str) -> UUID | None:
        name, _, rights = token.partition(":")
        return uuid5(UUID(int=3), name) if "b" in rights else None

    def can_query_bid(self, token: str) -> Sequence[UUID]:
        bidder = self.can_create_bid(token)
        return [bidder] if bidder else []

    def can_read_bid(self, token: str, bidder: UUID) -> bool:
        return "r" in token.partition(":")[2] or self.can_create_bid(token) == bidder

    def can_update_bid(self, token: str, bidder: UUID) -> bool:
        return self.can_create_bid(token) == bidder

    def can_view_products(self, token: str) -> bool:
        return ":" in token

    def can_manage_products(self, token: str) -> bool:
        return "p" in token.partition(":")[2]

    def can_run_batch(self, token: str) -> bool:
        return "c" in token.partition(":")[2]


def test_it_is_short() -> None:
    tree = ast.parse(Path(__file__).read_text())
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    lines = Path(__file__).read_text().splitlines()[found.lineno - 1 : found.end_lineno]
    assert len([line for line in lines if line.strip()]) < 40


def test_a_market_of_meters() -> None:
    application: Application = MeterMarket()
    app = create_app(DuckStore(":memory:"), application)
    with serve_in_thread(app, app.state.broadcaster) as url, httpx.Client(base_url=url, timeout=60) as http:

        def ask(token: str, method: str, path: str, **content: Any) -> httpx.Response:
            return http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **content)

        operator, regulator, anna, bert = "otto:pc", "rita:r", "anna:b", "bert:b"
        noon = ask(operator, "POST", "/product", json="2027-06-01 12:00").json()["id"]
        assert noon == str(uuid5(UUID(int=2), "2027-06-01 12:00"))
        assert ask(operator, "POST", "/product", json="2027-06-01 12:00").status_code == 409
        bids: list[tuple[str, UUID, Any]] = [
            (anna, UUID(int=100), [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]),
            (bert, UUID(int=200), {"price": 5, "min_rate": -80, "max_rate": 0}),
        ]
        for token, meter, curve in bids:
            made = ask(token, "POST", "/demand", json={"app_data": str(meter), "curve_data": curve})
            assert made.status_code == 201
            assert (made.json()["id"], made.json()["app_data"]) == (str(meter), str(meter))
            portfolio = {"app_data": f"{token} at noon", "demand": str(meter), "basis": noon}
            made = ask(token, "POST", "/portfolio", json=portfolio)
            assert made.json()["id"] == str(uuid5(UUID(int=1), f"{token} at noon"))
            assert made.json()["bidder_id"] == str(uuid5(UUID(int=3), token.partition(":")[0]))

        instant = ask(operator, "POST", "/batch")
        assert instant.status_code == 200
        # The load's curve is at 60 - 0.4 · 80.
        (row,) = ask(anna, "GET", f"/product/{noon}/outcomes").json()["results"]
        assert abs(row["value"]["price"] - 28) < 1e-6 and abs(row["value"]["rate"] - 80) < 1e-6

        hers = f"/demand/{UUID(int=100)}"
        statuses = {
            (who, what): ask(who, *words, json=body).status_code
            for who in (operator, regulator, anna, bert, "nobody")
            for what, words, body in [
                ("reads", ("GET", hers), None),
                ("changes", ("PUT", hers), bids[0][2]),
                ("lists", ("GET", "/demand"), None),
                ("clears", ("POST", "/batch"), None),
                ("views", ("GET", "/product"), None),
            ]
        }
        allowed = {key for key, status in statuses.items() if status == 200}
        assert {status for key, status in statuses.items() if key not in allowed} == {401}
        assert allowed == {
            *((who, "views") for who in (operator, regulator, anna, bert)),
            *((who, "lists") for who in (anna, bert)),
            (operator, "clears"),
            (regulator, "reads"),
            (anna, "reads"),
            (anna, "changes"),
        }
        # The document describes this market's data, not the default's.
        shapes = http.get("/docs/api.json").json()["components"]["schemas"]
        assert shapes["DemandData"] == {"type": "string", "format": "uuid"}
