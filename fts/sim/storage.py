"""Storage, which buys energy in some hours of a day and sells it in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids, View
from fts.sim.block import closing_curve
from fts.sim.typical_hours import DAY_TYPES, TypicalHour

_SLOPE = 1.0
"""Price difference between none and all of an hour's power [EUR/MWh], so that equal hours share a trade."""


@dataclass(frozen=True)
class Cycle:
    """Hours of the local clock in which a store is charged, and those in which it is discharged.

    Attributes
    ----------
    charge, discharge : tuple of int
        Hours 0–23; no hour is in both, or in two cycles of one store.
    """

    charge: tuple[int, ...]
    discharge: tuple[int, ...]


@dataclass(frozen=True)
class Storage:
    """Store that shifts energy between hours of one day type.

    Each discharging hour has one portfolio: it sells 1 MWh in that hour and buys ``1/efficiency`` MWh evenly over the
    charging hours, so that energy balances in every trade. Each portfolio has a private demand (power of the hour, and
    wear). All portfolios of a cycle share another demand (the energy of the store, once a day), so that the hours are
    substitutes.

    Attributes
    ----------
    name : str
        Name of the bidder.
    power : float
        Largest power of discharging [MW].
    energy : float
        Largest energy sold in one cycle [MWh].
    efficiency : float
        Energy delivered over energy bought.
    wear : float
        Cost of discharging [EUR/MWh].
    cycles : tuple of Cycle
        Cycles of a day.
    patience : float
        Time of trading in which a position would be closed [h].
    """

    name: str
    power: float
    energy: float
    efficiency: float
    wear: float
    cycles: tuple[Cycle, ...]
    patience: float

    def bids(self, view: View) -> Bids:
        """Offer to sell in the discharging hours and buy in the charging hours of the same day type."""
        demands: dict[str, Curve | Constant] = {}
        portfolios: dict[str, Portfolio] = {}
        for day_type in DAY_TYPES:
            day = [delivery for delivery in view.deliveries if delivery.day_type == day_type]
            for cycle in self.cycles:
                charging = [delivery for delivery in day if delivery.hour in cycle.charge]
                discharging = [delivery for delivery in day if delivery.hour in cycle.discharge]
                if not charging or not discharging:
                    continue
                shared = f"{day[0].month} {day_type} store {cycle.charge[0]}-{cycle.discharge[-1]}"
                demands[shared] = self._store(discharging, view.positions)
                bought = self._bought(charging)
                for delivery in discharging:
                    name = f"{day[0].month} {delivery.kind} from store"
                    full = self.power * delivery.hours
                    value = ((0.0, -self.wear), (full, -self.wear - _SLOPE))
                    demands[name] = closing_curve(value, -view.positions.get(delivery.product, 0.0), self.patience)
                    portfolios[name] = Portfolio({name: 1.0, shared: 1.0}, {delivery.product: -1.0, **bought})
        return Bids(demands, portfolios)

    def _bought(self, charging: Sequence[TypicalHour]) -> dict[str, float]:
        """Compute the energy bought for 1 MWh sold, by product [MWh]; the power is equal in all charging hours."""
        hours = sum(delivery.hours for delivery in charging)
        return {delivery.product: delivery.hours / hours / self.efficiency for delivery in charging}

    def _store(self, discharging: Sequence[TypicalHour], positions: Mapping[str, float]) -> Constant:
        """Build the shared demand of a cycle: the store's energy, once a day, less the energy already sold."""
        days = max(delivery.hours for delivery in discharging)
        sold = -sum(positions.get(delivery.product, 0.0) for delivery in discharging)
        left = max(self.energy * days - sold, 0.0)
        return Constant(0.0, -max(sold, 0.0) / self.patience, left / self.patience)
