"""Protocol of simulated bidders: an agent maps its view of the market to the bids that it wants."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from fts.models.curve import Constant, Curve
from fts.models.portfolio import Portfolio
from fts.sim.typical_hours import TypicalHour


@dataclass(frozen=True)
class View:
    """Data that a bidder sees when it revises its bids.

    Attributes
    ----------
    instant : datetime
        Time of the revision.
    deliveries : tuple of Delivery
        Products of the revision: all typical hours of one month.
    prices : mapping
        Product id -> last clearing price [EUR/MWh]; a product without a price is missing.
    positions : mapping
        Product id -> the bidder's own net position [MWh, + bought, - sold]; missing is 0.
    """

    instant: datetime
    deliveries: tuple[TypicalHour, ...]
    prices: Mapping[str, float] = field(default_factory=dict)
    positions: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Bids:
    """Demands and portfolios of one bidder, by the names that it gives them.

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
class Revisions:
    """Differences between the bids of a bidder and those that it wants; None ends a bid.

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
    """Simulated bidder: a pure function from its view to the bids that it wants."""

    @property
    def name(self) -> str:
        """Name of the bidder."""

    def bids(self, view: View) -> Bids:
        """Return the bids for the deliveries in view; the same view gives the same bids."""


def revise(agent: Agent, view: View, now: Bids) -> Revisions:
    """Compute the changes of an agent's bids for the deliveries in view.

    Bids for deliveries that have begun are ended.

    Parameters
    ----------
    agent : Agent
        Agent of the bidder.
    view : View
        Its view of the market.
    now : Bids
        Its present bids for these deliveries.
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
    return Revisions(demands, portfolios)


def __getattr__(name: str) -> Any:
    if name != "Changes":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("fts.sim.agent.Changes is now Revisions; use that", DeprecationWarning, stacklevel=2)
    return Revisions
