"""Blocks of typical hours traded together, and the demand curve that closes a position in a given time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fts.models.curve import Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids
from fts.sim.typical_hours import TypicalHour, is_peak

Points: TypeAlias = tuple[tuple[float, float], ...]

GROUPS: dict[str, Callable[[TypicalHour], str]] = {
    "hour": lambda delivery: delivery.kind,
    "peak": lambda delivery: "peak" if is_peak(delivery) else f"{delivery.day_type} offpeak",
    "day type": lambda delivery: delivery.day_type,
    "month": lambda delivery: "month",
}
"""Grouping of deliveries into blocks, by name: a function from a delivery to the name of its block."""


@dataclass(frozen=True)
class Block:
    """Energy in several deliveries of one month, traded in fixed proportion.

    Attributes
    ----------
    name : str
        ``2027-01 peak``.
    energies : mapping
        Energy of the block by product id [MWh], positive.
    """

    name: str
    energies: Mapping[str, float]

    @property
    def energy(self) -> float:
        """Total energy of the block [MWh]."""
        return sum(self.energies.values())

    def basis(self) -> dict[str, float]:
        """Return the weights of one unit of the block (1 MWh): the share of each product in its energy."""
        return {product: energy / self.energy for product, energy in self.energies.items()}

    def position(self, positions: Mapping[str, float]) -> float:
        """Return the bidder's position in the block [MWh]."""
        return sum(positions.get(product, 0.0) for product in self.energies)


def blocks(deliveries: Iterable[TypicalHour], by: str, energy: Callable[[TypicalHour], float]) -> list[Block]:
    """Group deliveries into blocks; a delivery without energy is left out.

    Parameters
    ----------
    deliveries : iterable of Delivery
        Deliveries of one or more months.
    by : str
        ``hour``, ``peak``, ``day type`` or ``month``.
    energy : callable
        Energy of a delivery [MWh].
    """
    gathered: dict[str, dict[str, float]] = {}
    for delivery in deliveries:
        amount = energy(delivery)
        if amount > 0:
            gathered.setdefault(f"{delivery.month} {GROUPS[by](delivery)}", {})[delivery.product] = amount
    return [Block(name, energies) for name, energies in gathered.items()]


def closing_curve(value: Sequence[tuple[float, float]], position: float, patience: float) -> Curve:
    """Compute the demand curve that closes the distance to a position in a given time.

    ``curve(rate) = value(position + rate · patience)``: the price at a rate is the value of the next MWh at the
    position to which this rate leads. If the position is outside the domain of `value`, the curve bids its end price
    for the way back.

    Parameters
    ----------
    value : sequence of (quantity, price)
        Value of the next MWh by position: quantities [MWh] never fall, prices [EUR/MWh] never rise.
    position : float
        Present position [MWh, + bought].
    patience : float
        Time of trading in which the distance would be closed [h].
    """
    points = [((quantity - position) / patience, price) for quantity, price in value]
    if points[0][0] > 0:
        points.insert(0, (0.0, points[0][1]))
    if points[-1][0] < 0:
        points.append((0.0, points[-1][1]))
    return Curve(points)


def block_bids(
    gathered: Iterable[Block], value: Callable[[Block], Points], positions: Mapping[str, float], patience: float
) -> Bids:
    """Build one demand and one portfolio for each block, both under its name.

    Parameters
    ----------
    gathered : iterable of Block
        Blocks to bid for.
    value : callable
        Points (quantity [MWh], price [EUR/MWh]) of the value of the next MWh by position, for a block.
    positions : mapping
        Own position by product id [MWh].
    patience : float
        Time of trading in which a position would be closed [h].
    """
    demands, portfolios = {}, {}
    for block in gathered:
        demands[block.name] = closing_curve(value(block), block.position(positions), patience)
        portfolios[block.name] = Portfolio(block.name, block.basis())
    return Bids(demands, portfolios)
