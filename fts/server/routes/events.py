"""Event streams of batches, of a product and of a portfolio."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial

from fts.exchange.market import Market
from fts.models.records import BatchRecord, OutcomeRow
from fts.server import authorization
from fts.server.broadcast import BATCHES, Event, EventBuilder, Topic, batch_event, outcome_event
from fts.server.context import RequestContext
from fts.server.parameters import LAST_EVENT
from fts.server.responses import StreamReply
from fts.server.route import Route
from fts.server.routes import portfolios, products
from fts.server.schemas import TEXT
from fts.server.sse import Backlog, EventStream, Reauthorization

LAST_EVENT_ID = "Last-Event-ID"
FORMAT_TEXT = "its id the instant; a comment line every 15 s"
OUTCOME_TEXT = (
    "server-sent events: one `outcome` for every batch it has one of, its data `{valid_from, valid_until, value}`, "
    + FORMAT_TEXT
)


def event_builder(market: Market) -> EventBuilder:
    """Create the builder of the events of products and portfolios; it reads a batch once for all subscribers."""

    def build(record: BatchRecord, topics: Collection[Topic]) -> dict[Topic, Event]:
        found = {
            "product": market.history.product_outcomes_of(record.instant, _subjects("product", topics)),
            "portfolio": market.history.portfolio_outcomes_of(record.instant, _subjects("portfolio", topics)),
        }
        return {
            Topic(kind, subject): _outcome_event(outcome)
            for kind, outcomes in found.items()
            for subject, outcome in outcomes.items()
        }

    return build


def _subjects(kind: str, topics: Iterable[Topic]) -> list[str]:
    return [topic.subject for topic in topics if topic.kind == kind]


def _outcome_event(outcome: OutcomeRow) -> Event:
    return outcome_event(outcome.valid_from, outcome.to_json())


def _batches(context: RequestContext) -> EventStream:
    def read_backlog(last: datetime) -> list[Event]:
        return [batch_event(record) for record in context.market.history.batches_since(last)]

    return _stream(context, BATCHES, read_backlog, authorization.view_products)


def _product(context: RequestContext) -> EventStream:
    name = context.resource.id

    def read_backlog(last: datetime) -> list[Event]:
        return [_outcome_event(outcome) for outcome in context.market.history.product_outcomes_since(name, last)]

    return _stream(context, Topic("product", name), read_backlog, authorization.view_products)


def _portfolio(context: RequestContext) -> EventStream:
    name = context.resource

    def read_backlog(last: datetime) -> list[Event]:
        return [_outcome_event(outcome) for outcome in context.market.history.portfolio_outcomes_since(name, last)]

    return _stream(context, Topic("portfolio", name), read_backlog, authorization.read_bid)


def _stream(
    context: RequestContext,
    topic: Topic,
    read_backlog: Callable[[datetime], list[Event]],
    authorize: Callable[[RequestContext], None],
) -> EventStream:
    since, app = context.params[LAST_EVENT_ID], context.app
    return EventStream(
        app.broadcaster,
        topic,
        backlog=None if since is None else Backlog(since, read_backlog, app.pool),
        reauthorization=Reauthorization(partial(authorize, context), app.pool),
    )


ROUTES = (
    Route(
        "GET",
        "/events",
        "Follow the batches",
        StreamReply(
            TEXT, f"server-sent events: one `outcome` for every batch, its data `{{instant, status}}`, {FORMAT_TEXT}"
        ),
        _batches,
        header={LAST_EVENT_ID: LAST_EVENT},
        authorize=authorization.view_products,
    ),
    Route(
        "GET",
        "/product/{id}/events",
        "Follow the prices of a product",
        StreamReply(TEXT, OUTCOME_TEXT),
        _product,
        header={LAST_EVENT_ID: LAST_EVENT},
        authorize=authorization.view_products,
        load=products.load,
    ),
    Route(
        "GET",
        "/portfolio/{id}/events",
        "Follow the fills of a portfolio",
        StreamReply(TEXT, OUTCOME_TEXT),
        _portfolio,
        header={LAST_EVENT_ID: LAST_EVENT},
        load=portfolios.load_owner,
        authorize_resource=authorization.read_bid,
    ),
)
