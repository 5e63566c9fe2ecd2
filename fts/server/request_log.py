"""Log of requests: one JSON object per line, with the id of the request."""

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

from fts.models.timestamps import format_instant
from fts.server.metrics import Metrics

LOGGER = "fts.server.journal"
"""Name of the logger; the one of 0.1, because operators filter log lines by it."""
REQUEST_ID_HEADER = "X-Request-ID"
ROUTE_PATH = "fts.path"
"""Key of the route's path in the scope of a request; the path of the request itself may contain anything."""
SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
log = logging.getLogger(LOGGER)
_request_id: ContextVar[str | None] = ContextVar("fts_request", default=None)


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON: time, level, logger, message, request id, and the extra ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line: dict[str, object] = {
            "time": format_instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        name = _request_id.get()
        if name is not None:
            line["request"] = name
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class RequestLogMiddleware:
    """Gives each request an id, and counts and logs it when its response starts.

    The id is the request's ``X-Request-ID`` if that can be logged, else a new one; the response carries it. Neither
    the query nor any header is logged.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request and record it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        name = request_id(Headers(scope=scope))
        reset_token = _request_id.set(name)

        async def send_recorded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = name
                self._record(scope, message["status"], time.perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, send_recorded)
        finally:
            _request_id.reset(reset_token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope.get(ROUTE_PATH, "")
        # A request without a route may have any method; to log it would let a client write into the metrics.
        method = scope["method"] if path else ""
        self._metrics.count_response(method, path, status, seconds)
        if log.isEnabledFor(logging.INFO):
            fields = {"method": method, "path": path, "status": status, "ms": round(seconds * 1000, 3)}
            log.info("answered", extra={"fields": fields})


def request_id(headers: Mapping[str, str]) -> str:
    """Choose the id of a request: its own if that can be logged, else a new one.

    Parameters
    ----------
    headers : mapping
    """
    name = headers.get(REQUEST_ID_HEADER, "")
    # An id that is part of the token would put the token into the log.
    if SAFE_ID.fullmatch(name) and name not in headers.get("authorization", ""):
        return name
    return secrets.token_hex(8)
