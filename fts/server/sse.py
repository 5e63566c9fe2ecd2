"""Server-sent events of one subscription: first the backlog, then each event as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fts.errors import NotPermitted
from fts.server.broadcast import BATCHES, Event, EventBroadcaster, Subscriber, Topic

REAUTHORIZE_SECONDS = 30.0
"""Mean time between two authorizations of an open stream [s]."""
HEARTBEAT_SECONDS = 15.0
"""Longest time without a line; a comment line then keeps the connection open [s]."""
COMMENT = b":\n"
JITTER = SystemRandom()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backlog:
    """Events that a client missed since it last read the stream.

    Attributes
    ----------
    since : datetime
        Instant of the last event that the client knows.
    read : callable
        ``(instant) -> events`` later than the instant, oldest first, one page; empty if there are no more.
    pool : Executor
        Threads that call ``read``.
    """

    since: datetime
    read: Callable[[datetime], list[Event]]
    pool: Executor

    async def events(self) -> AsyncIterator[Event]:
        """Read the events, page by page, oldest first."""
        last = self.since
        while page := await asyncio.get_running_loop().run_in_executor(self.pool, self.read, last):
            for event in page:
                yield event
            last = page[-1].instant


@dataclass(frozen=True)
class Reauthorization:
    """Periodic authorization of an open stream.

    Attributes
    ----------
    check : callable
        Raises `NotPermitted` once the token has expired or lost the permission; the stream is then closed.
    pool : Executor
        Threads that call ``check``.
    interval : float
        Mean time between two checks [s].
    """

    check: Callable[[], None]
    pool: Executor
    interval: float = REAUTHORIZE_SECONDS


class EventStream(Response):
    """Response that ends when the client disconnects, is too slow or loses its permission, or the exchange stops.

    Parameters
    ----------
    broadcaster : EventBroadcaster
    topic : Topic
    backlog : Backlog, optional
        Missed events, sent first; by default none.
    reauthorization : Reauthorization, optional
        By default the stream is public.
    heartbeat : float
        Longest time without a line [s].
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        broadcaster: EventBroadcaster,
        topic: Topic = BATCHES,
        *,
        backlog: Backlog | None = None,
        reauthorization: Reauthorization | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._broadcaster, self._topic, self._backlog = broadcaster, topic, backlog
        self._reauthorization, self._heartbeat = reauthorization, heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the stream ends."""
        # The subscription starts before the backlog is read, so that no event is missed between the two.
        subscriber = self._broadcaster.subscribe(self._topic)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_watch_disconnect, receive, group.cancel_scope)
                group.start_soon(_watch_overflow, subscriber, group.cancel_scope)
                if self._reauthorization is not None:
                    group.start_soon(_reauthorize, self._reauthorization, subscriber)
                await self._send(subscriber, send)
                group.cancel_scope.cancel()
        finally:
            self._broadcaster.unsubscribe(subscriber, self._topic)

    async def _send(self, subscriber: Subscriber, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # The first line confirms the subscription to the client at once.
        await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        async for message in self._messages(subscriber):
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _messages(self, subscriber: Subscriber) -> AsyncIterator[bytes]:
        sent: set[datetime] = set()
        if self._backlog is not None:
            async for missed in self._backlog.events():
                if subscriber.is_closed:
                    return
                sent.add(missed.instant)
                yield missed.message
        while True:
            try:
                async with asyncio.timeout(self._heartbeat):
                    event = await subscriber.events.get()
            except TimeoutError:
                yield COMMENT
                continue
            if event is None:
                return
            # An event that came while the backlog was read is in both.
            if event.instant not in sent:
                sent.clear()
                yield event.message


async def _watch_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _watch_overflow(subscriber: Subscriber, scope: anyio.CancelScope) -> None:
    await subscriber.overflowed.wait()
    log.warning("a subscriber of events did not keep up and was dropped")
    scope.cancel()


async def _reauthorize(reauthorization: Reauthorization, subscriber: Subscriber) -> None:
    try:
        while True:
            # The random interval spreads the checks of streams that opened together.
            await asyncio.sleep(reauthorization.interval * JITTER.uniform(0.5, 1.5))
            await asyncio.get_running_loop().run_in_executor(
                reauthorization.pool, copy_context().run, reauthorization.check
            )
    except NotPermitted:
        log.info("a subscriber of events is no longer permitted; its stream ends")
    except Exception as error:
        # The message of an operator's own application may contain the token; only the type is logged.
        log.error(
            "the permission of a subscriber of events cannot be checked (%s); its stream ends", type(error).__name__
        )
    subscriber.enqueue(None)
