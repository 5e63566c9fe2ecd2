"""The point of a polyhedron that is nearest to targets, one level of wishes after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular, svd

from fts import _optional
from fts.models.columns import Flags, Floats, floats

RANK = 1e-11
"""Singular values below this share of the largest one are rounding."""
COMPONENT_ROUNDING = 1e-10
"""Components of a direction below this are rounding."""
RIDGES = (1e-7, 1e-5, 1e-4, 1e-3)
"""Weights of the moves that a level does not care about, while its active bounds are looked for: the first that gives
an optimal point."""
BALANCE = 1e-9
"""Largest imbalance of forces at an optimal point, and the least force of a bound that holds it."""
FAR_APART = 1e13
"""Weights of one level that differ by this factor are two levels."""
LEAST_RESIDUAL_SHARE = 1e-18
"""Least share of the residual of the least-distance problem; without it the bounds contradict each other."""
BOUND_SLACK = 1e-11
"""A bound of a normalised row that is missed by this much is missed."""


@dataclass(frozen=True)
class Objective:
    """One wish: least ``Σ weight·(move - target)²``, among the points that satisfy the wishes before it best.

    Attributes
    ----------
    weight : (n,)
        At least 0.
    target : (n,)
        The wished move of every unknown.
    """

    weight: Floats
    target: Floats


def lexicographic_lsq(
    N: Floats, rows: Floats, low: Floats, high: Floats, levels: list[Objective], noise: float
) -> Floats | None:
    """Compute the move from a point, into a polyhedron, that satisfies the levels in their order.

    Parameters
    ----------
    N : (n, k)
        An orthonormal basis of the moves that keep its equations; see :func:`null_space`.
    rows : (r, n)
        Limited directions.
    low, high : (r,)
        Bounds of ``rows @ move``; infinite where there is none.
    levels : list of Objective
    noise : float
        What rounding may add to a bound.

    Returns
    -------
    (n,) or None
        None where no point was found that keeps the bounds to rounding.

    Notes
    -----
    Each level is a least-squares problem under inequalities, solved as a least-distance problem by non-negative least
    squares. Source: Lawson and Hanson, *Solving Least Squares Problems*, 1974, chapter 23.
    """
    move = np.zeros(N.shape[0])
    size = floats(np.linalg.norm(rows, axis=1))
    for level in (graded for one in levels for graded in by_weight(one)):
        if not N.shape[1]:
            break
        wished = np.flatnonzero(level.weight > 0)
        if not len(wished):
            continue
        root = np.sqrt(level.weight[wished])
        G, g = root[:, None] * N[wished], root * (level.target - move)[wished]
        C = rows @ N
        bends = np.linalg.norm(C, axis=1) > RANK * size
        found = _closest(G, g, *_bounds(C[bends], low[bends], high[bends], noise))
        if found is None:
            return None
        along, held = found
        step = N @ along
        move = move + step
        through = rows @ step
        low, high = low - through, high - through
        # Bounds that cost this level something hold every point that satisfies it best.
        N = _clean(N @ null_space(np.vstack([G, held])))
    return move


def by_weight(level: Objective) -> Iterator[Objective]:
    """Split a level where its weights are so far apart that the light ones do not move the heavy ones."""
    wished = np.flatnonzero(level.weight > 0)
    order = wished[np.argsort(-level.weight[wished], kind="stable")]
    ends = np.flatnonzero(level.weight[order][:-1] > FAR_APART * level.weight[order][1:]) + 1
    for chosen in np.split(order, ends):
        weight = np.zeros(len(level.weight))
        weight[chosen] = level.weight[chosen]
        yield Objective(weight, level.target)


def null_space(kept: Floats) -> Floats:
    """Compute an orthonormal basis of the moves that a matrix keeps at 0, (n, k)."""
    n = kept.shape[1]
    size = floats(np.linalg.norm(kept, axis=1))
    unit = floats(kept[size > 0] / size[size > 0, None])
    if not len(unit):
        return np.eye(n)
    if len(unit) > n:
        unit = floats(qr(unit, mode="r", check_finite=False)[0][:n])
    _, values, V = svd(unit, full_matrices=True, check_finite=False)
    rank = int(np.count_nonzero(values > RANK * values[0]))
    return _clean(V[rank:].T)


def _clean(N: Floats) -> Floats:
    """Compute the directions without their rounding, which a level would take for a way to move."""
    return np.where(np.abs(N) > COMPONENT_ROUNDING, N, 0.0)


def _closest(G: Floats, g: Floats, D: Floats, d: Floats, slack: Floats) -> tuple[Floats, Floats] | None:
    """Compute the ``t`` with the least ``|G t - g|`` and ``D t ≤ d``, to within the slack of each bound.

    The second result are the rows of D that it would be further without, (h, k).
    """
    scale = np.linalg.norm(G, ord=2)
    if scale <= 0:
        return np.zeros(G.shape[1]), D[:0]
    G, g = G / scale, g / scale
    free = least_squares(G, g)
    if (D @ free - d <= slack).all():
        return free, D[:0]
    for pull in RIDGES:
        found = _least_distance(G, g, D, d + slack, pull)
        if found is None:
            continue
        t = _refine_on_active_set(G, g, D, d, *found)
        reach = max(float(np.linalg.norm(t)), float(np.linalg.norm(g)))
        if (D @ t - d <= slack + BOUND_SLACK * reach).all():
            held = _active_rows(G, g, D[found[1]], t, BALANCE * reach)
            if held is not None:
                return t, held
    return None


def _active_rows(G: Floats, g: Floats, on: Floats, t: Floats, least: float) -> Floats | None:
    """Find the rows that hold an optimal point with a force, (h, k); None: the rows do not make it one."""
    slope = G.T @ (g - G @ t)
    if not len(on):
        return on if np.linalg.norm(slope) <= least else None
    found = _non_negative(on.T, slope)
    if found is None:
        return None
    force, unbalanced = found
    return on[force > least] if unbalanced <= least else None


def _non_negative(A: Floats, b: Floats) -> tuple[Floats, float] | None:
    found: tuple[Floats, float] | None = _optional.load("solver.optimizer").non_negative_least_squares(A, b)
    return found


def least_squares(A: Floats, b: Floats, floor: float = 0.0) -> Floats:
    """Compute the shortest ``t`` with the least ``|A t - b|``; singular values up to `floor` count as 0."""
    if not A.size:
        return np.zeros(A.shape[1])
    U, values, V = svd(A, full_matrices=False, check_finite=False)
    seen = values > max(floor, RANK * values[0])
    return floats(V[seen].T @ ((U[:, seen].T @ b) / values[seen]))


def _bounds(C: Floats, low: Floats, high: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
    """Write the finite bounds as ``D t ≤ d`` with rows of length 1, and the slack that rounding asks for."""
    D = np.vstack([C[np.isfinite(high)], -C[np.isfinite(low)]])
    d = np.append(high[np.isfinite(high)], -low[np.isfinite(low)])
    size = floats(np.linalg.norm(D, axis=1))
    return D / size[:, None], d / size, noise / size


def _least_distance(G: Floats, g: Floats, D: Floats, d: Floats, pull: float) -> tuple[Floats, Flags] | None:
    """``t`` and the bounds that hold it, by non-negative least squares."""
    k = G.shape[1]
    Q, R = qr(np.vstack([G, pull * np.eye(k)]), mode="economic", check_finite=False)
    f = Q.T @ np.append(g, np.zeros(k))
    # q = R t - f is to be short under M q ≥ m; it is at least as long as the furthest bound is away.
    M = -solve_triangular(R, D.T, trans="T", check_finite=False).T
    m = -d - M @ f
    away = float(np.max(m / np.linalg.norm(M, axis=1)))
    if away <= 0:
        return solve_triangular(R, f, check_finite=False), np.zeros(len(d), dtype=bool)
    length = max(away, float(np.linalg.norm(f)))
    m /= length
    E = np.vstack([M.T, m])
    size = floats(np.linalg.norm(E, axis=0))
    end = np.zeros(k + 1)
    end[k] = 1.0
    found = _non_negative(E / size, end)
    if found is None:
        return None
    held = found[0]
    left = E / size @ held - end
    if left[k] >= -LEAST_RESIDUAL_SHARE:
        return None
    q = -length * left[:k] / left[k]
    return solve_triangular(R, q + f, check_finite=False), held > 0


def _refine_on_active_set(G: Floats, g: Floats, D: Floats, d: Floats, t: Floats, active: Flags) -> Floats:
    """Compute the same point without the pull: the active bounds are equations."""
    on = np.flatnonzero(active)
    if len(on):
        t = t + least_squares(D[on], d[on] - D[on] @ t)
        Z = null_space(D[on])
    else:
        Z = np.eye(len(t))
    if Z.shape[1]:
        t = t + Z @ least_squares(G @ Z, g - G @ t, floor=RANK)
    return t
