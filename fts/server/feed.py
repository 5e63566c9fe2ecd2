"""Events: one per batch, to every reader who listens; a reader who does not keep up is dropped."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Mapping
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fts.models.instant import write_instant
from fts.models.records import BatchRecord

WAITING = 64
"""How many events may wait for one reader."""
QUIET = 15.0
"""A comment line keeps the connection open after this long without an event [s]."""
FAREWELL = 5.0
"""How long a reader may take to read to the end, when the exchange stops [s]."""
COMMENT = b":\n"
log = logging.getLogger(__name__)


class Reader:
    """One who listens: the events that wait, and whether too many did."""

    def __init__(self, waiting: int) -> None:
        self.events: asyncio.Queue[bytes | None] = asyncio.Queue(waiting)
        self.dropped = asyncio.Event()

    def give(self, event: bytes | None) -> None:
        """An event for this reader; None: there will be no more."""
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped.set()


class Feed:
    """Passes events from the threads that run batches to the readers, who live in the event loop.

    Parameters
    ----------
    waiting : int
        How many events may wait for one reader, before it is dropped.
    farewell : float
        How long a reader may take to read to the end, when the exchange stops [s].
    """

    def __init__(self, waiting: int = WAITING, farewell: float = FAREWELL) -> None:
        self._waiting, self._farewell = waiting, farewell
        self._readers: set[Reader] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._readers)

    def open(self) -> None:
        """Pass events to readers in the running loop."""
        with self._lock:
            self._loop, self._closed = asyncio.get_running_loop(), False

    def publish(self, record: BatchRecord) -> None:
        """Tell everyone who listens of a batch; from any thread, without waiting."""
        instant = write_instant(record.instant)
        message = event("outcome", instant, {"instant": instant, "status": record.status})
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._give, message)

    def listen(self) -> Reader:
        """A new reader; gets every event from now on."""
        reader = Reader(self._waiting)
        self._readers.add(reader)
        if self._closed:
            reader.give(None)
        return reader

    def forget(self, reader: Reader) -> None:
        """Tell a reader nothing more."""
        self._readers.discard(reader)

    def end(self) -> None:
        """Send no more events, and end what everyone reads; from within the loop."""
        with self._lock:
            self._loop, self._closed = None, True
        self._give(None)
        for reader in tuple(self._readers):
            asyncio.get_running_loop().call_later(self._farewell, reader.dropped.set)

    def _give(self, message: bytes | None) -> None:
        for reader in tuple(self._readers):
            reader.give(message)


class EventStream(Response):
    """A reply that goes on until its reader goes away, is too slow, or the exchange stops."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, quiet: float = QUIET) -> None:
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed, self._quiet = feed, quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events as they come."""
        reader = self._feed.listen()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_until_gone, receive, group.cancel_scope)
                group.start_soon(_until_dropped, reader, group.cancel_scope)
                await self._send(reader, send)
                group.cancel_scope.cancel()
        finally:
            self._feed.forget(reader)

    async def _send(self, reader: Reader, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        # The first line tells the reader at once that it is heard.
        await send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        while True:
            try:
                message = await asyncio.wait_for(reader.events.get(), self._quiet)
            except TimeoutError:
                message = COMMENT
            if message is None:
                break
            await send({"type": "http.response.body", "body": message, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


async def _until_dropped(reader: Reader, scope: anyio.CancelScope) -> None:
    await reader.dropped.wait()
    log.warning("a reader of events did not keep up and was dropped")
    scope.cancel()


def event(name: str, instant: str, data: Mapping[str, Any]) -> bytes:
    """One server-sent event.

    Parameters
    ----------
    name : str
    instant : str
        Its id.
    data : mapping
        Written as JSON on one line.
    """
    return f"event: {name}\nid: {instant}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()
