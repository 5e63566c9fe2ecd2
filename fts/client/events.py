"""Events: what can be followed, how a stream of them reads, and where its reader stands when the line breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fts.client.calls import batches, portfolio_outcomes, product_outcomes
from fts.client.records import BatchEvent, Outcome, Page, Row
from fts.client.refusal import TooManyRequests
from fts.client.request import Id, Instant, Request, instant, path
from fts.errors import RequestFailed

Event = TypeVar("Event")
SILENCE = 40.0
"""A connection on which nothing came for so long is lost; the exchange sends a line every 15 s [s]."""
SHORTEST, LONGEST = 0.25, 10.0
"""Pause before a connection is made again; doubles each time [s]."""
BEGINNING = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Stream(Generic[Event]):
    """Something that can be followed.

    Attributes
    ----------
    path : str
    since : str or None
        The last event that is known; None: begin now.
    newest : Request
        A page that begins with the last event there was.
    key : str
        Where the instant stands in a row of it.
    """

    path: str
    since: str | None
    newest: Request[Page[Any]]
    key: str


def batch_events(since: Instant | None = None) -> Stream[BatchEvent]:
    """Every batch, failed ones too, as ``{"instant", "status"}``.

    Parameters
    ----------
    since : instant, optional
        Begin with the batches after this one; None: from now on.
    """
    return Stream("/events", instant(since), batches(), "instant")


def product_events(product: Id, since: Instant | None = None) -> Stream[Row[Outcome]]:
    """What comes of every batch for a product; ``since`` as in `batch_events`."""
    return Stream(path("product", product, "events"), instant(since), product_outcomes(product), "valid_from")


def portfolio_events(portfolio: Id, since: Instant | None = None) -> Stream[Row[Outcome]]:
    """What comes of every batch for a portfolio; ``since`` as in `batch_events`."""
    return Stream(path("portfolio", portfolio, "events"), instant(since), portfolio_outcomes(portfolio), "valid_from")


class Trail(Generic[Event]):
    """Where the reader of a stream stands: the last event it had, so that it goes on from there.

    Parameters
    ----------
    stream : Stream
    told : callable, optional
        Called with a text when the connection is lost, and with None when it is there.
    """

    def __init__(self, stream: Stream[Event], told: Callable[[str | None], None] | None) -> None:
        self.last, self._key = stream.since, stream.key
        self._told = told or _say_nothing
        self._pause = SHORTEST
        self._name = ""
        self._id: str | None = None
        self._data: list[str] = []

    @property
    def headers(self) -> dict[str, str]:
        """What is said when the connection is made."""
        return {"Accept": "text/event-stream", "Last-Event-ID": self.last or BEGINNING}

    def start(self, newest: Page[Any]) -> None:
        """Begin after the newest event there was: whatever comes from now on is told."""
        rows = newest["results"]
        self.last = rows[0][self._key] if rows else BEGINNING

    def there(self) -> None:
        """The connection is there."""
        self._begin()
        self._told(None)

    def read(self, line: str) -> Event | None:
        """The event that ends with this line.

        Source: WHATWG HTML, section 9.2.6 (interpreting an event stream).
        """
        if not line:
            name, data, key = self._name, self._data, self._id
            self._begin()
            if key is not None:
                self.last = key
            if name != "outcome" or not data:
                return None
            self._pause = SHORTEST
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

    def lost(self, error: RequestFailed | None = None) -> float:
        """The connection is lost; how long to wait before it is made again [s].

        Raises
        ------
        RequestFailed
            The exchange refuses, and would again.
        """
        if error is not None and 400 <= error.status < 500 and not isinstance(error, TooManyRequests):
            raise error
        self._told("the exchange ended the connection" if error is None else str(error))
        pause = max(self._pause, error.pause) if isinstance(error, TooManyRequests) else self._pause
        self._pause = min(2 * self._pause, LONGEST)
        return pause

    def _begin(self) -> None:
        self._name, self._id, self._data = "", None, []


def _say_nothing(text: str | None) -> None:
    pass
