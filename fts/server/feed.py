"""The feed: what comes of every batch, to each who listens for it; who does not keep up is dropped."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from fts.models.instant import write_instant
from fts.models.records import BatchRecord

WAITING = 64
"""How many events may wait for one reader."""
FAREWELL = 5.0
"""How long a reader may take to read to the end, when the exchange stops [s]."""
log = logging.getLogger(__name__)


class Topic(NamedTuple):
    """What one may listen for: every batch, or what comes of each for one product or portfolio."""

    kind: str
    thing: str = ""


BATCHES = Topic("batch")


class Event(NamedTuple):
    """What is told of one batch, written once for all who listen."""

    instant: datetime
    message: bytes


Writer: TypeAlias = Callable[[BatchRecord, Collection[Topic]], Mapping[Topic, Event]]
"""What is told of a batch that was cleared, by topic; called once for every batch, in a thread."""


class Reader:
    """One who listens: the events that wait, whether too many did, and whether there will be no more."""

    def __init__(self, waiting: int) -> None:
        self.over = False
        self.events: asyncio.Queue[Event | None] = asyncio.Queue(waiting)
        self.dropped = asyncio.Event()

    def give(self, event: Event | None) -> None:
        """An event for this reader; None: there will be no more."""
        # Once it is over, a batch that comes later does not begin it again.
        self.over = self.over or event is None
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self.dropped.set()


class Feed:
    """Passes events from the threads that run batches to the readers, who live in the event loop.

    Parameters
    ----------
    write : callable, optional
        What is told of a batch beside the batch itself.
    waiting : int
        How many events may wait for one reader, before it is dropped.
    farewell : float
        How long a reader may take to read to the end, when the exchange stops [s].
    """

    def __init__(self, write: Writer | None = None, *, waiting: int = WAITING, farewell: float = FAREWELL) -> None:
        self._write, self._waiting, self.farewell = write, waiting, farewell
        self._readers: dict[Topic, set[Reader]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pen: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def readers(self) -> int:
        """How many listen."""
        return len(self._readers)

    def open(self) -> None:
        """Pass events to readers in the running loop."""
        with self._lock:
            self._loop, self._closed = asyncio.get_running_loop(), False
            # One thread: batches are told of in their order.
            self._pen = ThreadPoolExecutor(1, thread_name_prefix="fts-feed")

    def publish(self, record: BatchRecord) -> None:
        """Tell everyone who listens of a batch; from any thread, without waiting."""
        event = batch_event(record)
        with self._lock:
            if self._loop is None or self._pen is None:
                return
            self._loop.call_soon_threadsafe(self._give, {BATCHES: event})
            if record.cleared and self._write is not None:
                self._pen.submit(self._tell, record, self._write)

    def listen(self, topic: Topic = BATCHES) -> Reader:
        """A new reader; gets every event of its topic from now on."""
        reader = Reader(self._waiting)
        with self._lock:
            self._readers.setdefault(topic, set()).add(reader)
        if self._closed:
            reader.give(None)
        return reader

    def forget(self, reader: Reader, topic: Topic = BATCHES) -> None:
        """Tell a reader nothing more."""
        with self._lock:
            readers = self._readers.get(topic, set())
            readers.discard(reader)
            if not readers:
                self._readers.pop(topic, None)

    def end(self) -> None:
        """Send no more events, and end what everyone reads; from within the loop."""
        with self._lock:
            self._loop, self._closed = None, True
            topics = list(self._readers)
        self._stop(topics)
        for topic in topics:
            for reader in tuple(self._readers[topic]):
                asyncio.get_running_loop().call_later(self.farewell, reader.dropped.set)

    def join(self) -> None:
        """Wait until the market is read no more; after `end`, from any thread."""
        if self._pen is not None:
            self._pen.shutdown(cancel_futures=True)

    def _tell(self, record: BatchRecord, write: Writer) -> None:
        with self._lock:
            topics = [topic for topic in self._readers if topic != BATCHES]
        if not topics:
            return
        try:
            events: Mapping[Topic, Event] | None = write(record, topics)
        except Exception:
            log.exception("the outcome of a batch could not be read; its readers are to ask again")
            events = None
        with self._lock:
            if self._loop is None:
                return
            if events is None:
                self._loop.call_soon_threadsafe(self._stop, topics)
            else:
                self._loop.call_soon_threadsafe(self._give, events)

    def _give(self, events: Mapping[Topic, Event]) -> None:
        for topic, event in events.items():
            for reader in self._readers.get(topic, ()):
                reader.give(event)

    def _stop(self, topics: Collection[Topic]) -> None:
        """End what they read: who comes back with the last id misses nothing."""
        for topic in topics:
            for reader in self._readers.get(topic, ()):
                reader.give(None)


def batch_event(record: BatchRecord) -> Event:
    """What everyone is told of a batch."""
    return outcome_event(record.instant, {"instant": write_instant(record.instant), "status": record.status})


def outcome_event(instant: datetime, data: Mapping[str, Any]) -> Event:
    """One server-sent event of the name ``outcome``.

    Parameters
    ----------
    instant : datetime
        Its id.
    data : mapping
        Written as JSON on one line.
    """
    text = json.dumps(data, allow_nan=False)
    return Event(instant, f"event: outcome\nid: {write_instant(instant)}\ndata: {text}\n\n".encode())
