"""Portfolios: the directions in which bidders trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fts.errors import InvalidAuction
from fts.models.weights import read_weights


@dataclass(frozen=True, init=False)
class Portfolio:
    """A direction of trade: one unit of it is ``basis`` in products, and counts ``demand`` in demand curves.

    Parameters
    ----------
    demand : weights
        Demand id -> weight of this portfolio's rate in that demand's rate.
    basis : weights
        Product id -> product units traded per unit of the portfolio.

    Raises
    ------
    InvalidWeights
        Weights are not in one of the three written forms, or not finite.

    Notes
    -----
    Source: Budish, Cramton, Kyle, Lee, Malec, *Flow Trading*, section 2 (portfolio orders).
    """

    demand: Mapping[str, float]
    basis: Mapping[str, float]

    def __init__(self, demand: Any = None, basis: Any = None) -> None:
        object.__setattr__(self, "demand", read_weights(demand))
        object.__setattr__(self, "basis", read_weights(basis))

    def to_json(self) -> dict[str, dict[str, float]]:
        """The portfolio as the auction file writes it."""
        return {"demand": dict(self.demand), "basis": dict(self.basis)}


def read_portfolio(value: Any) -> Portfolio:
    """A portfolio from a Portfolio or a mapping with the keys ``demand`` and ``basis`` (both needed).

    Raises
    ------
    InvalidAuction
        A key is missing.
    """
    if isinstance(value, Portfolio):
        return value
    if not isinstance(value, Mapping):
        raise InvalidAuction(f"a portfolio is {value!r}; write fts.Portfolio(demand, basis)")
    for key in ("demand", "basis"):
        if key not in value:
            raise InvalidAuction(f"a portfolio without {key!r} is refused; write null for none")
    return Portfolio(value["demand"], value["basis"])
