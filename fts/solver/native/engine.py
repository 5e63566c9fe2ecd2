"""The native engine behind the engine port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fts.models.columns import Floats
from fts.ports.engine import Answer, Program
from fts.solver.native.augmented_system import MAX_AUGMENTED, AugmentedSystem
from fts.solver.native.interior_point import InteriorPoint
from fts.solver.native.polish import polish
from fts.solver.native.presolved import PresolvedProgram, presolve

POLISH_TOLERANCES = (1e-8, 1e-10, 1e-12, 1e-14, 1e-15)
"""Residuals at which the exact last step is tried, and tried again."""
SLOPED = 0.98
"""Share of sloped segments from which the last step alone is tried first: it then finds its segments from far away."""
POLISHED_TOLERANCE = 1e-10
"""Largest residual after it that is rounding."""
SMALL_POLISHED_TOLERANCE = 1e-14
"""Largest residual of a small program: a larger one may hide a wrong fill beside one that is 1e13 times as large."""
WEIGHT_EXPONENT = 0.25
"""The power of the sizes that segments are weighted with when the method is tried again."""


def solve(program: Program, tol: float) -> Answer:
    """Solve a program by the interior-point method and the exact last step."""
    exact, residual, rough = solve_prepared(presolve(program))
    return exact if residual <= POLISHED_TOLERANCE else rough


def solve_exactly(program: Program) -> Answer | None:
    """Compute the exact answer, or None where none was found."""
    exact, residual, _ = solve_prepared(presolve(program))
    return exact if residual <= POLISHED_TOLERANCE else None


def solve_prepared(prepared: PresolvedProgram, warm: Answer | None = None) -> tuple[Answer, float, Answer]:
    """Solve a program that has been made ready: the exact answer, what it misses, and the answer it was made from.

    Parameters
    ----------
    prepared : PresolvedProgram
    warm : Answer, optional
        Of a similar program, to start near.
    """
    found = _solve(prepared, prepared.sizes, warm)
    for made, sizes in _fallbacks(prepared, warm):
        if found[1] <= largest_sure_residual(prepared):
            break
        found = min(found, _solve(made, sizes), key=lambda one: one[1])
    return found


def _fallbacks(prepared: PresolvedProgram, warm: Answer | None) -> Iterator[tuple[PresolvedProgram, Floats]]:
    """Fallbacks, the most effective first: a cold start, flatter weights of the barrier, the whole system."""
    if warm is not None:
        yield prepared, prepared.sizes
    # Where bids differ by many orders of magnitude, weights that differ less leave the path straighter.
    even = prepared.sizes**WEIGHT_EXPONENT
    yield prepared, even
    if _is_small(prepared):
        e, p = prepared.elimination, prepared.program
        # Elimination may have lost what matters; a small program can do without it.
        fixed = np.bincount(p.segment_demand, minlength=p.W.shape[0]) == 0
        whole = replace(prepared, elimination=AugmentedSystem(p.B, p.W, e.rate_scale, fixed))
        yield whole, prepared.sizes
        yield whole, even


def largest_sure_residual(prepared: PresolvedProgram) -> float:
    """Largest residual of an answer whose active set is beyond doubt."""
    return SMALL_POLISHED_TOLERANCE if _is_small(prepared) else POLISHED_TOLERANCE


def _is_small(prepared: PresolvedProgram) -> bool:
    """Check whether the Newton system can be solved without elimination."""
    e = prepared.elimination
    return e.n_portfolios + e.n_products + len(e.shared_demand) <= MAX_AUGMENTED


def mostly_sloped(program: Program) -> bool:
    """Check whether prices alone give nearly every fill, so that the last step finds its segments from further away."""
    return bool(np.count_nonzero(program.s > 0) >= SLOPED * len(program.s))


def _solve(prepared: PresolvedProgram, sizes: Floats, warm: Answer | None = None) -> tuple[Answer, float, Answer]:
    """Run the method with these weights of the segments, (K,), and the exact last step."""
    method = InteriorPoint(prepared.program, sizes, prepared.first_segment, prepared.elimination)
    point, steps = method.start() if warm is None else method.near(*prepared.point(warm)), 0
    if warm is None and mostly_sloped(prepared.program):
        rough = prepared.answer(point.x, point.y, point.prices, point.demand_prices, "solved", 0)
        exact, residual = polish(prepared, rough)
        if residual <= POLISHED_TOLERANCE:
            return exact, residual, rough
    for enough in POLISH_TOLERANCES:
        point, more, status = method.solve(enough, point)
        steps += more
        rough = prepared.answer(point.x, point.y, point.prices, point.demand_prices, status, steps)
        exact, residual = polish(prepared, rough)
        # Where the method makes no progress, another start of its patience may help.
        if residual <= POLISHED_TOLERANCE:
            break
    return exact, residual, rough


def zero_noise(prepared: PresolvedProgram, answer: Answer, share: float) -> Answer:
    """Prices and rates that are a tiny share of what is typical are 0."""
    x, y, prices, demand_prices = answer.x, answer.y, answer.prices, answer.demand_prices
    scales = prepared.scales
    return replace(
        answer,
        x=np.where(np.abs(x) <= share * prepared.rooms * scales.rate, 0.0, x),
        y=y,
        prices=np.where(np.abs(prices) <= share * prepared.typical_prices, 0.0, prices),
        demand_prices=np.where(np.abs(demand_prices) <= share * scales.demand_price, 0.0, demand_prices),
    )
