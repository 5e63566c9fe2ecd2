"""Linear programs, of which few auctions need one: what solves them is imported with the first."""

from __future__ import annotations

from typing import Any

from fts import _optional
from fts.models.columns import Floats


def solve_lp(cost: Floats, at_most: tuple[Any, Floats], equal: tuple[Any, Floats], bounds: Any) -> Floats | None:
    """Compute a vertex with the least cost, or None where there is none.

    Parameters
    ----------
    cost : (n,)
    at_most, equal : pairs of a sparse matrix (m, n) and a right-hand side (m,)
    bounds : one (low, high) for all, or n of them
        None is unlimited.

    Raises
    ------
    NotSolved
        HiGHS gave up.
    """
    found: Floats | None = _optional.load("solver.optimizer").vertex(cost, at_most, equal, bounds)
    return found


def least_cost(cost: Floats, equal: tuple[Any, Floats], bounds: Any) -> float | None:
    """Compute the least cost under equations, or None if they have no solution within the bounds.

    Parameters
    ----------
    cost : (n,)
    equal : pair of a sparse matrix (m, n) and a right-hand side (m,)
    bounds : (n, 2)

    Raises
    ------
    NotSolved
        HiGHS gave up.
    """
    found: float | None = _optional.load("solver.optimizer").least_cost(cost, equal, bounds)
    return found
