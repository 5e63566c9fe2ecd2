"""Routes about costs."""

from __future__ import annotations

from typing import Any

from fts.models.auth import CostRecord
from fts.models.instant import write_instant
from fts.ports.application import Application
from fts.server.body import Body
from fts.server.permission import view_products
from fts.server.route import Call, JsonReply, Route
from fts.server.schemas import ref
from fts.server.v0 import permission
from fts.server.v0.auths import DEMAND, TAKEN
from fts.server.v0.body import COST, Given, read_change, read_new
from fts.server.v0.page import page
from fts.server.v0.parameter import GROUP, PAGE

DATA = {"demand": DEMAND}
RECORD = {"group": GROUP}
UNKNOWN = {422: "the body is not valid, or the group names an auth that is not one of this bidder"}


def write_cost(call: Call, record: CostRecord) -> dict[str, Any]:
    """A cost as this request wants to see it."""
    members = {"group": dict(record.group)} if call.given.get("group") == "include" else {}
    return cost_json(record, **members)


def cost_json(record: CostRecord, **members: Any) -> dict[str, Any]:
    """A cost as ``/v0`` shows it; with its ``group``, if that is to be shown."""
    return {
        "bidder_id": record.bidder_id,
        "cost_id": record.id,
        **members,
        "data": None if record.data is None else record.data.to_json(),
        "version": write_instant(record.version),
    }


def _new(application: Application) -> Body:
    return Body(
        lambda value, application, limits: read_new(value, COST, limits), ref("NewCost"), {"group": {}, "data": DATA}
    )


def _change(application: Application) -> Body:
    return Body(lambda value, application, limits: read_change(value, COST, limits), ref("CostChange"), {"data": DATA})


def _create(call: Call) -> Any:
    given: Given = call.body
    return write_cost(call, _made(call, given, given.id))


def _made(call: Call, given: Given, name: str | None) -> CostRecord:
    return call.market.create_cost(given.data, given.members, bidder=call.bidder, cost=name)


def _find(call: Call) -> CostRecord:
    record = call.market.cost(call.given["id"])
    call.owner = record.bidder_id
    return record


def _find_owner(call: Call) -> str:
    """Whose cost it is; the whole record takes the market longer."""
    name: str = call.given["id"]
    call.owner = call.market.bidder_of_cost(name)
    return name


def _find_unless_new(call: Call) -> str:
    name: str = call.given["id"]
    return name if call.body.members is not None else _find_owner(call)


def _put(call: Call) -> Any:
    given: Given = call.body
    if given.members is not None:
        return write_cost(call, _made(call, given, call.thing))
    return write_cost(call, call.market.change_cost(call.thing, given.data))


def _list(call: Call) -> Any:
    after = call.given["after"]
    found = call.market.cost_versions(call.bidder, call.given["before"], after)
    return page(
        found,
        call.market.page_limit,
        lambda row: row.version,
        lambda row: {"cost_id": row.id, "version": write_instant(row.version)},
        after,
    )


def _history(call: Call) -> Any:
    after = call.given["after"]
    found = call.market.cost_history(call.thing, call.given["before"], after)
    return page(found, call.market.page_limit, lambda row: row.version, lambda row: row.to_json(), after)


ROUTES = (
    Route(
        "GET",
        "/v0/costs",
        "List costs",
        JsonReply(ref("CostList"), "ids and versions of the bidder's costs, stopped ones too"),
        _list,
        query=PAGE,
        without_token=permission.MISSING,
        allows=permission.bidder,
        refuses=permission.NO_BIDDER,
    ),
    Route(
        "POST",
        "/v0/costs",
        "Create a cost",
        JsonReply(ref("Cost"), "the new cost"),
        _create,
        body=_new,
        query=RECORD,
        without_token=permission.MISSING,
        allows=permission.bidder,
        refuses=permission.NO_BIDDER | UNKNOWN | TAKEN,
    ),
    Route(
        "GET",
        "/v0/costs/{id}",
        "Read a cost",
        JsonReply(ref("Cost"), "the cost"),
        lambda call: write_cost(call, call.thing),
        query=RECORD,
        without_token=permission.MISSING,
        allows=view_products,
        finds=_find,
        finds_quickly=False,
        allows_thing=permission.read_bid,
        refuses=permission.FOREIGN,
    ),
    Route(
        "PUT",
        "/v0/costs/{id}",
        "Create, change or stop a cost",
        JsonReply(ref("Cost"), "the cost as it is now"),
        _put,
        body=_change,
        query=RECORD,
        without_token=permission.MISSING,
        allows=permission.bidder,
        finds=_find_unless_new,
        allows_thing=permission.update_bid,
        refuses=permission.FOREIGN | UNKNOWN | TAKEN,
    ),
    Route(
        "DELETE",
        "/v0/costs/{id}",
        "Stop a cost",
        JsonReply(ref("Cost"), "the cost, stopped; its history stays"),
        lambda call: write_cost(call, call.market.change_cost(call.thing, None)),
        query=RECORD,
        without_token=permission.MISSING,
        allows=view_products,
        finds=_find_owner,
        allows_thing=permission.update_bid,
        refuses=permission.FOREIGN,
    ),
    Route(
        "GET",
        "/v0/costs/{id}/history",
        "Read the history of a cost",
        JsonReply(ref("CostHistory"), "its data, newest first; null where it was stopped"),
        _history,
        query=PAGE,
        without_token=permission.MISSING,
        allows=view_products,
        finds=_find_owner,
        allows_thing=permission.read_bid,
        refuses=permission.FOREIGN,
    ),
)
