"""The native engine behind the engine port."""

from __future__ import annotations

from fts.ports.engine import Answer, Program
from fts.solver.exact import finish
from fts.solver.native.interior_point import InteriorPoint
from fts.solver.native.prepared import Prepared, prepare

ENOUGH = 1e-8
"""What may be missing when the exact last step takes over."""


def solve(program: Program, tol: float) -> Answer:
    """Solve a program by the interior-point method and the exact last step."""
    return solve_prepared(prepare(program), tol)


def solve_prepared(prepared: Prepared, tol: float) -> Answer:
    """Solve a program that has been made ready."""
    method = InteriorPoint(prepared.program, prepared.sizes, prepared.elimination)
    point, steps, status = method.solve(min(tol, ENOUGH))
    rough = prepared.answer(point.x, point.y, point.prices, point.demand_prices, status, steps)
    exact, missing = finish(prepared, rough)
    return exact if missing <= tol else rough
