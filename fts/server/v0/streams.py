"""Routes that go on: from when until when batches hold, and what they traded of a product or for a bidder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

from fts.errors import NotPermitted
from fts.exchange.market import Market
from fts.models.instant import write_instant
from fts.models.records import BatchRecord
from fts.models.trade import Trade
from fts.server.event_stream import EventStream, Missed, Permit
from fts.server.events import LAST
from fts.server.feed import Event, Topic, Writer, outcome_event
from fts.server.parameter import LAST_EVENT
from fts.server.permission import view_products
from fts.server.reply import StreamReply
from fts.server.route import Call, Route
from fts.server.schemas import TEXT
from fts.server.v0 import permission

Span: TypeAlias = tuple[datetime, datetime]
SPANS = Topic("v0 span")
PRODUCT, BIDDER = "v0 product", "v0 bidder"
FIRST = datetime.min.replace(tzinfo=UTC)
REMEMBERED = 64
"""How many of the last spans are known to have been told."""
LINES = "a new reader gets the latest one at once; its id is `from`; a comment line every 15 s"


def writer(market: Market) -> Writer:
    """What is told of a batch whose end became known: read once, for all who listen."""
    told: deque[Span] = deque(maxlen=REMEMBERED)

    def write(record: BatchRecord, topics: Collection[Topic]) -> dict[Topic, Event]:
        products, bidders = (_things(kind, topics) for kind in (PRODUCT, BIDDER))
        if not (products or bidders or SPANS in topics):
            return {}
        events: dict[Topic, Event] = {}
        # A batch that nobody gave an end is told when another ends it, that one's with it.
        for span in market.listed(record.instant):
            if span not in told:
                told.append(span)
                for topic, event in _events(market, span, products, bidders).items():
                    before = events[topic].message if topic in events else b""
                    events[topic] = Event(event.instant, before + event.message)
        return events

    return write


def joined(*writers: Writer) -> Writer:
    """What all of these tell."""

    def write(record: BatchRecord, topics: Collection[Topic]) -> Mapping[Topic, Event]:
        return {topic: event for tell in writers for topic, event in tell(record, topics).items()}

    return write


def _events(market: Market, span: Span, products: Collection[str], bidders: Collection[str]) -> dict[Topic, Event]:
    events = {SPANS: _span_event(span)}
    if products:
        trades = market.product_trades_of(*span, products)
        events |= {Topic(PRODUCT, name): _product_event(trade) for name, trade in trades.items()}
    if bidders:
        filled = market.bidder_trades_of(*span, bidders)
        events |= {Topic(BIDDER, name): _bidder_event(span, auths) for name, auths in filled.items()}
    return events


def _things(kind: str, topics: Iterable[Topic]) -> list[str]:
    return [topic.thing for topic in topics if topic.kind == kind]


def _span_event(span: Span) -> Event:
    return outcome_event(span[0], _span_json(span))


def _span_json(span: Span) -> dict[str, Any]:
    return {"from": write_instant(span[0]), "thru": write_instant(span[1])}


def _product_event(trade: Trade) -> Event:
    return outcome_event(trade.from_, trade.to_json())


def _bidder_event(span: Span, trades: Iterable[Trade]) -> Event:
    auths = {trade.id: {"price": trade.price, "trade": trade.trade} for trade in trades}
    # Once as a member, and once as the server of 0.3 has it.
    return outcome_event(span[0], _span_json(span) | {"auths": auths} | auths)


def _latest_span(call: Call) -> list[Event]:
    return [_span_event(span) for span in call.market.listed()]


def _latest_of_product(call: Call) -> list[Event]:
    return [_product_event(trade) for trade in call.market.product_trades(call.given["id"])[:1]]


def _latest_of_bidder(call: Call) -> list[Event]:
    name = call.given["bidder"]
    return [_bidder_event(span, call.market.bidder_trades_of(*span, [name])[name]) for span in call.market.listed()]


def _stream(
    topic: Callable[[Call], Topic],
    latest: Callable[[Call], list[Event]],
    allows: Callable[[Call], None] | None = None,
) -> Callable[[Call], EventStream]:
    def follow(call: Call) -> EventStream:
        def missed(last: datetime) -> list[Event]:
            return [event for event in latest(call) if event.instant > last]

        known, desk = call.given[LAST], call.desk
        return EventStream(
            desk.feed,
            topic(call),
            missed=Missed(FIRST if known is None else known, missed, desk.pool),
            permit=None if allows is None else Permit(partial(allows, call), desk.pool),
        )

    return follow


def _oneself(call: Call) -> None:
    """As `permission.oneself`, but what is another's is refused like a bad token."""
    view_products(call)
    bidder = call.desk.application.can_create_bid(call.token)
    if bidder is None or str(bidder) != call.given["bidder"]:
        raise NotPermitted("these are another bidder's outcomes; a token gives its own bidder's only")


ROUTES = (
    Route(
        "GET",
        "/v0/outcomes",
        "Follow when batches hold",
        StreamReply(TEXT, f"server-sent events: one `outcome` for every batch, its data `{{from, thru}}`; {LINES}"),
        _stream(lambda call: SPANS, _latest_span),
        header={LAST: LAST_EVENT},
        open_to_all=True,
        refuses={400: "the header Last-Event-ID is no instant"},
    ),
    Route(
        "GET",
        "/v0/outcomes/products/{id}",
        "Follow what a product is traded at",
        StreamReply(
            TEXT,
            "server-sent events: one `outcome` for every batch that has a price of it, its data "
            f"`{{from, thru, price, trade}}`; {LINES}",
        ),
        _stream(lambda call: Topic(PRODUCT, call.given["id"]), _latest_of_product),
        header={LAST: LAST_EVENT},
        open_to_all=True,
    ),
    Route(
        "GET",
        "/v0/outcomes/bidders/{bidder}",
        "Follow what a bidder trades",
        StreamReply(
            TEXT,
            "server-sent events: one `outcome` for every batch, its data "
            f"`{{from, thru, auths: {{id: {{price, trade}}}}}}`, each id beside `auths` as well; {LINES}",
        ),
        _stream(lambda call: Topic(BIDDER, call.given["bidder"]), _latest_of_bidder, _oneself),
        header={LAST: LAST_EVENT},
        without_token=permission.MISSING,
        allows=_oneself,
    ),
)
