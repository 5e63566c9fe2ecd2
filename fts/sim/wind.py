"""Wind parks, which sell a forecast that becomes more precise before delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fts.sim.agent import Bids, View
from fts.sim.block import Block, Points, block_bids, blocks
from fts.sim.forecast import Forecast
from fts.sim.typical_hours import TypicalHour


@dataclass(frozen=True)
class WindPark:
    """Wind park that sells its forecast production.

    Attributes
    ----------
    name : str
        Name of the bidder.
    capacity : float
        Largest power [MW].
    output : mapping
        (month of the year, hour) -> normal output as a share of capacity.
    value : Points
        (share of the forecast sold, price of the next MWh [EUR/MWh]); both rise. A share above 1 is sold short.
    wind : Forecast
        Forecast of the wind in the zone; its spread falls before delivery.
    site : Forecast
        Forecast of the park relative to the zone; its spread falls before delivery.
    by : str
        Block that one bid covers, a key of `GROUPS`.
    patience : float
        Time of trading in which a position would be closed [h].
    """

    name: str
    capacity: float
    output: Mapping[tuple[int, int], float]
    value: Points
    wind: Forecast
    site: Forecast
    by: str
    patience: float

    def normal(self, delivery: TypicalHour) -> float:
        """Compute the energy of a delivery at normal wind [MWh]."""
        return self.capacity * self.output[delivery.season, delivery.hour] * delivery.hours

    def forecast(self, view: View, block: Block) -> float:
        """Compute the forecast energy of the park in a block [MWh]."""
        start, month = view.deliveries[0].start, block.name[:7]
        return (
            block.energy
            * self.wind.factor(view.instant, start, month)
            * self.site.factor(view.instant, start, block.name)
        )

    def bids(self, view: View) -> Bids:
        """Offer the forecast energy of each block, at a price that rises with the share sold."""

        def value(block: Block) -> Points:
            forecast = self.forecast(view, block)
            return tuple((-share * forecast, price) for share, price in reversed(self.value))

        return block_bids(blocks(view.deliveries, self.by, self.normal), value, view.positions, self.patience)
