"""Requests whose body is left unread: their connection is closed, so that nothing has to take in the rest."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BODY = 16 * 2**10
"""A body up to this size [bytes] is read whatever its token is, and its rest is taken in after a refusal."""


def body_length(scope: Scope) -> int | None:
    """Read from the headers how long a request's body is [bytes]; None: unknown."""
    length: int | None = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not value.isdigit():
                return None
            length = int(value)
    # In HTTP/1.1 a body says its length or that it comes in chunks; in HTTP/2 it may say neither.
    return length if length is not None or not scope.get("http_version", "1.1").startswith("1") else 0


class UnreadBodies:
    """Around an application: close the connection after a reply that was made before a long body was read.

    A server would otherwise take in the rest of the body, which may have no end, to keep the connection.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not is_long(body_length(scope)):
            await self._app(scope, receive, send)
            return
        is_read = False

        async def noting() -> Message:
            nonlocal is_read
            message = await receive()
            is_read |= message["type"] == "http.request" and not message.get("more_body", False)
            return message

        async def closing(message: Message) -> None:
            # Later versions of HTTP have no such header, and end a request without its connection.
            if message["type"] == "http.response.start" and not is_read and scope["http_version"].startswith("1"):
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, noting, closing)


def is_long(length: int | None) -> bool:
    """Whether a body is longer than `SMALL_BODY`, or may be."""
    return length is None or length > SMALL_BODY
