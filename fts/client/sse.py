"""Server-sent events: the streams of an exchange, their parser, and their position after a lost connection."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fts.client.calls import batches, portfolio_outcomes, product_outcomes
from fts.client.errors import TooManyRequests
from fts.client.request import Id, Instant, Request, instant_text, join_path
from fts.client.types import BatchEvent, HistoryEntry, PageReply, PriceAndRate
from fts.errors import RequestFailed

Event = TypeVar("Event")
READ_TIMEOUT_SECONDS = 40.0
"""Time without a line after which a connection is lost; the exchange sends a line every 15 s [s]."""
MIN_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.25, 10.0
"""First and longest pause before a connection is made again; it doubles each time [s]."""
EARLIEST_ID = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Stream(Generic[Event]):
    """Stream of events that a client can follow.

    Attributes
    ----------
    path : str
    since : str or None
        Id of the last known event; None: begin with the next event.
    newest : Request
        Request for a page that begins with the latest event.
    key : str
        Key of the instant in a row of that page.
    """

    path: str
    since: str | None
    newest: Request[PageReply[Any]]
    key: str


def batch_events(since: Instant | None = None) -> Stream[BatchEvent]:
    """Stream of all batches, with failed ones, as ``{"instant", "status"}``.

    Parameters
    ----------
    since : instant, optional
        Begin after this batch; by default with the next batch.
    """
    return Stream("/events", instant_text(since), batches(), "instant")


def product_events(product: Id, since: Instant | None = None) -> Stream[HistoryEntry[PriceAndRate]]:
    """Stream of the outcomes of a product; ``since`` as in `batch_events`."""
    return Stream(join_path("product", product, "events"), instant_text(since), product_outcomes(product), "valid_from")


def portfolio_events(portfolio: Id, since: Instant | None = None) -> Stream[HistoryEntry[PriceAndRate]]:
    """Stream of the outcomes of a portfolio; ``since`` as in `batch_events`."""
    return Stream(
        join_path("portfolio", portfolio, "events"), instant_text(since), portfolio_outcomes(portfolio), "valid_from"
    )


class EventCursor(Generic[Event]):
    """Position in a stream: the last event that was read, from which a new connection continues.

    Parameters
    ----------
    stream : Stream
    on_status : callable, optional
        Called with a text when the connection is lost, and with None when it is made.
    """

    def __init__(self, stream: Stream[Event], on_status: Callable[[str | None], None] | None) -> None:
        self.last, self._key = stream.since, stream.key
        self._on_status = on_status or _ignore
        self._pause = MIN_PAUSE_SECONDS
        self._name = ""
        self._id: str | None = None
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """Headers of a new connection."""
        return {"Accept": "text/event-stream", "Last-Event-ID": self.last or EARLIEST_ID}

    def start_after(self, newest: PageReply[Any]) -> None:
        """Start after the latest event of this page."""
        rows = newest["results"]
        self.last = rows[0][self._key] if rows else EARLIEST_ID

    def connected(self) -> None:
        """Record that the connection is made."""
        self._reset_event()
        self._on_status(None)

    def feed_line(self, line: str) -> Event | None:
        """Parse one line; returns the event that ends with it, or None.

        Source: WHATWG HTML, section 9.2.6 (interpreting an event stream).
        """
        if not line:
            name, data, key = self._name, self._data, self._id
            self._reset_event()
            if key is not None:
                self.last = key
            if name != "outcome" or not data:
                return None
            self._pause = MIN_PAUSE_SECONDS
            event: Event = json.loads("\n".join(data))
            return event
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id":
            self._id = value
        return None

    def disconnected(self, error: RequestFailed | None = None) -> float:
        """Record that the connection is lost; returns the pause before the next attempt [s].

        Raises
        ------
        RequestFailed
            The exchange refused the request, and would refuse it again.
        """
        if error is not None and 400 <= error.status < 500 and not isinstance(error, TooManyRequests):
            raise error
        self._on_status("the exchange ended the connection" if error is None else str(error))
        pause = max(self._pause, error.pause) if isinstance(error, TooManyRequests) else self._pause
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        return pause

    def _reset_event(self) -> None:
        self._name, self._id, self._data = "", None, []


def _ignore(text: str | None) -> None:
    pass
