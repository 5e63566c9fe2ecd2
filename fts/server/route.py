"""One order of checks for every route.

A route says what it takes, whom it allows and what it does; `Endpoint` checks, always in this order:

1. an ``Authorization: Bearer`` header (400), whose token does not ask too often (429);
2. path, query and headers (400);
3. the body: sent as JSON (415), small enough (413), JSON (400), valid (422);
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
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from fts.errors import FtsError, StoreError
from fts.exchange.market import Market
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server.body import Body, receive
from fts.server.feed import Feed
from fts.server.intake import Intake
from fts.server.journal import PATH
from fts.server.limits import Limits
from fts.server.metrics import Metrics
from fts.server.parameter import Parameter, read_parameters
from fts.server.quota import Quota
from fts.server.refusal import BadRequest, Overloaded, refusal, refusal_of
from fts.server.shelf import Shelf

SMALL = 16 * 2**10
"""Bodies up to this size [bytes] are read at once."""
log = logging.getLogger(__name__)
FOR_ANOTHER = ("origin", "x-forwarded-", "forwarded", "via")
"""What the headers of web pages and proxies begin with."""


@dataclass(frozen=True)
class Desk:
    """What every route works with.

    Attributes
    ----------
    market : Market
    application : Application
    feed : Feed
    limits : Limits
    pool : ThreadPoolExecutor
        Where the market is used, so that the event loop never waits for it.
    intake : Intake
        Where changes of bids are made.
    quick : bool
        Whether the application answers from memory, so that the event loop may ask it.
    shelf : Shelf
        Replies that stay the same until the next batch.
    quota : Quota
        How often each token may ask.
    metrics : Metrics
        What a monitor is told.
    """

    market: Market
    application: Application
    feed: Feed
    limits: Limits
    pool: ThreadPoolExecutor
    intake: Intake
    quick: bool
    shelf: Shelf
    quota: Quota
    metrics: Metrics


@dataclass
class Call:
    """One request, as far as it has been read and checked.

    Attributes
    ----------
    desk : Desk
    token : str
        What follows ``Bearer``; empty where the route needs none.
    given : dict
        Parameters of path, query and headers; None where absent.
    kind : str
        The media type of its body.
    body : value
        As `Body.read` gave it.
    thing : record, or id
        What the path names.
    owner : str
        The bidder whose it is, if it is a bid.
    bidder : str
        Whose bid this would be, once that was asked.
    bidders : list of str
        Whose bids may be listed, once that was asked.
    change : callable
        What a route that changes the market does to it, once everything was checked.
    begun : bool
        Whether more than checks was begun.
    """

    desk: Desk
    token: str
    given: dict[str, Any]
    kind: str = ""
    body: Any = None
    thing: Any = None
    owner: str = ""
    bidder: str = ""
    bidders: list[str] = field(default_factory=list)
    change: Callable[[Transaction], Any] | None = None
    begun: bool = False

    @property
    def market(self) -> Market:
        """The market this is about."""
        return self.desk.market


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


@dataclass(frozen=True)
class Route:
    """One thing that can be asked of the exchange.

    Attributes
    ----------
    method, path : str
    title : str
        What it does, in a few words.
    reply : Reply
    does : callable, optional
        ``(call) -> result``; everything was checked.
    changes : callable, optional
        Instead: ``(call) -> (transaction) -> result``, a change of the market that is made together with others.
    quick : bool
        Whether ``does`` answers from memory.
    until_batch : bool
        Whether what ``does`` gives, to whoever may ask, stays the same until the next batch.
    finds_quickly : bool
        Whether ``finds`` answers from memory.
    body : callable, optional
        ``(application) -> Body``: what it takes; None: nothing.
    query, header : mapping of str to Parameter
    open_to_all : bool
        Whether it needs no token.
    without_token : type of error
        What a request without one is refused with.
    open_on_loopback : bool
        Whether it needs none from this machine.
    allows : callable, optional
        Raises `NotPermitted` unless the token has the permission.
    finds : callable, optional
        The thing that the path names; raises `NotFound`.
    allows_thing : callable, optional
        As ``allows``, once the thing is known.
    refuses : mapping of int to str
        Statuses of its own, and why.
    patient : bool
        Whether it takes as long as it takes, as a batch does.
    """

    method: str
    path: str
    title: str
    reply: Reply
    does: Callable[[Call], Any] | None = None
    changes: Callable[[Call], Callable[[Transaction], Any]] | None = None
    quick: bool = False
    until_batch: bool = False
    finds_quickly: bool = True
    body: Callable[[Application], Body] | None = None
    query: Mapping[str, Parameter] = field(default_factory=dict)
    header: Mapping[str, Parameter] = field(default_factory=dict)
    open_to_all: bool = False
    without_token: type[FtsError] = BadRequest
    open_on_loopback: bool = False
    allows: Callable[[Call], None] | None = None
    finds: Callable[[Call], Any] | None = None
    allows_thing: Callable[[Call], None] | None = None
    refuses: Mapping[int, str] = field(default_factory=dict)
    patient: bool = False


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
                call.kind, content = await receive(request, self.body, self.desk.limits)
            return await self._in_time(call, content)
        except StoreError as error:
            # Why names files of this machine, which is the operator's business.
            log.error("%s %s: %s", self.route.method, self.route.path, error)
            return refusal(503, "the exchange cannot use its market file now; its log says why; try again later")
        except FtsError as error:
            return refusal_of(error)
        except ClientDisconnect:
            return refusal(400, "the request ended before its body did")
        except Exception:
            # What an operator's own application raises may name the token it was asked about.
            token = request.headers.get("authorization", "").partition(" ")[2].strip()
            told = traceback.format_exc()
            told = told.replace(token, "(the token)") if token else told
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

    async def _in_time(self, call: Call, content: bytes) -> Response:
        if self.route.patient:
            return await self._reply(call, content)
        seconds = self.desk.limits.seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._reply(call, content)
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
        if self.desk.quick and route.finds_quickly and len(content) <= SMALL:
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


def only(change: Callable[[Transaction], list[Any]]) -> Callable[[Transaction], Any]:
    """The change that gives the one thing of a list instead of the list."""
    return lambda transaction: change(transaction)[0]


def _is_from_here(request: Request) -> bool:
    """Whether a program of this machine asks; not a web page, and not a proxy for somebody else."""
    if request.client is None or any(name.startswith(FOR_ANOTHER) for name in request.headers):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _forget(reply: asyncio.Future[Response]) -> None:
    if not reply.cancelled() and reply.exception() is not None:
        log.warning("a request that was given up failed: %s", type(reply.exception()).__name__)


def _json(value: Any) -> Any:
    return value.to_json() if hasattr(value, "to_json") else value
