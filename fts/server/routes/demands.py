"""Routes of demands."""

from __future__ import annotations

from typing import Any

from fts.ports.application import Application
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.limits import Limits
from fts.server.parameters import PAGE
from fts.server.request_body import Body, read_app_data, read_demand_curve, read_fields
from fts.server.responses import JsonReply
from fts.server.route import Route, take_only
from fts.server.schemas import listed, null_or, ref

CURVE = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]


def _creation_body(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> tuple[Any, Any]:
        fields = read_fields(value, "app_data", "curve_data")
        return (
            read_app_data(application.demand_data, fields["app_data"]),
            read_demand_curve(fields["curve_data"], limits),
        )

    return Body(read, ref("NewDemand"), {"app_data": {"name": "load"}, "curve_data": CURVE})


def _curve_body(application: Application) -> Body:
    return Body(lambda value, application, limits: read_demand_curve(value, limits), null_or(ref("Curve")), CURVE)


def _create(context: RequestContext) -> Any:
    app_data, curve = context.body
    return take_only(context.market.bids.demands_command([(app_data, curve)], bidder=context.bidder))


def _load(context: RequestContext) -> Any:
    record = context.market.demand(context.params["id"])
    context.owner = record.bidder_id
    return record


def _load_owner(context: RequestContext) -> str:
    """Load the bidder only; the whole record takes longer."""
    name: str = context.params["id"]
    context.owner = context.market.bids.bidder_of_demand(name)
    return name


ROUTES = (
    Route(
        "GET",
        "/demand",
        "List active demands",
        JsonReply(listed(ref("Demand")), "demands with a curve"),
        lambda context: context.market.demands(context.bidders),
        authorize=authorization.query_bid,
    ),
    Route(
        "POST",
        "/demand",
        "Create a demand",
        JsonReply(ref("Demand"), "the new demand", status=201),
        command=_create,
        body=_creation_body,
        authorize=authorization.create_bid,
        error_responses={409: "its id is taken"},
    ),
    Route(
        "GET",
        "/demand/{id}",
        "Read a demand",
        JsonReply(ref("Demand"), "the demand"),
        lambda context: context.resource,
        nonblocking=True,
        load=_load,
        authorize_resource=authorization.read_bid,
    ),
    Route(
        "PUT",
        "/demand/{id}",
        "Change the curve of a demand",
        JsonReply(ref("Demand"), "the demand as it is now"),
        command=lambda context: context.market.bids.curve_command(context.resource, context.body),
        body=_curve_body,
        load=_load_owner,
        authorize_resource=authorization.update_bid,
    ),
    Route(
        "DELETE",
        "/demand/{id}",
        "End a demand",
        JsonReply(ref("Demand"), "the demand, without a curve; its history stays"),
        command=lambda context: context.market.bids.curve_command(context.resource, None),
        load=_load_owner,
        authorize_resource=authorization.update_bid,
    ),
    Route(
        "GET",
        "/demand/{id}/curve-history",
        "Read the curves a demand had",
        JsonReply(ref("CurvePage"), "its curves, newest first"),
        lambda context: context.market.history.curves(
            context.resource, context.params["before"], context.params["after"]
        ),
        query=PAGE,
        load=_load_owner,
        authorize_resource=authorization.read_bid,
    ),
)
