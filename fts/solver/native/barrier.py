"""The passes of an interior-point step over the segments, demand by demand.

The letters are those of :mod:`fts.solver.native.interior_point`; the arguments, where they have no other name:
``start (D + 1,)``, demand ``d`` has the segments ``start[d]:start[d + 1]``; ``lo, hi, c, s, size (K,)``; of a point its
fills ``y``, distances from the bounds ``l, u`` and their multipliers ``v, w``; ``Δy, Δv, Δw`` of a step. A bound that
is infinite has distance 1 and multiplier 0, and neither changes.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled


@compiled
def missed(
    start: Ints,
    c: Floats,
    s: Floats,
    size: Floats,
    y: Floats,
    l: Floats,  # noqa: E741 - the letter of the method
    u: Floats,
    v: Floats,
    w: Floats,
    lam: Floats,
    rates: Floats,
    reach: Floats,
) -> tuple[Floats, Floats, float, float]:
    """What is missing at a point.

    Parameters
    ----------
    start, c, s, size, y, l, u, v, w
        See above.
    lam, rates, reach : (D,)
        Prices and rates of demands, and how much they may trade.

    Returns
    -------
    curve : (K,)
        ``c - s y - λ + v - w``.
    demand : (D,)
        ``W x - G y``.
    gap : float
        ``Σ (l v + u w)/size``.
    worst : float
        The largest of the first two, relative; infinite where it is no number.
    """
    curve, demand = np.empty(len(y)), np.empty(len(lam))
    gap, worst, numbers = 0.0, 0.0, True
    for d in range(len(lam)):
        rest, per_level = rates[d], 1.0 / (abs(lam[d]) + 1.0)
        for k in range(start[d], start[d + 1]):
            curve[k] = c[k] - s[k] * y[k] - lam[d] + v[k] - w[k]
            rest -= y[k]
            gap += (l[k] * v[k] + u[k] * w[k]) / size[k]
            wrong = abs(curve[k]) * per_level
            worst = wrong if wrong > worst else worst
            numbers &= not np.isnan(wrong)
        demand[d] = rest
        wrong = abs(rest)
        if wrong > worst * reach[d]:
            worst = wrong / reach[d] if reach[d] > 0 else wrong
        numbers &= not np.isnan(rest)
    return curve, demand, gap, worst if numbers else np.inf


@compiled
def bent(
    start: Ints,
    s: Floats,
    size: Floats,
    l: Floats,  # noqa: E741
    u: Floats,
    v: Floats,
    w: Floats,
    least: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The curvature of the segments.

    Returns
    -------
    per_h, per_l, per_u : (K,)
        ``1/h`` of ``h = s + v/l + w/u``, at least ``least/size``: a proximal term, for unlimited flat segments; ``1/l``
        and ``1/u``.
    g : (D,)
        ``Σ 1/h``.
    """
    K, D = len(s), len(start) - 1
    per_h, per_l, per_u, g = np.empty(K), np.empty(K), np.empty(K), np.empty(D)
    for k in range(K):
        per_l[k], per_u[k] = 1.0 / l[k], 1.0 / u[k]
        h = s[k] + v[k] * per_l[k] + w[k] * per_u[k]
        proximal = least / size[k]
        per_h[k] = 1.0 / (h if h > proximal else proximal)
    for d in range(D):
        response = 0.0
        for k in range(start[d], start[d + 1]):
            response += per_h[k]
        g[d] = response
    return per_h, per_l, per_u, g


@compiled
def pulled(
    start: Ints,
    lo: Floats,
    hi: Floats,
    size: Floats,
    l: Floats,  # noqa: E741
    u: Floats,
    v: Floats,
    w: Floats,
    per_h: Floats,
    per_l: Floats,
    per_u: Floats,
    curve: Floats,
    demand: Floats,
    centre: float,
    lower: Floats,
    upper: Floats,
    share: float,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The right-hand side of a step to the point ``l v = u w = centre·size`` of the central path.

    Parameters
    ----------
    start, lo, hi, size, l, u, v, w, per_h, per_l, per_u
        See above, and :func:`bent`.
    curve, demand
        What is missing.
    centre : float
    lower, upper : (K,)
        ``Δl Δv`` and ``Δu Δw`` of a step before this one, of which a `share` is taken off.
    share : float

    Returns
    -------
    f : (K,)
        ``curve + lower/l - upper/u`` where lower is the wanted change of ``l v``, upper that of ``u w``.
    Δv, Δw : (K,)
        As far as they are known before Δy: ``lower/l``, ``upper/u``.
    t : (D,)
        ``Σ f/h - demand``.
    """
    K, D = len(size), len(demand)
    f, dv, dw, t = np.empty(K), np.empty(K), np.empty(K), np.empty(D)
    for k in range(K):
        pull = centre * size[k]
        below = (pull - l[k] * v[k] - share * lower[k]) * per_l[k]
        above = (pull - u[k] * w[k] - share * upper[k]) * per_u[k]
        dv[k] = below if lo[k] > -np.inf else 0.0
        dw[k] = above if hi[k] < np.inf else 0.0
        f[k] = curve[k] + dv[k] - dw[k]
    for d in range(D):
        total = 0.0
        for k in range(start[d], start[d + 1]):
            total += f[k] * per_h[k]
        t[d] = total - demand[d]
    return f, dv, dw, t


@compiled
def answered(
    start: Ints,
    lo: Floats,
    hi: Floats,
    size: Floats,
    v: Floats,
    w: Floats,
    per_h: Floats,
    per_l: Floats,
    per_u: Floats,
    f: Floats,
    dv: Floats,
    dw: Floats,
    change: Floats,
) -> tuple[Floats, Floats, Floats, float, float, float]:
    """What segments make of the change of their demand's price, (D,).

    ``Δv`` and ``Δw`` of :func:`pulled` are completed in place.

    Returns
    -------
    Δy : (K,)
    lower, upper : (K,)
        ``Δl Δv`` and ``Δu Δw``.
    crossed : float
        The sum of both, per size.
    primal, dual : float
        The longest steps, at most 2, that keep distances and multipliers at or above 0.
    """
    K = len(size)
    dy, lower, upper = np.empty(K), np.empty(K), np.empty(K)
    crossed, fastest, dual = 0.0, -0.5, -0.5
    for d in range(len(change)):
        for k in range(start[d], start[d + 1]):
            dy[k] = (f[k] - change[d]) * per_h[k]
    for k in range(K):
        dl = dy[k] if lo[k] > -np.inf else 0.0
        du = -dy[k] if hi[k] < np.inf else 0.0
        near, far = dl * per_l[k], du * per_u[k]
        dv[k] -= v[k] * near
        dw[k] -= w[k] * far
        lower[k], upper[k] = dl * dv[k], du * dw[k]
        crossed += (lower[k] + upper[k]) / size[k]
        fastest = near if near < fastest else fastest
        fastest = far if far < fastest else fastest
        # A division only where it counts: Δv/v < dual.
        if dv[k] < dual * v[k]:
            dual = dv[k] / v[k]
        if dw[k] < dual * w[k]:
            dual = dw[k] / w[k]
    return dy, lower, upper, crossed, -1.0 / fastest, -1.0 / dual


@compiled
def advanced(
    lo: Floats,
    hi: Floats,
    y: Floats,
    l: Floats,  # noqa: E741
    u: Floats,
    v: Floats,
    w: Floats,
    dy: Floats,
    dv: Floats,
    dw: Floats,
    primal: float,
    dual: float,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """``y, l, u, v, w`` after a share `primal` of a step in fills and `dual` in multipliers."""
    K = len(y)
    fill, left, right, below, above = np.empty(K), np.empty(K), np.empty(K), np.empty(K), np.empty(K)
    for k in range(K):
        moved = primal * dy[k]
        fill[k] = y[k] + moved
        left[k] = l[k] + (moved if lo[k] > -np.inf else 0.0)
        right[k] = u[k] - (moved if hi[k] < np.inf else 0.0)
        below[k], above[k] = v[k] + dual * dv[k], w[k] + dual * dw[k]
    return fill, left, right, below, above
