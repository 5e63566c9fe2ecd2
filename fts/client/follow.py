"""Following the batches of an exchange across lost connections."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from fts.client.connection import Connection
from fts.errors import RequestFailed
from fts.models.instant import read_instant, write_instant

SILENCE = 40.0
"""A connection on which nothing came for so long is lost; the exchange sends a line every 15 s [s]."""
SHORTEST, LONGEST = 0.25, 10.0
"""Pause before a connection is made again; doubles each time [s]."""
TICK = timedelta(microseconds=1)


def follow(
    connection: Connection, since: str | None, stop: threading.Event, told: Callable[[str | None], None]
) -> Iterator[dict[str, Any]]:
    """Every batch, once, in order.

    Parameters
    ----------
    connection : Connection
    since : str, optional
        The last batch that is known already; None: begin now.
    stop : threading.Event
        Ends it.
    told : callable
        Told why the connection was lost, and None when it is there again.
    """
    last, pause = since, SHORTEST
    while not stop.is_set():
        try:
            for event in _stretch(connection, last, told):
                last, pause = event["instant"], SHORTEST
                yield event
                if stop.is_set():
                    return
            told("the exchange ended the connection")
        except RequestFailed as error:
            if 400 <= error.status < 500:
                raise
            told(str(error))
        stop.wait(pause)
        pause = min(2 * pause, LONGEST)


def _stretch(
    connection: Connection, last: str | None, told: Callable[[str | None], None]
) -> Iterator[dict[str, Any]]:
    """Events of one connection: first what was missed before it, then what comes."""
    headers = {"Accept": "text/event-stream"} | ({} if last is None else {"Last-Event-ID": last})
    with connection.stream("/events", headers, SILENCE) as lines:
        told(None)
        # From here on the stream tells; what was before it is in the list of batches.
        known = None if last is None else read_instant(last)
        for event in [] if last is None else _missed(connection, last):
            known = read_instant(event["instant"])
            yield event
        for event in read_events(lines()):
            instant = read_instant(event["instant"])
            if known is None or instant > known:
                known = instant
                yield event


def _missed(connection: Connection, last: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    query: dict[str, Any] | None = {"after": write_instant(read_instant(last) + TICK)}
    while query is not None:
        page = connection.get("/batch", query)
        events += [{"instant": batch["instant"], "status": batch["status"]} for batch in page["results"]]
        query = page.get("more")
    return events[::-1]


def read_events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The data of every ``outcome`` event in a stream of lines.

    Source: WHATWG HTML, section 9.2.6 (interpreting an event stream).
    """
    name = ""
    data: list[str] = []
    for line in lines:
        if not line:
            if name == "outcome" and data:
                yield json.loads("\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
