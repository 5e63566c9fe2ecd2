"""Names of 0.1 that a user may have used: each works for one release, with a warning that names the new one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from fts.client import AsyncClient, Client, NoAnswer, types
from fts.server import local

NAMES = {
    "each_product": "iter_products",
    "each_product_outcome": "iter_product_outcomes",
    "each_curve": "iter_curves",
    "each_demand_weights": "iter_demand_weights",
    "each_basis": "iter_bases",
    "each_portfolio_outcome": "iter_portfolio_outcomes",
    "each_batch": "iter_batches",
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local() as url, Client(url, url.token(admin=True)) as client:
        for _ in range(3):
            client.run_batch()
        yield client


def test_a_method_that_iterates_over_all_pages(client: Client) -> None:
    with pytest.warns(DeprecationWarning, match="each_batch is now called iter_batches"):
        old = list(client.each_batch())
    assert len(old) == 3 and old == list(client.iter_batches())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_old_method_calls_the_new_one(kind: type) -> None:
    for old, new in NAMES.items():
        assert getattr(kind, old).__wrapped__ is getattr(kind, new)


def test_the_callback_of_a_stream(client: Client) -> None:
    states: list[str | None] = []
    with pytest.warns(DeprecationWarning, match="told is now called on_status"):
        events = client.events("1970-01-01T00:00:00Z", told=states.append)
    next(events)
    events.close()
    assert states == [None]


def test_the_callback_of_a_stream_of_the_other_client(client: Client) -> None:
    states: list[str | None] = []
    url, token = client.url, client.url.token(admin=True)  # type: ignore[attr-defined]

    async def first() -> None:
        async with AsyncClient(url, token) as other:
            with pytest.warns(DeprecationWarning, match="told is now called on_status"):
                events = other.events("1970-01-01T00:00:00Z", told=states.append)
            await anext(events)
            await events.aclose()

    # A browser test before this one may have left its event loop in the main thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(first())).result()
    assert states == [None]


def test_whether_a_request_was_sent() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too slow")

    with Client("http://127.0.0.1:1", transport=httpx.MockTransport(fail)) as client, pytest.raises(NoAnswer) as error:
        client.run_batch()
    with pytest.warns(DeprecationWarning, match="may_have_arrived"):
        assert error.value.sent
    assert error.value.may_have_arrived


def test_the_types_of_records() -> None:
    from fts.client import records

    with pytest.warns(DeprecationWarning, match="fts.client.types.HistoryEntry"):
        assert records.Row is types.HistoryEntry
    with pytest.warns(DeprecationWarning, match="fts.client.types.Batch"):
        assert records.Batch is types.Batch
    with pytest.raises(AttributeError, match="Rows"):
        records.Rows  # noqa: B018  (the look-up itself is the test)
