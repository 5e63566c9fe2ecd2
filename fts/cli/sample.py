"""The sample market in a file: its products, its bidders' opening bids, what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from fts.sim.agent import Agent, Bids, View
from fts.sim.delivery import Delivery, by_month

BIDDERS = UUID("b3a2f7c4-0d7e-5b1c-8f25-51c1d9a4e6d0")
"""The name space of bidder ids of the sample."""


@dataclass(frozen=True)
class Statement:
    """What a bidder holds, by the operator's book.

    Attributes
    ----------
    name : str
        Of the bidder.
    bidder : str
        Its id.
    bids : int
        How many demands and portfolios it has.
    positions : dict
        Product id -> quantity [MWh, + bought].
    """

    name: str
    bidder: str
    bids: int
    positions: dict[str, float]


def bidder_id(name: str) -> str:
    """The id of a bidder of the sample: a function of its name, so that it finds its bids again."""
    return str(uuid5(BIDDERS, name))


def list_products(market: Any, wanted: Sequence[Delivery], clock: str) -> list[Delivery]:
    """List the products of deliveries, those that exist already included, and return the deliveries with ids.

    Parameters
    ----------
    market : Market
    wanted : sequence of Delivery
        Without ids.
    clock : str
        Time zone of their hours.
    """
    existing = {}
    cursor = None
    while True:
        page, cursor = market.products(cursor=cursor)
        for record in page:
            existing[record.app_data["kind"], record.app_data["from"], record.app_data["thru"]] = record.id
        if cursor is None:
            break
    new = [delivery for delivery in wanted if _terms(delivery) not in existing]
    if new:
        for record in market.create_products([delivery.app_data() for delivery in new]):
            existing[record.app_data["kind"], record.app_data["from"], record.app_data["thru"]] = record.id
    return [replace(delivery, product=existing[_terms(delivery)]) for delivery in wanted]


def open_bids(market: Any, agent: Agent, deliveries: Sequence[Delivery], instant: datetime) -> Statement:
    """Enter an agent's first bids, unless it has some, and state what it holds.

    Parameters
    ----------
    market : Market
    agent : Agent
    deliveries : sequence of Delivery
        With ids.
    instant : datetime
        Now.
    """
    bidder = bidder_id(agent.name)
    count = len(market.demands(bidder)) + len(market.portfolios(bidder))
    held = market.positions(bidder)["quantity"]
    positions = {str(product): float(quantity) for product, quantity in held.items()}
    if count == 0:
        months = [agent.bids(View(instant, month)) for month in by_month(deliveries).values()]
        demands = {name: curve for bids in months for name, curve in bids.demands.items()}
        portfolios = {name: portfolio for bids in months for name, portfolio in bids.portfolios.items()}
        count = _enter(market, bidder, Bids(demands, portfolios))
    return Statement(agent.name, bidder, count, positions)


def _enter(market: Any, bidder: str, bids: Bids) -> int:
    names = list(bids.demands)
    records = market.create_demands([({"name": name}, bids.demands[name]) for name in names], bidder=bidder)
    ids = {name: record.id for name, record in zip(names, records, strict=True)}
    market.create_portfolios(
        [
            ({"name": name}, {ids[own]: weight for own, weight in portfolio.demand.items()}, portfolio.basis)
            for name, portfolio in bids.portfolios.items()
        ],
        bidder=bidder,
    )
    return len(bids.demands) + len(bids.portfolios)


def _terms(delivery: Delivery) -> tuple[str, str, str]:
    data = delivery.app_data()
    return data["kind"], data["from"], data["thru"]
