"""Checks of a request, in one order for all routes.

A `Route` declares its parameters, its authorization and its handler. `Endpoint` checks a request in this order:

1. an ``Authorization: Bearer`` header (400), whose token does not exceed its rate (429);
2. path, query and headers (400);
3. the body: sent as JSON (415), small enough (413), JSON (400), valid (422). If it is longer than 16 KiB, or its
   length is unknown, the token is checked before the body is read (401); under ``/admin`` it must be an operator's;
4. the permission that needs no resource (401);
5. the resource exists (404);
6. the permission for the resource (401);
7. in the handler: references in weights (422), an id that is taken (409).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import traceback
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fts.errors import FtsError, NotPermitted, StoreError
from fts.server import authorization
from fts.server.context import AppContext, RequestContext
from fts.server.errors import Overloaded, error_response, json_error
from fts.server.parameters import read_parameters
from fts.server.request_body import receive
from fts.server.request_log import ROUTE_PATH
from fts.server.route import Route
from fts.server.unread_bodies import SMALL_BODY, body_length, is_long

OPERATOR_PREFIX = "/admin/"
"""Prefix of the paths of an operator's routes."""
Result = TypeVar("Result")
FORWARDING_HEADERS = ("origin", "x-forwarded-", "forwarded", "via")
"""Prefixes of the headers that web pages and proxies send."""
log = logging.getLogger(__name__)


class Endpoint:
    """Checks the requests to one route and calls its handler.

    Parameters
    ----------
    route : Route
    app : AppContext
    """

    def __init__(self, route: Route, app: AppContext) -> None:
        self.route, self.app = route, app
        self.body = None if route.body is None else route.body(app.application)

    async def respond(self, request: Request) -> Response:
        """Respond to a request; every error becomes a response."""
        request.scope[ROUTE_PATH] = self.route.path
        try:
            token = self._token(request)
            params = read_parameters(request, self.route.query, self.route.header)
            context = RequestContext(self.app, token, params)
            content = b""
            if self.body is not None:
                if is_long(body_length(request.scope)):
                    await self._with_timeout(context, self._authenticate(context))
                context.media_type, content = await receive(request, self.body, self.app.limits)
            return await self._with_timeout(context, self._reply(context, content))
        except StoreError as error:
            # The message names files of this machine, which only the operator may see.
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
            log.error("%s %s: %s", self.route.method, self.route.path, _redact_token(token, str(error)))
            return json_error(503, "the exchange cannot use its market file now; its log says why; try again later")
        except FtsError as error:
            return error_response(error)
        except ClientDisconnect:
            return json_error(400, "the request ended before its body did")
        except Exception:
            # The error of an operator's own application may contain the token.
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
            message = _redact_token(token, traceback.format_exc())
            log.error("%s %s failed\n%s", self.route.method, self.route.path, message)
            return json_error(500, "the exchange has a defect here; its log says more")

    def _token(self, request: Request) -> str:
        if self.route.public:
            return ""
        if self.route.public_on_loopback and _is_local_request(request):
            return ""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self.route.missing_token_error(
                "the request has no token; send the header Authorization: Bearer <token>"
            )
        self.app.rate_limiter.acquire(token.strip())
        return token.strip()

    async def _authenticate(self, context: RequestContext) -> None:
        """Check the token before a long body is read."""
        if self.app.nonblocking:
            self._check_token(context)
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.app.pool, copy_context().run, self._check_token, context)

    def _check_token(self, context: RequestContext) -> None:
        try:
            if self.route.path.startswith(OPERATOR_PREFIX):
                authorization.manage_products(context)
            elif not self.route.public:
                authorization.view_products(context)
        except NotPermitted as error:
            raise NotPermitted(f"the body was not read, as {error}") from error

    async def _with_timeout(self, context: RequestContext, work: Coroutine[Any, Any, Result]) -> Result:
        if self.route.no_timeout:
            return await work
        seconds = self.app.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError as error:
            if not context.started:
                raise Overloaded(
                    f"the exchange is busy: nothing was done within {seconds:g} s; send it again"
                ) from error
            # A change that has started cannot be undone, and its result is no longer reported.
            done = "" if self.route.method == "GET" else "; it may still be carried out: look before you send it again"
            raise Overloaded(f"no reply within {seconds:g} s{done}") from error

    async def _reply(self, context: RequestContext, content: bytes) -> Response:
        route, loop, pool = self.route, asyncio.get_running_loop(), self.app.pool
        # To parse a large body takes time, and an application may use a database of its own.
        if self.app.nonblocking and route.load_nonblocking and len(content) <= SMALL_BODY:
            self._check(context, content)
        else:
            await loop.run_in_executor(pool, copy_context().run, self._check, context, content)
        if context.command is not None:
            context.started = True
            return route.reply.write(await self.app.write_batcher.submit(context.command))
        if route.cache_until_batch:
            return await self._cached_response(context)
        if route.nonblocking:
            return self._run_handler(context)
        return await loop.run_in_executor(pool, copy_context().run, self._run_handler, context)

    async def _cached_response(self, context: RequestContext) -> Response:
        """Return the cached response; if there is none, make it and cache it until the next batch."""
        generation, key = self.app.response_cache.generation, (self.route.path, *context.params.values())
        body = generation.lookup(key)
        if body is not None:
            return Response(body, self.route.reply.status, media_type=self.route.reply.media_type)
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self.app.pool, copy_context().run, self._run_handler, context)
        if not generation.store(key, bytes(reply.body)):
            self.app.response_cache.clear()
        return reply

    def _check(self, context: RequestContext, content: bytes) -> None:
        route = self.route
        if self.body is not None:
            limits = self.app.limits
            value = self.body.decoders[context.media_type](content, limits)
            context.body = self.body.parse(value, self.app.application, limits)
        if route.authorize is not None:
            route.authorize(context)
        if route.load is not None:
            context.resource = route.load(context)
        if route.authorize_resource is not None:
            route.authorize_resource(context)
        if route.command is not None:
            context.command = route.command(context)

    def _run_handler(self, context: RequestContext) -> Response:
        context.started = True
        return self.route.reply.write(None if self.route.handler is None else self.route.handler(context))


def _redact_token(token: str, text: str) -> str:
    """Remove a token from a text for the log: the token itself, and its forms in ``repr`` and JSON."""
    if not token:
        return text
    for form in {token, repr(token)[1:-1], json.dumps(token)[1:-1]}:
        text = text.replace(form, "(the token)")
    return text


def _is_local_request(request: Request) -> bool:
    """Return True if a program on this machine sent the request, and no web page or proxy."""
    if request.client is None or any(name.startswith(FORWARDING_HEADERS) for name in request.headers):
        return False
    try:
        # A page under a name that resolves to this machine sends no Origin, but its Host is that name.
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if host != "localhost" and not ipaddress.ip_address(host or "").is_loopback:
            return False
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
