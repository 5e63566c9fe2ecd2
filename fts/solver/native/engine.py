"""The native engine behind the engine port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fts.ports.engine import Answer, Program
from fts.solver.exact import finish
from fts.solver.native.interior_point import InteriorPoint
from fts.solver.native.prepared import Prepared, prepare

ENOUGH = 1e-8
"""What may be missing when the exact last step takes over."""


def solve(program: Program, tol: float) -> Answer:
    """Solve a program by the interior-point method and the exact last step."""
    return next(readings(program, tol))


def readings(program: Program, tol: float) -> Iterator[Answer]:
    """The exact answer, and the same with what is only rounding put to 0; the certificate chooses."""
    prepared = prepare(program)
    exact, missing, rough = solve_prepared(prepared, tol)
    yield exact
    for share in (1e-14, 1e-12, 1e-10):
        yield without_noise(prepared, exact, share)
    yield rough


def solve_prepared(prepared: Prepared, tol: float) -> tuple[Answer, float, Answer]:
    """Solve a program that has been made ready."""
    method = InteriorPoint(prepared.program, prepared.sizes, prepared.elimination)
    point, steps, status = method.solve(min(tol, ENOUGH))
    rough = prepared.answer(point.x, point.y, point.prices, point.demand_prices, status, steps)
    exact, missing = finish(prepared, rough)
    return exact, missing, rough


def without_noise(prepared: Prepared, answer: Answer, share: float) -> Answer:
    """Prices and rates that are a tiny share of what is typical are 0."""
    x, y, prices, demand_prices = answer.x, answer.y, answer.prices, answer.demand_prices
    scales = prepared.scales
    return replace(
        answer,
        x=np.where(np.abs(x) <= share * prepared.rooms * scales.rate, 0.0, x),
        y=y,
        prices=np.where(np.abs(prices) <= share * scales.price, 0.0, prices),
        demand_prices=np.where(np.abs(demand_prices) <= share * scales.demand_price, 0.0, demand_prices),
    )
