"""Routes that enter and change many bids at once: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from fts.errors import FtsError
from fts.exchange.bids import replace_curve
from fts.exchange.drafting import Change
from fts.models.instant import write_instant
from fts.ports.application import Application
from fts.ports.store import Transaction
from fts.server import permission, rows
from fts.server.body import Body, read_app_data, read_demand_curve, read_fields, read_group
from fts.server.demands import CURVE
from fts.server.limits import Limits
from fts.server.parameter import read_uuid
from fts.server.portfolios import ID
from fts.server.reply import JsonReply
from fts.server.route import Call, Route
from fts.server.schemas import ref

Row = tuple[int, str | None, dict[str, Any]]
"""Its number, the id of what it changes (None: it makes something new), and what it says."""


def _demands(application: Application) -> Body:
    def read(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
        said = read_fields(row, "curve_data") if "id" in row else read_fields(row, "app_data", "curve_data")
        curve = read_demand_curve(said["curve_data"], limits)
        return {"app_data": _data(application.demand_data, said), "curve": curve}

    example = {"app_data": {"name": "load"}, "curve_data": CURVE}
    return _body(read, ref("DemandRow"), example, rows.demand_rows)


def _portfolios(application: Application) -> Body:
    def read(row: dict[str, Any], limits: Limits) -> dict[str, Any]:
        said = row if "id" in row else read_fields(row, "app_data", "demand", "basis")
        groups = {
            name: None if said.get(name) is None else read_group(said[name], name) for name in ("demand", "basis")
        }
        return {"app_data": _data(application.portfolio_data, said), **groups}

    example = {"app_data": {"name": "load"}, "demand": {ID: 1}, "basis": {ID: 1}}
    return _body(read, ref("PortfolioRow"), example, rows.portfolio_rows)


def _data(kind: Any, said: dict[str, Any]) -> Any:
    return None if "id" in said else read_app_data(kind, said["app_data"])


def _body(
    read: Callable[[dict[str, Any], Limits], dict[str, Any]],
    schema: dict[str, Any],
    example: Any,
    arrow: Callable[[bytes, Limits], rows.Rows],
) -> Body:
    def read_row(number: int, value: Any, limits: Limits) -> Row:
        try:
            row = read_fields(value)
            name = None if "id" not in row else read_uuid(row["id"])
            return number, name, read(row, limits)
        except FtsError as error:
            rows.name_row(number, error)
            raise

    def read_rows(values: rows.Rows, application: Application, limits: Limits) -> list[Row]:
        return [read_row(number, value, limits) for number, value in values]

    return Body(read_rows, schema, example, rows.forms(arrow), size=16)


def _may_create(call: Call) -> None:
    if any(name is None for _, name, _ in call.body):
        permission.create_bid(call)


def _demand_changes(call: Call) -> Change[Any]:
    _check_owners(call, call.market.bidder_of_demand)
    market = call.market

    def draft(name: str | None, said: dict[str, Any]) -> Change[Any]:
        if name is None:
            return market.draft_demands([(said["app_data"], said["curve"])], bidder=call.bidder)
        # Both were read a moment ago, as carefully as a draft would.
        return partial(replace_curve, name=name, curve=said["curve"])

    return _together(call.body, draft)


def _portfolio_changes(call: Call) -> Change[Any]:
    _check_owners(call, call.market.bidder_of_portfolio)
    market = call.market

    def draft(name: str | None, said: dict[str, Any]) -> Change[Any]:
        if name is None:
            return market.draft_portfolios([(said["app_data"], said["demand"], said["basis"])], bidder=call.bidder)
        return market.draft_weights(name, said["demand"], said["basis"])

    return _together(call.body, draft)


def _check_owners(call: Call, owner_of: Callable[[str], str]) -> None:
    allowed: set[str] = set()
    for number, name, _ in call.body:
        if name is None:
            continue
        try:
            call.owner = owner_of(name)
            if call.owner not in allowed:
                permission.update_bid(call)
                allowed.add(call.owner)
        except FtsError as error:
            rows.name_row(number, error)
            raise


def _together(body: Iterable[Row], draft: Callable[[str | None, dict[str, Any]], Change[Any]]) -> Change[Any]:
    drafts = [(number, name, draft(name, said)) for number, name, said in body]

    def change(transaction: Transaction) -> dict[str, Any]:
        ids = []
        for number, name, row in drafts:
            try:
                made = row(transaction)
            except FtsError as error:
                rows.name_row(number, error)
                raise
            ids.append(made[0].id if name is None else name)
        return {"valid_from": write_instant(transaction.instant), "ids": ids}

    return change


REFUSES = {
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
        changes=_demand_changes,
        body=_demands,
        allows=_may_create,
        refuses=REFUSES,
    ),
    Route(
        "POST",
        "/portfolio/bulk",
        "Enter and change many portfolios",
        JsonReply(ref("Bulk"), "the ids, row by row; all rows were made at one instant"),
        changes=_portfolio_changes,
        body=_portfolios,
        allows=_may_create,
        refuses=REFUSES,
    ),
)
