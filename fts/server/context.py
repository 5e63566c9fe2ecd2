"""State that handlers use: one `AppContext` per application, one `RequestContext` per request."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from fts.exchange.market import Market
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server.broadcast import EventBroadcaster
from fts.server.limits import Limits
from fts.server.metrics import Metrics
from fts.server.rate_limit import RateLimiter
from fts.server.response_cache import ResponseCache
from fts.server.write_batcher import WriteBatcher


@dataclass(frozen=True)
class AppContext:
    """Objects that all routes of one application share.

    Attributes
    ----------
    market : Market
    application : Application
    broadcaster : EventBroadcaster
    limits : Limits
    pool : ThreadPoolExecutor
        Threads that use the market, so that the event loop never waits for it.
    write_batcher : WriteBatcher
        Applies commands and commits those that arrive together at once.
    nonblocking : bool
        True if the application decides without input or output, so that the event loop may call it.
    response_cache : ResponseCache
        Responses that stay the same until the next batch.
    rate_limiter : RateLimiter
        Limits the requests per second of each token.
    metrics : Metrics
    """

    market: Market
    application: Application
    broadcaster: EventBroadcaster
    limits: Limits
    pool: ThreadPoolExecutor
    write_batcher: WriteBatcher
    nonblocking: bool
    response_cache: ResponseCache
    rate_limiter: RateLimiter
    metrics: Metrics


@dataclass
class RequestContext:
    """One request, as far as it has been parsed and checked.

    Attributes
    ----------
    app : AppContext
    token : str
        The text after ``Bearer``; empty where the route needs no token.
    params : dict
        Parameters of path, query and headers; None where absent.
    media_type : str
        Media type of the body.
    body : value
        The result of `Body.parse`.
    resource : record or id
        The resource that the path names.
    owner : str
        Id of the bidder that owns the resource; empty if it is not a bid.
    bidder : str
        Id of the bidder that a new bid will belong to; set by the authorization.
    bidders : list of str
        Ids of the bidders whose bids may be listed; set by the authorization.
    command : callable
        Change of the market, for a route that makes one; set after all checks.
    started : bool
        True once the handler or the command has started.
    """

    app: AppContext
    token: str = field(repr=False)
    params: dict[str, Any]
    media_type: str = ""
    body: Any = None
    resource: Any = None
    owner: str = ""
    bidder: str = ""
    bidders: list[str] = field(default_factory=list)
    command: Callable[[Transaction], Any] | None = None
    started: bool = False

    @property
    def market(self) -> Market:
        """Market of the application."""
        return self.app.market
