"""What can be asked of the exchange: each route says what it takes, whom it allows and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fts.errors import FtsError
from fts.exchange.market import Market
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server.body import Body
from fts.server.feed import Feed
from fts.server.intake import Intake
from fts.server.limits import Limits
from fts.server.metrics import Metrics
from fts.server.parameter import Parameter
from fts.server.quota import Quota
from fts.server.refusal import BadRequest
from fts.server.reply import Reply
from fts.server.shelf import Shelf


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
    token: str = field(repr=False)
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


def only(change: Callable[[Transaction], list[Any]]) -> Callable[[Transaction], Any]:
    """The change that gives the one thing of a list instead of the list."""
    return lambda transaction: change(transaction)[0]
