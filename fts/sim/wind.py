"""Wind parks: they sell a forecast that sharpens as delivery nears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.delivery import Delivery
from fts.sim.forecast import Forecast


@dataclass(frozen=True)
class WindPark:
    """A wind park that sells what it is forecast to produce.

    Attributes
    ----------
    name : str
        The bidder's name.
    capacity : float
        [MW]
    output : mapping
        (month of the year, hour) -> normal output as a share of capacity.
    value : Points
        (share of the forecast sold, price asked for the next MWh [EUR/MWh]); both rise. Beyond 1 it sells short.
    wind : Forecast
        Of the wind in the zone; it sharpens.
    site : Forecast
        Of the park against the zone; it sharpens.
    by : str
        What one bid covers.
    patience : float
        [h]
    """

    name: str
    capacity: float
    output: Mapping[tuple[int, int], float]
    value: Points
    wind: Forecast
    site: Forecast
    by: str
    patience: float

    def normal(self, delivery: Delivery) -> float:
        """Energy of a delivery at normal wind [MWh]."""
        return self.capacity * self.output[delivery.season, delivery.hour] * delivery.hours

    def forecast(self, view: View, block: Block) -> float:
        """Energy the park is forecast to produce in a block [MWh]."""
        start, month = view.deliveries[0].start, block.name[:7]
        return (
            block.energy
            * self.wind.factor(view.instant, start, month)
            * self.site.factor(view.instant, start, block.name)
        )

    def bids(self, view: View) -> Bids:
        """Sells up to the forecast of each block, asking more the more of it is sold."""

        def value(block: Block) -> Points:
            forecast = self.forecast(view, block)
            return tuple((-share * forecast, price) for share, price in reversed(self.value))

        return block_bids(blocks(view.deliveries, self.by, self.normal), value, view.positions, self.patience)
