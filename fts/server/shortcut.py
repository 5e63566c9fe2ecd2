"""A FastAPI application that answers the exchange's own routes without the layers that they do not need.

Most of the time of a bid would be spent in layers that look at it and pass it on. A request that none of them
would change is answered by its endpoint at once; every other goes the ordinary way, to the same endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from fts.server.endpoint import Endpoint

ANY = "/"
"""Stands for a parameter; no part of a path can be this."""
ENDPOINT = "fts.endpoint"
"""Where the endpoint of a request waits in its scope."""


class Directory:
    """Endpoints by method and path.

    Parameters
    ----------
    endpoints : iterable of Endpoint
        Of paths with at most one parameter.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints: dict[tuple[str, ...], tuple[Endpoint, str | None]] = {}
        for endpoint in endpoints:
            method, path = endpoint.route.method, endpoint.route.path
            parameter = next((part[1:-1] for part in path.split("/") if part.startswith("{")), None)
            parts = [ANY if part.startswith("{") else part for part in path.split("/")]
            self._endpoints[method, *parts] = (endpoint, parameter)

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """The endpoint of a request and the parameters of its path; None: no such route."""
        parts = path.split("/")
        found = self._endpoints.get((method, *parts))
        if found is not None:
            return found[0], {}
        for k in range(1, len(parts)):
            found = self._endpoints.get((method, *parts[:k], ANY, *parts[k + 1 :]))
            if found is not None and found[1] is not None and parts[k]:
                return found[0], {found[1]: parts[k]}
        return None


class Exchange(FastAPI):
    """A FastAPI application with a shorter way to its endpoints; all else is as in any other."""

    _directory: Directory | None = None
    _short: ASGIApp | None = None
    _layers: int = 0

    def offer(self, endpoints: Iterable[Endpoint], around: Callable[[ASGIApp], ASGIApp]) -> None:
        """Answer these endpoints the short way, with this around them.

        Whoever adds another layer later has all requests go through it.
        """
        self._directory, self._short = Directory(endpoints), around(_answer)
        self._layers = len(self.user_middleware)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        found = self._shortcut(scope)
        if found is None or self._short is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, parameters = found
        scope["app"], scope["path_params"], scope[ENDPOINT] = self, dict(parameters), endpoint
        await self._short(scope, receive, send)

    def _shortcut(self, scope: Any) -> tuple[Endpoint, Mapping[str, str]] | None:
        if self._directory is None or scope["type"] != "http" or len(self.user_middleware) != self._layers:
            return None
        # A web page of another origin has to be told whether it may read the reply.
        if any(name == b"origin" for name, _ in scope["headers"]):
            return None
        path, root = scope["path"], scope.get("root_path", "")
        return self._directory.find(scope["method"], path.removeprefix(root) if root else path)


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    response = await scope[ENDPOINT].answer(Request(scope, receive, send))
    await response(scope, receive, send)
