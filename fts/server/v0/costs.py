"""Routes of costs."""

from __future__ import annotations

from typing import Any

from fts.exchange.v0.contract import V0
from fts.models.timestamps import format_instant
from fts.models.v0 import CostRecord
from fts.server.context import RequestContext
from fts.server.v0.auths import DEMAND
from fts.server.v0.crud import Resource, crud_routes
from fts.server.v0.parameters import GROUP
from fts.server.v0.request_body import COST, BidRequest


def cost_json(record: CostRecord, **members: Any) -> dict[str, Any]:
    """Convert a cost to its JSON; ``group`` may be among the members."""
    return {
        "bidder_id": record.bidder_id,
        "cost_id": record.id,
        **members,
        "data": None if record.data is None else record.data.to_json(),
        "version": format_instant(record.version),
    }


def _create(market: V0, bidder: str, name: str | None, request: BidRequest) -> CostRecord:
    return market.create_cost(request.data, request.members, bidder=bidder, cost=name)


def _write(context: RequestContext, record: CostRecord) -> dict[str, Any]:
    return cost_json(record, **({"group": dict(record.group)} if context.params["group"] == "include" else {}))


COSTS = Resource(
    kind=COST,
    name_with_article="a cost",
    schema_name="Cost",
    query={"group": GROUP},
    example={"group": {}, "data": {"demand": DEMAND}},
    unknown_member="the group names an auth that is not one of this bidder",
    create=_create,
    change=V0.change_cost,
    read=V0.cost,
    bidder_of=V0.bidder_of_cost,
    versions=V0.cost_versions,
    history=V0.cost_history,
    write=_write,
)
ROUTES = crud_routes(COSTS)
