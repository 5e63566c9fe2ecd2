"""Responses of routes: how a result is written, and its description in the OpenAPI document."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import dataclass, field
from typing import Any, Protocol

from anyio.to_thread import run_sync
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 1 << 20
"""Size of one part of a file that is sent [bytes]."""
log = logging.getLogger(__name__)


class Reply(Protocol):
    """Writes the result of a route; its attributes describe the response in the OpenAPI document."""

    @property
    def status(self) -> int:
        """HTTP status of the response."""
        ...

    @property
    def media_type(self) -> str:
        """Media type of the body."""
        ...

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema of the body."""
        ...

    @property
    def description(self) -> str:
        """Description in one line."""
        ...

    def write(self, result: Any) -> Response:
        """Write the result."""
        ...


@dataclass(frozen=True)
class JsonReply:
    """JSON response."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "application/json"

    def write(self, result: Any) -> Response:
        """Write the result; a record or a page has ``to_json``."""
        value = [_json(entry) for entry in result] if isinstance(result, list) else _json(result)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Response(text, self.status, media_type=self.media_type)


@dataclass(frozen=True)
class TextReply:
    """Plain text response."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "text/plain"

    def write(self, result: Any) -> Response:
        """Write the result."""
        return Response(result, self.status, media_type=self.media_type)


@dataclass(frozen=True)
class StreamReply:
    """Response that the handler itself returns, because it is sent over time."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "text/event-stream"

    def write(self, result: Any) -> Response:
        """Return the response itself."""
        response: Response = result
        return response


@dataclass(frozen=True)
class EmptyReply:
    """Response without a body."""

    description: str
    status: int
    schema: dict[str, Any] = field(default_factory=dict)
    media_type: str = ""

    def write(self, result: Any) -> Response:
        """Return the empty response."""
        return Response(status_code=self.status)


class FileStream(Response):
    """Response with the content of an open file, which is closed at the end.

    Parameters
    ----------
    file : binary file
    seconds : float
        Time that the client may take for each part [s]; beyond it, the connection is dropped.
    """

    media_type = "application/octet-stream"

    def __init__(self, file: Any, seconds: float) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        self._file, self._seconds = file, seconds
        self.headers["content-length"] = str(os.fstat(file.fileno()).st_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file part by part."""
        with self._file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            while part := await run_sync(self._file.read, CHUNK_BYTES):
                try:
                    async with asyncio.timeout(self._seconds):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except TimeoutError:
                    log.warning("a client that asked for a copy of the market did not read it and was dropped")
                    return
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _json(value: Any) -> Any:
    return value.to_json() if hasattr(value, "to_json") else value
