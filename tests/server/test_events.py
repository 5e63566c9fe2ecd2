"""Events: one for every batch, to everyone who listens and keeps up."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx

from fts.models.records import BatchRecord
from fts.server import local
from fts.server.feed import EventStream, Feed
from tests.server.conftest import Exchange


def apart(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run in a thread of its own: a browser test before this one may have left its event loop in the main thread."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(run())).result()


@contextmanager
def listening(exchange: Exchange, token: str) -> Iterator[Iterator[str]]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", f"{exchange.url}/events", headers=headers, timeout=60) as reply:
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
        feed = Feed()
        feed.open()
        stream = EventStream(feed, quiet=0.05)
        async with anyio.create_task_group() as group:
            group.start_soon(stream, {"type": "http"}, _never, send)
            await asyncio.sleep(0.2)
            feed.publish(record(0))
            await asyncio.sleep(0.02)
            feed.end()

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
        feed = Feed(waiting=4)
        feed.open()
        slow = asyncio.create_task(EventStream(feed)({"type": "http"}, _never, block_for_ever))
        quick = asyncio.create_task(EventStream(feed)({"type": "http"}, _never, keep))
        await asyncio.sleep(0.02)
        for k in range(20):
            feed.publish(record(k))
            await asyncio.sleep(0.001)
        await asyncio.wait_for(slow, 5)
        feed.end()
        await asyncio.wait_for(quick, 5)

    apart(run)
    assert sum(b"event: outcome" in body for body in kept) == 20


def test_stopping_waits_for_no_stuck_reader() -> None:
    async def block_for_ever(message: Any) -> None:
        await asyncio.Event().wait()

    async def run() -> None:
        feed = Feed(farewell=0.05)
        feed.open()
        stuck = asyncio.create_task(EventStream(feed)({"type": "http"}, _never, block_for_ever))
        await asyncio.sleep(0.02)
        feed.end()
        await asyncio.wait_for(stuck, 5)

    apart(run)


def test_a_reader_who_goes_away_is_forgotten() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    async def run() -> None:
        feed = Feed()
        feed.open()
        await asyncio.wait_for(EventStream(feed)({"type": "http"}, gone, send), 5)
        assert not feed._readers
        feed.end()

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
