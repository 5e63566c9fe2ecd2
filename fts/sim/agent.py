"""What every simulated bidder has: it sees the market as a bidder does, and says which bids it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.sim.delivery import Delivery


@dataclass(frozen=True)
class View:
    """What a bidder sees when it revises its bids.

    Attributes
    ----------
    instant : datetime
        When.
    deliveries : tuple of Delivery
        The products the revision is about: all typical hours of one month.
    prices : mapping
        Product id -> last clearing price [EUR/MWh]; a product without a price is missing.
    positions : mapping
        Product id -> the bidder's own net position [MWh, + bought, - sold]; missing is 0.
    """

    instant: datetime
    deliveries: tuple[Delivery, ...]
    prices: Mapping[str, float] = field(default_factory=dict)
    positions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Bids:
    """Demands and portfolios of one bidder, by the names it gives them.

    Attributes
    ----------
    demands : mapping
        Name -> curve.
    portfolios : mapping
        Name -> portfolio; its demand weights use names, its basis product ids.
    """

    demands: Mapping[str, Curve | Constant] = field(default_factory=dict)
    portfolios: Mapping[str, Portfolio] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What turns the bids a bidder has into those it wants; None withdraws.

    Attributes
    ----------
    demands : mapping
        Name -> new curve.
    portfolios : mapping
        Name -> new portfolio.
    """

    demands: Mapping[str, Curve | Constant | None]
    portfolios: Mapping[str, Portfolio | None]

    def __len__(self) -> int:
        return len(self.demands) + len(self.portfolios)


class Agent(Protocol):
    """A simulated bidder: a pure function from what it sees to the bids it wants."""

    @property
    def name(self) -> str:
        """The bidder's name."""

    def bids(self, view: View) -> Bids:
        """The bids this bidder wants for the deliveries in view; the same view gives the same bids."""


def revise(agent: Agent, view: View, now: Bids) -> Changes:
    """Changes an agent makes to its bids for the deliveries in view.

    Deliveries that have begun are no longer bid for.

    Parameters
    ----------
    agent : Agent
        The bidder.
    view : View
        What it sees.
    now : Bids
        Its bids for these deliveries as they are.
    """
    ahead = tuple(delivery for delivery in view.deliveries if delivery.start > view.instant)
    wanted = agent.bids(View(view.instant, ahead, view.prices, view.positions)) if ahead else Bids()
    demands: dict[str, Curve | Constant | None] = {
        name: curve for name, curve in wanted.demands.items() if now.demands.get(name) != curve
    }
    portfolios: dict[str, Portfolio | None] = {
        name: portfolio for name, portfolio in wanted.portfolios.items() if now.portfolios.get(name) != portfolio
    }
    demands.update(dict.fromkeys(now.demands.keys() - wanted.demands.keys()))
    portfolios.update(dict.fromkeys(now.portfolios.keys() - wanted.portfolios.keys()))
    return Changes(demands, portfolios)
