"""Storage: it buys some hours of a day and sells others, as much as it buys less its losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids, View
from fts.sim.block import closing_curve
from fts.sim.delivery import DAY_TYPES, Delivery

_SLOPE = 1.0
"""Price step from none to all of an hour's power [EUR/MWh]: equal hours share a trade instead of one taking it."""


@dataclass(frozen=True)
class Storage:
    """A store that substitutes hours of one day type for one another.

    Each hour is a portfolio of its own with a bound on its power; what ties them together are two demands they share:

    * ``stored``: ``efficiency · bought + sold = 0`` at every instant (its domain is {0}; its price λ is the worth of
      1 MWh in the store);
    * ``cycles``: energy sold is at most the store's energy, once a day.

    Attributes
    ----------
    name : str
        The bidder's name.
    charge, discharge : float
        Power [MW].
    energy : float
        [MWh]
    efficiency : float
        Energy delivered over energy bought.
    wear : float
        Cost of delivering [EUR/MWh].
    charge_hours, discharge_hours : tuple of int
        Hours of the local clock; no hour is in both.
    patience : float
        [h]
    """

    name: str
    charge: float
    discharge: float
    energy: float
    efficiency: float
    wear: float
    charge_hours: tuple[int, ...]
    discharge_hours: tuple[int, ...]
    patience: float

    def bids(self, view: View) -> Bids:
        """Offers to buy charging hours and sell discharging hours of each day type in view."""
        demands: dict[str, Curve | Constant] = {}
        portfolios: dict[str, Portfolio] = {}
        for day_type in DAY_TYPES:
            day = [delivery for delivery in view.deliveries if delivery.day_type == day_type]
            charging = [delivery for delivery in day if delivery.hour in self.charge_hours]
            discharging = [delivery for delivery in day if delivery.hour in self.discharge_hours]
            if not charging or not discharging:
                continue
            month = day[0].month
            stored, cycles = f"{month} {day_type} stored", f"{month} {day_type} cycles"
            demands[stored] = Curve([(0.0, 0.0)])
            demands[cycles] = self._cycles(discharging, view.positions)
            for delivery in charging:
                name = f"{month} {delivery.kind} charge"
                full = self.charge * delivery.hours
                demands[name] = self._curve(delivery, ((0.0, 0.0), (full, -_SLOPE)), view.positions)
                portfolios[name] = Portfolio({name: 1.0, stored: self.efficiency}, delivery.product)
            for delivery in discharging:
                name = f"{month} {delivery.kind} discharge"
                full = self.discharge * delivery.hours
                demands[name] = self._curve(delivery, ((-full, self.wear + _SLOPE), (0.0, self.wear)), view.positions)
                portfolios[name] = Portfolio({name: 1.0, stored: 1.0, cycles: 1.0}, delivery.product)
        return Bids(demands, portfolios)

    def _cycles(self, discharging: list[Delivery], positions: Mapping[str, float]) -> Constant:
        """The store is emptied at most once a day: rates that lead beyond are outside the domain."""
        days = max(delivery.hours for delivery in discharging)
        sold = -sum(positions.get(delivery.product, 0.0) for delivery in discharging)
        left = max(self.energy * days - sold, 0.0)
        return Constant(0.0, -left / self.patience, max(sold, 0.0) / self.patience)

    def _curve(
        self, delivery: Delivery, value: tuple[tuple[float, float], ...], positions: Mapping[str, float]
    ) -> Curve:
        return closing_curve(value, positions.get(delivery.product, 0.0), self.patience)
