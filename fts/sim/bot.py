"""Bot: an agent that bids over REST, with its own token."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fts.client import Client
from fts.client._old_names import old_name
from fts.client.types import HistoryEntry, PriceAndRate
from fts.models.curve import Constant, Curve, read_curve
from fts.models.portfolio import Portfolio
from fts.models.timestamps import parse_instant
from fts.sim.agent import Agent, Bids, View, revise
from fts.sim.typical_hours import TypicalHour, by_month

Bid = TypeVar("Bid")


class Bot:
    """Simulated bidder at an exchange.

    It identifies its bids by their names, reads its fills, calls its agent, and sends the changes.

    Parameters
    ----------
    agent : Agent
        Chooses the bids.
    client : Client
        Client with the bidder's token.
    deliveries : sequence of Delivery
        Products that it trades, with their ids.
    time_unit : timedelta
        Time unit of the market's rates.
    positions : mapping, optional
        Position at `since` by product id [MWh], from the operator's statement.
    since : datetime, optional
        Instant of the statement; later fills are read from the exchange. None: there are no earlier fills.
    """

    def __init__(
        self,
        agent: Agent,
        client: Client,
        deliveries: Sequence[TypicalHour],
        time_unit: timedelta,
        positions: Mapping[str, float] | None = None,
        since: datetime | None = None,
    ) -> None:
        self.agent = agent
        self.positions: dict[str, float] = dict(positions or {})
        self._client = client
        self._months = by_month(deliveries)
        self._next_month = 0
        self._time_unit = time_unit
        self._since = since
        self._demand_ids: dict[str, str] = {}
        self._portfolio_ids: dict[str, str] = {}
        self._curves: dict[str, Curve | Constant] = {}
        self._portfolios: dict[str, Portfolio] = {}
        self._counted_until: dict[str, datetime] = {}
        self._newest_outcome: dict[str, datetime] = {}
        self._read_until: dict[str, datetime] = {} if since is None else dict.fromkeys(self._months, since)

    @property
    def months(self) -> list[str]:
        """Months of delivery that it trades."""
        return list(self._months)

    def load_bids(self) -> int:
        """Read the bidder's bids from the exchange; returns the number of demands and portfolios."""
        demands, portfolios = self._client.demands(), self._client.portfolios()
        self._demand_ids = {record["app_data"]["name"]: record["id"] for record in demands}
        self._portfolio_ids = {record["app_data"]["name"]: record["id"] for record in portfolios}
        names = {demand: name for name, demand in self._demand_ids.items()}
        curves = {record["app_data"]["name"]: read_curve(record["curve_data"]) for record in demands}
        self._curves = {name: curve for name, curve in curves.items() if curve is not None}
        self._portfolios = {
            record["app_data"]["name"]: Portfolio(
                {names[demand]: weight for demand, weight in (record["demand"] or {}).items() if demand in names},
                record["basis"],
            )
            for record in portfolios
        }
        return len(demands) + len(portfolios)

    def read_fills(self, month: str, until: datetime) -> None:
        """Add the fills of a month's products up to an instant to the positions."""
        self._read_until[month] = until
        for name, portfolio in self._portfolios.items():
            if not name.startswith(month):
                continue
            start = self._counted_until.get(name, self._since)
            rows = self._outcomes(name, start)
            if not rows:
                continue
            quantity = traded_quantity(rows, start, until, self._time_unit)
            self._counted_until[name] = until
            self._newest_outcome[name] = parse_instant(rows[0]["valid_from"])
            for product, weight in portfolio.basis.items():
                self.positions[product] = self.positions.get(product, 0.0) + weight * quantity

    def revise(self, month: str, instant: datetime, prices: Mapping[str, float], deadline: float | None = None) -> int:
        """Send the changes of the bids for one month; returns their number.

        Parameters
        ----------
        month : str
            ``2027-01``
        instant : datetime
            Instant of the last batch.
        prices : mapping
            Prices of that batch by product id [EUR/MWh].
        deadline : float, optional
            Value of ``time.monotonic()`` after which no request is sent; later changes wait for the month's next turn.
        """
        view = View(instant, self._months[month], prices, self.positions)
        changes = revise(self.agent, view, self._bids_of(month))
        done = 0
        if changes.demands and not _has_passed(deadline):
            self._send_curves(changes.demands)
            done += len(changes.demands)
        if changes.portfolios and not _has_passed(deadline):
            self._send_portfolios(changes.portfolios)
            done += len(changes.portfolios)
        return done

    def submit_all(self, instant: datetime) -> int:
        """Send the changes of the bids for all months; returns their number."""
        return sum(self.revise(month, instant, {}) for month in self._months)

    def respond(
        self,
        instant: datetime,
        prices: Mapping[str, float],
        months: int,
        seconds: float,
        max_age: timedelta = timedelta(0),
    ) -> int:
        """Respond to a batch: read the fills and revise the bids of the next months in turn.

        Parameters
        ----------
        instant : datetime
            Instant of the batch.
        prices : mapping
            Prices of that batch by product id [EUR/MWh].
        months : int
            Largest number of months.
        seconds : float
            Time limit [s]; later changes wait for the month's next turn.
        max_age : timedelta
            Fills are read again only if they are older than this.

        Returns
        -------
        int
            Number of changed bids.
        """
        deadline = time.monotonic() + seconds
        done, labels = 0, self.months
        for _ in range(min(months, len(labels))):
            month = labels[self._next_month % len(labels)]
            self._next_month += 1
            if month not in self._read_until or instant - self._read_until[month] > max_age:
                self.read_fills(month, instant)
            done += self.revise(month, instant, prices, deadline)
            if time.monotonic() > deadline:
                break
        return done

    def set_first_month(self, month_index: int) -> None:
        """Set the index of the month to revise next; different bots start at different months."""
        self._next_month = month_index

    adopt = old_name("adopt", load_bids, "load_bids")
    enter = old_name("enter", submit_all, "submit_all")
    start_at = old_name("start_at", set_first_month, "set_first_month")

    def answer(
        self,
        instant: datetime,
        prices: Mapping[str, float],
        months: int,
        seconds: float,
        fresh: timedelta = timedelta(0),
    ) -> int:
        """Respond to a batch; the name of `respond` in 0.1."""
        warnings.warn("answer is now called respond; call that", DeprecationWarning, stacklevel=2)
        return self.respond(instant, prices, months, seconds, fresh)

    def _bids_of(self, month: str) -> Bids:
        return Bids(
            {name: curve for name, curve in self._curves.items() if name.startswith(month)},
            {name: portfolio for name, portfolio in self._portfolios.items() if name.startswith(month)},
        )

    def _outcomes(self, name: str, start: datetime | None) -> list[HistoryEntry[PriceAndRate]]:
        """Read the outcomes of a portfolio, newest first, back to the one in force at `start`."""
        rows = []
        for row in self._client.iter_portfolio_outcomes(
            self._portfolio_ids[name], after=self._newest_outcome.get(name)
        ):
            rows.append(row)
            if start is not None and parse_instant(row["valid_from"]) <= start:
                break
        return rows

    def _send_curves(self, changes: Mapping[str, Curve | Constant | None]) -> None:
        rows = [{"curve_data": curve, **_row_key(name, self._demand_ids.get(name))} for name, curve in changes.items()]
        self._demand_ids |= zip(changes, self._client.send_demands(rows), strict=True)
        _apply_changes(self._curves, changes)

    def _send_portfolios(self, changes: Mapping[str, Portfolio | None]) -> None:
        rows = []
        for name, portfolio in changes.items():
            wanted = Portfolio({}, {}) if portfolio is None else portfolio
            demand = {self._demand_ids[own]: weight for own, weight in wanted.demand.items()}
            identity = _row_key(name, self._portfolio_ids.get(name))
            rows.append({"demand": demand, "basis": dict(wanted.basis), **identity})
        self._portfolio_ids |= zip(changes, self._client.send_portfolios(rows), strict=True)
        _apply_changes(self._portfolios, changes)


def _has_passed(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline


def _row_key(name: str, known: str | None) -> dict[str, Any]:
    """Return the key of a row: the id of an existing bid, or the name of a new one."""
    return {"app_data": {"name": name}} if known is None else {"id": known}


def _apply_changes(bids: dict[str, Bid], changes: Mapping[str, Bid | None]) -> None:
    for name, bid in changes.items():
        if bid is None:
            bids.pop(name, None)
        else:
            bids[name] = bid


def traded_quantity(
    rows: Iterable[Mapping[str, Any]], start: datetime | None, until: datetime, time_unit: timedelta
) -> float:
    """Compute the quantity traded between two instants, ``Σ rate · duration`` [MWh].

    Parameters
    ----------
    rows : iterable of mapping
        Outcomes ``{valid_from, valid_until, value: {price, rate}}``; without an end, an outcome is still in force.
    start, until : datetime
        Bounds of the time; None: from the first row.
    time_unit : timedelta
        Time unit of the rates.
    """
    quantity = 0.0
    for row in rows:
        begin = parse_instant(row["valid_from"])
        end = until if row["valid_until"] is None else min(parse_instant(row["valid_until"]), until)
        if start is not None:
            begin = max(begin, start)
        if end > begin:
            quantity += row["value"]["rate"] * ((end - begin) / time_unit)
    return quantity
