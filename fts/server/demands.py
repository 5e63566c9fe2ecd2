"""Routes about demands."""

from __future__ import annotations

from typing import Any

from fts.ports.application import Application
from fts.server import permission
from fts.server.body import Body, read_app_data, read_demand_curve, read_fields
from fts.server.limits import Limits
from fts.server.parameter import PAGE
from fts.server.reply import JsonReply
from fts.server.route import Call, Route, only
from fts.server.schemas import listed, null_or, ref

CURVE = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]


def _new(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> tuple[Any, Any]:
        fields = read_fields(value, "app_data", "curve_data")
        return (
            read_app_data(application.demand_data, fields["app_data"]),
            read_demand_curve(fields["curve_data"], limits),
        )

    return Body(read, ref("NewDemand"), {"app_data": {"name": "load"}, "curve_data": CURVE})


def _curve(application: Application) -> Body:
    return Body(lambda value, application, limits: read_demand_curve(value, limits), null_or(ref("Curve")), CURVE)


def _create(call: Call) -> Any:
    app_data, curve = call.body
    return only(call.market.draft_demands([(app_data, curve)], bidder=call.bidder))


def _find(call: Call) -> Any:
    record = call.market.demand(call.given["id"])
    call.owner = record.bidder_id
    return record


def _find_owner(call: Call) -> str:
    """Whose it is; the whole record takes the market longer."""
    name: str = call.given["id"]
    call.owner = call.market.bidder_of_demand(name)
    return name


ROUTES = (
    Route(
        "GET",
        "/demand",
        "List active demands",
        JsonReply(listed(ref("Demand")), "demands with a curve"),
        lambda call: call.market.demands(call.bidders),
        allows=permission.query_bid,
    ),
    Route(
        "POST",
        "/demand",
        "Create a demand",
        JsonReply(ref("Demand"), "the new demand", status=201),
        changes=_create,
        body=_new,
        allows=permission.create_bid,
        refuses={409: "its id is taken"},
    ),
    Route(
        "GET",
        "/demand/{id}",
        "Read a demand",
        JsonReply(ref("Demand"), "the demand"),
        lambda call: call.thing,
        quick=True,
        finds=_find,
        allows_thing=permission.read_bid,
    ),
    Route(
        "PUT",
        "/demand/{id}",
        "Change the curve of a demand",
        JsonReply(ref("Demand"), "the demand as it is now"),
        changes=lambda call: call.market.draft_curve(call.thing, call.body),
        body=_curve,
        finds=_find_owner,
        allows_thing=permission.update_bid,
    ),
    Route(
        "DELETE",
        "/demand/{id}",
        "End a demand",
        JsonReply(ref("Demand"), "the demand, without a curve; its history stays"),
        changes=lambda call: call.market.draft_curve(call.thing, None),
        finds=_find_owner,
        allows_thing=permission.update_bid,
    ),
    Route(
        "GET",
        "/demand/{id}/curve-history",
        "Read the curves a demand had",
        JsonReply(ref("CurvePage"), "its curves, newest first"),
        lambda call: call.market.curve_history(call.thing, call.given["before"], call.given["after"]),
        query=PAGE,
        finds=_find_owner,
        allows_thing=permission.read_bid,
    ),
)
