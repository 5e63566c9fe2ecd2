"""Event streams of the intervals of batches, and of the trades of a product or a bidder in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from fts.errors import NotPermitted
from fts.exchange.market import Market
from fts.models.records import BatchRecord
from fts.models.timestamps import format_instant
from fts.models.v0 import Trade
from fts.server.authorization import view_products
from fts.server.broadcast import Event, EventBuilder, Topic, outcome_event
from fts.server.context import RequestContext
from fts.server.parameters import LAST_EVENT
from fts.server.responses import StreamReply
from fts.server.route import Route
from fts.server.routes.events import LAST_EVENT_ID
from fts.server.schemas import TEXT
from fts.server.sse import Backlog, EventStream, Reauthorization
from fts.server.v0 import authorization

Interval: TypeAlias = tuple[datetime, datetime]
INTERVALS = Topic("v0 span")
PRODUCT, BIDDER = "v0 product", "v0 bidder"
EARLIEST = datetime.min.replace(tzinfo=UTC)
MAX_SENT_INTERVALS = 64
"""Number of the latest intervals that are remembered as sent."""
FORMAT_TEXT = "a new reader gets the latest one at once; its id is `from`; a comment line every 15 s"


def event_builder(market: Market) -> EventBuilder:
    """Create the builder of the events of batches whose end is now known; it reads a batch once for all subscribers."""
    sent: deque[Interval] = deque(maxlen=MAX_SENT_INTERVALS)

    def build(record: BatchRecord, topics: Collection[Topic]) -> dict[Topic, Event]:
        products, bidders = (_subjects(kind, topics) for kind in (PRODUCT, BIDDER))
        if not (products or bidders or INTERVALS in topics):
            return {}
        events: dict[Topic, Event] = {}
        # A batch without an end of its own ends with the next batch; its event is sent with that of the next one.
        for interval in market.v0.closed_batches(record.instant):
            if interval not in sent:
                sent.append(interval)
                for topic, event in _events(market, interval, products, bidders).items():
                    before = events[topic].message if topic in events else b""
                    events[topic] = Event(event.instant, before + event.message)
        return events

    return build


def combine_builders(*builders: EventBuilder) -> EventBuilder:
    """Combine builders into one that returns the events of all."""

    def build(record: BatchRecord, topics: Collection[Topic]) -> Mapping[Topic, Event]:
        return {topic: event for build_one in builders for topic, event in build_one(record, topics).items()}

    return build


def _events(
    market: Market, interval: Interval, products: Collection[str], bidders: Collection[str]
) -> dict[Topic, Event]:
    events = {INTERVALS: _interval_event(interval)}
    if products:
        trades = market.v0.product_trades_of(*interval, products)
        events |= {Topic(PRODUCT, name): _product_event(trade) for name, trade in trades.items()}
    if bidders:
        filled = market.v0.bidder_trades_of(*interval, bidders)
        events |= {Topic(BIDDER, name): _bidder_event(interval, auths) for name, auths in filled.items()}
    return events


def _subjects(kind: str, topics: Iterable[Topic]) -> list[str]:
    return [topic.subject for topic in topics if topic.kind == kind]


def _interval_event(interval: Interval) -> Event:
    return outcome_event(interval[0], _interval_json(interval))


def _interval_json(interval: Interval) -> dict[str, Any]:
    return {"from": format_instant(interval[0]), "thru": format_instant(interval[1])}


def _product_event(trade: Trade) -> Event:
    return outcome_event(trade.from_, trade.to_json())


def _bidder_event(interval: Interval, trades: Iterable[Trade]) -> Event:
    auths = {trade.id: {"price": trade.price, "trade": trade.trade} for trade in trades}
    # Each auth is sent twice: in `auths`, and at the top level as the server of 0.3 sends it.
    return outcome_event(interval[0], _interval_json(interval) | {"auths": auths} | auths)


def _latest_interval(context: RequestContext) -> list[Event]:
    return [_interval_event(interval) for interval in context.market.v0.closed_batches()]


def _latest_of_product(context: RequestContext) -> list[Event]:
    return [_product_event(trade) for trade in context.market.v0.product_trades(context.params["id"]).results[:1]]


def _latest_of_bidder(context: RequestContext) -> list[Event]:
    name = context.params["bidder"]
    return [
        _bidder_event(interval, context.market.v0.bidder_trades_of(*interval, [name])[name])
        for interval in context.market.v0.closed_batches()
    ]


def _stream(
    topic: Callable[[RequestContext], Topic],
    latest: Callable[[RequestContext], list[Event]],
    authorize: Callable[[RequestContext], None] | None = None,
) -> Callable[[RequestContext], EventStream]:
    def follow(context: RequestContext) -> EventStream:
        def read_backlog(last: datetime) -> list[Event]:
            return [event for event in latest(context) if event.instant > last]

        known, app = context.params[LAST_EVENT_ID], context.app
        return EventStream(
            app.broadcaster,
            topic(context),
            backlog=Backlog(EARLIEST if known is None else known, read_backlog, app.pool),
            reauthorization=None if authorize is None else Reauthorization(partial(authorize, context), app.pool),
        )

    return follow


def _authorize_own_bidder(context: RequestContext) -> None:
    """Require the bidder that the path names, as `authorization.own_bids`; another bidder's token is 401."""
    view_products(context)
    bidder = context.app.application.can_create_bid(context.token)
    if bidder is None or str(bidder) != context.params["bidder"]:
        raise NotPermitted("these are another bidder's outcomes; a token gives its own bidder's only")


ROUTES = (
    Route(
        "GET",
        "/v0/outcomes",
        "Follow when batches hold",
        StreamReply(
            TEXT, f"server-sent events: one `outcome` for every batch, its data `{{from, thru}}`; {FORMAT_TEXT}"
        ),
        _stream(lambda context: INTERVALS, _latest_interval),
        header={LAST_EVENT_ID: LAST_EVENT},
        public=True,
        error_responses={400: "the header Last-Event-ID is no instant"},
    ),
    Route(
        "GET",
        "/v0/outcomes/products/{id}",
        "Follow what a product is traded at",
        StreamReply(
            TEXT,
            "server-sent events: one `outcome` for every batch that has a price of it, its data "
            f"`{{from, thru, price, trade}}`; {FORMAT_TEXT}",
        ),
        _stream(lambda context: Topic(PRODUCT, context.params["id"]), _latest_of_product),
        header={LAST_EVENT_ID: LAST_EVENT},
        public=True,
    ),
    Route(
        "GET",
        "/v0/outcomes/bidders/{bidder}",
        "Follow what a bidder trades",
        StreamReply(
            TEXT,
            "server-sent events: one `outcome` for every batch, its data "
            f"`{{from, thru, auths: {{id: {{price, trade}}}}}}`, each id beside `auths` as well; {FORMAT_TEXT}",
        ),
        _stream(lambda context: Topic(BIDDER, context.params["bidder"]), _latest_of_bidder, _authorize_own_bidder),
        header={LAST_EVENT_ID: LAST_EVENT},
        missing_token_error=authorization.MISSING_TOKEN_ERROR,
        authorize=_authorize_own_bidder,
    ),
)
