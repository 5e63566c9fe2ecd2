"""Market of `fts demo` in a file: its products, and the opening bids and positions of its bidders."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import fts
from fts import bundled
from fts.cli.console import format_seconds, print_item, print_line, show_progress
from fts.errors import ConfigurationError
from fts.models.timestamps import format_instant
from fts.server.jwt_application import write_token
from fts.sim.agent import Agent, Bids, View
from fts.sim.typical_hours import TypicalHour, by_month
from fts.sim.zone import read_zone

BIDDER_NAMESPACE = UUID("b3a2f7c4-0d7e-5b1c-8f25-51c1d9a4e6d0")
"""Namespace of the ids of the bidders."""


@dataclass(frozen=True)
class PositionStatement:
    """Positions of a bidder, from the operator's market file.

    Attributes
    ----------
    name : str
        Name of the bidder.
    bidder : str
        Id of the bidder.
    bids : int
        Number of its demands and portfolios.
    positions : dict
        Quantity by product id [MWh, + bought].
    since : datetime
        Time of these positions.
    """

    name: str
    bidder: str
    bids: int
    positions: dict[str, float]
    since: datetime


@dataclass(frozen=True)
class DemoMarket:
    """Market of the demo in its file, ready to be served.

    Attributes
    ----------
    path : Path
        Market file.
    new : bool
        True if the file was created now.
    secret : str
        Secret that signs the tokens.
    every : timedelta
        Time between batches.
    seed : int
        Seed of the bidders' forecasts.
    deliveries : list of TypicalHour
        Products.
    statements : list of PositionStatement
        Positions of the bidders.
    units : mapping
        ``time_unit``, ``quantity_unit``, ``money_unit``.
    """

    path: Path
    new: bool
    secret: str = field(repr=False)
    every: timedelta
    seed: int
    deliveries: list[TypicalHour]
    statements: list[PositionStatement]
    units: Mapping[str, str]

    @property
    def price_unit(self) -> str:
        """Unit of prices, such as ``EUR/MWh``."""
        return f"{self.units['money_unit']}/{self.units['quantity_unit']}"

    def token(self, name: str, *, admin: bool = False) -> str:
        """Make a token of a bidder, by name."""
        return write_token(self.secret, UUID(bidder_id(name)), admin=admin, issued=datetime.now(UTC))


def open_demo_market(path: Path, every: timedelta, months: int, seed: int) -> DemoMarket:
    """Create or open the market file, with its products and opening bids; read the positions.

    Parameters
    ----------
    path : Path
        Market file.
    every : timedelta
        Time between batches.
    months : int
        Months of delivery that trade.
    seed : int
        Seed of the bidders' forecasts.

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch
        The file cannot be used.
    """
    zone = read_zone(bundled.folder("data"), seed)
    print_line(
        f"A forward market of one zone: {len(zone.agents)} bidders, a batch every {format_seconds(every)}. "
        "Ctrl-C stops everything.\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = load_or_create_secret(path.with_suffix(".secret"))
    started = time.monotonic()
    with fts.Market(path, schedule=every) as market:
        now = datetime.now(UTC)
        last = next(iter(market.batches().results), None)
        print_item(
            "market", f"{path}, new" if last is None else f"{path}, history up to {format_instant(last.instant)[:19]}Z"
        )
        deliveries = create_missing_products(market, zone.deliveries(now, months), zone.clock)
        print_item(
            "",
            f"{len(deliveries)} products: typical hours of {_month_range(deliveries)}; a unit is 1 MWh over its hours",
        )
        statements = []
        for agent in zone.agents:
            statements.append(create_opening_bids(market, agent, deliveries, now))
            show_progress(f"{len(statements)} of {len(zone.agents)} bidders: {agent.name}")
        bids = sum(statement.bids for statement in statements)
        units = market.units.to_json()
        print_item(
            "", f"{bids:,} demands and portfolios of {len(statements)} bidders, {time.monotonic() - started:.1f} s"
        )
    return DemoMarket(path, last is None, secret, every, seed, deliveries, statements, units)


def load_or_create_secret(path: Path) -> str:
    """Load the secret from a file that only its owner can read; if it is missing, create it.

    Raises
    ------
    ConfigurationError
        The file exists, but others can read it, or the secret is too short.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path} signs tokens, and others can read it; run: chmod 600 {path}") from None
        secret = path.read_text(encoding="ascii").strip()
        if len(secret) < 32:
            raise ConfigurationError(f"the secret in {path} is too short; delete the file for a new one") from None
        return secret
    secret = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    return secret


def bidder_id(name: str) -> str:
    """Compute the id of a bidder from its name, so that it is the same after a restart."""
    return str(uuid5(BIDDER_NAMESPACE, name))


def create_missing_products(market: Any, wanted: Sequence[TypicalHour], clock: str) -> list[TypicalHour]:
    """Create the products that do not exist yet; returns all deliveries with the ids of their products.

    Parameters
    ----------
    market : Market
    wanted : sequence of TypicalHour
        Deliveries without ids.
    clock : str
        Time zone of the hours.
    """
    existing = {}
    cursor = None
    while True:
        page = market.products(cursor=cursor)
        for record in page.results:
            existing[record.app_data["kind"], record.app_data["from"], record.app_data["thru"]] = record.id
        if page.more is None:
            break
        cursor = page.more["cursor"]
    new = [delivery for delivery in wanted if _key(delivery) not in existing]
    if new:
        for record in market.create_products([delivery.app_data() for delivery in new]):
            existing[record.app_data["kind"], record.app_data["from"], record.app_data["thru"]] = record.id
    return [replace(delivery, product=existing[_key(delivery)]) for delivery in wanted]


def create_opening_bids(
    market: Any, agent: Agent, deliveries: Sequence[TypicalHour], instant: datetime
) -> PositionStatement:
    """Create an agent's first bids, if it has none, and read its positions.

    Parameters
    ----------
    market : Market
    agent : Agent
    deliveries : sequence of TypicalHour
        Deliveries with ids.
    instant : datetime
        Present time.
    """
    bidder = bidder_id(agent.name)
    count = len(market.demands(bidder)) + len(market.portfolios(bidder))
    since = datetime.now(UTC)
    held = market.positions(bidder)["quantity"]
    positions = {str(product): float(quantity) for product, quantity in held.items()}
    if count == 0:
        months = [agent.bids(View(instant, month)) for month in by_month(deliveries).values()]
        demands = {name: curve for bids in months for name, curve in bids.demands.items()}
        portfolios = {name: portfolio for bids in months for name, portfolio in bids.portfolios.items()}
        count = _create_bids(market, bidder, Bids(demands, portfolios))
    return PositionStatement(agent.name, bidder, count, positions, since)


def _create_bids(market: Any, bidder: str, bids: Bids) -> int:
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


def _key(delivery: TypicalHour) -> tuple[str, str, str]:
    data = delivery.app_data()
    return data["kind"], data["from"], data["thru"]


def _month_range(deliveries: list[TypicalHour]) -> str:
    first, last = deliveries[0].month, deliveries[-1].month
    names = [f"{datetime.strptime(month, '%Y-%m'):%b %Y}" for month in (first, last)]
    return " to ".join(names)
