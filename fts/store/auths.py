"""Queries of auths and costs, the portfolios and demands of ``/v0``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from fts.models.v0 import AuthData, AuthRecord, CostData, CostRecord, Version, own_demand
from fts.store.cursor import CursorReader
from fts.store.queries import from_utc, optional_utc, to_utc
from fts.store.row_mapping import make_curve, make_weights


class AuthReader(CursorReader):
    """Reads auths and costs; part of :class:`fts.ports.store.MarketReader`."""

    def auth_names(self, bidder: str) -> list[str]:
        """List the ids of a bidder's auths, with stopped ones, in order of creation."""
        return [name for (name,) in self._rows("auth_names", bidder=bidder)]

    def cost_names(self, bidder: str) -> list[str]:
        """List the ids of a bidder's costs, with stopped ones, in order of creation."""
        return [name for (name,) in self._rows("cost_names", bidder=bidder)]

    def auths(self, auths: Collection[str]) -> list[AuthRecord]:
        """Read the auths with these ids, in order of version."""
        if not auths:
            return []
        found = self._rows("auths", id=list(auths), own=[own_demand(auth) for auth in auths])
        return [_auth(row) for row in found]

    def costs(self, costs: Collection[str]) -> list[CostRecord]:
        """Read the costs with these ids, in order of version."""
        return [_cost(row) for row in self._rows("costs", id=list(costs))] if costs else []

    def auth_versions(
        self, auths: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """List the last changes of auths in [after, before), newest first, and one more; no instant is split."""
        names = {own_demand(auth): auth for auth in auths}
        found = self._versions(names, before, after, limit)
        return [Version(version, names[demand]) for version, demand in found]

    def cost_versions(
        self, costs: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """List the last changes of costs in [after, before), newest first, and one more; no instant is split."""
        return [Version(version, demand) for version, demand in self._versions(costs, before, after, limit)]

    def auth_history(self, auth: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """List the data of an auth in [after, before), newest first; a stop has no data."""
        found = self._history(own_demand(auth), auth, before, after, limit, cost=False)
        return [Version(from_utc(row[0]), auth, _auth_data(*row[1:])) for row in found]

    def cost_history(self, cost: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """List the data of a cost in [after, before), newest first; a stop has no data."""
        found = self._history(cost, cost, before, after, limit, cost=True)
        return [Version(from_utc(row[0]), cost, _cost_data(row[1], row[2], row[3], row[6])) for row in found]

    def active_demands(self, demands: Collection[str]) -> set[str]:
        """Return the ids of this list whose demand has a curve."""
        book = self._book()
        return {name for name in demands if (entry := book.demand_state(name)) is not None and entry.curve is not None}

    def traded_quantities(self, portfolios: Collection[str], at: datetime) -> dict[str, float]:
        """Sum the quantity of each portfolio in the batches that had begun at an instant."""
        quantities = dict.fromkeys(portfolios, 0.0)
        if quantities:
            quantities |= dict(self._rows("traded", ids=list(quantities), at=to_utc(at)))
        return quantities

    def _versions(
        self, demands: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[tuple[datetime, str]]:
        found = self._rows(
            "versions", ids=list(demands), before=optional_utc(before), after=optional_utc(after), limit=limit
        )
        return [(from_utc(version), name) for version, name in found]

    def _history(
        self, demand: str, limits: str, before: datetime | None, after: datetime | None, limit: int, *, cost: bool
    ) -> list[tuple[Any, ...]]:
        return self._rows(
            "version_history",
            demand=demand,
            limits=limits,
            cost=cost,
            before=optional_utc(before),
            after=optional_utc(after),
            limit=limit,
        )


def _auth(row: Sequence[Any]) -> AuthRecord:
    name, bidder, version, rates, prices, constant, low, high, form, weighs, weights, holds, basis = row
    last_weights, last_basis = make_weights(weights), make_weights(basis)
    return AuthRecord(
        id=name,
        bidder_id=bidder,
        version=from_utc(version),
        data=_auth_data(rates, prices, constant, low, high, form),
        basis=last_basis if holds else {},
        weights=last_weights if weighs else {},
        last_basis=last_basis,
        last_weights=last_weights,
    )


def _cost(row: Sequence[Any]) -> CostRecord:
    name, bidder, version, rates, prices, constant, form, group = row
    data = _cost_data(rates, prices, constant, form)
    return CostRecord(name, bidder, from_utc(version), data, make_weights(group))


def _auth_data(
    rates: Any, prices: Any, constant: Any, low: float | None, high: float | None, form: Any
) -> AuthData | None:
    if rates is None:
        return None
    # A curve of the current contract has no limits.
    return AuthData(make_curve(rates, prices, constant), low, high, form or "demand")


def _cost_data(rates: Any, prices: Any, constant: Any, form: Any) -> CostData | None:
    return None if rates is None else CostData(make_curve(rates, prices, constant), bare=form is not None)
