"""The passes of an interior-point step over the segments, demand by demand.

The letters are those of :mod:`fts.solver.native.interior_point`; the arguments, where they have no other name:
``start (D + 1,)``, demand ``d`` has the segments ``start[d]:start[d + 1]``; ``c, s (K,)`` of segments, and
``per_size (K,)``, one over their sizes; of a point its fills ``y``, distances from the bounds ``l, u`` and their
multipliers ``v, w``; ``lam (D,)`` the prices of demands; ``Δy, Δv, Δw`` of a step. Where a bound is infinite (not
``below``, not ``above``) it has distance 1 and multiplier 0, and neither changes.

Results are written into arrays that are given (named last): fresh memory would cost as much as the arithmetic.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats
from fts.solver.compiled import Index, compiled

# ruff: noqa: E741 - `l` is the letter of the method


@compiled
def begin(
    start: Index,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    size: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    g: Floats,
    t: Floats,
) -> None:
    """Compute fills in the middle of their bounds, and the equations of a market with every segment at half its size.

    Parameters
    ----------
    start, lo, hi, c, s, size
        See above.
    y, l, u : (K,)
        Written.
    g, t : (D,)
        Written: ``Σ 1/h`` with ``h = s + 1/size``, and ``Σ (c - s y)/h + y``.
    """
    for d in range(len(g)):
        response, pull = 0.0, 0.0
        for k in range(start[d], start[d + 1]):
            below, above, half = lo[k] > -np.inf, hi[k] < np.inf, size[k] / 2
            if below and above:
                fill = (lo[k] + hi[k]) / 2
            elif below:
                fill = lo[k] + half
            else:
                fill = hi[k] - half if above else 0.0
            answer = 1.0 / (s[k] + 1.0 / size[k])
            y[k] = fill
            l[k] = fill - lo[k] if below else 1.0
            u[k] = hi[k] - fill if above else 1.0
            response += answer
            pull += (c[k] - s[k] * fill) * answer + fill
        g[d], t[d] = response, pull


@compiled
def price_bounds(
    start: Index,
    c: Floats,
    s: Floats,
    y: Floats,
    below: Flags,
    above: Flags,
    lam: Floats,
    least: float,
    share: float,
    v: Floats,
    w: Floats,
) -> None:
    """Compute multipliers of bounds that fit the prices of demands.

    Each is what the price misses of its curve, if of the right sign, plus the larger of `least` and
    ``share`` times the mean of what all miss.

    Parameters
    ----------
    start, c, s, y, below, above, lam
        See above.
    least, share : float
    v, w : (K,)
        Written.
    """
    total = 0.0
    for d in range(len(lam)):
        for k in range(start[d], start[d + 1]):
            v[k] = s[k] * y[k] - c[k] + lam[d]
            total += abs(v[k])
    room = max(least, share * total / max(len(y), 1))
    for k in range(len(y)):
        miss = v[k]
        v[k] = max(miss, 0.0) + room if below[k] else 0.0
        w[k] = max(-miss, 0.0) + room if above[k] else 0.0


@compiled
def assess(
    start: Index,
    c: Floats,
    s: Floats,
    per_size: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    lam: Floats,
    rates: Floats,
    reach: Floats,
    least: float,
    per_h: Floats,
    g: Floats,
    t: Floats,
    demand: Floats,
) -> tuple[float, float]:
    """Compute the residual of a point, the curvature of its segments and the right-hand side of the predictor.

    Parameters
    ----------
    start, c, s, per_size, y, l, u, v, w, lam
        See above.
    rates, reach : (D,)
        Rates of demands, and how much they may trade.
    least : float
        Least curvature, as a share of one over the size: a proximal term, for unlimited flat segments.
    per_h : (K,)
        Written: ``1/h`` of ``h = s + v/l + w/u``.
    g, t, demand : (D,)
        Written: ``Σ 1/h``; ``Σ f/h - demand`` with the predictor's ``f = c - s y - λ``; ``W x - G y``.

    Returns
    -------
    gap : float
        ``Σ (l v + u w)/size``.
    worst : float
        The largest residual of curves and demands, relative; infinite where it is no number.
    """
    gap, worst, numbers = 0.0, 0.0, True
    for d in range(len(lam)):
        rest, per_level, response, pull = rates[d], 1.0 / (abs(lam[d]) + 1.0), 0.0, 0.0
        for k in range(start[d], start[d + 1]):
            f = c[k] - s[k] * y[k] - lam[d]
            rest -= y[k]
            gap += (l[k] * v[k] + u[k] * w[k]) * per_size[k]
            wrong = abs(f + v[k] - w[k]) * per_level
            worst = wrong if wrong > worst else worst
            numbers &= not np.isnan(wrong)
            h, proximal = s[k] + v[k] / l[k] + w[k] / u[k], least * per_size[k]
            answer = 1.0 / (h if h > proximal else proximal)
            per_h[k] = answer
            response += answer
            pull += f * answer
        g[d], t[d], demand[d] = response, pull - rest, rest
        wrong = abs(rest)
        if wrong > worst * reach[d]:
            worst = wrong / reach[d] if reach[d] > 0 else wrong
        numbers &= not np.isnan(rest)
    return gap, worst if numbers else np.inf


@compiled
def predict(
    start: Index,
    c: Floats,
    s: Floats,
    per_size: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    below: Flags,
    above: Flags,
    lam: Floats,
    per_h: Floats,
    change: Floats,
) -> tuple[float, float, float]:
    """Compute how far the predictor gets, whose prices of demands change by `change` (D,).

    Returns
    -------
    crossed : float
        ``Σ (Δl Δv + Δu Δw)/size``.
    primal, dual : float
        The longest steps, at most 2, that keep distances and multipliers at or above 0.
    """
    crossed, fastest, dual = 0.0, -0.5, -0.5
    for d in range(len(change)):
        for k in range(start[d], start[d + 1]):
            dy = (c[k] - s[k] * y[k] - lam[d] - change[d]) * per_h[k]
            dl, du = dy if below[k] else 0.0, -dy if above[k] else 0.0
            near, far = dl / l[k], du / u[k]
            # l Δv + v Δl = -l v
            dv, dw = -v[k] * (1.0 + near), -w[k] * (1.0 + far)
            crossed += (dl * dv + du * dw) * per_size[k]
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            # A division only where it counts: Δv/v < dual.
            if dv < dual * v[k]:
                dual = dv / v[k]
            if dw < dual * w[k]:
                dual = dw / w[k]
    return crossed, -1.0 / fastest, -1.0 / dual


@compiled
def correct(
    start: Index,
    c: Floats,
    s: Floats,
    size: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    below: Flags,
    above: Flags,
    lam: Floats,
    per_h: Floats,
    change: Floats,
    demand: Floats,
    centre: float,
    share: float,
    f: Floats,
    dv: Floats,
    dw: Floats,
    t: Floats,
) -> None:
    """Compute the right-hand side of a step to the point ``l v = u w = centre·size`` of the central path.

    Parameters
    ----------
    start, c, s, size, y, l, u, v, w, below, above, lam, per_h
        See above, and :func:`assess`.
    change : (D,)
        Of demands' prices in the predictor. A `share` of what the predictor adds to ``l v`` and ``u w`` is taken off.
    demand : (D,)
        Residual of demands.
    centre, share : float
    f : (K,)
        Written: ``curve + Δv - Δw``, with ``Δv, Δw`` as below and the residual ``curve``.
    dv, dw : (K,)
        Written: ``Δv`` and ``Δw`` as far as they are known before Δy, the wanted change of ``l v`` over ``l`` and that
        of ``u w`` over ``u``.
    t : (D,)
        Written: ``Σ f/h - demand``.
    """
    for d in range(len(change)):
        total = 0.0
        for k in range(start[d], start[d + 1]):
            curve = c[k] - s[k] * y[k] - lam[d]
            dy = (curve - change[d]) * per_h[k]
            dl, du = dy if below[k] else 0.0, -dy if above[k] else 0.0
            per_l, per_u, pull = 1.0 / l[k], 1.0 / u[k], centre * size[k]
            lower = dl * (-v[k] * (1.0 + dl * per_l))
            upper = du * (-w[k] * (1.0 + du * per_u))
            lower = (pull - l[k] * v[k] - share * lower) * per_l if below[k] else 0.0
            upper = (pull - u[k] * w[k] - share * upper) * per_u if above[k] else 0.0
            wanted = curve + v[k] - w[k] + lower - upper
            dv[k], dw[k], f[k] = lower, upper, wanted
            total += wanted * per_h[k]
        t[d] = total - demand[d]


@compiled
def respond(
    start: Index,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    below: Flags,
    above: Flags,
    per_h: Floats,
    change: Floats,
    f: Floats,
    dv: Floats,
    dw: Floats,
    dy: Floats,
) -> tuple[float, float]:
    """Compute ``Δy`` for the change of demands' prices, (D,), and complete ``Δv, Δw`` of :func:`correct` in place.

    Returns
    -------
    primal, dual : float
        The longest steps, at most 2, that keep distances and multipliers at or above 0.
    """
    fastest, dual = -0.5, -0.5
    for d in range(len(change)):
        for k in range(start[d], start[d + 1]):
            fill = (f[k] - change[d]) * per_h[k]
            near, far = fill / l[k] if below[k] else 0.0, -fill / u[k] if above[k] else 0.0
            left, right = dv[k] - v[k] * near, dw[k] - w[k] * far
            dy[k], dv[k], dw[k] = fill, left, right
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            if left < dual * v[k]:
                dual = left / v[k]
            if right < dual * w[k]:
                dual = right / w[k]
    return -1.0 / fastest, -1.0 / dual


@compiled
def advance(
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    below: Flags,
    above: Flags,
    dy: Floats,
    dv: Floats,
    dw: Floats,
    primal: float,
    dual: float,
    to_y: Floats,
    to_l: Floats,
    to_u: Floats,
    to_v: Floats,
    to_w: Floats,
) -> None:
    """Write ``y, l, u, v, w`` after a share `primal` of a step in fills and `dual` in multipliers."""
    for k in range(len(y)):
        moved = primal * dy[k]
        to_y[k] = y[k] + moved
        to_l[k] = l[k] + (moved if below[k] else 0.0)
        to_u[k] = u[k] - (moved if above[k] else 0.0)
        to_v[k], to_w[k] = v[k] + dual * dv[k], w[k] + dual * dw[k]
