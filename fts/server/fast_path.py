"""FastAPI application that responds to the exchange's own routes without the layers that they do not need.

Most of the time of a bid would be spent in layers that pass it on unchanged. If no layer would change a request, its
endpoint responds at once. All other requests go through the layers, to the same endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from fts.server.endpoint import Endpoint

ANY_SEGMENT = "/"
"""Stands for a parameter; no segment of a path can be equal to it."""
ENDPOINT_KEY = "fts.endpoint"
"""Key of the endpoint in the scope of a request."""


class RouteTable:
    """Endpoints by method and path.

    Parameters
    ----------
    endpoints : iterable of Endpoint
        Their paths have at most one parameter.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints: dict[tuple[str, ...], tuple[Endpoint, str | None]] = {}
        for endpoint in endpoints:
            method, path = endpoint.route.method, endpoint.route.path
            parameter = next((part[1:-1] for part in path.split("/") if part.startswith("{")), None)
            parts = [ANY_SEGMENT if part.startswith("{") else part for part in path.split("/")]
            self._endpoints[method, *parts] = (endpoint, parameter)

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """Find the endpoint of a request and the parameters of its path; None if there is no such route."""
        parts = path.split("/")
        found = self._endpoints.get((method, *parts))
        if found is not None:
            return found[0], {}
        for k in range(1, len(parts)):
            found = self._endpoints.get((method, *parts[:k], ANY_SEGMENT, *parts[k + 1 :]))
            if found is not None and found[1] is not None and parts[k]:
                return found[0], {found[1]: parts[k]}
        return None


class ExchangeApp(FastAPI):
    """FastAPI application with a fast path to its endpoints."""

    _route_table: RouteTable | None = None
    _fast_path: ASGIApp | None = None
    _n_middleware: int = 0

    def mount_fast_path(self, endpoints: Iterable[Endpoint], wrap: Callable[[ASGIApp], ASGIApp]) -> None:
        """Serve these endpoints by the fast path.

        If a middleware is added later, all requests go through it, and the fast path is no longer used.

        Parameters
        ----------
        endpoints : iterable of Endpoint
        wrap : callable
            Adds the middleware that the fast path needs.
        """
        self._route_table, self._fast_path = RouteTable(endpoints), wrap(_respond)
        self._n_middleware = len(self.user_middleware)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request."""
        found = self._match(scope)
        if found is None or self._fast_path is None:
            await super().__call__(scope, receive, send)
            return
        endpoint, parameters = found
        scope["app"], scope["path_params"], scope[ENDPOINT_KEY] = self, dict(parameters), endpoint
        await self._fast_path(scope, receive, send)

    def _match(self, scope: Any) -> tuple[Endpoint, Mapping[str, str]] | None:
        if self._route_table is None or scope["type"] != "http" or len(self.user_middleware) != self._n_middleware:
            return None
        # A web page of another origin needs the headers that the CORS middleware adds.
        if any(name == b"origin" for name, _ in scope["headers"]):
            return None
        path, root = scope["path"], scope.get("root_path", "")
        return self._route_table.find(scope["method"], path.removeprefix(root) if root else path)


async def _respond(scope: Scope, receive: Receive, send: Send) -> None:
    response = await scope[ENDPOINT_KEY].respond(Request(scope, receive, send))
    await response(scope, receive, send)
