"""Routes about costs."""

from __future__ import annotations

from typing import Any

from fts.exchange.market import Market
from fts.models.auth import CostRecord
from fts.models.instant import write_instant
from fts.server.route import Call
from fts.server.v0.auths import DEMAND
from fts.server.v0.bids import Bids, routes
from fts.server.v0.body import COST, Given
from fts.server.v0.parameter import GROUP


def cost_json(record: CostRecord, **members: Any) -> dict[str, Any]:
    """A cost as ``/v0`` shows it; with its ``group``, if that is to be shown."""
    return {
        "bidder_id": record.bidder_id,
        "cost_id": record.id,
        **members,
        "data": None if record.data is None else record.data.to_json(),
        "version": write_instant(record.version),
    }


def _create(market: Market, bidder: str, name: str | None, given: Given) -> CostRecord:
    return market.create_cost(given.data, given.members, bidder=bidder, cost=name)


def _write(call: Call, record: CostRecord) -> dict[str, Any]:
    return cost_json(record, **({"group": dict(record.group)} if call.given["group"] == "include" else {}))


COSTS = Bids(
    kind=COST,
    a="a cost",
    shape="Cost",
    shown={"group": GROUP},
    example={"group": {}, "data": {"demand": DEMAND}},
    unknown="the group names an auth that is not one of this bidder",
    create=_create,
    change=Market.change_cost,
    read=Market.cost,
    bidder_of=Market.bidder_of_cost,
    versions=Market.cost_versions,
    history=Market.cost_history,
    write=_write,
)
ROUTES = routes(COSTS)
