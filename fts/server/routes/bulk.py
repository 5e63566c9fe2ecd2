"""Routes that create and change many bids in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from fts.errors import FtsError
from fts.exchange.commands import Command
from fts.exchange.rules import replace_curve
from fts.models.timestamps import format_instant
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server import authorization
from fts.server.context import RequestContext
from fts.server.limits import Limits
from fts.server.parameters import read_uuid
from fts.server.request_body import Body, read_app_data, read_demand_curve, read_fields, read_group
from fts.server.responses import JsonReply
from fts.server.route import Route
from fts.server.routes import bulk_formats
from fts.server.routes.demands import CURVE
from fts.server.routes.portfolios import ID
from fts.server.schemas import ref

BulkRow = tuple[int, str | None, dict[str, Any]]
"""Number of the row, id of the bid that it changes (None: it creates one), and parsed fields."""


def _demands(application: Application) -> Body:
    def read(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
        fields = read_fields(row, "curve_data") if "id" in row else read_fields(row, "app_data", "curve_data")
        curve = read_demand_curve(fields["curve_data"], limits)
        return {"app_data": _data(application.demand_data, fields), "curve": curve}

    example = {"app_data": {"name": "load"}, "curve_data": CURVE}
    return _body(read, ref("DemandRow"), example, bulk_formats.demand_rows)


def _portfolios(application: Application) -> Body:
    def read(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
        fields = row if "id" in row else read_fields(row, "app_data", "demand", "basis")
        groups = {
            name: None if fields.get(name) is None else read_group(fields[name], name) for name in ("demand", "basis")
        }
        return {"app_data": _data(application.portfolio_data, fields), **groups}

    example = {"app_data": {"name": "load"}, "demand": {ID: 1}, "basis": {ID: 1}}
    return _body(read, ref("PortfolioRow"), example, bulk_formats.portfolio_rows)


def _data(kind: Any, fields: dict[str, Any]) -> Any:
    return None if "id" in fields else read_app_data(kind, fields["app_data"])


def _body(
    read: Callable[[dict[str, Any], Limits], dict[str, Any]],
    schema: dict[str, Any],
    example: Any,
    arrow: Callable[[bytes, Limits], bulk_formats.NumberedRows],
) -> Body:
    def read_row(number: int, value: Any, limits: Limits) -> BulkRow:
        try:
            row = read_fields(value)
            name = None if "id" not in row else read_uuid(row["id"])
            return number, name, read(row, limits)
        except FtsError as error:
            bulk_formats.prefix_row_number(number, error)
            raise

    def read_rows(values: bulk_formats.NumberedRows, application: Application, limits: Limits) -> list[BulkRow]:
        return [read_row(number, value, limits) for number, value in values]

    return Body(read_rows, schema, example, bulk_formats.decoders(arrow), size_factor=16)


def _authorize_create(context: RequestContext) -> None:
    if any(name is None for _, name, _ in context.body):
        authorization.create_bid(context)


def _demand_command(context: RequestContext) -> Command[Any]:
    _check_owners(context, context.market.bids.bidder_of_demand)
    market = context.market

    def make_command(name: str | None, fields: dict[str, Any]) -> Command[Any]:
        if name is None:
            return market.bids.demands_command([(fields["app_data"], fields["curve"])], bidder=context.bidder)
        # The id and the curve were validated when the body was parsed.
        return partial(replace_curve, name=name, curve=fields["curve"])

    return _combine(context.body, make_command)


def _portfolio_command(context: RequestContext) -> Command[Any]:
    _check_owners(context, context.market.bids.bidder_of_portfolio)
    market = context.market

    def make_command(name: str | None, fields: dict[str, Any]) -> Command[Any]:
        if name is None:
            return market.bids.portfolios_command(
                [(fields["app_data"], fields["demand"], fields["basis"])], bidder=context.bidder
            )
        return market.bids.weights_command(name, fields["demand"], fields["basis"])

    return _combine(context.body, make_command)


def _check_owners(context: RequestContext, owner_of: Callable[[str], str]) -> None:
    allowed: set[str] = set()
    for number, name, _ in context.body:
        if name is None:
            continue
        try:
            context.owner = owner_of(name)
            if context.owner not in allowed:
                authorization.update_bid(context)
                allowed.add(context.owner)
        except FtsError as error:
            bulk_formats.prefix_row_number(number, error)
            raise


def _combine(
    body: Iterable[BulkRow], make_command: Callable[[str | None, dict[str, Any]], Command[Any]]
) -> Command[Any]:
    commands = [(number, name, make_command(name, fields)) for number, name, fields in body]

    def change(transaction: Transaction) -> dict[str, Any]:
        ids = []
        for number, name, row in commands:
            try:
                made = row(transaction)
            except FtsError as error:
                bulk_formats.prefix_row_number(number, error)
                raise
            ids.append(made[0].id if name is None else name)
        return {"valid_from": format_instant(transaction.instant), "ids": ids}

    return change


ERROR_RESPONSES = {
    404: "a row changes a bid that is not there",
    409: "the id of a new bid is taken",
    422: "a row is not valid, or its weights name an unknown product or demand; the reply names the first",
}
ROUTES = (
    Route(
        "POST",
        "/demand/bulk",
        "Enter and change many demands",
        JsonReply(ref("Bulk"), "the ids, row by row; all rows were made at one instant"),
        command=_demand_command,
        body=_demands,
        authorize=_authorize_create,
        error_responses=ERROR_RESPONSES,
    ),
    Route(
        "POST",
        "/portfolio/bulk",
        "Enter and change many portfolios",
        JsonReply(ref("Bulk"), "the ids, row by row; all rows were made at one instant"),
        command=_portfolio_command,
        body=_portfolios,
        authorize=_authorize_create,
        error_responses=ERROR_RESPONSES,
    ),
)
