"""Reading auths and costs: portfolios and demands as the ``/v0`` contract sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from fts.models.v0 import AuthData, AuthRecord, CostData, CostRecord, Version, own_demand
from fts.store.cursor import Cursor
from fts.store.statements import from_utc, optional_utc, to_utc
from fts.store.written import curve
from fts.store.written import weights as read_weights


class Auths(Cursor):
    """What the market holds of auths and costs; part of :class:`fts.ports.store.MarketReader`."""

    def auth_names(self, bidder: str) -> list[str]:
        """The ids of a bidder's auths, stopped ones too, in order of creation."""
        return [name for (name,) in self._rows("auth_names", bidder=bidder)]

    def cost_names(self, bidder: str) -> list[str]:
        """The ids of a bidder's costs, stopped ones too, in order of creation."""
        return [name for (name,) in self._rows("cost_names", bidder=bidder)]

    def auths(self, auths: Collection[str]) -> list[AuthRecord]:
        """The auths with these ids, by version."""
        if not auths:
            return []
        found = self._rows("auths", id=list(auths), own=[own_demand(auth) for auth in auths])
        return [_auth(row) for row in found]

    def costs(self, costs: Collection[str]) -> list[CostRecord]:
        """The costs with these ids, by version."""
        return [_cost(row) for row in self._rows("costs", id=list(costs))] if costs else []

    def auth_versions(
        self, auths: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """The last changes of auths on [after, before), newest first, and one more; one instant stays whole."""
        names = {own_demand(auth): auth for auth in auths}
        found = self._versions(names, before, after, limit)
        return [Version(version, names[demand]) for version, demand in found]

    def cost_versions(
        self, costs: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """The last changes of costs on [after, before), newest first, and one more; one instant stays whole."""
        return [Version(version, demand) for version, demand in self._versions(costs, before, after, limit)]

    def auth_history(self, auth: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """The data of an auth on [after, before), newest first; a stop has none."""
        found = self._history(own_demand(auth), auth, before, after, limit, cost=False)
        return [Version(from_utc(row[0]), auth, _auth_data(*row[1:])) for row in found]

    def cost_history(self, cost: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """The data of a cost on [after, before), newest first; a stop has none."""
        found = self._history(cost, cost, before, after, limit, cost=True)
        return [Version(from_utc(row[0]), cost, _cost_data(row[1], row[2], row[3], row[6])) for row in found]

    def active_demands(self, demands: Collection[str]) -> set[str]:
        """Those of these ids that have a curve."""
        book = self._book()
        return {name for name in demands if (entry := book.entry(name)) is not None and entry.curve is not None}

    def traded_quantities(self, portfolios: Collection[str], at: datetime) -> dict[str, float]:
        """What each portfolio traded in the batches that had begun at an instant."""
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
    last_weights, last_basis = read_weights(weights), read_weights(basis)
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
    return CostRecord(name, bidder, from_utc(version), data, read_weights(group))


def _auth_data(
    rates: Any, prices: Any, constant: Any, low: float | None, high: float | None, form: Any
) -> AuthData | None:
    if rates is None:
        return None
    # A curve that came by the other contract has no limits of its own.
    return AuthData(curve(rates, prices, constant), low, high, form or "demand")


def _cost_data(rates: Any, prices: Any, constant: Any, form: Any) -> CostData | None:
    return None if rates is None else CostData(curve(rates, prices, constant), bare=form is not None)
