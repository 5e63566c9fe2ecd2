"""A nearest point computed again in extended precision, from the bounds that hold it.

Where portfolios are nearly parallel, prices are many times their dispersion, and the rounding of a projection in
float64 counts. The residuals are computed in extended precision where the machine has it, and the corrections in
float64 (iterative refinement: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapter 12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fts import _optional
from fts.models.columns import Floats, Ints, floats
from fts.ports.engine import Program
from fts.solver.canonical.lexicographic_lsq import RANK, Objective, by_weight, null_space
from fts.solver.compiled import csc_arrays

Extended = NDArray[np.longdouble]

MAX_CORRECTIONS = 4
"""Corrections; each one takes out the rounding of the one before."""
AT = 8.0
"""A point within so many roundings of a bound is at it."""
LEAST_DISTANCE = 1e-7
"""Rounding of a price is at most this share of the distance that errors are measured against."""
HELD_WITHIN = (1e-8, 1e-6, 1e-4)
"""A bound this near to a point, in units of the unknowns, holds it: the first that gives a point within all bounds."""


@dataclass(frozen=True)
class Bounds:
    """Equations and limits of a point: ``equations @ u = values`` and ``least ≤ limits @ u ≤ most``.

    Attributes
    ----------
    equations, values : (m, n), (m,)
    limits, least, most : (r, n), (r,), (r,)
    """

    equations: Extended
    values: Extended
    limits: Extended
    least: Extended
    most: Extended


class PortfolioRows:
    """Rows of portfolios over products and shared demands, without rounding.

    Parameters
    ----------
    program : Program
    shared : (S,)
        Demands that have no portfolio for themselves.
    """

    def __init__(self, program: Program, shared: Ints) -> None:
        self._B, self._W, self._shape = csc_arrays(program.B), csc_arrays(program.W), (program.B.shape[0], len(shared))
        self._place = np.zeros(program.W.shape[0], dtype=np.int64)
        self._place[shared] = program.B.shape[0] + np.arange(len(shared))

    def of_products(self, portfolios: Ints) -> Extended:
        """Products that each portfolio holds, (n, P + S)."""
        start, row, weight = self._B
        rows = np.zeros((len(portfolios), sum(self._shape)), dtype=np.longdouble)
        for made, i in zip(rows, portfolios.tolist(), strict=True):
            made[row[start[i] : start[i + 1]]] = weight[start[i] : start[i + 1]]
        return rows

    def of_all(self, portfolios: Ints) -> Extended:
        """Products that each portfolio holds, less its weights in demands, all of which are shared, (n, P + S)."""
        start, demand, weight = self._W
        rows = self.of_products(portfolios)
        for made, i in zip(rows, portfolios.tolist(), strict=True):
            made[self._place[demand[start[i] : start[i + 1]]]] = -weight[start[i] : start[i + 1]]
        return rows


def refined(bounds: Bounds, point: Extended, origin: Floats, unit: Floats, levels: list[Objective]) -> Extended | None:
    """Compute the nearest point again, without the rounding of its computation.

    Parameters
    ----------
    bounds : Bounds
    point : (n,)
        The nearest point, to rounding.
    origin : (n,)
        Prices from which the unknowns are deviations: a price is known to rounding of its level.
    unit : (n,)
        Typical sizes of the unknowns.
    levels : list of Objective
        Wishes in their order, with targets in place of moves.

    Returns
    -------
    (n,) or None
        None where the bounds that seem to hold the point do not make it the nearest one.
    """
    size = np.maximum(np.abs(bounds.limits) @ unit, np.finfo(float).tiny)
    least, most = np.abs(bounds.limits @ point - bounds.least), np.abs(bounds.limits @ point - bounds.most)
    ends = np.where(least <= most, bounds.least, bounds.most)
    away = np.minimum(least, most) / size
    for near in HELD_WITHIN:
        held = away <= near
        for _ in range(MAX_CORRECTIONS):
            rows = np.vstack([bounds.equations, bounds.limits[held]])
            found = _on(rows, np.append(bounds.values, ends[held]), point, unit, levels)
            through = bounds.limits @ found
            missed = np.maximum(bounds.least - through, through - bounds.most) > _rounding(bounds.limits, found, origin)
            if not (missed & ~held).any():
                break
            ends = np.where(missed, np.where(through < bounds.least, bounds.least, bounds.most), ends)
            held |= missed
        lacking = np.abs(bounds.values - bounds.equations @ found) > _rounding(bounds.equations, found, origin)
        if not missed.any() and not lacking.any():
            return found
    return None


def unbalanced(bounds: Bounds, point: Extended, origin: Floats, levels: list[Objective]) -> float:
    """Compute the share of the distances of a point that no bound holds; 0 at the nearest point.

    At the nearest point each distance is a combination of equations and of the bounds the point is at, these with the
    sign with which they hold it; an unknown of an earlier level is held as well.

    Parameters
    ----------
    bounds : Bounds
    point : (n,)
    origin : (n,)
        Prices from which the unknowns are deviations: a price is known to rounding of its level.
    levels : list of Objective
        Wishes in their order, with targets in place of moves; weights of one level count as equal.

    Returns
    -------
    float
        Infinite where the point is beyond a bound or an equation.
    """
    through, rounding = bounds.limits @ point, AT * _rounding(bounds.limits, point, origin)
    lacking = np.abs(bounds.values - bounds.equations @ point) > AT * _rounding(bounds.equations, point, origin)
    if lacking.any() or (bounds.least - through > rounding).any() or (through - bounds.most > rounding).any():
        return float("inf")
    at_least, at_most = through - bounds.least <= rounding, bounds.most - through <= rounding
    free = floats(np.vstack([bounds.equations, bounds.limits[at_least & at_most]]))
    signed = floats(np.vstack([bounds.limits[at_least & ~at_most], -bounds.limits[at_most & ~at_least]]))
    worst, settled = 0.0, np.zeros(len(point), dtype=np.bool_)
    for level in levels:
        wished = level.weight > 0
        distance = np.where(wished, floats(point - level.target), 0.0)[~settled]
        noise = np.finfo(np.float64).eps * (np.abs(floats(point)) + np.abs(origin))[wished].max(initial=0.0)
        largest = max(float(np.abs(distance).max(initial=0.0)), noise / LEAST_DISTANCE)
        if largest > 0:
            worst = max(worst, _held(free[:, ~settled], signed[:, ~settled], distance / largest))
        settled |= wished
    return worst


def _held(free: Floats, signed: Floats, distance: Floats) -> float:
    """Compute what is left of a distance, (n,), after the best combination of rows; signed rows only add."""
    rows = np.vstack([free, -free, signed])
    length = np.linalg.norm(rows, axis=1)
    rows = rows[length > 0] / length[length > 0, None]
    if not len(rows):
        return float(np.linalg.norm(distance))
    solve = _optional.load("solver.optimizer").non_negative_least_squares
    found: tuple[Floats, float] | None = solve(floats(rows.T), distance)
    return float("inf") if found is None else found[1]


def _rounding(rows: Extended, point: Extended, origin: Floats) -> Extended:
    """Largest effect on rows of rounding a point to float64 at the level of its prices, (r,)."""
    return np.asarray(np.finfo(np.float64).eps * (np.abs(rows) @ (np.abs(point) + np.abs(origin))))


def _on(rows: Extended, values: Extended, point: Extended, unit: Floats, levels: list[Objective]) -> Extended:
    """Compute the nearest point with ``rows @ u = values``, from one that is near to it."""
    length = np.linalg.norm(floats(rows * unit), axis=1)
    kept = length > 0
    rows, values, length = rows[kept], values[kept], length[kept]
    scaled = floats(rows * unit) / length[:, None]
    restoring = np.linalg.pinv(scaled, rcond=RANK)
    in_units = (Objective(level.weight * unit**2, level.target) for level in levels)
    approaches, free = [], null_space(scaled)
    for level in (one for whole in in_units for one in by_weight(whole)):
        wished = level.weight > 0
        root = np.sqrt(level.weight[wished])
        G = root[:, None] * free[wished]
        if G.size:
            approaches.append((wished, level.target[wished], root, free @ np.linalg.pinv(G, rcond=RANK)))
            free = free @ null_space(G)
    found = point
    for _ in range(MAX_CORRECTIONS):
        found = found + unit * (restoring @ floats((values - rows @ found) / length))
        for wished, target, root, approach in approaches:
            found = found + unit * (approach @ floats(root * (target - found[wished]) / unit[wished]))
    return found
