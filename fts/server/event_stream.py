"""A stream of events to one reader: first what it missed, then what comes."""

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
from fts.server.feed import BATCHES, Event, Feed, Reader, Topic

ASKED = 30.0
"""How often an open stream's permission is asked for again [s]."""
QUIET = 15.0
"""A comment line keeps the connection open after this long without an event [s]."""
COMMENT = b":\n"
CHANCE = SystemRandom()
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Missed:
    """What a reader missed since it was last told something.

    Attributes
    ----------
    since : datetime
        Of the last event it knows.
    read : callable
        ``(instant) -> events``: some of those later than an instant, oldest first; none: there are no more.
    pool : Executor
        Where it is read.
    """

    since: datetime
    read: Callable[[datetime], list[Event]]
    pool: Executor

    async def events(self) -> AsyncIterator[Event]:
        """All of it, oldest first."""
        last = self.since
        while found := await asyncio.get_running_loop().run_in_executor(self.pool, self.read, last):
            for event in found:
                yield event
            last = found[-1].instant


@dataclass(frozen=True)
class Permit:
    """Whether a reader may go on reading.

    Attributes
    ----------
    ask : callable
        Raises where it may not: its token has expired, or allows this no longer.
    pool : Executor
        Where it is asked.
    every : float
        How often [s].
    """

    ask: Callable[[], None]
    pool: Executor
    every: float = ASKED


class EventStream(Response):
    """A reply that goes on until its reader goes away, is too slow, may not go on, or the exchange stops.

    Parameters
    ----------
    feed : Feed
    topic : Topic
    missed : Missed, optional
        None: the reader begins with what comes.
    permit : Permit, optional
        None: anyone may read.
    quiet : float
        Longest time without a line [s].
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        feed: Feed,
        topic: Topic = BATCHES,
        *,
        missed: Missed | None = None,
        permit: Permit | None = None,
        quiet: float = QUIET,
    ) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed, self._topic, self._missed = feed, topic, missed
        self._permit, self._quiet = permit, quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events as they come."""
        # It listens before it looks at what it missed: nothing falls in between.
        reader = self._feed.listen(self._topic)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                group.start_soon(_until_dropped, reader, group.cancel_scope)
                if self._permit is not None:
                    group.start_soon(_until_refused, self._permit, reader)
                await self._send(reader, send)
                group.cancel_scope.cancel()
        finally:
            self._feed.forget(reader, self._topic)

    async def _send(self, reader: Reader, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # The first line tells the reader at once that it is heard.
        await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        async for message in self._messages(reader):
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _messages(self, reader: Reader) -> AsyncIterator[bytes]:
        told: set[datetime] = set()
        if self._missed is not None:
            async for event in self._missed.events():
                if reader.over:
                    return
                told.add(event.instant)
                yield event.message
        while True:
            try:
                async with asyncio.timeout(self._quiet):
                    coming = await reader.events.get()
            except TimeoutError:
                yield COMMENT
                continue
            if coming is None:
                return
            # What came while the missed was read is in both.
            if coming.instant not in told:
                told.clear()
                yield coming.message


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _until_dropped(reader: Reader, scope: anyio.CancelScope) -> None:
    await reader.dropped.wait()
    log.warning("a reader of events did not keep up and was dropped")
    scope.cancel()


async def _until_refused(permit: Permit, reader: Reader) -> None:
    try:
        while True:
            # Readers that came together do not ask together.
            await asyncio.sleep(permit.every * CHANCE.uniform(0.5, 1.5))
            await asyncio.get_running_loop().run_in_executor(permit.pool, copy_context().run, permit.ask)
    except NotPermitted:
        log.info("a reader of events may not read on; its stream ends")
    except Exception as error:
        # What an operator's own application says may name the token it was asked about.
        log.error("whether a reader of events may read on cannot be told (%s); its stream ends", type(error).__name__)
    reader.give(None)
