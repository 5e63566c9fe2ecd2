"""Retailers, which buy the forecast load of their customers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.forecast import Forecast
from fts.sim.typical_hours import TypicalHour


@dataclass(frozen=True)
class Retailer:
    """Retailer that trades towards the forecast load of its customers.

    Attributes
    ----------
    name : str
        Name of the bidder.
    load : mapping
        (month of the year, day type, hour) -> normal load [MW].
    value : Points
        (share of the target held, value of the next MWh [EUR/MWh]); shares rise, prices fall.
    weather : Forecast
        Forecast of the load of all customers in the zone.
    customers : Forecast
        Forecast of the load of its own customers.
    by : str
        Block that one bid covers, a key of `GROUPS`.
    patience : float
        Time of trading in which a position would be closed [h].
    """

    name: str
    load: Mapping[tuple[int, str, int], float]
    value: Points
    weather: Forecast
    customers: Forecast
    by: str
    patience: float

    def normal(self, delivery: TypicalHour) -> float:
        """Compute the energy of a delivery at normal load [MWh]."""
        return self.load[delivery.season, delivery.day_type, delivery.hour] * delivery.hours

    def target(self, view: View, block: Block) -> float:
        """Compute the forecast load of the customers in a block [MWh]."""
        start, month = view.deliveries[0].start, block.name[:7]
        return (
            block.energy
            * self.weather.factor(view.instant, start, month)
            * self.customers.factor(view.instant, start, block.name)
        )

    def bids(self, view: View) -> Bids:
        """Bid for the target of each block, and for more or less of it if the price is low or high."""

        def value(block: Block) -> Points:
            target = self.target(view, block)
            return tuple((share * target, price) for share, price in self.value)

        return block_bids(blocks(view.deliveries, self.by, self.normal), value, view.positions, self.patience)
