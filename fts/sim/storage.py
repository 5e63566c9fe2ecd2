"""Storage: it buys some hours of a day to sell others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids, View
from fts.sim.block import closing_curve
from fts.sim.delivery import DAY_TYPES, Delivery

_SLOPE = 1.0
"""Price step from none to all of an hour's power [EUR/MWh]: equal hours share a trade instead of one taking it."""


@dataclass(frozen=True)
class Cycle:
    """Hours of the local clock in which a store is filled, and those in which what it holds can be sold.

    Attributes
    ----------
    charge, discharge : tuple of int
        0–23; no hour is in both, nor in two cycles of one store.
    """

    charge: tuple[int, ...]
    discharge: tuple[int, ...]


@dataclass(frozen=True)
class Storage:
    """A store that substitutes hours of one day type for one another.

    For each hour it can sell there is one portfolio: 1 MWh sold in that hour, and ``1/efficiency`` MWh bought evenly
    over the charging hours, so that energy balances in every trade. Each has a private demand (the power of the hour,
    and wear), and all of a cycle share one more (the energy of the store, once a day): the hours are substitutes.

    Attributes
    ----------
    name : str
        The bidder's name.
    power : float
        Of delivery [MW].
    energy : float
        It can deliver in one cycle [MWh].
    efficiency : float
        Energy delivered over energy bought.
    wear : float
        Cost of delivering [EUR/MWh].
    cycles : tuple of Cycle
        Of a day.
    patience : float
        [h]
    """

    name: str
    power: float
    energy: float
    efficiency: float
    wear: float
    cycles: tuple[Cycle, ...]
    patience: float

    def bids(self, view: View) -> Bids:
        """Offers to sell the discharging hours against the charging hours of the same day type."""
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

    def _bought(self, charging: Sequence[Delivery]) -> dict[str, float]:
        """Energy bought for 1 MWh sold, by product [MWh]: the same power in every charging hour."""
        hours = sum(delivery.hours for delivery in charging)
        return {delivery.product: delivery.hours / hours / self.efficiency for delivery in charging}

    def _store(self, discharging: Sequence[Delivery], positions: Mapping[str, float]) -> Constant:
        """What all discharging hours can sell together: the store's energy, once a day, less what is sold."""
        days = max(delivery.hours for delivery in discharging)
        sold = -sum(positions.get(delivery.product, 0.0) for delivery in discharging)
        left = max(self.energy * days - sold, 0.0)
        return Constant(0.0, -max(sold, 0.0) / self.patience, left / self.patience)
