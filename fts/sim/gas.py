"""Gas plants: they sell capacity at a marginal cost of slopes and steps."""

from __future__ import annotations

from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.delivery import Delivery
from fts.sim.forecast import Forecast


@dataclass(frozen=True)
class GasPlant:
    """A plant that sells while the price covers its marginal cost, and buys back what is cheaper to buy than to make.

    Attributes
    ----------
    name : str
        The bidder's name.
    capacity : float
        [MW]
    cost : Points
        (share of capacity, marginal cost at normal fuel price [EUR/MWh]); both rise, a share twice is a step.
    fuel : Forecast
        Of the price of fuel; costs are in proportion to it.
    by : str
        What one bid covers.
    patience : float
        [h]
    """

    name: str
    capacity: float
    cost: Points
    fuel: Forecast
    by: str
    patience: float

    def available(self, delivery: Delivery) -> float:
        """Energy the plant can make in a delivery [MWh]."""
        return self.capacity * delivery.hours

    def bids(self, view: View) -> Bids:
        """Offers the unsold capacity of each block at its cost, and to buy back the sold one below it."""

        def value(block: Block) -> Points:
            fuel = self.fuel.factor(view.instant, view.deliveries[0].start, block.name[:7])
            return tuple((-share * block.energy, price * fuel) for share, price in reversed(self.cost))

        return block_bids(blocks(view.deliveries, self.by, self.available), value, view.positions, self.patience)
