"""Events: one for every batch, to everyone who listens and keeps up."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import httpx
import pytest

from fts.errors import NotPermitted
from fts.models.records import BatchRecord
from fts.models.timestamps import format_instant
from fts.server import JwtApplication, create_app, local, sse
from fts.server.broadcast import EventBroadcaster, batch_event
from fts.server.jwt_application import write_token
from fts.server.routes import events
from fts.server.sse import Backlog, EventStream, Reauthorization
from fts.server.uvicorn_server import serve_in_thread
from fts.server.v0 import events as v0_events
from fts.store import DuckStore
from tests.server.conftest import LOAD, Exchange

MANY = 50_000
"""More events than what lies between a server and a reader can hold: both sockets' buffers and the server's own."""


def apart(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a thread of its own: a browser test before this one may have left its event loop in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


@contextmanager
def listening(
    exchange: Exchange, token: str, path: str = "/events", since: str | None = None
) -> Iterator[Iterator[str]]:
    headers = {"Authorization": f"Bearer {token}"} | ({} if since is None else {"Last-Event-ID": since})
    with httpx.stream("GET", f"{exchange.url}{path}", headers=headers, timeout=60) as reply:
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["cache-control"] == "no-cache"
        yield reply.iter_lines()


def block(lines: Iterator[str]) -> list[str]:
    """The lines of the next event, without comments."""
    found: list[str] = []
    for line in lines:
        if not line:
            return found
        if not line.startswith(":"):
            found.append(line)
    raise AssertionError("the stream ended")


def test_a_batch_is_one_event_to_each_who_listens(exchange: Exchange) -> None:
    with listening(exchange, exchange.alice) as first, listening(exchange, exchange.bob) as second:
        for _ in range(3):
            instant = exchange.batch()
            for lines in (first, second):
                name, key, data = block(lines)
                assert (name, key) == ("event: outcome", f"id: {instant}")
                assert json.loads(data.removeprefix("data: ")) == {
                    "instant": instant,
                    "status": exchange.ask("GET", f"/batch/{instant}", exchange.bob).json()["status"],
                }


def outcome(lines: Iterator[str]) -> tuple[str, Any]:
    """Id and data of the next event."""
    name, key, data = block(lines)
    assert name == "event: outcome"
    return key.removeprefix("id: "), json.loads(data.removeprefix("data: "))


def test_a_product_and_a_portfolio_tell_of_their_own_outcomes(exchange: Exchange) -> None:
    product, load, wind = exchange.cross()
    idle = exchange.product()
    with (
        listening(exchange, exchange.bob, f"/product/{product}/events") as prices,
        listening(exchange, exchange.alice, f"/portfolio/{load}/events") as bought,
        listening(exchange, exchange.bob, f"/portfolio/{wind}/events") as sold,
        listening(exchange, exchange.bob, f"/product/{idle}/events") as nothing,
    ):
        first, second = exchange.batch(), exchange.batch()
        for lines, rate in ((prices, 80), (bought, 80), (sold, -80)):
            for instant in (first, second):
                key, data = outcome(lines)
                assert key == data["valid_from"] == instant and data["valid_until"] is None
                assert set(data) == {"valid_from", "valid_until", "value"}
                # The 80th MWh/h is worth 60 - 0.4 * 80.
                assert abs(data["value"]["price"] - 28) < 1e-6 and abs(data["value"]["rate"] - rate) < 1e-6
        seller = exchange.portfolio(exchange.demand(LOAD), idle)
        third = exchange.batch()
        assert outcome(nothing)[0] == third, "what took no part in a batch has no event of it"
    for name in (load, seller):
        exchange.ask("DELETE", f"/portfolio/{name}", exchange.alice)
    exchange.ask("DELETE", f"/portfolio/{wind}", exchange.bob)


def test_a_failed_batch_shows_on_the_events_of_batches_only(exchange: Exchange) -> None:
    product, load, wind = exchange.cross()
    with (
        listening(exchange, exchange.bob) as batches,
        listening(exchange, exchange.bob, f"/product/{product}/events") as prices,
        listening(exchange, exchange.alice, f"/portfolio/{load}/events") as fills,
    ):
        first = exchange.batch()
        endless = [exchange.portfolio(exchange.demand({"price": price}), product) for price in (10, 5)]
        assert exchange.ask("POST", "/batch", exchange.admin).status_code == 422
        for name in endless:
            exchange.ask("DELETE", f"/portfolio/{name}", exchange.alice)
        third = exchange.batch()
        assert [outcome(batches)[1]["status"] == "not solved" for _ in range(3)] == [False, True, False]
        for lines in (prices, fills):
            assert [outcome(lines)[0] for _ in range(2)] == [first, third]
    with listening(exchange, exchange.bob, f"/product/{product}/events", since=first) as prices:
        assert outcome(prices)[0] == third
    exchange.ask("DELETE", f"/portfolio/{load}", exchange.alice)
    exchange.ask("DELETE", f"/portfolio/{wind}", exchange.bob)


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(exchange: Exchange) -> None:
    product, load, wind = exchange.cross()
    # More than three pages of what this exchange reads at one time.
    first, *missed = [exchange.batch() for _ in range(11)]
    for path, token in (
        ("/events", exchange.bob),
        (f"/product/{product}/events", exchange.bob),
        (f"/portfolio/{load}/events", exchange.alice),
    ):
        with listening(exchange, token, path, since=first) as lines:
            assert [outcome(lines)[0] for _ in missed] == missed
            now = exchange.batch()
            assert outcome(lines)[0] == now
        with listening(exchange, token, path, since=missed[-2]) as lines:
            # Its end is known by now.
            key, data = outcome(lines)
            assert key == missed[-1] and ("status" in data or data["valid_until"] is not None)
            assert outcome(lines)[0] > missed[-1]
        missed.append(now)
    exchange.ask("DELETE", f"/portfolio/{load}", exchange.alice)
    exchange.ask("DELETE", f"/portfolio/{wind}", exchange.bob)


def test_coming_back_while_batches_run_leaves_no_gap(exchange: Exchange) -> None:
    product, load, wind = exchange.cross()
    first = exchange.batch()
    ran: list[str] = []
    thread = threading.Thread(target=lambda: ran.extend(exchange.batch() for _ in range(60)))
    thread.start()
    heard: dict[str, list[str]] = {"/events": [], f"/product/{product}/events": []}
    last = dict.fromkeys(heard, first)
    # Each stretch ends after a few events, in the middle of what happens.
    while thread.is_alive() or min(map(len, heard.values())) < 60:
        for path, instants in heard.items():
            with listening(exchange, exchange.bob, path, since=last[path]) as lines:
                while len(instants) < 60:
                    instants.append(outcome(lines)[0])
                    if len(instants) % 7 == 0:
                        break
            last[path] = instants[-1]
    thread.join()
    assert all(instants == ran for instants in heard.values())
    exchange.ask("DELETE", f"/portfolio/{load}", exchange.alice)
    exchange.ask("DELETE", f"/portfolio/{wind}", exchange.bob)


def test_batches_at_the_same_time_are_told_in_their_order(exchange: Exchange) -> None:
    with listening(exchange, exchange.alice) as lines, ThreadPoolExecutor(8) as pool:
        ran = list(pool.map(lambda _: exchange.batch(), range(40)))
        assert [outcome(lines)[0] for _ in ran] == sorted(ran, key=datetime.fromisoformat)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/events", {}, 400),
        ("/events", {"Last-Event-ID": "yesterday"}, 400),
        ("/events", {"Last-Event-ID": ""}, 400),
        ("/events", {"Last-Event-ID": "2027-01-01T00:00:00"}, 400),
        ("/events", {"Authorization": "Bearer bad"}, 401),
        ("/product/5/events", {}, 400),
        (f"/product/{UUID(int=1)}/events", {"Authorization": "Bearer bad", "Last-Event-ID": "x"}, 400),
        (f"/product/{UUID(int=1)}/events", {"Authorization": "Bearer bad"}, 401),
        (f"/product/{UUID(int=1)}/events", {}, 404),
        (f"/portfolio/{UUID(int=1)}/events", {"Last-Event-ID": "x"}, 400),
        (f"/portfolio/{UUID(int=1)}/events", {"Authorization": "Bearer bad"}, 404),
        (f"/portfolio/{UUID(int=1)}/events", {}, 404),
    ],
)
def test_what_is_refused_before_the_stream(exchange: Exchange, path: str, headers: dict[str, str], status: int) -> None:
    given = {} if path == "/events" and not headers else {"Authorization": f"Bearer {exchange.alice}"} | headers
    assert exchange.ask("GET", path, headers=given).status_code == status


def test_the_fills_of_another_bidder_are_not_told(exchange: Exchange) -> None:
    load = exchange.portfolio(exchange.demand(LOAD), exchange.product())
    assert exchange.ask("GET", f"/portfolio/{load}/events", exchange.bob).status_code == 401
    exchange.ask("DELETE", f"/portfolio/{load}", exchange.alice)


def test_a_head_of_the_events_does_not_listen_for_ever(exchange: Exchange) -> None:
    assert exchange.http.head("/events", headers={"Authorization": f"Bearer {exchange.alice}"}).status_code == 405


def test_a_failed_batch_is_an_event_too(exchange: Exchange) -> None:
    product = exchange.product()
    bids = [exchange.portfolio(exchange.demand({"price": price}), product) for price in (10, 5)]
    with listening(exchange, exchange.alice) as lines:
        assert exchange.ask("POST", "/batch", exchange.admin).status_code == 422
        assert json.loads(block(lines)[2].removeprefix("data: "))["status"] == "not solved"
    for name in bids:
        exchange.ask("DELETE", f"/portfolio/{name}", exchange.alice)


def record(k: int) -> BatchRecord:
    instant = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(seconds=k)
    return BatchRecord(instant, instant, None, "solved", None, "clarabel", None, 0.0, 0, 0, 0)


async def _never() -> Any:
    await asyncio.Event().wait()


def test_the_line_is_kept_open_by_comments_that_end_no_event() -> None:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def run() -> None:
        broadcaster = EventBroadcaster()
        broadcaster.open()
        stream = EventStream(broadcaster, heartbeat=0.05)
        async with anyio.create_task_group() as group:
            group.start_soon(stream, {"type": "http"}, _never, send)
            await asyncio.sleep(0.2)
            broadcaster.publish(record(0))
            await asyncio.sleep(0.02)
            broadcaster.close()

    apart(run)
    comments = [body for body in sent if body == b":\n"]
    assert len(comments) >= 3
    # A comment is a line of its own, and no empty line follows it: only the event has one.
    assert b"".join(sent).count(b"\n\n") == 1
    assert sent[-1] == b""


def test_a_slow_reader_is_dropped_and_nobody_waits_for_it() -> None:
    stuck, kept = [], []

    async def block_for_ever(message: Any) -> None:
        stuck.append(message)
        if len(stuck) > 2:
            await asyncio.Event().wait()

    async def keep(message: Any) -> None:
        kept.append(message.get("body", b""))

    async def run() -> None:
        broadcaster = EventBroadcaster(queue_size=4)
        broadcaster.open()
        slow = asyncio.create_task(EventStream(broadcaster)({"type": "http"}, _never, block_for_ever))
        quick = asyncio.create_task(EventStream(broadcaster)({"type": "http"}, _never, keep))
        await asyncio.sleep(0.02)
        for k in range(20):
            broadcaster.publish(record(k))
            await asyncio.sleep(0.001)
        await asyncio.wait_for(slow, 5)
        broadcaster.close()
        await asyncio.wait_for(quick, 5)

    apart(run)
    assert sum(b"event: outcome" in body for body in kept) == 20


def test_a_reader_that_reads_nothing_holds_up_neither_the_others_nor_the_end() -> None:
    app = create_app(DuckStore(), JwtApplication("a secret of this test, long enough"))
    token = write_token("a secret of this test, long enough", UUID(int=1), admin=False, issued=datetime.now(UTC))
    broadcaster, heard = app.state.broadcaster, 0
    broadcaster.drain_timeout = 0.5
    with socket.socket() as stuck, serve_in_thread(app, broadcaster) as url:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        stuck.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        stuck.sendall(f"GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.stream("GET", f"{url}/events", headers=headers, timeout=60) as reply:
            lines = reply.iter_lines()
            for k in range(MANY):
                broadcaster.publish(record(k))
                if k % 50 == 49:
                    heard += sum(bool(block(lines)) for _ in range(50))
            assert sum(map(len, broadcaster._subscribers.values())) == 1, "the other one was dropped"
        stopping = time.monotonic()
    assert heard == MANY and time.monotonic() - stopping < 10


def expired() -> None:
    raise NotPermitted("it has expired")


def out_of_order() -> None:
    raise RuntimeError("the table of tokens is gone; the token was s3cret")


@pytest.mark.parametrize("why", [expired, out_of_order])
def test_who_may_read_no_longer_hears_no_more(why: Callable[[], None], caplog: pytest.LogCaptureFixture) -> None:
    sent: list[bytes] = []
    answers: Iterator[Callable[[], None]] = iter([lambda: None, lambda: None, why])

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def run() -> None:
        broadcaster = EventBroadcaster()
        broadcaster.open()
        with ThreadPoolExecutor(1) as pool:
            check = Reauthorization(lambda: next(answers)(), pool, interval=0.02)
            stream = asyncio.create_task(
                EventStream(broadcaster, reauthorization=check)({"type": "http"}, _never, send)
            )
            await asyncio.sleep(0.01)
            broadcaster.publish(record(0))
            await asyncio.wait_for(stream, 5)
            assert not broadcaster._subscribers
            broadcaster.publish(record(1))
            broadcaster.close()

    apart(run)
    # It ends as a stream that has ended, not as a line that broke.
    assert [b"event: outcome" in body for body in sent].count(True) == 1 and sent[-1] == b""
    assert next(answers, None) is None and "s3cret" not in caplog.text


def test_who_may_read_no_longer_is_not_told_what_was_missed_either() -> None:
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def run() -> None:
        broadcaster = EventBroadcaster()
        broadcaster.open()
        with ThreadPoolExecutor(2) as pool:

            def read(since: datetime) -> list[Any]:
                # Without an end, and a batch comes all the while.
                time.sleep(0.01)
                broadcaster.publish(record(0))
                return [batch_event(record(len(sent)))]

            backlog = Backlog(datetime(2027, 1, 1, tzinfo=UTC), read, pool)
            check = Reauthorization(expired, pool, interval=0.1)
            stream = EventStream(broadcaster, backlog=backlog, reauthorization=check)
            await asyncio.wait_for(stream({"type": "http"}, _never, send), 5)
        broadcaster.close()

    apart(run)
    assert 1 < len(sent) < 60 and sent[-1] == b""


def test_an_open_stream_ends_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one: a token that the application's clock lets expire while three streams are open."""
    for name in (events, v0_events):
        monkeypatch.setattr(name, "Reauthorization", partial(sse.Reauthorization, interval=0.05))
    application = JwtApplication("a secret of this test, long enough")
    token = write_token("a secret of this test, long enough", UUID(int=1), admin=True, issued=datetime.now(UTC))
    app = create_app(DuckStore(), application)
    headers = {"Authorization": f"Bearer {token}"}
    with (
        serve_in_thread(app, app.state.broadcaster) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as http,
    ):
        hour = {"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"}
        product = http.post("/product", json=hour).json()["id"]
        body = {"app_data": {"name": "d"}, "curve_data": [{"rate": 0, "price": 1}]}
        demand = http.post("/demand", json=body).json()["id"]
        body = {"app_data": {"name": "p"}, "demand": demand, "basis": product}
        portfolio = http.post("/portfolio", json=body).json()["id"]
        paths = ["/events", f"/product/{product}/events", f"/portfolio/{portfolio}/events"]
        paths.append(f"/v0/outcomes/bidders/{UUID(int=1)}")
        with ExitStack() as stack:
            replies = [stack.enter_context(http.stream("GET", path)) for path in paths]
            lines = [reply.iter_lines() for reply in replies]
            assert [next(one) for one in lines] == [":"] * len(paths)
            monkeypatch.setattr(application, "identify", lambda token: None)
            # To its end, without an error of the connection.
            assert [[line for line in one if line and line != ":"] for one in lines] == [[]] * len(paths)
        assert http.get("/events").status_code == 401
        # What anyone may read goes on.
        with http.stream("GET", "/v0/outcomes", headers={"Authorization": ""}) as reply:
            assert next(reply.iter_lines()) == ":"


def test_stopping_waits_for_no_stuck_reader() -> None:
    async def block_for_ever(message: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        broadcaster = EventBroadcaster(drain_timeout=0.05)
        broadcaster.open()
        stuck = asyncio.create_task(EventStream(broadcaster)({"type": "http"}, _never, block_for_ever))
        await asyncio.sleep(0.02)
        broadcaster.close()
        await asyncio.wait_for(stuck, 5)

    apart(run)


def test_a_reader_who_goes_away_is_forgotten() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    async def run() -> None:
        broadcaster = EventBroadcaster()
        broadcaster.open()
        await asyncio.wait_for(EventStream(broadcaster)({"type": "http"}, gone, send), 5)
        assert not broadcaster._subscribers
        broadcaster.close()

    apart(run)


def test_stopping_the_exchange_ends_the_streams() -> None:
    ended = threading.Event()

    def follow(url: Any) -> None:
        headers = {"Authorization": f"Bearer {url.token()}"}
        with httpx.stream("GET", f"{url}/events", headers=headers, timeout=60) as reply:
            for _ in reply.iter_lines():
                started.set()
        ended.set()

    started = threading.Event()
    with local() as url:
        thread = threading.Thread(target=follow, args=(url,))
        thread.start()
        assert started.wait(30)
        stopping = time.monotonic()
    assert ended.wait(10) and time.monotonic() - stopping < 20
    thread.join()


def test_the_schedule_tells_of_its_batches() -> None:
    with local(schedule="500ms") as url:
        headers = {"Authorization": f"Bearer {url.token()}"}
        with httpx.stream("GET", f"{url}/events", headers=headers, timeout=120) as reply:
            lines = reply.iter_lines()
            instants = [datetime.fromisoformat(block(lines)[1].removeprefix("id: ")) for _ in range(3)]
    assert {instant.microsecond for instant in instants} <= {0, 500_000}
    assert sorted(set(instants)) == instants


def test_a_batch_of_a_coming_slice_hides_none_that_ran_after_it() -> None:
    secret = "a secret of this test, long enough"
    headers = {"Authorization": f"Bearer {write_token(secret, UUID(int=1), admin=True, issued=datetime.now(UTC))}"}
    app = create_app(DuckStore(), JwtApplication(secret), page_limit=2)
    market, begin = app.state.market, datetime.now(UTC) + timedelta(days=1)
    with (
        serve_in_thread(app, app.state.broadcaster) as url,
        httpx.Client(base_url=url, timeout=60, headers=headers) as http,
    ):
        with http.stream("GET", "/events") as reply:
            lines = reply.iter_lines()
            market.v0.solve_span(begin, begin + timedelta(hours=3), timedelta(hours=1))
            ran = [format_instant(market.run_batch().instant) for _ in range(3)]
            told = [outcome(lines)[0] for _ in range(6)]
        assert told[3:] == ran and max(ran) < min(told[:3])
        # Whoever heard of the slices last comes back with an id that lies in the future.
        for k in range(5):
            with http.stream("GET", "/events", headers={"Last-Event-ID": told[k]}) as reply:
                lines = reply.iter_lines()
                assert [outcome(lines)[0] for _ in told[k + 1 :]] == told[k + 1 :]
