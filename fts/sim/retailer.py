"""Retailers: they buy what their customers are forecast to use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.delivery import Delivery
from fts.sim.forecast import Forecast


@dataclass(frozen=True)
class Retailer:
    """A load server that trades toward the forecast load of its customers.

    Attributes
    ----------
    name : str
        The bidder's name.
    load : mapping
        (month of the year, day type, hour) -> normal load [MW].
    value : Points
        (share of the target held, worth of the next MWh [EUR/MWh]); shares rise, prices fall.
    weather : Forecast
        Of the load of everybody.
    customers : Forecast
        Of the load of its own customers.
    by : str
        What one bid covers: ``hour``, ``day type``, ``month``.
    patience : float
        Trading time in which an open position would be closed [h].
    """

    name: str
    load: Mapping[tuple[int, str, int], float]
    value: Points
    weather: Forecast
    customers: Forecast
    by: str
    patience: float

    def normal(self, delivery: Delivery) -> float:
        """Energy of a delivery at normal load [MWh]."""
        return self.load[delivery.season, delivery.day_type, delivery.hour] * delivery.hours

    def target(self, view: View, block: Block) -> float:
        """Energy the customers are forecast to use in a block [MWh]."""
        start, month = view.deliveries[0].start, block.name[:7]
        return (
            block.energy
            * self.weather.factor(view.instant, start, month)
            * self.customers.factor(view.instant, start, block.name)
        )

    def bids(self, view: View) -> Bids:
        """Buys up to the target of each block, and more or less of it as the price is low or high."""

        def value(block: Block) -> Points:
            target = self.target(view, block)
            return tuple((share * target, price) for share, price in self.value)

        return block_bids(blocks(view.deliveries, self.by, self.normal), value, view.positions, self.patience)
