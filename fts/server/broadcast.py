"""Delivery of the events of every batch to their subscribers; one that does not keep up is dropped."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from fts.models.records import BatchRecord
from fts.models.timestamps import format_instant

QUEUE_SIZE = 64
"""Largest backlog of one subscriber [events]."""
DRAIN_SECONDS = 5.0
"""Time that a subscriber has to read its last events when the exchange stops [s]."""
log = logging.getLogger(__name__)


class Topic(NamedTuple):
    """Subject of a subscription: all batches, or the outcomes of one product, portfolio or bidder."""

    kind: str
    subject: str = ""


BATCHES = Topic("batch")


class Event(NamedTuple):
    """Message about one batch, encoded once for all subscribers."""

    instant: datetime
    message: bytes


EventBuilder: TypeAlias = Callable[[BatchRecord, Collection[Topic]], Mapping[Topic, Event]]
"""``(batch, topics) -> events`` of a cleared batch; called once per batch, in a thread."""


class Subscriber:
    """Queue of the events of one subscription.

    Parameters
    ----------
    queue_size : int
        Largest backlog [events].

    Attributes
    ----------
    is_closed : bool
        True once no further event will come.
    events : asyncio.Queue
        Events not yet sent; None is the end.
    overflowed : asyncio.Event
        Set once the backlog was larger than ``queue_size``.
    """

    def __init__(self, queue_size: int) -> None:
        self.is_closed = False
        self.events: asyncio.Queue[Event | None] = asyncio.Queue(queue_size)
        self.overflowed = asyncio.Event()

    def enqueue(self, event: Event | None) -> None:
        """Add an event; None closes the subscription."""
        # A batch may run after the subscription was closed; it does not open it again.
        self.is_closed = self.is_closed or event is None
        try:
            self.events.put_nowait(event)
        except asyncio.QueueFull:
            self.overflowed.set()


class EventBroadcaster:
    """Passes events from the threads that run batches to the subscribers in the event loop.

    Parameters
    ----------
    build : callable, optional
        Builds the events of a cleared batch beside the event of the batch itself.
    queue_size : int
        Largest backlog of one subscriber [events]; beyond it, the subscriber is dropped.
    drain_timeout : float
        Time that a subscriber has to read its last events when the exchange stops [s].
    """

    def __init__(
        self, build: EventBuilder | None = None, *, queue_size: int = QUEUE_SIZE, drain_timeout: float = DRAIN_SECONDS
    ) -> None:
        self._build, self._queue_size, self.drain_timeout = build, queue_size, drain_timeout
        self._subscribers: dict[Topic, set[Subscriber]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._closed = False

    @property
    def subscribers(self) -> int:
        """Number of topics with a subscriber."""
        return len(self._subscribers)

    def open(self) -> None:
        """Start to pass events to subscribers in the running loop."""
        with self._lock:
            self._loop, self._closed = asyncio.get_running_loop(), False
            # One thread keeps the events in the order of their batches.
            self._executor = ThreadPoolExecutor(1, thread_name_prefix="fts-events")

    def publish(self, record: BatchRecord) -> None:
        """Send the events of a batch; may be called from any thread, and does not wait."""
        event = batch_event(record)
        with self._lock:
            if self._loop is None or self._executor is None:
                return
            self._loop.call_soon_threadsafe(self._enqueue, {BATCHES: event})
            if record.cleared and self._build is not None:
                self._executor.submit(self._build_and_send, record, self._build)

    def subscribe(self, topic: Topic = BATCHES) -> Subscriber:
        """Add a subscriber, which gets every later event of its topic."""
        subscriber = Subscriber(self._queue_size)
        with self._lock:
            self._subscribers.setdefault(topic, set()).add(subscriber)
        if self._closed:
            subscriber.enqueue(None)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber, topic: Topic = BATCHES) -> None:
        """Remove a subscriber."""
        with self._lock:
            subscribers = self._subscribers.get(topic, set())
            subscribers.discard(subscriber)
            if not subscribers:
                self._subscribers.pop(topic, None)

    def close(self) -> None:
        """Send no further events and close all subscriptions; called in the event loop."""
        with self._lock:
            self._loop, self._closed = None, True
            topics = list(self._subscribers)
        self._close_subscriptions(topics)
        for topic in topics:
            for subscriber in tuple(self._subscribers[topic]):
                asyncio.get_running_loop().call_later(self.drain_timeout, subscriber.overflowed.set)

    def join(self) -> None:
        """Wait until no thread reads the market; called after `close`, from any thread."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _build_and_send(self, record: BatchRecord, build: EventBuilder) -> None:
        with self._lock:
            topics = [topic for topic in self._subscribers if topic != BATCHES]
        if not topics:
            return
        try:
            events: Mapping[Topic, Event] | None = build(record, topics)
        except Exception:
            log.exception("the outcome of a batch could not be read; its streams are closed, so that clients reconnect")
            events = None
        with self._lock:
            if self._loop is None:
                return
            if events is None:
                self._loop.call_soon_threadsafe(self._close_subscriptions, topics)
            else:
                self._loop.call_soon_threadsafe(self._enqueue, events)

    def _enqueue(self, events: Mapping[Topic, Event]) -> None:
        for topic, event in events.items():
            for subscriber in self._subscribers.get(topic, ()):
                subscriber.enqueue(event)

    def _close_subscriptions(self, topics: Collection[Topic]) -> None:
        """Close the subscriptions of these topics; a client that reconnects with the last id misses no event."""
        for topic in topics:
            for subscriber in self._subscribers.get(topic, ()):
                subscriber.enqueue(None)


def batch_event(record: BatchRecord) -> Event:
    """Build the event of a batch, with its instant and status."""
    return outcome_event(record.instant, {"instant": format_instant(record.instant), "status": record.status})


def outcome_event(instant: datetime, data: Mapping[str, Any]) -> Event:
    """Build one server-sent event of the name ``outcome``.

    Parameters
    ----------
    instant : datetime
        Id of the event.
    data : mapping
        Written as JSON on one line.
    """
    text = json.dumps(data, allow_nan=False)
    return Event(instant, f"event: outcome\nid: {format_instant(instant)}\ndata: {text}\n\n".encode())
