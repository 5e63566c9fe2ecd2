"""Linear programs, solved by HiGHS as scipy brings it: by the simplex method, or another where that gives up."""

from __future__ import annotations

from typing import Any

from scipy.optimize import linprog

from fts.errors import NotSolved
from fts.models.columns import Floats, floats

_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
# Now and then HiGHS gives up on what another of its ways solves.
_WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("highs-ds", {}),
    ("highs-ds", {"presolve": False}),
    ("highs-ipm", {}),
)
SOLVED, NO_VERTEX = 0, (2, 3)
"""Statuses of scipy: solved; infeasible, unbounded."""


def cheapest(cost: Floats, at_most: tuple[Any, Floats], equal: tuple[Any, Floats], bounds: Any) -> Floats | None:
    """A vertex with the least cost, or None where there is none.

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
    solve: Any = linprog  # its types leave out sparse matrices and these options
    for method, options in _WAYS:
        result = solve(
            cost,
            A_ub=at_most[0],
            b_ub=at_most[1],
            A_eq=equal[0],
            b_eq=equal[1],
            bounds=bounds,
            method=method,
            options=_TIGHT | options,
        )
        if result.status == SOLVED:
            return floats(result.x)
        if result.status in NO_VERTEX:
            return None
    raise NotSolved(f"a linear program has no answer: {result.message}")
