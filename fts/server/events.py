"""Routes that go on: events of batches, of a product, of a portfolio; and what is told in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial

from fts.exchange.following import Outcome
from fts.exchange.market import Market
from fts.models.records import BatchRecord
from fts.server import permission, portfolios, products
from fts.server.event_stream import EventStream, Missed, Permit
from fts.server.feed import BATCHES, Event, Topic, Writer, batch_event, outcome_event
from fts.server.parameter import LAST_EVENT
from fts.server.reply import StreamReply
from fts.server.route import Call, Route
from fts.server.schemas import TEXT

LAST = "Last-Event-ID"
LINES = "its id the instant; a comment line every 15 s"
OUTCOME = (
    "server-sent events: one `outcome` for every batch it has one of, its data `{valid_from, valid_until, value}`, "
    + LINES
)


def writer(market: Market) -> Writer:
    """What is told of a batch's products and portfolios: read once, for all who listen."""

    def write(record: BatchRecord, topics: Collection[Topic]) -> dict[Topic, Event]:
        found = {
            "product": market.product_outcomes_of(record.instant, _things("product", topics)),
            "portfolio": market.portfolio_outcomes_of(record.instant, _things("portfolio", topics)),
        }
        return {
            Topic(kind, thing): _outcome_event(outcome)
            for kind, outcomes in found.items()
            for thing, outcome in outcomes.items()
        }

    return write


def _things(kind: str, topics: Iterable[Topic]) -> list[str]:
    return [topic.thing for topic in topics if topic.kind == kind]


def _outcome_event(outcome: Outcome) -> Event:
    return outcome_event(outcome.valid_from, outcome.to_json())


def _batches(call: Call) -> EventStream:
    def missed(last: datetime) -> list[Event]:
        return [batch_event(record) for record in call.market.batches_since(last)]

    return _stream(call, BATCHES, missed, permission.view_products)


def _product(call: Call) -> EventStream:
    name = call.thing.id

    def missed(last: datetime) -> list[Event]:
        return [_outcome_event(outcome) for outcome in call.market.product_outcomes_since(name, last)]

    return _stream(call, Topic("product", name), missed, permission.view_products)


def _portfolio(call: Call) -> EventStream:
    name = call.thing

    def missed(last: datetime) -> list[Event]:
        return [_outcome_event(outcome) for outcome in call.market.portfolio_outcomes_since(name, last)]

    return _stream(call, Topic("portfolio", name), missed, permission.read_bid)


def _stream(
    call: Call, topic: Topic, read: Callable[[datetime], list[Event]], allows: Callable[[Call], None]
) -> EventStream:
    since, desk = call.given[LAST], call.desk
    missed = None if since is None else Missed(since, read, desk.pool)
    return EventStream(desk.feed, topic, missed=missed, permit=Permit(partial(allows, call), desk.pool))


ROUTES = (
    Route(
        "GET",
        "/events",
        "Follow the batches",
        StreamReply(
            TEXT, f"server-sent events: one `outcome` for every batch, its data `{{instant, status}}`, {LINES}"
        ),
        _batches,
        header={LAST: LAST_EVENT},
        allows=permission.view_products,
    ),
    Route(
        "GET",
        "/product/{id}/events",
        "Follow the prices of a product",
        StreamReply(TEXT, OUTCOME),
        _product,
        header={LAST: LAST_EVENT},
        allows=permission.view_products,
        finds=products.find,
    ),
    Route(
        "GET",
        "/portfolio/{id}/events",
        "Follow the fills of a portfolio",
        StreamReply(TEXT, OUTCOME),
        _portfolio,
        header={LAST: LAST_EVENT},
        finds=portfolios.find_owner,
        allows_thing=permission.read_bid,
    ),
)
