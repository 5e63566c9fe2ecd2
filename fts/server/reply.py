"""How what a route gives becomes a response, and what the document says about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response


class Reply(Protocol):
    """How the result of a route is written, and what the document says about it."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def media_type(self) -> str:
        """Its type."""
        ...

    @property
    def schema(self) -> dict[str, Any]:
        """JSON schema."""
        ...

    @property
    def description(self) -> str:
        """What it is, in a line."""
        ...

    def write(self, result: Any) -> Response:
        """The response."""
        ...


@dataclass(frozen=True)
class JsonReply:
    """A reply in JSON."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "application/json"

    def write(self, result: Any) -> Response:
        """The response; a record or page writes itself."""
        value = [_json(entry) for entry in result] if isinstance(result, list) else _json(result)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return Response(text, self.status, media_type=self.media_type)


@dataclass(frozen=True)
class TextReply:
    """A reply in plain text."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "text/plain"

    def write(self, result: Any) -> Response:
        """The response."""
        return Response(result, self.status, media_type=self.media_type)


@dataclass(frozen=True)
class StreamReply:
    """A reply that is written as it happens; the route gives the response itself."""

    schema: dict[str, Any]
    description: str
    status: int = 200
    media_type: str = "text/event-stream"

    def write(self, result: Any) -> Response:
        """The response."""
        response: Response = result
        return response


def _json(value: Any) -> Any:
    return value.to_json() if hasattr(value, "to_json") else value
