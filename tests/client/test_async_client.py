"""The client for asyncio: the same calls, the same answers."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any
from uuid import UUID

import httpx
import pytest

import fts
from fts.client import AsyncClient, Client, NoAnswer, RequestNotFound, RequestNotPermitted, calls
from fts.client.request import Request
from fts.server import local

HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


@pytest.fixture(scope="module")
def url() -> Iterator[Any]:
    with local(page_limit=2) as url:
        yield url


def apart(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a thread of its own: a browser test before this one may have left its event loop in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_both_clients_have_the_same_methods_and_arguments() -> None:
    assert public(Client) - {"close"} == public(AsyncClient) - {"aclose"}
    for name in public(Client) & public(AsyncClient):
        ours, theirs = (
            [part for part in inspect.signature(getattr(kind, name)).parameters if part != "stop"]
            for kind in (Client, AsyncClient)
        )
        assert ours == theirs and ours[0] == "self" and getattr(Client, name).__doc__, name


def described() -> Iterator[Request[Any]]:
    """Every call there is, with some arguments."""
    for name, describe in vars(calls).items():
        if inspect.isfunction(describe) and describe.__module__ == calls.__name__ and not name.startswith("_"):
            needed = [
                part.name for part in inspect.signature(describe).parameters.values() if part.default is part.empty
            ]
            example = {"curve_data": None, "parts": [], "rows": [], "at": "2027-01-01T00:00:00Z"}
            yield describe(*(example.get(part, "x") for part in needed))


def test_there_is_a_call_for_every_route_of_the_contract(url: Any) -> None:
    paths = httpx.get(f"{url}/docs/api.json").json()["paths"]
    routes = {(method.upper(), path) for path, found in paths.items() for method in found}
    followed = {("GET", path) for path in ("/events", "/product/{id}/events", "/portfolio/{id}/events")}
    asked = [(request.method, request.path) for request in described()]

    def called(method: str, path: str) -> bool:
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        return any(way == method and re.fullmatch(pattern, target) for way, target in asked)

    # The older contract, and what is the operator's: figures for a monitor, the file itself.
    other = ("/v0", "/admin", "/metrics", "/backup")
    current = {route for route in routes if not route[1].startswith(other)}
    assert {route for route in current - followed if not called(*route)} == set()


def test_a_market(url: Any) -> None:
    async def run() -> None:
        async with AsyncClient(url, url.token(admin=True)) as admin, AsyncClient(url, url.token()) as bidder:
            assert await admin.health() == {"status": "ok"}
            noon = (await admin.create_product(HOUR))["id"]
            there = [asyncio.Event(), asyncio.Event()]
            events = bidder.events(on_status=lambda lost: there[0].set())
            prices = bidder.product_events(noon, on_status=lambda lost: there[1].set())
            async with aclosing(events), aclosing(prices):
                heard, seen = asyncio.ensure_future(anext(events)), asyncio.ensure_future(anext(prices))
                await asyncio.gather(*(event.wait() for event in there))
                load, wind = await asyncio.gather(
                    bidder.create_demand({"name": "load"}, [(0, 60), (100, 20)]),
                    bidder.create_demand({"name": "wind"}, fts.Constant(5, -80, 0)),
                )
                for demand in (load, wind):
                    await bidder.create_portfolio({"name": "x"}, demand["id"], noon)
                instant = await admin.run_batch()
                assert (await heard)["instant"] == instant
                assert (await seen)["value"] == pytest.approx({"price": 28, "rate": 80})
            (price,) = await bidder.batch_prices(instant)
            assert price["product"] == noon and price["price"] == pytest.approx(28)
            more = [await admin.run_batch() for _ in range(4)]
            assert [batch["instant"] async for batch in bidder.iter_batches()] == [*more[::-1], instant]
            rows = [row["valid_from"] async for row in bidder.iter_product_outcomes(noon, after=more[0])]
            assert rows == more[::-1]
            events = bidder.events(since=instant)
            async with aclosing(events):
                assert [(await anext(events))["instant"] for _ in more] == more

    apart(run)


def test_refusals_and_no_answer(url: Any) -> None:
    async def run() -> None:
        async with AsyncClient(url, url.token()) as client:
            with pytest.raises(RequestNotFound):
                await client.demand(UUID(int=0))
            with pytest.raises(RequestNotPermitted):
                await client.run_batch()
            events = client.portfolio_events(UUID(int=0))
            with pytest.raises(RequestNotFound):
                await anext(events)
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.method)
            raise httpx.ReadError("broken")

        async with AsyncClient("http://exchange", "t", transport=httpx.MockTransport(answer)) as client:
            with pytest.raises(NoAnswer):
                await client.market()
            with pytest.raises(NoAnswer):
                await client.create_demand({"name": "x"}, None)
        assert asked == ["GET"] * 3 + ["POST"]

    apart(run)


def test_many_bidders_in_one_thread(url: Any) -> None:
    async def run() -> None:
        async def bid(k: int) -> str:
            async with AsyncClient(url, url.token()) as client:
                demand = await client.create_demand({"name": f"{k}"}, fts.Constant(k, -1, 1))
                assert [record["id"] for record in await client.demands()] == [demand["id"]]
                return demand["id"]

        assert len(set(await asyncio.gather(*map(bid, range(20))))) == 20

    apart(run)
