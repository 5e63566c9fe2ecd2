"""Bots: an agent that bids over REST, with its own token."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fts.client import Client
from fts.client.types import HistoryEntry, PriceAndRate
from fts.models.curve import Constant, Curve, read_curve
from fts.models.instant import read_instant
from fts.models.portfolio import Portfolio
from fts.sim.agent import Agent, Bids, View, revise
from fts.sim.delivery import Delivery, by_month

Bid = TypeVar("Bid")


class Bot:
    """One bidder at an exchange.

    It finds its bids by the names it gave them, reads its own fills, asks its agent, and sends what changed.

    Parameters
    ----------
    agent : Agent
        Decides.
    client : Client
        Reaches the exchange with the bidder's token.
    deliveries : sequence of Delivery
        The products it trades, with their ids.
    time_unit : timedelta
        The market's: rates are energy per this time.
    positions : mapping, optional
        Product id -> position at `since` [MWh], by the operator's statement.
    since : datetime, optional
        Instant of the statement; fills from then on are read from the exchange. None: there are none before.
    """

    def __init__(
        self,
        agent: Agent,
        client: Client,
        deliveries: Sequence[Delivery],
        time_unit: timedelta,
        positions: Mapping[str, float] | None = None,
        since: datetime | None = None,
    ) -> None:
        self.agent = agent
        self.positions: dict[str, float] = dict(positions or {})
        self._client = client
        self._months = by_month(deliveries)
        self._turn = 0
        self._time_unit = time_unit
        self._since = since
        self._demands: dict[str, str] = {}
        self._portfolios: dict[str, str] = {}
        self._curves: dict[str, Curve | Constant] = {}
        self._baskets: dict[str, Portfolio] = {}
        self._counted: dict[str, datetime] = {}
        self._newest: dict[str, datetime] = {}
        self._read: dict[str, datetime] = {} if since is None else dict.fromkeys(self._months, since)

    @property
    def months(self) -> list[str]:
        """Months of delivery it trades."""
        return list(self._months)

    def adopt(self) -> int:
        """Find the bids this bidder has at the exchange; returns how many demands and portfolios."""
        demands, portfolios = self._client.demands(), self._client.portfolios()
        self._demands = {record["app_data"]["name"]: record["id"] for record in demands}
        self._portfolios = {record["app_data"]["name"]: record["id"] for record in portfolios}
        names = {demand: name for name, demand in self._demands.items()}
        curves = {record["app_data"]["name"]: read_curve(record["curve_data"]) for record in demands}
        self._curves = {name: curve for name, curve in curves.items() if curve is not None}
        self._baskets = {
            record["app_data"]["name"]: Portfolio(
                {names[demand]: weight for demand, weight in (record["demand"] or {}).items() if demand in names},
                record["basis"],
            )
            for record in portfolios
        }
        return len(demands) + len(portfolios)

    def read_fills(self, month: str, until: datetime) -> None:
        """Add to the positions what was traded in a month's products up to an instant."""
        self._read[month] = until
        for name, portfolio in self._baskets.items():
            if not name.startswith(month):
                continue
            start = self._counted.get(name, self._since)
            rows = self._outcomes(name, start)
            if not rows:
                continue
            quantity = traded(rows, start, until, self._time_unit)
            self._counted[name] = until
            self._newest[name] = read_instant(rows[0]["valid_from"])
            for product, weight in portfolio.basis.items():
                self.positions[product] = self.positions.get(product, 0.0) + weight * quantity

    def revise(self, month: str, instant: datetime, prices: Mapping[str, float], deadline: float | None = None) -> int:
        """Bring the bids for one month up to date; returns how many changed.

        Parameters
        ----------
        month : str
            ``2027-01``
        instant : datetime
            The batch that has just been cleared.
        prices : mapping
            Its prices.
        deadline : float, optional
            ``time.monotonic()`` from when on nothing is sent; what is left waits for the month's next turn.
        """
        view = View(instant, self._months[month], prices, self.positions)
        changes = revise(self.agent, view, self._of(month))
        done = 0
        if changes.demands and not _past(deadline):
            self._send_curves(changes.demands)
            done += len(changes.demands)
        if changes.portfolios and not _past(deadline):
            self._send_portfolios(changes.portfolios)
            done += len(changes.portfolios)
        return done

    def enter(self, instant: datetime) -> int:
        """Bring the bids for all months up to date; returns how many changed."""
        return sum(self.revise(month, instant, {}) for month in self._months)

    def answer(
        self,
        instant: datetime,
        prices: Mapping[str, float],
        months: int,
        seconds: float,
        fresh: timedelta = timedelta(0),
    ) -> int:
        """Answer a batch: read the fills and revise the bids of the next months in turn.

        Parameters
        ----------
        instant : datetime
            Of the batch.
        prices : mapping
            Its prices.
        months : int
            How many months, at most.
        seconds : float
            Time it may take; changes that do not fit wait for the month's next turn.
        fresh : timedelta
            Fills that were read so recently are not read again.

        Returns
        -------
        int
            How many bids changed.
        """
        deadline = time.monotonic() + seconds
        done, labels = 0, self.months
        for _ in range(min(months, len(labels))):
            month = labels[self._turn % len(labels)]
            self._turn += 1
            if month not in self._read or instant - self._read[month] > fresh:
                self.read_fills(month, instant)
            done += self.revise(month, instant, prices, deadline)
            if time.monotonic() > deadline:
                break
        return done

    def start_at(self, turn: int) -> None:
        """Which month the next answer is about; bots that start apart keep every month moving."""
        self._turn = turn

    def _of(self, month: str) -> Bids:
        return Bids(
            {name: curve for name, curve in self._curves.items() if name.startswith(month)},
            {name: portfolio for name, portfolio in self._baskets.items() if name.startswith(month)},
        )

    def _outcomes(self, name: str, start: datetime | None) -> list[HistoryEntry[PriceAndRate]]:
        """Outcomes of a portfolio, newest first, back to the one in force at `start`."""
        rows = []
        for row in self._client.iter_portfolio_outcomes(self._portfolios[name], after=self._newest.get(name)):
            rows.append(row)
            if start is not None and read_instant(row["valid_from"]) <= start:
                break
        return rows

    def _send_curves(self, changes: Mapping[str, Curve | Constant | None]) -> None:
        rows = [
            {"curve_data": curve, **_identity(name, self._demands.get(name))} for name, curve in changes.items()
        ]
        self._demands |= zip(changes, self._client.send_demands(rows), strict=True)
        _note(self._curves, changes)

    def _send_portfolios(self, changes: Mapping[str, Portfolio | None]) -> None:
        rows = []
        for name, portfolio in changes.items():
            wanted = Portfolio({}, {}) if portfolio is None else portfolio
            demand = {self._demands[own]: weight for own, weight in wanted.demand.items()}
            identity = _identity(name, self._portfolios.get(name))
            rows.append({"demand": demand, "basis": dict(wanted.basis), **identity})
        self._portfolios |= zip(changes, self._client.send_portfolios(rows), strict=True)
        _note(self._baskets, changes)


def _past(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline


def _identity(name: str, known: str | None) -> dict[str, Any]:
    """What a row is about: a bid that is there, or a new one of this name."""
    return {"app_data": {"name": name}} if known is None else {"id": known}


def _note(bids: dict[str, Bid], changes: Mapping[str, Bid | None]) -> None:
    for name, bid in changes.items():
        if bid is None:
            bids.pop(name, None)
        else:
            bids[name] = bid


def traded(rows: Iterable[Mapping[str, Any]], start: datetime | None, until: datetime, time_unit: timedelta) -> float:
    """Quantity traded between two instants: ``Σ rate · (time the outcome held)`` [MWh].

    Parameters
    ----------
    rows : iterable of mapping
        Outcomes ``{valid_from, valid_until, value: {price, rate}}``; an open end holds still.
    start, until : datetime
        From and to; None: from the first row.
    time_unit : timedelta
        The market's.
    """
    quantity = 0.0
    for row in rows:
        begin = read_instant(row["valid_from"])
        end = until if row["valid_until"] is None else min(read_instant(row["valid_until"]), until)
        if start is not None:
            begin = max(begin, start)
        if end > begin:
            quantity += row["value"]["rate"] * ((end - begin) / time_unit)
    return quantity
