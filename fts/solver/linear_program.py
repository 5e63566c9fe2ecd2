"""Linear programs, solved by the simplex method of HiGHS as scipy brings it."""

from __future__ import annotations

from typing import Any

from scipy.optimize import linprog

from fts.models.columns import Floats, floats

_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def cheapest(cost: Floats, at_most: tuple[Any, Floats], equal: tuple[Any, Floats], bounds: Any) -> Floats | None:
    """A vertex with the least cost, or None where there is none.

    Parameters
    ----------
    cost : (n,)
    at_most, equal : pairs of a sparse matrix (m, n) and a right-hand side (m,)
    bounds : one (low, high) for all, or n of them
        None is unlimited.
    """
    solve: Any = linprog  # its types leave out sparse matrices and these options
    result = solve(
        cost,
        A_ub=at_most[0],
        b_ub=at_most[1],
        A_eq=equal[0],
        b_eq=equal[1],
        bounds=bounds,
        method="highs-ds",
        options=_TIGHT,
    )
    return None if result.x is None else floats(result.x)
