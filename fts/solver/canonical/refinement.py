"""A nearest point computed again in extended precision, from the bounds that hold it.

Where portfolios are nearly parallel, prices are many times their dispersion, and the rounding of a projection in
float64 counts. The residuals are computed in extended precision where the machine has it, and the corrections in
float64 (iterative refinement: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapter 12).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fts.models.columns import Floats, floats
from fts.solver.canonical.nearest import Level, by_weight, directions, least_squares

Extended = NDArray[np.longdouble]

ROUNDS = 4
"""Corrections; each one takes out the rounding of the one before."""
HELD = (1e-8, 1e-6, 1e-4)
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


def refined(bounds: Bounds, point: Extended, unit: Floats, levels: list[Level]) -> Extended | None:
    """The nearest point again, without the rounding of its computation.

    Parameters
    ----------
    bounds : Bounds
    point : (n,)
        The nearest point, to rounding.
    unit : (n,)
        Typical sizes of the unknowns.
    levels : list of Level
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
    for near in HELD:
        held = away <= near
        for _ in range(ROUNDS):
            rows = np.vstack([bounds.equations, bounds.limits[held]])
            found = _on(rows, np.append(bounds.values, ends[held]), point, unit, levels)
            through = bounds.limits @ found
            missed = np.maximum(bounds.least - through, through - bounds.most) > _rounding(bounds.limits, found)
            if not (missed & ~held).any():
                break
            ends = np.where(missed, np.where(through < bounds.least, bounds.least, bounds.most), ends)
            held |= missed
        lacking = np.abs(bounds.values - bounds.equations @ found) > _rounding(bounds.equations, found)
        if not missed.any() and not lacking.any():
            return found
    return None


def _rounding(rows: Extended, point: Extended) -> Extended:
    """Largest effect on rows of rounding a point to float64, (r,)."""
    return np.asarray(np.finfo(np.float64).eps * (np.abs(rows) @ np.abs(point)))


def _on(rows: Extended, values: Extended, point: Extended, unit: Floats, levels: list[Level]) -> Extended:
    """The nearest point with ``rows @ u = values``, from one that is near to it."""
    length = np.linalg.norm(floats(rows * unit), axis=1)
    kept = length > 0
    rows, values, length = rows[kept], values[kept], length[kept]
    scaled = floats(rows * unit) / length[:, None]
    free = directions(scaled)
    in_units = (Level(level.weight * unit**2, level.target) for level in levels)
    graded = [one for level in in_units for one in by_weight(level)]
    found = point
    for _ in range(ROUNDS):
        found = found + unit * least_squares(scaled, floats((values - rows @ found) / length))
        N = free
        for level in graded:
            wished = level.weight > 0
            if not N.shape[1] or not wished.any():
                continue
            root = np.sqrt(level.weight[wished])
            G, g = root[:, None] * N[wished], floats(root * (level.target[wished] - found[wished]) / unit[wished])
            found = found + unit * (N @ least_squares(G, g))
            N = N @ directions(G)
    return found
