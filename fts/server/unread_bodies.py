"""Requests with an unread body: their connection is closed, so that the server need not receive the rest."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BODY = 16 * 2**10
"""A body up to this size [bytes] is read before the token is checked, and received in full after an error."""


def body_length(scope: Scope) -> int | None:
    """Read the length of a request's body from its headers [bytes]; None if it is unknown."""
    length: int | None = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not value.isdigit():
                return None
            length = int(value)
    # In HTTP/1.1, a body has a length or comes in chunks; in HTTP/2, it may have neither header.
    return length if length is not None or not scope.get("http_version", "1.1").startswith("1") else 0


class UnreadBodyMiddleware:
    """Closes the connection if a response was made before a long body was read.

    A server would otherwise receive the rest of the body, which may have no end, to keep the connection.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        if scope["type"] != "http" or not is_long(body_length(scope)):
            await self._app(scope, receive, send)
            return
        is_read = False

        async def receive_observed() -> Message:
            nonlocal is_read
            message = await receive()
            is_read |= message["type"] == "http.request" and not message.get("more_body", False)
            return message

        async def send_closing(message: Message) -> None:
            # Later versions of HTTP have no such header, and end a request without its connection.
            if message["type"] == "http.response.start" and not is_read and scope["http_version"].startswith("1"):
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self._app(scope, receive_observed, send_closing)


def is_long(length: int | None) -> bool:
    """Return True if a body is longer than `SMALL_BODY`, or may be."""
    return length is None or length > SMALL_BODY
