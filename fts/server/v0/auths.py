"""Routes about auths."""

from __future__ import annotations

from typing import Any

from fts.exchange.market import Market
from fts.models.auth import AuthRecord
from fts.models.instant import write_instant
from fts.server.route import Call
from fts.server.v0.bids import Bids, routes
from fts.server.v0.body import AUTH, Given
from fts.server.v0.parameter import PORTFOLIO

ID = "00000000-0000-0000-0000-000000000000"
DEMAND = [{"rate": 0, "price": 60}, {"rate": 100, "price": 20}]


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


def _create(market: Market, bidder: str, name: str | None, given: Given) -> AuthRecord:
    return market.create_auth(given.data, given.members, bidder=bidder, auth=name)


def _write(call: Call, record: AuthRecord) -> dict[str, Any]:
    shown = call.given["portfolio"] or "exclude"
    members = {}
    if shown != "exclude":
        members = {"portfolio": call.market.portfolio_of_auth(record, expand=shown == "expand")}
    return auth_json(record, call.market.traded([record.id])[record.id], **members)


AUTHS = Bids(
    kind=AUTH,
    a="an auth",
    shape="Auth",
    shown={"portfolio": PORTFOLIO},
    example={"portfolio": {ID: 1}, "data": {"demand": DEMAND, "min_trade": None, "max_trade": 500}},
    unknown="the portfolio names an unknown product",
    create=_create,
    change=Market.change_auth,
    read=Market.auth,
    bidder_of=Market.bidder_of_auth,
    versions=Market.auth_versions,
    history=Market.auth_history,
    write=_write,
)
find_owner = AUTHS.find_owner
ROUTES = routes(AUTHS)
