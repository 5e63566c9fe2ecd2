"""The sample market in a file: its products, its bidders' opening bids, what they hold."""

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
from fts.cli.terminal import progress, say, seconds, state
from fts.errors import ConfigurationError
from fts.models.instant import write_instant
from fts.server.jwt_application import write_token
from fts.sim.agent import Agent, Bids, View
from fts.sim.typical_hours import TypicalHour, by_month
from fts.sim.zone import read_zone

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
    since : datetime
        When it held that.
    """

    name: str
    bidder: str
    bids: int
    positions: dict[str, float]
    since: datetime


@dataclass(frozen=True)
class OpenMarket:
    """The sample market in its file, ready to be served.

    Attributes
    ----------
    path : Path
        The market file.
    new : bool
        Whether the file was made just now.
    secret : str
        Signs the tokens.
    every : timedelta
        Between batches.
    seed : int
        Of the bidders' news.
    deliveries : list of Delivery
        The products.
    statements : list of Statement
        What the bidders hold.
    units : mapping
        ``time_unit``, ``quantity_unit``, ``money_unit``.
    """

    path: Path
    new: bool
    secret: str = field(repr=False)
    every: timedelta
    seed: int
    deliveries: list[TypicalHour]
    statements: list[Statement]
    units: Mapping[str, str]

    @property
    def price_unit(self) -> str:
        """``EUR/MWh``."""
        return f"{self.units['money_unit']}/{self.units['quantity_unit']}"

    def token(self, name: str, *, admin: bool = False) -> str:
        """A token of a bidder, by name."""
        return write_token(self.secret, UUID(bidder_id(name)), admin=admin, issued=datetime.now(UTC))


def open_market(path: Path, every: timedelta, months: int, seed: int) -> OpenMarket:
    """Make the market file or open it again: products listed, opening bids entered, positions stated.

    Parameters
    ----------
    path : Path
        The market file.
    every : timedelta
        Between batches.
    months : int
        Months of delivery that trade.
    seed : int
        Of the bidders' news.

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch
        The file cannot be used.
    """
    zone = read_zone(bundled.folder("data"), seed)
    say(
        f"A forward market of one zone: {len(zone.agents)} bidders, a batch every {seconds(every)}. "
        "Ctrl-C stops everything.\n"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = keep_secret(path.with_suffix(".secret"))
    begun = time.monotonic()
    with fts.Market(path, schedule=every) as market:
        now = datetime.now(UTC)
        last = next(iter(market.batches().results), None)
        state(
            "market", f"{path}, new" if last is None else f"{path}, history up to {write_instant(last.instant)[:19]}Z"
        )
        deliveries = list_products(market, zone.deliveries(now, months), zone.clock)
        state("", f"{len(deliveries)} products: typical hours of {_span(deliveries)}; a unit is 1 MWh over its hours")
        statements = []
        for agent in zone.agents:
            statements.append(open_bids(market, agent, deliveries, now))
            progress(f"{len(statements)} of {len(zone.agents)} bidders: {agent.name}")
        bids = sum(statement.bids for statement in statements)
        units = market.units.to_json()
        state("", f"{bids:,} demands and portfolios of {len(statements)} bidders, {time.monotonic() - begun:.1f} s")
    return OpenMarket(path, last is None, secret, every, seed, deliveries, statements, units)


def keep_secret(path: Path) -> str:
    """The secret in a file that only its owner can read, made when it is not there.

    Raises
    ------
    ConfigurationError
        The file is there, but others can read it, or it is too short.
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
    """The id of a bidder of the sample: a function of its name, so that it finds its bids again."""
    return str(uuid5(BIDDERS, name))


def list_products(market: Any, wanted: Sequence[TypicalHour], clock: str) -> list[TypicalHour]:
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


def open_bids(market: Any, agent: Agent, deliveries: Sequence[TypicalHour], instant: datetime) -> Statement:
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
    since = datetime.now(UTC)
    held = market.positions(bidder)["quantity"]
    positions = {str(product): float(quantity) for product, quantity in held.items()}
    if count == 0:
        months = [agent.bids(View(instant, month)) for month in by_month(deliveries).values()]
        demands = {name: curve for bids in months for name, curve in bids.demands.items()}
        portfolios = {name: portfolio for bids in months for name, portfolio in bids.portfolios.items()}
        count = _enter(market, bidder, Bids(demands, portfolios))
    return Statement(agent.name, bidder, count, positions, since)


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


def _terms(delivery: TypicalHour) -> tuple[str, str, str]:
    data = delivery.app_data()
    return data["kind"], data["from"], data["thru"]


def _span(deliveries: list[TypicalHour]) -> str:
    first, last = deliveries[0].month, deliveries[-1].month
    names = [f"{datetime.strptime(month, '%Y-%m'):%b %Y}" for month in (first, last)]
    return " to ".join(names)
