"""Portfolios: the directions in which bidders trade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from fts.errors import InvalidAuction
from fts.models.weights import read_weights


# A portfolio holds texts and numbers only, so the garbage collector need not follow a hundred thousand of them.
class Portfolio(msgspec.Struct, frozen=True, gc=False):
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

    demand: Mapping[str, float] = {}
    basis: Mapping[str, float] = {}

    if TYPE_CHECKING:

        def __init__(self, demand: Any = None, basis: Any = None) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "demand", read_weights(self.demand))
        force_setattr(self, "basis", read_weights(self.basis))

    def to_json(self) -> dict[str, dict[str, float]]:
        """Return the portfolio as the auction file writes it."""
        return {"demand": dict(self.demand), "basis": dict(self.basis)}


def read_portfolio(value: Any) -> Portfolio:
    """Read a portfolio from a Portfolio or a mapping with the keys ``demand`` and ``basis`` (both needed).

    Raises
    ------
    InvalidAuction
        A key is missing.
    """
    return value if isinstance(value, Portfolio) else Portfolio(*read_parts(value))


def read_parts(value: Any) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Demand weights and basis weights of a portfolio in a form that :func:`read_portfolio` reads.

    Raises
    ------
    InvalidAuction, InvalidWeights
    """
    if isinstance(value, Portfolio):
        return value.demand, value.basis
    if type(value) is not dict and not isinstance(value, Mapping):
        raise InvalidAuction(f"a portfolio is {value!r}; write fts.Portfolio(demand, basis)")
    for key in ("demand", "basis"):
        if key not in value:
            raise InvalidAuction(f"a portfolio without {key!r} is refused; write null for none")
    return read_weights(value["demand"]), read_weights(value["basis"])
