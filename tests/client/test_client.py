"""The client against a real exchange, and what it does when there is none."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fts
from fts.client import Client, NoAnswer, RequestInvalid, RequestNotFound, RequestNotPermitted, TooManyRequests
from fts.client.sse import EventCursor, batch_events
from fts.errors import (
    AlreadyExists,
    AlreadyPartitioned,
    ConfigurationError,
    InvalidCurve,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotSolved,
    RequestFailed,
)
from fts.models.arguments import CurveLike
from fts.models.timestamps import format_instant
from fts.server import JwtApplication, create_app, local
from fts.server.jwt_application import write_token
from fts.server.uvicorn_server import ExchangeServer, open_socket
from fts.store import DuckStore

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


def test_histories(admin: Client, bidder: Client) -> None:
    one, two = (admin.create_product({**HOUR, "kind": f"history {k}"})["id"] for k in range(2))
    demand = bidder.create_demand({"name": "x"}, fts.Constant(5, -1, 1))["id"]
    portfolio = bidder.create_portfolio({"name": "x"}, demand, one)["id"]
    for price in (6, 7):
        bidder.change_demand(demand, fts.Constant(price, -1, 1))
    bidder.change_portfolio(portfolio, {demand: 2}, [one, two])
    # A page has two rows here.
    page = bidder.curve_history(demand)
    assert [row["value"]["price"] for row in page["results"]] == [7, 6]
    assert [row["value"]["price"] for row in bidder.curve_history(demand, **page["more"])["results"]] == [5]
    rows = list(bidder.iter_curves(demand))
    assert [row["value"]["price"] for row in rows] == [7, 6, 5]
    assert [row["valid_until"] for row in rows] == [None, rows[0]["valid_from"], rows[1]["valid_from"]]
    assert [row["value"] for row in bidder.iter_demand_weights(portfolio)] == [{demand: 2}, {demand: 1}]
    assert [row["value"] for row in bidder.basis_history(portfolio)["results"]] == [{one: 1, two: 1}, {one: 1}]
    assert len(list(bidder.iter_bases(portfolio, before=rows[0]["valid_from"]))) == 1


def test_outcomes_and_batches_page_after_page(admin: Client, bidder: Client) -> None:
    product = admin.create_product({**HOUR, "kind": "long"})["id"]
    demand = bidder.create_demand({"name": "x"}, fts.Constant(5, -1, 1))["id"]
    portfolio = bidder.create_portfolio({"name": "x"}, demand, product)["id"]
    ran = [admin.run_batch() for _ in range(5)]
    newest_first = ran[::-1]
    assert [row["valid_from"] for row in bidder.iter_product_outcomes(product)] == newest_first
    assert [row["valid_from"] for row in bidder.iter_portfolio_outcomes(portfolio, after=ran[1])] == newest_first[:4]
    assert [batch["instant"] for batch in bidder.iter_batches(after=ran[0], before=ran[4])] == newest_first[1:]
    bidder.delete_portfolio(portfolio)


def test_many_bids_at_once(admin: Client, bidder: Client) -> None:
    product = admin.create_product({**HOUR, "kind": "bulk"})["id"]
    bid = fts.Curve([(0, 60), (100, 20)])
    curves: dict[str, CurveLike] = {"load": bid, "wind": fts.Constant(5, -80, 0), "later": None}
    load, wind, later = bidder.send_demands(
        {"app_data": {"name": name}, "curve_data": curve} for name, curve in curves.items()
    )
    assert bidder.demand(load)["curve_data"] == bid.to_json()
    buys, sells = bidder.send_portfolios(
        {"app_data": {"name": "x"}, "demand": demand, "basis": {UUID(product): 1}} for demand in (load, wind)
    )
    instant = admin.run_batch()
    (row,) = [price for price in bidder.batch_prices(instant) if price["product"] == product]
    assert row["price"] == pytest.approx(28)
    changed = [{"id": load, "curve_data": [(0, 40), (100, 20)]}, {"app_data": {"name": "new"}, "curve_data": None}]
    assert bidder.send_demands(changed)[0] == load
    assert bidder.demand(load)["curve_data"][0]["price"] == 40
    with pytest.raises(RequestInvalid, match="422.*row 2"):
        bidder.send_portfolios([{"id": buys, "basis": {}}, {"id": sells, "basis": {UUID(int=0): 1}}])
    assert bidder.portfolio(buys)["basis"] == {product: 1}
    with pytest.raises(RequestNotPermitted, match="row 1"):
        admin.send_demands([{"id": wind, "curve_data": None}])
    with pytest.raises(InvalidInput, match="row 2"):
        bidder.send_demands([{"id": load, "curve_data": None}, {"id": wind, "curve_data": [(0, 1), (1, 2)]}])
    assert bidder.demand(load)["curve_data"] is not None
    assert bidder.send_portfolios([{"id": buys, "demand": {}}, {"id": sells, "basis": []}]) == [buys, sells]
    assert bidder.portfolio(buys)["demand"] is None and bidder.portfolio(sells)["basis"] is None


def test_tables_of_bids(admin: Client, bidder: Client) -> None:
    product = admin.create_product({**HOUR, "kind": "table"})["id"]
    new = pd.DataFrame(
        {
            "app_data": [json.dumps({"name": name}) for name in ("load", "wind", "later")],
            "rates": [[0.0, 100.0], [-80.0, 0.0], None],
            "prices": [[60.0, 20.0], [5.0, 5.0], None],
            "constant": [False, True, False],
        }
    )
    load, wind, later = bidder.send_demands(new)
    assert bidder.demand(load)["curve_data"] == fts.Curve([(0, 60), (100, 20)]).to_json()
    assert bidder.demand(wind)["curve_data"] == fts.Constant(5, -80, 0).to_json()
    assert bidder.demand(later)["curve_data"] is None and bidder.demand(later)["app_data"] == {"name": "later"}
    bidder.send_demands(pl.DataFrame({"id": [wind], "rates": [[-1.0, 1.0]], "prices": [[3.0, 2.0]]}))
    assert bidder.demand(wind)["curve_data"] == fts.Curve([(-1, 3), (1, 2)]).to_json()
    weights = pa.map_(pa.string(), pa.float64())
    rows = pa.table(
        {
            "app_data": ['{"name": "x"}'] * 2,
            "demand": pa.array([[(load, 1.0)], [(wind, 0.5)]], weights),
            "basis": pa.array([[(product, 2.0)], None], weights),
        }
    )
    buys, idle = bidder.send_portfolios(rows)
    assert bidder.portfolio(buys)["basis"] == {product: 2} and bidder.portfolio(idle)["demand"] == {wind: 0.5}
    assert bidder.portfolio(idle)["basis"] is None
    for table, said in (({"price": [1.0]}, "'price'"), ({"id": [load], "rates": ["x"]}, "another type")):
        with pytest.raises(InvalidInput, match=said):
            bidder.send_demands(pa.table(table))
    bidder.delete_portfolio(buys)


def test_a_basis_in_the_products_that_trade_now(admin: Client, bidder: Client) -> None:
    day = admin.create_product({"kind": "day", "from": "2027-06-01T00:00:00Z", "thru": "2027-06-02T00:00:00Z"})["id"]
    portfolio = bidder.create_portfolio({"name": "x"}, None, {day: 3})["id"]
    halves = [
        ({"kind": "half a day", "from": "2027-06-01T00:00:00Z", "thru": "2027-06-01T12:00:00Z"}, 0.5),
        ({"kind": "half a day", "from": "2027-06-01T12:00:00Z", "thru": "2027-06-02T00:00:00Z"}, 0.25),
    ]
    first, second = (part["id"] for part in admin.split_product(day, halves))
    assert bidder.portfolio(portfolio)["basis"] == {day: 3}
    assert bidder.portfolio(portfolio, expand=True)["basis"] == {first: 1.5, second: 0.75}


def test_products_page_after_page(admin: Client) -> None:
    made = [
        admin.create_product({"kind": "paged", "from": f"{day}T00:00:00Z", "thru": f"{day}T23:00:00Z"})
        for day in ("2028-01-01", "2028-01-02", "2028-01-03", "2028-01-04", "2028-01-05")
    ]
    assert len(admin.products(kind="paged")["results"]) == 2
    assert list(admin.iter_products(kind="paged")) == made
    assert list(admin.iter_products("paged", from_="2028-01-02T00:00:00Z", thru="2028-01-03T23:00:00Z")) == made[1:3]


def test_a_refusal_is_an_exception_with_status_and_detail(admin: Client, bidder: Client, url: Any) -> None:
    with pytest.raises(RequestFailed) as refused:
        bidder.create_product(HOUR)
    assert refused.value.status == 401 and "admin" in refused.value.detail
    assert isinstance(refused.value, NotPermitted)
    with pytest.raises(NotFound, match="404") as missing:
        bidder.demand(UUID(int=0))
    assert isinstance(missing.value, RequestNotFound) and missing.value.status == 404
    again = admin.create_product({**HOUR, "kind": "twice"})
    with pytest.raises(AlreadyExists, match="409"):
        admin.create_product({**HOUR, "kind": "twice"})
    with pytest.raises(InvalidInput, match="422"):
        bidder.create_portfolio({"name": "x"}, None, {UUID(int=0): 1})
    half = {**HOUR, "kind": "half"}
    assert [part["parent"] for part in admin.split_product(again["id"], [(half, 2.0)])] == [[again["id"], 2.0]]
    with pytest.raises(AlreadyPartitioned, match="403"):
        admin.split_product(again["id"], [({**half, "kind": "other half"}, 1.0)])
    loops = [bidder.create_demand({"name": "x"}, fts.Constant(price))["id"] for price in (10, 5)]
    endless = [bidder.create_portfolio({"name": "x"}, demand, again["id"])["id"] for demand in loops]
    with pytest.raises(NotSolved, match="422"):
        admin.run_batch()
    for portfolio in endless:
        bidder.delete_portfolio(portfolio)
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
OFF = httpx.ConnectError("nobody there")


def test_what_does_no_harm_twice_is_sent_again() -> None:
    client, asked = answering(BROKEN, httpx.ConnectError("no"), {"status_code": 200, "json": {"status": "ok"}})
    assert client.health() == {"status": "ok"} and asked == ["GET"] * 3
    client, asked = answering(*[BROKEN] * 9)
    with pytest.raises(NoAnswer) as lost:
        client.health()
    assert asked == ["GET"] * 3 and lost.value.status == 0 and isinstance(lost.value, RequestFailed)
    for method, repeatable in {
        "PUT": lambda: client.change_demand("x", None),
        "DELETE": lambda: client.delete_demand("x"),
    }.items():
        asked.clear()
        with pytest.raises(NoAnswer):
            repeatable()
        assert asked == [method] * 3


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("POST", lambda client: client.create_demand({"name": "x"}, None)),
        ("POST", lambda client: client.send_demands([{"app_data": {"name": "x"}, "curve_data": None}])),
        ("POST", lambda client: client.run_batch()),
        ("PATCH", lambda client: client.change_portfolio("x", basis={})),
    ],
)
def test_a_change_that_may_have_arrived_is_not_sent_again(method: str, change: Any) -> None:
    done = {"status_code": 200, "json": {"ids": []}}
    client, asked = answering(BROKEN, done)
    with pytest.raises(NoAnswer) as lost:
        change(client)
    assert asked == [method] and lost.value.may_have_arrived
    # What never left is sent again, and so is what the exchange put off.
    client, asked = answering(OFF, {"status_code": 429, "json": {}, "headers": {"Retry-After": "0"}}, done)
    change(client)
    assert asked == [method] * 3
    client, asked = answering({"status_code": 429, "json": {"detail": "x"}, "headers": {"Retry-After": "60"}})
    with pytest.raises(TooManyRequests) as refused:
        change(client)
    assert refused.value.pause == 60


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
        "id:2",
        "",
        "data: {}",
        "",
        "event: outcome",
        "data: {}",
        "id: 3",
    ]
    cursor = EventCursor(batch_events(), None)
    found = [(event, cursor.last) for line in lines if (event := cursor.feed_line(line)) is not None]
    assert [(event["instant"], last) for event, last in found] == [("a", "1"), ("b", "2")]
    # What did not end is not known.
    cursor.connected()
    assert cursor.feed_line("") is None and cursor.last == "2"


def test_events_follow_the_batches(admin: Client, bidder: Client) -> None:
    told: list[str | None] = []
    stop = threading.Event()
    events = bidder.events(stop=stop, on_status=told.append)
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
    events.close()


def test_events_of_a_product_and_of_a_portfolio(admin: Client, bidder: Client) -> None:
    product = admin.create_product({**HOUR, "kind": "followed"})["id"]
    demands = [bidder.create_demand({"name": "x"}, curve)["id"] for curve in ([(0, 60), (100, 20)], ((-80, 5), (0, 5)))]
    buys, sells = (bidder.create_portfolio({"name": "x"}, demand, product)["id"] for demand in demands)
    first, second = admin.run_batch(), admin.run_batch()
    prices, fills = bidder.product_events(product, since=first), bidder.portfolio_events(sells, since=first)
    for events, rate in ((prices, 80), (fills, -80)):
        row = next(events)
        assert row["valid_from"] == second and row["valid_until"] is None
        assert row["value"] == pytest.approx({"price": 28, "rate": rate})
    third = admin.run_batch()
    assert next(prices)["valid_from"] == next(fills)["valid_from"] == third
    with pytest.raises(RequestNotPermitted):
        next(admin.portfolio_events(buys))
    for portfolio in (buys, sells):
        bidder.delete_portfolio(portfolio)


def test_events_need_a_good_token(url: Any) -> None:
    with Client(url, "bad") as client, pytest.raises(RequestNotPermitted, match="401"):
        next(client.events())


def batch(second: int) -> dict[str, str]:
    return {"instant": f"2027-01-01T00:00:0{second}Z", "status": "solved"}


def stream(*seconds: int) -> dict[str, Any]:
    text = "".join(f"event: outcome\nid: {batch(k)['instant']}\ndata: {json.dumps(batch(k))}\n\n" for k in seconds)
    return {"status_code": 200, "text": ":\n" + text, "headers": {"content-type": "text/event-stream"}}


def test_a_line_that_breaks_is_made_again_from_the_last_event() -> None:
    asked: list[Any] = []
    answers: Iterator[Any] = iter(
        [
            {"status_code": 200, "json": {"results": [batch(0)]}},
            stream(1, 2),
            BROKEN,
            {"status_code": 503, "json": {"detail": "busy"}},
            {"status_code": 429, "json": {"detail": "slowly"}, "headers": {"Retry-After": "0"}},
            stream(3, 4),
            {"status_code": 401, "json": {"detail": "the token has expired"}},
        ]
    )

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.headers.get("Last-Event-ID")))
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return httpx.Response(**given)

    told: list[str | None] = []
    events = Client("http://exchange", "t", transport=httpx.MockTransport(answer)).events(on_status=told.append)
    assert [next(events) for _ in range(4)] == [batch(k) for k in (1, 2, 3, 4)]
    with pytest.raises(RequestFailed, match="expired"):
        next(events)
    # What ran between the first look and the first connection is not missed either.
    last = [batch(k)["instant"] for k in (0, 2, 2, 2, 2, 4)]
    assert asked == [("/batch", None), *(("/events", instant) for instant in last)]
    assert told[0] is None and told[-1] == "the exchange ended the connection" and len(told) == 7
    assert "busy" in str(told[3])


def test_an_exchange_that_restarts_is_followed_on(tmp_path: Path) -> None:
    """A real line that breaks: the exchange stops, runs batches nobody hears, and comes back on the same port."""
    secret = "a secret of this test, long enough"
    token = write_token(secret, UUID(int=1), admin=True, issued=datetime.now(UTC))
    listener = open_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    found: list[str] = []
    ran: list[str] = []

    @contextmanager
    def exchange() -> Iterator[None]:
        app = create_app(DuckStore(tmp_path / "market"), JwtApplication(secret))
        server = ExchangeServer(app, app.state.broadcaster)
        sock = open_socket("127.0.0.1", port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield
        finally:
            server.should_exit = True
            thread.join()
            sock.close()

    stop = threading.Event()
    with Client(f"http://127.0.0.1:{port}", token) as client:
        with exchange():
            ran.append(client.run_batch())

            def follow() -> None:
                for event in client.events(since=ran[0], stop=stop):
                    found.append(event["instant"])
                    if len(found) == 6:
                        return

            thread = threading.Thread(target=follow)
            thread.start()
            ran += [client.run_batch() for _ in range(2)]
        with fts.Market(tmp_path / "market") as market:
            ran += [format_instant(market.run_batch().instant) for _ in range(2)]
        with exchange():
            ran += [client.run_batch() for _ in range(2)]
            thread.join(30)
            stop.set()
    assert found == ran[1:]
