"""What the exchange logs: JSON, one line each, with the id of the request that it is about."""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fts.models.instant import write_instant
from fts.server.metrics import Metrics

HEADER = "X-Request-ID"
PATH = "fts.path"
"""Where a route leaves its path in the scope of a request; the path as it was asked may hold anything."""
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
log = logging.getLogger(__name__)
_request: ContextVar[str | None] = ContextVar("fts_request", default=None)


class JsonLines(logging.Formatter):
    """A log record as one line of JSON: time, level, logger, message, request, and what it carries as ``told``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "time": write_instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = _request.get()
        if request is not None:
            line["request"] = request
        line |= getattr(record, "told", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Journal:
    """Around an application: each request gets an id, is counted, and is logged when its reply begins.

    The id is that of the request's ``X-Request-ID``, if it is short and plain, else a new one; the reply carries it.
    Neither the query nor any header is logged.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and take note."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        name = request_id(Headers(scope=scope))
        mark = _request.set(name)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = name
                self._note(scope, message["status"], time.perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _request.reset(mark)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope.get(PATH, "")
        # What no route is for may have any method that somebody thinks up.
        method = scope["method"] if path else ""
        self._metrics.answered(method, path, status, seconds)
        if log.isEnabledFor(logging.INFO):
            told = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 3)}
            log.info("answered", extra={"told": told})


def request_id(headers: Mapping[str, str]) -> str:
    """The id of a request, its own if that can be logged.

    Parameters
    ----------
    headers : mapping
    """
    given = headers.get(HEADER, "")
    # An id that is the token would put the token into the log.
    if SANE.fullmatch(given) and given not in headers.get("authorization", ""):
        return given
    return secrets.token_hex(8)
