"""Blocks: typical hours traded together, and the curve of a bidder that closes a position in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fts.models.curve import Curve
from fts.models.portfolio import Portfolio
from fts.sim.agent import Bids
from fts.sim.delivery import Delivery, is_peak

Points: TypeAlias = tuple[tuple[float, float], ...]

GROUPS: dict[str, Callable[[Delivery], str]] = {
    "hour": lambda delivery: delivery.kind,
    "peak": lambda delivery: "peak" if is_peak(delivery) else f"{delivery.day_type} offpeak",
    "day type": lambda delivery: delivery.day_type,
    "month": lambda delivery: "month",
}
"""What one bid covers, by the word for it: a function from a delivery to the block it belongs to."""


@dataclass(frozen=True)
class Block:
    """Energy in several deliveries of one month, traded as one.

    Attributes
    ----------
    name : str
        ``2027-01 peak``.
    energies : mapping
        Product id -> energy the block stands for [MWh], positive.
    """

    name: str
    energies: Mapping[str, float]

    @property
    def energy(self) -> float:
        """All energy the block stands for [MWh]."""
        return sum(self.energies.values())

    def basis(self) -> dict[str, float]:
        """Products in one unit of the block, which is 1 MWh: their shares of its energy."""
        return {product: energy / self.energy for product, energy in self.energies.items()}

    def position(self, positions: Mapping[str, float]) -> float:
        """The bidder's position in the block [MWh]."""
        return sum(positions.get(product, 0.0) for product in self.energies)


def blocks(deliveries: Iterable[Delivery], by: str, energy: Callable[[Delivery], float]) -> list[Block]:
    """Deliveries gathered into blocks; what has no energy is left out.

    Parameters
    ----------
    deliveries : iterable of Delivery
        Of one or more months.
    by : str
        ``hour``, ``peak``, ``day type`` or ``month``.
    energy : callable
        Delivery -> the energy it stands for [MWh].
    """
    gathered: dict[str, dict[str, float]] = {}
    for delivery in deliveries:
        amount = energy(delivery)
        if amount > 0:
            gathered.setdefault(f"{delivery.month} {GROUPS[by](delivery)}", {})[delivery.product] = amount
    return [Block(name, energies) for name, energies in gathered.items()]


def closing_curve(value: Sequence[tuple[float, float]], position: float, patience: float) -> Curve:
    """The demand curve of a bidder that closes the distance to any position in a given time.

    ``curve(rate) = value(position + rate · patience)``: the price at which it trades at a rate is what the next MWh
    is worth at the position this rate leads to. A position outside the domain of `value` bids its end price for the
    way back.

    Parameters
    ----------
    value : sequence of (quantity, price)
        Worth of the next MWh by position: quantities [MWh] never fall, prices [EUR/MWh] never rise.
    position : float
        Present position [MWh, + bought].
    patience : float
        Trading time in which the distance would be closed [h].
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
    """One demand and one portfolio for each block, both under its name.

    Parameters
    ----------
    gathered : iterable of Block
        What to bid for.
    value : callable
        Block -> (quantity [MWh], price [EUR/MWh]) points of the worth of the next MWh by position.
    positions : mapping
        Product id -> own position [MWh].
    patience : float
        [h]
    """
    demands, portfolios = {}, {}
    for block in gathered:
        demands[block.name] = closing_curve(value(block), block.position(positions), patience)
        portfolios[block.name] = Portfolio(block.name, block.basis())
    return Bids(demands, portfolios)
