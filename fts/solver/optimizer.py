"""Calls of scipy's optimizer. It takes as long to import as a small market to clear, and few markets need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy.optimize import linprog, nnls

from fts.errors import NotSolved
from fts.models.columns import Floats, floats

_TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
# Now and then HiGHS gives up on what another of its ways solves.
_WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("highs-ds", {}),
    ("highs-ds", {"presolve": False}),
    ("highs-ipm", {}),
)
# Many small programs with one matrix: presolve takes longer than the rest.
_QUICK_WAYS = (_WAYS[1], _WAYS[0], _WAYS[2])
SOLVED, NO_VERTEX = 0, (2, 3)
"""Statuses of scipy: solved; infeasible, unbounded."""


def vertex(cost: Floats, at_most: tuple[Any, Floats], equal: tuple[Any, Floats], bounds: Any) -> Floats | None:
    """Compute a vertex with the least cost; see :func:`fts.solver.linear_program.solve_lp`."""
    result = _solved(_WAYS, cost, A_ub=at_most[0], b_ub=at_most[1], A_eq=equal[0], b_eq=equal[1], bounds=bounds)
    return None if result is None else floats(result.x)


def least_cost(cost: Floats, equal: tuple[Any, Floats], bounds: Any) -> float | None:
    """Compute the least cost; see :func:`fts.solver.linear_program.least_cost`."""
    result = _solved(_QUICK_WAYS, cost, A_eq=equal[0], b_eq=equal[1], bounds=bounds)
    return None if result is None else float(result.fun)


def _solved(ways: Sequence[tuple[str, dict[str, Any]]], cost: Floats, **program: Any) -> Any:
    """Return the result of the first way that has one; None where the program is infeasible or unbounded."""
    solve: Any = linprog  # its types leave out sparse matrices and these options
    for method, options in ways:
        result = solve(cost, **program, method=method, options=_TIGHT | options)
        if result.status == SOLVED:
            return result
        if result.status in NO_VERTEX:
            return None
    raise NotSolved(f"a linear program has no answer: {result.message}")


def non_negative_least_squares(A: Floats, b: Floats) -> tuple[Floats, float] | None:
    """Compute the ``t ≥ 0`` with the least ``|A t - b|``, and that length; None at the limit of steps."""
    try:
        t, length = nnls(A, b, maxiter=50 * (A.shape[0] + 10))
    except RuntimeError:
        return None
    return t, float(length)
