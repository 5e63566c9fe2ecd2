"""One order of checks for every route.

A route says what it takes, whom it allows and what it does; `Endpoint` checks, always in this order:

1. an ``Authorization: Bearer`` header (400), whose token does not ask too often (429);
2. path, query and headers (400);
3. the body: sent as JSON (415), small enough (413), JSON (400), valid (422). One that is longer than 16 KiB, or may
   be, is not read before the token is known to be valid here (401), under ``/admin`` that of an operator;
4. the permission that needs no thing (401);
5. the thing is there (404);
6. the permission on the thing (401);
7. what it does: references in weights (422), an id that is taken (409).
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
from fts.server import permission
from fts.server.body import receive
from fts.server.journal import PATH
from fts.server.parameter import read_parameters
from fts.server.refusal import Overloaded, refusal, refusal_of
from fts.server.route import Call, Desk, Route
from fts.server.unread import SMALL_BODY, body_length, is_long

OPERATORS = "/admin/"
"""What the paths of an operator's routes begin with."""
Result = TypeVar("Result")
FOR_ANOTHER = ("origin", "x-forwarded-", "forwarded", "via")
"""What the headers of web pages and proxies begin with."""
log = logging.getLogger(__name__)


class Endpoint:
    """Answers the requests of one route, in the one order of checks."""

    def __init__(self, route: Route, desk: Desk) -> None:
        self.route, self.desk = route, desk
        self.body = None if route.body is None else route.body(desk.application)

    async def answer(self, request: Request) -> Response:
        """The reply to a request, whatever it is."""
        request.scope[PATH] = self.route.path
        try:
            token = self._token(request)
            given = read_parameters(request, self.route.query, self.route.header)
            call = Call(self.desk, token, given)
            content = b""
            if self.body is not None:
                if is_long(body_length(request.scope)):
                    await self._in_time(call, self._admit(call))
                call.kind, content = await receive(request, self.body, self.desk.limits)
            return await self._in_time(call, self._reply(call, content))
        except StoreError as error:
            # Why names files of this machine, which is the operator's business.
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
            log.error("%s %s: %s", self.route.method, self.route.path, _without(token, str(error)))
            return refusal(503, "the exchange cannot use its market file now; its log says why; try again later")
        except FtsError as error:
            return refusal_of(error)
        except ClientDisconnect:
            return refusal(400, "the request ended before its body did")
        except Exception:
            # What an operator's own application raises may name the token it was asked about.
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
            told = _without(token, traceback.format_exc())
            log.error("%s %s failed\n%s", self.route.method, self.route.path, told)
            return refusal(500, "the exchange has a defect here; its log says more")

    def _token(self, request: Request) -> str:
        if self.route.open_to_all:
            return ""
        if self.route.open_on_loopback and _is_from_here(request):
            return ""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise self.route.without_token(
                "the request has no token; send the header Authorization: Bearer <token>"
            )
        self.desk.quota.take(token.strip())
        return token.strip()

    async def _admit(self, call: Call) -> None:
        """Try the token before a long body is read."""
        if self.desk.quick:
            self._try_token(call)
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.desk.pool, copy_context().run, self._try_token, call)

    def _try_token(self, call: Call) -> None:
        try:
            if self.route.path.startswith(OPERATORS):
                permission.manage_products(call)
            elif not self.route.open_to_all:
                permission.view_products(call)
        except NotPermitted as error:
            raise NotPermitted(f"the body was not read, as {error}") from error

    async def _in_time(self, call: Call, doing: Coroutine[Any, Any, Result]) -> Result:
        if self.route.patient:
            return await doing
        seconds = self.desk.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await doing
        except TimeoutError as error:
            if not call.begun:
                raise Overloaded(
                    f"the exchange is busy: nothing was done within {seconds:g} s; send it again"
                ) from error
            # A change under way cannot be taken back; what becomes of it is no longer told.
            done = "" if self.route.method == "GET" else "; it may still be carried out: look before you send it again"
            raise Overloaded(f"no reply within {seconds:g} s{done}") from error

    async def _reply(self, call: Call, content: bytes) -> Response:
        route, loop, pool = self.route, asyncio.get_running_loop(), self.desk.pool
        # A large body takes its time, and an application may ask a database of its own.
        if self.desk.quick and route.finds_quickly and len(content) <= SMALL_BODY:
            self._check(call, content)
        else:
            await loop.run_in_executor(pool, copy_context().run, self._check, call, content)
        if call.change is not None:
            call.begun = True
            return route.reply.write(await self.desk.intake.make(call.change))
        if route.until_batch:
            return await self._kept(call)
        if route.quick:
            return self._answer(call)
        return await loop.run_in_executor(pool, copy_context().run, self._answer, call)

    async def _kept(self, call: Call) -> Response:
        """A reply that was made before, or one that is made now and kept until the next batch."""
        board, key = self.desk.shelf.board, (self.route.path, *call.given.values())
        body = board.find(key)
        if body is not None:
            return Response(body, self.route.reply.status, media_type=self.route.reply.media_type)
        loop = asyncio.get_running_loop()
        reply = await loop.run_in_executor(self.desk.pool, copy_context().run, self._answer, call)
        if not board.keep(key, bytes(reply.body)):
            self.desk.shelf.clear()
        return reply

    def _check(self, call: Call, content: bytes) -> None:
        route = self.route
        if self.body is not None:
            limits = self.desk.limits
            call.body = self.body.read(self.body.forms[call.kind](content, limits), self.desk.application, limits)
        if route.allows is not None:
            route.allows(call)
        if route.finds is not None:
            call.thing = route.finds(call)
        if route.allows_thing is not None:
            route.allows_thing(call)
        if route.changes is not None:
            call.change = route.changes(call)

    def _answer(self, call: Call) -> Response:
        call.begun = True
        return self.route.reply.write(None if self.route.does is None else self.route.does(call))


def _without(token: str, text: str) -> str:
    """Take a token out of what is logged, as it is and as ``repr`` and JSON write it."""
    if not token:
        return text
    for form in {token, repr(token)[1:-1], json.dumps(token)[1:-1]}:
        text = text.replace(form, "(the token)")
    return text


def _is_from_here(request: Request) -> bool:
    """Whether a program of this machine asks; not a web page, and not a proxy for somebody else."""
    if request.client is None or any(name.startswith(FOR_ANOTHER) for name in request.headers):
        return False
    try:
        # A page whose own name points to this machine says no origin, but it names its host.
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if host != "localhost" and not ipaddress.ip_address(host or "").is_loopback:
            return False
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
