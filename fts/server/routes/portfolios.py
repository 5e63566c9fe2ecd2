"""Routes of portfolios."""

from __future__ import annotations

from typing import Any

from fts.ports.application import Application
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.limits import Limits
from fts.server.parameters import EXPAND, PAGE
from fts.server.request_body import Body, read_app_data, read_fields, read_group
from fts.server.responses import JsonReply
from fts.server.route import Route, take_only
from fts.server.schemas import listed, ref

UNKNOWN = {422: "the body is not valid, or its weights name an unknown product or demand"}
ID = "00000000-0000-0000-0000-000000000000"


def _creation_body(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> tuple[Any, Any, Any]:
        fields = read_fields(value, "app_data", "demand", "basis")
        return (
            read_app_data(application.portfolio_data, fields["app_data"]),
            read_group(fields["demand"], "demand"),
            read_group(fields["basis"], "basis"),
        )

    return Body(read, ref("NewPortfolio"), {"app_data": {"name": "load"}, "demand": {ID: 1}, "basis": {ID: 1}})


def _change_body(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> dict[str, Any]:
        fields = read_fields(value)
        groups = {name: fields[name] for name in ("demand", "basis") if fields.get(name) is not None}
        return {name: read_group(weights, name) for name, weights in groups.items()}

    return Body(read, ref("PortfolioChange"), {"basis": {ID: 1}})


def _create(context: RequestContext) -> Any:
    app_data, demand, basis = context.body
    return take_only(context.market.bids.portfolios_command([(app_data, demand, basis)], bidder=context.bidder))


def _load(context: RequestContext) -> Any:
    record = context.market.portfolio(context.params["id"], expand=bool(context.params["expand"]))
    context.owner = record.bidder_id
    return record


def load_owner(context: RequestContext) -> str:
    """Load the bidder only, for the authorization; the whole record takes longer."""
    name: str = context.params["id"]
    context.owner = context.market.bids.bidder_of_portfolio(name)
    return name


def _outcomes(context: RequestContext) -> Any:
    return context.market.history.portfolio_outcomes(
        context.resource, context.params["before"], context.params["after"]
    )


ROUTES = (
    Route(
        "GET",
        "/portfolio",
        "List portfolios",
        JsonReply(listed(ref("Portfolio")), "portfolios with a demand or a basis"),
        lambda context: context.market.portfolios(context.bidders),
        authorize=authorization.query_bid,
    ),
    Route(
        "POST",
        "/portfolio",
        "Create a portfolio",
        JsonReply(ref("Portfolio"), "the new portfolio", status=201),
        command=_create,
        body=_creation_body,
        authorize=authorization.create_bid,
        error_responses=UNKNOWN | {409: "its id is taken"},
    ),
    Route(
        "GET",
        "/portfolio/{id}",
        "Read a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio"),
        lambda context: context.resource,
        query={"expand": EXPAND},
        load=_load,
        load_nonblocking=False,
        authorize_resource=authorization.read_bid,
    ),
    Route(
        "PATCH",
        "/portfolio/{id}",
        "Change the weights of a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio as it is now"),
        command=lambda context: context.market.bids.weights_command(context.resource, **context.body),
        body=_change_body,
        load=load_owner,
        authorize_resource=authorization.update_bid,
        error_responses=UNKNOWN,
    ),
    Route(
        "DELETE",
        "/portfolio/{id}",
        "End a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio, without demand and basis; its history stays"),
        command=lambda context: context.market.bids.weights_command(context.resource, {}, {}),
        load=load_owner,
        authorize_resource=authorization.update_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/demand-history",
        "Read the demands a portfolio had",
        JsonReply(ref("WeightsPage"), "its weights on demands, newest first"),
        lambda context: context.market.history.demand_weights(
            context.resource, context.params["before"], context.params["after"]
        ),
        query=PAGE,
        load=load_owner,
        authorize_resource=authorization.read_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/product-history",
        "Read the bases a portfolio had",
        JsonReply(ref("WeightsPage"), "its weights on products, newest first"),
        lambda context: context.market.history.basis(
            context.resource, context.params["before"], context.params["after"]
        ),
        query=PAGE,
        load=load_owner,
        authorize_resource=authorization.read_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/outcomes",
        "Read the fills of a portfolio",
        JsonReply(ref("OutcomePage"), "price and rate, batch by batch, newest first"),
        _outcomes,
        cache_until_batch=True,
        query=PAGE,
        load=load_owner,
        authorize_resource=authorization.read_bid,
    ),
)
