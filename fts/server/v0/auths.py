"""Routes of auths."""

from __future__ import annotations

from typing import Any

from fts.exchange.v0.contract import V0
from fts.models.timestamps import format_instant
from fts.models.v0 import AuthRecord
from fts.server.context import RequestContext
from fts.server.v0.crud import Resource, crud_routes
from fts.server.v0.parameters import PORTFOLIO
from fts.server.v0.request_body import AUTH, BidRequest

ID = "00000000-0000-0000-0000-000000000000"
DEMAND = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]


def auth_json(record: AuthRecord, trade: float, **members: Any) -> dict[str, Any]:
    """Convert an auth to its JSON.

    Parameters
    ----------
    record : AuthRecord
    trade : float
        Quantity traded so far.
    **members
        ``portfolio``, if it is to be included.
    """
    return {
        "bidder_id": record.bidder_id,
        "auth_id": record.id,
        **members,
        "data": None if record.data is None else record.data.to_json(),
        "version": format_instant(record.version),
        "trade": trade,
    }


def _create(market: V0, bidder: str, name: str | None, request: BidRequest) -> AuthRecord:
    return market.create_auth(request.data, request.members, bidder=bidder, auth=name)


def _write(context: RequestContext, record: AuthRecord) -> dict[str, Any]:
    shown = context.params["portfolio"] or "exclude"
    members = {}
    if shown != "exclude":
        members = {"portfolio": context.market.v0.portfolio_of_auth(record, expand=shown == "expand")}
    return auth_json(record, context.market.v0.traded([record.id])[record.id], **members)


AUTHS = Resource(
    kind=AUTH,
    name_with_article="an auth",
    schema_name="Auth",
    query={"portfolio": PORTFOLIO},
    example={"portfolio": {ID: 1}, "data": {"demand": DEMAND, "min_trade": None, "max_trade": 500}},
    unknown_member="the portfolio names an unknown product",
    create=_create,
    change=V0.change_auth,
    read=V0.auth,
    bidder_of=V0.bidder_of_auth,
    versions=V0.auth_versions,
    history=V0.auth_history,
    write=_write,
)
load_owner = AUTHS.load_owner
ROUTES = crud_routes(AUTHS)
