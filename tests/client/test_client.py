"""The client against a real exchange, and what it does when there is none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pandas as pd
import pytest

import fts
from fts.client import Client, NoAnswer
from fts.client.follow import read_events
from fts.errors import ConfigurationError, InvalidCurve, InvalidInput, RequestFailed
from fts.server import local

HOUR = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}


@pytest.fixture(scope="module")
def url() -> Iterator[Any]:
    with local(page_limit=2) as url:
        yield url


@pytest.fixture(scope="module")
def admin(url: Any) -> Iterator[Client]:
    with Client(url, url.token(admin=True), timeout=120) as client:
        yield client


@pytest.fixture
def bidder(url: Any) -> Iterator[Client]:
    with Client(url, url.token(), timeout=120) as client:
        yield client


def test_a_market_from_first_bid_to_last(admin: Client, bidder: Client) -> None:
    assert admin.health() == {"status": "ok"} and admin.market()["time_unit"] == "1h"
    noon = admin.create_product(HOUR)["id"]
    dusk = admin.create_product({**HOUR, "kind": "dusk"})["id"]
    assert admin.product(noon)["basis"] == {noon: 1}

    load = bidder.create_demand({"name": "load"}, fts.Curve([(0, 60), (100, 20)]))
    wind = bidder.create_demand({"name": "wind"}, fts.Constant(5, min_rate=-80, max_rate=0))
    assert bidder.demand(load["id"]) == load and bidder.demands() == [load, wind]
    buys = bidder.create_portfolio({"name": "buys"}, load["id"], noon)
    sells = bidder.create_portfolio({"name": "sells"}, [wind["id"]], {noon: 1, dusk: 0})
    assert bidder.portfolio(buys["id"]) == buys and len(bidder.portfolios()) == 2
    assert bidder.demand(load["id"])["portfolios"] == {buys["id"]: 1}

    first = admin.run_batch()
    prices = pd.DataFrame(bidder.batch_prices(first)).set_index("product")
    assert prices.loc[noon, "price"] == pytest.approx(28) and prices.loc[noon, "rate"] == pytest.approx(80)
    assert bidder.batch(first)["instant"] == first
    # The auction of a batch, cleared again here.
    auction = fts.Auction.from_json(admin.batch_auction(datetime.fromisoformat(first)))
    assert auction.solve().products.loc[noon, "price"] == pytest.approx(28)

    bidder.change_demand(load["id"], [(0, 40), (100, 20)])
    assert bidder.change_portfolio(sells["id"], basis={noon: 1})["basis"] == {noon: 1}
    second = admin.run_batch()
    rows = bidder.product_outcomes(noon)["results"]
    assert [row["valid_from"] for row in rows] == [second, first] and rows[1]["valid_until"] == second
    assert rows[0]["value"]["price"] == pytest.approx(24)
    assert bidder.product_outcomes(noon, before=second)["results"] == rows[1:]
    assert bidder.portfolio_outcomes(sells["id"], after=second)["results"][0]["value"]["rate"] == pytest.approx(-80)

    assert bidder.change_demand(load["id"], None)["curve_data"] is None
    assert bidder.delete_demand(wind["id"])["curve_data"] is None
    assert bidder.delete_portfolio(buys["id"])["basis"] is None
    assert bidder.demands() == []
    third = admin.run_batch()
    page = admin.batches()
    assert [batch["instant"] for batch in page["results"]] == [third, second]
    assert first in [batch["instant"] for batch in admin.batches(**page["more"])["results"]]


def test_products_page_after_page(admin: Client) -> None:
    made = [
        admin.create_product({"kind": "paged", "from": f"{day}T00:00:00Z", "thru": f"{day}T23:00:00Z"})
        for day in ("2028-01-01", "2028-01-02", "2028-01-03", "2028-01-04", "2028-01-05")
    ]
    assert len(admin.products(kind="paged")["results"]) == 2
    assert admin.all_products(kind="paged") == made
    assert admin.all_products("paged", from_="2028-01-02T00:00:00Z", thru="2028-01-03T23:00:00Z") == made[1:3]


def test_a_refusal_is_an_exception_with_status_and_detail(admin: Client, bidder: Client, url: Any) -> None:
    with pytest.raises(RequestFailed) as refused:
        bidder.create_product(HOUR)
    assert refused.value.status == 401 and "admin" in refused.value.detail
    with pytest.raises(RequestFailed, match="404"):
        bidder.demand("00000000-0000-0000-0000-000000000000")
    with Client(url) as nobody, pytest.raises(RequestFailed, match="Authorization"):
        nobody.products()
    with pytest.raises(InvalidCurve):
        bidder.create_demand({"name": "x"}, [(0, 1), (1, 2)])


def answering(*answers: Any) -> tuple[Client, list[str]]:
    """A client of an exchange that gives these answers one after another; an exception is a broken line."""
    asked: list[str] = []
    waiting = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        given = waiting.pop(0)
        if isinstance(given, Exception):
            raise given
        return httpx.Response(**given)

    return Client("http://exchange", "t", transport=httpx.MockTransport(answer)), asked


def test_what_is_sent_is_plain_json() -> None:
    bodies: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append((request.url.path, json.loads(request.content)))
        return httpx.Response(201, json={})

    # Under a path, as behind a proxy.
    client = Client("http://host/user/someone/exchange/", "t", transport=httpx.MockTransport(answer))
    start = datetime(2027, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    client.create_product({"kind": np.int64(0), "from": start, "thru": "2027-01-02T00:00:00Z"})
    one, two = str(UUID(int=1)), str(UUID(int=2))
    client.create_portfolio({"name": "x"}, {one: np.float32(0.5)}, [UUID(two)])
    client.change_demand("d", None)
    root = "/user/someone/exchange"
    assert bodies == [
        (f"{root}/product", {"kind": 0, "from": "2027-01-01T12:00:00Z", "thru": "2027-01-02T00:00:00Z"}),
        (f"{root}/portfolio", {"app_data": {"name": "x"}, "demand": {one: 0.5}, "basis": [two]}),
        (f"{root}/demand/d", None),
    ]
    for data in (object(), float("nan"), {1, 2}, datetime(2027, 1, 1)):
        with pytest.raises(InvalidInput):
            client.create_product(data)
    assert len(bodies) == 3


BROKEN = httpx.ReadError("broken")


def test_reading_is_repeated_and_a_change_is_not() -> None:
    client, asked = answering(BROKEN, httpx.ConnectError("no"), {"status_code": 200, "json": {"status": "ok"}})
    assert client.health() == {"status": "ok"} and asked == ["GET"] * 3
    client, asked = answering(*[BROKEN] * 9)
    with pytest.raises(NoAnswer) as lost:
        client.health()
    assert asked == ["GET"] * 3 and lost.value.status == 0 and isinstance(lost.value, RequestFailed)
    for change in (
        lambda: client.create_demand({"name": "x"}, None),
        lambda: client.change_demand("x", None),
        lambda: client.delete_demand("x"),
        lambda: client.run_batch(),
    ):
        asked.clear()
        with pytest.raises(NoAnswer):
            change()
        assert len(asked) == 1


def test_an_answer_that_is_no_json_is_an_error_too() -> None:
    client, _ = answering({"status_code": 502, "text": "<html>bad gateway</html>"})
    with pytest.raises(RequestFailed, match="502.*gateway"):
        client.run_batch()


def test_an_exchange_that_is_not_there() -> None:
    with Client("http://127.0.0.1:9", "t") as client, pytest.raises(NoAnswer, match="127.0.0.1:9"):
        client.run_batch()
    for url in ("no url", "ftp://x"):
        with pytest.raises(ConfigurationError):
            Client(url).health()


def test_events_as_they_are_written() -> None:
    lines = [
        ":",
        "event: outcome",
        "id: 1",
        'data: {"instant": "a",',
        ":",
        'data: "status": "solved"}',
        "",
        "event: other",
        "data: {}",
        "",
        "event:outcome",
        'data:{"instant": "b", "status": "exact"}',
        "",
        "data: {}",
        "",
        "event: outcome",
        "data: {}",
    ]
    assert [event["instant"] for event in read_events(lines)] == ["a", "b"]


def test_events_follow_the_batches(admin: Client, bidder: Client) -> None:
    told: list[str | None] = []
    stop = threading.Event()
    events = bidder.events(stop=stop, told=told.append)
    found: list[Any] = []
    ready = threading.Event()

    def follow() -> None:
        for event in events:
            found.append(event)
            ready.set()
            if len(found) == 3:
                stop.set()

    thread = threading.Thread(target=follow)
    thread.start()
    while not told:
        ready.wait(0.01)
    instants = [admin.run_batch() for _ in range(3)]
    thread.join(30)
    assert not thread.is_alive()
    assert [event["instant"] for event in found] == instants and told == [None]


def test_events_begin_after_what_is_known(admin: Client, bidder: Client) -> None:
    known, *missed = [admin.run_batch() for _ in range(6)]
    events = bidder.events(since=known)
    assert [next(events)["instant"] for _ in missed] == missed
    now = admin.run_batch()
    assert next(events)["instant"] == now
    events.close()  # type: ignore[attr-defined]


def test_events_need_a_good_token(url: Any) -> None:
    with Client(url, "bad") as client, pytest.raises(RequestFailed, match="401"):
        next(client.events())


def test_nothing_is_missed_and_nothing_comes_twice_when_the_line_breaks() -> None:
    def batch(second: int) -> dict[str, str]:
        return {"instant": f"2027-01-01T00:00:0{second}Z", "status": "solved"}

    def stream(*seconds: int) -> dict[str, Any]:
        text = "".join(
            f'event: outcome\nid: x\ndata: {{"instant": "{batch(k)["instant"]}", "status": "solved"}}\n\n'
            for k in seconds
        )
        return {"status_code": 200, "text": ":\n" + text, "headers": {"content-type": "text/event-stream"}}

    page = {"results": [batch(4)], "more": {"before": batch(4)["instant"]}}
    client, asked = answering(
        stream(1, 2),
        BROKEN,
        {"status_code": 503, "json": {"detail": "busy"}},
        # While it was away, 3 and 4 ran; 4 is in the stream as well.
        stream(4, 5),
        {"status_code": 200, "json": page},
        {"status_code": 200, "json": {"results": [batch(3)]}},
    )
    told: list[str | None] = []
    events = client.events(told=told.append)
    assert [next(events) for _ in range(5)] == [batch(k) for k in (1, 2, 3, 4, 5)]
    assert told[0] is None and told[-1] is None and len(told) == 5
    assert "busy" in str(told[3])
