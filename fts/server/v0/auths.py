"""Routes about auths."""

from __future__ import annotations

from typing import Any

from fts.models.auth import AuthRecord
from fts.models.instant import write_instant
from fts.ports.application import Application
from fts.server.body import Body
from fts.server.permission import view_products
from fts.server.route import Call, JsonReply, Route
from fts.server.schemas import ref
from fts.server.v0 import permission
from fts.server.v0.body import AUTH, Given, read_change, read_new
from fts.server.v0.page import page
from fts.server.v0.parameter import PAGE, PORTFOLIO

ID = "00000000-0000-0000-0000-000000000000"
DEMAND = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]
DATA = {"demand": DEMAND, "min_trade": None, "max_trade": 500}
RECORD = {"portfolio": PORTFOLIO}
UNKNOWN = {422: "the body is not valid, or the portfolio names an unknown product"}
TAKEN = {409: "this id is taken"}


def write_auth(call: Call, record: AuthRecord) -> dict[str, Any]:
    """An auth as this request wants to see it."""
    shown = call.given.get("portfolio") or "exclude"
    members = {}
    if shown != "exclude":
        members = {"portfolio": call.market.portfolio_of_auth(record, expand=shown == "expand")}
    return auth_json(record, call.market.traded([record.id])[record.id], **members)


def auth_json(record: AuthRecord, trade: float, **members: Any) -> dict[str, Any]:
    """An auth as ``/v0`` shows it.

    Parameters
    ----------
    record : AuthRecord
    trade : float
        What it has traded.
    **members
        Its ``portfolio``, if it is to be shown.
    """
    return {
        "bidder_id": record.bidder_id,
        "auth_id": record.id,
        **members,
        "data": None if record.data is None else record.data.to_json(),
        "version": write_instant(record.version),
        "trade": trade,
    }


def _new(application: Application) -> Body:
    return Body(
        lambda value, application, limits: read_new(value, AUTH, limits),
        ref("NewAuth"),
        {"portfolio": {ID: 1}, "data": DATA},
    )


def _change(application: Application) -> Body:
    return Body(lambda value, application, limits: read_change(value, AUTH, limits), ref("AuthChange"), {"data": DATA})


def _create(call: Call) -> Any:
    given: Given = call.body
    return write_auth(call, _made(call, given, given.id))


def _made(call: Call, given: Given, name: str | None) -> AuthRecord:
    return call.market.create_auth(given.data, given.members, bidder=call.bidder, auth=name)


def _find(call: Call) -> AuthRecord:
    record = call.market.auth(call.given["id"])
    call.owner = record.bidder_id
    return record


def find_owner(call: Call) -> str:
    """Whose auth it is; the whole record takes the market longer."""
    name: str = call.given["id"]
    call.owner = call.market.bidder_of_auth(name)
    return name


def _find_unless_new(call: Call) -> str:
    name: str = call.given["id"]
    return name if call.body.members is not None else find_owner(call)


def _put(call: Call) -> Any:
    given: Given = call.body
    if given.members is not None:
        return write_auth(call, _made(call, given, call.thing))
    return write_auth(call, call.market.change_auth(call.thing, given.data))


def _list(call: Call) -> Any:
    after = call.given["after"]
    found = call.market.auth_versions(call.bidder, call.given["before"], after)
    return page(
        found,
        call.market.page_limit,
        lambda row: row.version,
        lambda row: {"auth_id": row.id, "version": write_instant(row.version)},
        after,
    )


def _history(call: Call) -> Any:
    after = call.given["after"]
    found = call.market.auth_history(call.thing, call.given["before"], after)
    return page(found, call.market.page_limit, lambda row: row.version, lambda row: row.to_json(), after)


ROUTES = (
    Route(
        "GET",
        "/v0/auths",
        "List auths",
        JsonReply(ref("AuthList"), "ids and versions of the bidder's auths, stopped ones too"),
        _list,
        query=PAGE,
        without_token=permission.MISSING,
        allows=permission.bidder,
        refuses=permission.NO_BIDDER,
    ),
    Route(
        "POST",
        "/v0/auths",
        "Create an auth",
        JsonReply(ref("Auth"), "the new auth"),
        _create,
        body=_new,
        query=RECORD,
        without_token=permission.MISSING,
        allows=permission.bidder,
        refuses=permission.NO_BIDDER | UNKNOWN | TAKEN,
    ),
    Route(
        "GET",
        "/v0/auths/{id}",
        "Read an auth",
        JsonReply(ref("Auth"), "the auth"),
        lambda call: write_auth(call, call.thing),
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
        "/v0/auths/{id}",
        "Create, change or stop an auth",
        JsonReply(ref("Auth"), "the auth as it is now"),
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
        "/v0/auths/{id}",
        "Stop an auth",
        JsonReply(ref("Auth"), "the auth, stopped; its history stays"),
        lambda call: write_auth(call, call.market.change_auth(call.thing, None)),
        query=RECORD,
        without_token=permission.MISSING,
        allows=view_products,
        finds=find_owner,
        allows_thing=permission.update_bid,
        refuses=permission.FOREIGN,
    ),
    Route(
        "GET",
        "/v0/auths/{id}/history",
        "Read the history of an auth",
        JsonReply(ref("AuthHistory"), "its data, newest first; null where it was stopped"),
        _history,
        query=PAGE,
        without_token=permission.MISSING,
        allows=view_products,
        finds=find_owner,
        allows_thing=permission.read_bid,
        refuses=permission.FOREIGN,
    ),
)
