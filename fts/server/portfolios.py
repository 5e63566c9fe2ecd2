"""Routes about portfolios."""

from __future__ import annotations

from typing import Any

from fts.ports.application import Application
from fts.server import permission
from fts.server.body import Body, read_app_data, read_fields, read_group
from fts.server.limits import Limits
from fts.server.parameter import EXPAND, PAGE
from fts.server.reply import JsonReply
from fts.server.route import Call, Route, only
from fts.server.schemas import listed, ref

UNKNOWN = {422: "the body is not valid, or its weights name an unknown product or demand"}
ID = "00000000-0000-0000-0000-000000000000"


def _new(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> tuple[Any, Any, Any]:
        fields = read_fields(value, "app_data", "demand", "basis")
        return (
            read_app_data(application.portfolio_data, fields["app_data"]),
            read_group(fields["demand"], "demand"),
            read_group(fields["basis"], "basis"),
        )

    return Body(read, ref("NewPortfolio"), {"app_data": {"name": "load"}, "demand": {ID: 1}, "basis": {ID: 1}})


def _change(application: Application) -> Body:
    def read(value: Any, application: Application, limits: Limits) -> dict[str, Any]:
        fields = read_fields(value)
        groups = {name: fields[name] for name in ("demand", "basis") if fields.get(name) is not None}
        return {name: read_group(weights, name) for name, weights in groups.items()}

    return Body(read, ref("PortfolioChange"), {"basis": {ID: 1}})


def _create(call: Call) -> Any:
    app_data, demand, basis = call.body
    return only(call.market.draft_portfolios([(app_data, demand, basis)], bidder=call.bidder))


def _find(call: Call) -> Any:
    record = call.market.portfolio(call.given["id"], expand=bool(call.given["expand"]))
    call.owner = record.bidder_id
    return record


def find_owner(call: Call) -> str:
    """Whose it is; the whole record takes the market longer."""
    name: str = call.given["id"]
    call.owner = call.market.bidder_of_portfolio(name)
    return name


def _outcomes(call: Call) -> Any:
    return call.market.portfolio_outcomes(call.thing, call.given["before"], call.given["after"])


ROUTES = (
    Route(
        "GET",
        "/portfolio",
        "List portfolios",
        JsonReply(listed(ref("Portfolio")), "portfolios with a demand or a basis"),
        lambda call: call.market.portfolios(call.bidders),
        allows=permission.query_bid,
    ),
    Route(
        "POST",
        "/portfolio",
        "Create a portfolio",
        JsonReply(ref("Portfolio"), "the new portfolio", status=201),
        changes=_create,
        body=_new,
        allows=permission.create_bid,
        refuses=UNKNOWN | {409: "its id is taken"},
    ),
    Route(
        "GET",
        "/portfolio/{id}",
        "Read a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio"),
        lambda call: call.thing,
        query={"expand": EXPAND},
        finds=_find,
        finds_quickly=False,
        allows_thing=permission.read_bid,
    ),
    Route(
        "PATCH",
        "/portfolio/{id}",
        "Change the weights of a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio as it is now"),
        changes=lambda call: call.market.draft_weights(call.thing, **call.body),
        body=_change,
        finds=find_owner,
        allows_thing=permission.update_bid,
        refuses=UNKNOWN,
    ),
    Route(
        "DELETE",
        "/portfolio/{id}",
        "End a portfolio",
        JsonReply(ref("Portfolio"), "the portfolio, without demand and basis; its history stays"),
        changes=lambda call: call.market.draft_weights(call.thing, {}, {}),
        finds=find_owner,
        allows_thing=permission.update_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/demand-history",
        "Read the demands a portfolio had",
        JsonReply(ref("WeightsPage"), "its weights on demands, newest first"),
        lambda call: call.market.demand_history(call.thing, call.given["before"], call.given["after"]),
        query=PAGE,
        finds=find_owner,
        allows_thing=permission.read_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/product-history",
        "Read the bases a portfolio had",
        JsonReply(ref("WeightsPage"), "its weights on products, newest first"),
        lambda call: call.market.basis_history(call.thing, call.given["before"], call.given["after"]),
        query=PAGE,
        finds=find_owner,
        allows_thing=permission.read_bid,
    ),
    Route(
        "GET",
        "/portfolio/{id}/outcomes",
        "Read the fills of a portfolio",
        JsonReply(ref("OutcomePage"), "price and rate, batch by batch, newest first"),
        _outcomes,
        until_batch=True,
        query=PAGE,
        finds=find_owner,
        allows_thing=permission.read_bid,
    ),
)
