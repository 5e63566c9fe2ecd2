"""Gas plants, which sell capacity at a marginal cost of slopes and steps."""

from __future__ import annotations

from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.forecast import Forecast
from fts.sim.typical_hours import TypicalHour


@dataclass(frozen=True)
class GasPlant:
    """Plant that sells at its marginal cost, and buys back sold energy that is cheaper than its production.

    Attributes
    ----------
    name : str
        Name of the bidder.
    capacity : float
        Largest power [MW].
    cost : Points
        (share of capacity, marginal cost at normal fuel price [EUR/MWh]); both rise, a share twice is a step.
    fuel : Forecast
        Forecast of the fuel price; costs are in proportion to it.
    by : str
        Block that one bid covers, a key of `GROUPS`.
    patience : float
        Time of trading in which a position would be closed [h].
    """

    name: str
    capacity: float
    cost: Points
    fuel: Forecast
    by: str
    patience: float

    def available(self, delivery: TypicalHour) -> float:
        """Return the largest energy of the plant in a delivery [MWh]."""
        return self.capacity * delivery.hours

    def bids(self, view: View) -> Bids:
        """Offer the unsold capacity of each block at its cost, and bid to buy back the sold one below it."""

        def value(block: Block) -> Points:
            fuel = self.fuel.factor(view.instant, view.deliveries[0].start, block.name[:7])
            return tuple((-share * block.energy, price * fuel) for share, price in reversed(self.cost))

        return block_bids(blocks(view.deliveries, self.by, self.available), value, view.positions, self.patience)
