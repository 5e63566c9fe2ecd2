"""Compiled passes of the interior-point method for private demands (`private_demands.py`), bid by bid.

The arguments, where they have no other name. ``start (I + 1,), row, weight (N,)``: bid ``i`` holds ``weight[e]`` of
product ``row[e]`` per unit of its demand, for ``start[i] ≤ e < start[i + 1]``; ``first (I + 1,)``: its segments
``first[i] ≤ k < first[i + 1]``; ``c, s, lo, hi, size (K,)`` of segments, ``per_size`` one over their sizes. Of a point
the fills ``y``, distances from the bounds ``l, u`` and their multipliers ``v, w (K,)``; ``prices (P,)``. ``Δy, Δv, Δw``
of a step. ``curve (K,)`` is how far a curve is above its demand's price, ``c - s y - λ``, and ``per_h`` is ``1/h`` of
``h = s + v/l + w/u``.

A pass reads everything it needs of a bid once: the price of its demand, its residual, its step and what these add to
the products are one loop. Results are written into arrays that are given. Sums are made in the order of the bids.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled

# ruff: noqa: E741 - `l` is the letter of the method

EDGE = 1e-9
"""Least distance from a bound, in shares of the size, at which a point may begin."""


@compiled
def begin_cold(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    right: Floats,
    capacity: Floats,
    matrix: Floats,
) -> None:
    """Start in the middle of the bounds; the equations of a market with every segment at half its size.

    Parameters
    ----------
    y, l, u : (K,)
        Written.
    right : (P,)
        Written: the right-hand side.
    capacity : (P,)
        Written: what all bids together could trade.
    matrix : (P·P,)
        Written: cells ``column·P + row`` of the lower triangle.
    """
    n = len(right)
    right[:], capacity[:], matrix[:] = 0.0, 0.0, 0.0
    for i in range(len(first) - 1):
        response, pull, offer = 0.0, 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            size, fill = hi[k] - lo[k], (lo[k] + hi[k]) / 2
            y[k], l[k], u[k] = fill, size / 2, size / 2
            answer = 1.0 / (s[k] + 1.0 / size)
            response += answer
            pull += (c[k] - s[k] * fill) * answer + fill
            offer += size
        for e in range(start[i], start[i + 1]):
            right[row[e]] += weight[e] * pull
            capacity[row[e]] += abs(weight[e]) * offer
            column, weighted = row[e] * n, response * weight[e]
            for f in range(e, start[i + 1]):
                matrix[column + row[f]] += weighted * weight[f]


@compiled
def price_bounds(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    prices: Floats,
    y: Floats,
    v: Floats,
    w: Floats,
    least: float,
) -> None:
    """Compute multipliers of bounds that fit prices.

    Each is what the price misses of its curve, if of the right sign, plus the larger of `least` and the mean of what
    all miss.
    """
    total = 0.0
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            v[k] = s[k] * y[k] - c[k] + price
            total += abs(v[k])
    room = max(least, total / max(len(y), 1))
    for k in range(len(y)):
        miss = v[k]
        v[k], w[k] = max(miss, 0.0) + room, max(-miss, 0.0) + room


@compiled
def begin_near(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    centre: float,
    prices: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    capacity: Floats,
) -> None:
    """Start near the central path at given prices: ``c - s y - λ = w - v``, ``l v`` and ``u w`` about ``centre·size``.

    Only the products are not in balance there.

    Parameters
    ----------
    capacity : (P,)
        Written: what all bids together could trade.
    """
    capacity[:] = 0.0
    for i in range(len(first) - 1):
        price, offer = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            size, fall = hi[k] - lo[k], s[k] * (hi[k] - lo[k])
            above, below = c[k] - s[k] * lo[k] - price, price - c[k] + s[k] * hi[k]
            if fall > 0.0:
                # As if only the nearer bound had a barrier; the multiplier of that bound makes up for the other.
                near = above if above < below else below
                root = np.sqrt(near * near + 4.0 * fall * centre)
                t = min((near + root) / (2.0 * fall) if near > 0.0 else 2.0 * centre / (root - near), 0.5)
            else:
                near = above
                root = np.sqrt(above * above + 4.0 * centre * centre)
                # Two forms of the root of above = centre (1/(1 - t) - 1/t), each without cancellation.
                t = (
                    (above - 2.0 * centre + root) / (2.0 * above)
                    if above > centre
                    else 2.0 * centre / (2.0 * centre - above + root)
                )
            t = min(max(t, EDGE), 1.0 - EDGE)
            at_near, at_far = centre / t, centre / (1.0 - t)
            if fall > 0.0:
                at_near = at_far - (near - fall * t)
            if fall > 0.0 and above >= below:
                l[k], u[k], v[k], w[k] = (1.0 - t) * size, t * size, at_far, at_near
            else:
                l[k], u[k], v[k], w[k] = t * size, (1.0 - t) * size, at_near, at_far
            y[k] = lo[k] + l[k]
            offer += size
        for e in range(start[i], start[i + 1]):
            capacity[row[e]] += abs(weight[e]) * offer


@compiled
def form(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    per_size: Floats,
    prices: Floats,
    primal: float,
    dual: float,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    dy: Floats,
    dv: Floats,
    dw: Floats,
    curve: Floats,
    per_h: Floats,
    net: Floats,
    right: Floats,
    matrix: Floats,
) -> tuple[float, float]:
    """Go a share `primal` of a step in fills and `dual` in multipliers, and form the equations of the next one.

    Parameters
    ----------
    prices : (P,)
        After the step.
    y, l, u, v, w : (K,)
        Changed in place.
    dy, dv, dw : (K,)
        The step.
    curve, per_h : (K,)
        Written.
    net, right : (P,)
        Written: net trade, and the right-hand side of the predictor.
    matrix : (P·P,)
        Written: ``Σ_i (Σ_k 1/h) weight_i weight_i'``, cells ``column·P + row`` of the lower triangle.

    Returns
    -------
    gap : float
        ``Σ (l v + u w)/size``.
    worst : float
        The largest residual of a curve.
    """
    n, gap, worst = len(net), 0.0, 0.0
    net[:], right[:], matrix[:] = 0.0, 0.0, 0.0
    for i in range(len(first) - 1):
        price, response, pull, rate = 0.0, 0.0, 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            moved = primal * dy[k]
            fill, left, rest = y[k] + moved, l[k] + moved, u[k] - moved
            lower, upper = v[k] + dual * dv[k], w[k] + dual * dw[k]
            y[k], l[k], u[k], v[k], w[k] = fill, left, rest, lower, upper
            above = c[k] - s[k] * fill - price
            gap += (left * lower + rest * upper) * per_size[k]
            wrong = abs(above + lower - upper)
            worst = wrong if wrong > worst else worst
            answer = 1.0 / (s[k] + lower / left + upper / rest)
            curve[k], per_h[k] = above, answer
            response += answer
            pull += above * answer
            rate += fill
        pull += rate
        for e in range(start[i], start[i + 1]):
            net[row[e]] += weight[e] * rate
            right[row[e]] += weight[e] * pull
            column, weighted = row[e] * n, response * weight[e]
            for f in range(e, start[i + 1]):
                matrix[column + row[f]] += weighted * weight[f]
    return gap, worst


@compiled
def predict(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    size: Floats,
    per_size: Floats,
    change: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    curve: Floats,
    per_h: Floats,
    dy: Floats,
    centring: Floats,
    second: Floats,
) -> tuple[float, float]:
    """Compute how far the predictor gets, and what a corrector adds to the right-hand side.

    Parameters
    ----------
    change : (P,)
        Of prices, in the predictor.
    dy : (K,)
        Written: its step in fills.
    centring, second : (P,)
        Written: what a unit of the central path's ``μ`` adds, and what products of the predictor's changes take off.

    Returns
    -------
    crossed : float
        ``Σ (Δl Δv + Δu Δw)/size``.
    reach : float
        The longest step, at most 2, that keeps distances and multipliers at or above 0.
    """
    centring[:], second[:] = 0.0, 0.0
    crossed, fastest, dual = 0.0, -0.5, -0.5
    for i in range(len(first) - 1):
        price, pull, products = 0.0, 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * change[row[e]]
        for k in range(first[i], first[i + 1]):
            moved = (curve[k] - price) * per_h[k]
            per_l, per_u = 1.0 / l[k], 1.0 / u[k]
            near, far = moved * per_l, -moved * per_u
            # l Δv + v Δl = -l v
            lower, upper = -v[k] * (1.0 + near), -w[k] * (1.0 + far)
            crossed += moved * (lower - upper) * per_size[k]
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            # A division only where it counts: Δv/v < dual.
            if lower < dual * v[k]:
                dual = lower / v[k]
            if upper < dual * w[k]:
                dual = upper / w[k]
            dy[k] = moved
            pull += per_h[k] * size[k] * (per_l - per_u)
            products += per_h[k] * (near * lower - far * upper)
        for e in range(start[i], start[i + 1]):
            centring[row[e]] += weight[e] * pull
            second[row[e]] += weight[e] * products
    return crossed, min(-1.0 / fastest, -1.0 / dual)


@compiled
def respond(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    size: Floats,
    change: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    curve: Floats,
    per_h: Floats,
    predicted: Floats,
    centre: float,
    share: float,
    dy: Floats,
    dv: Floats,
    dw: Floats,
) -> tuple[float, float]:
    """Compute the step of fills and multipliers that goes with a change of prices, (P,).

    Parameters
    ----------
    predicted : (K,)
        The predictor's step in fills; a `share` of what it adds to ``l v`` and ``u w`` is taken off.
    centre : float
        ``l v`` and ``u w`` over the size are to become this.
    dy, dv, dw : (K,)
        Written.

    Returns
    -------
    primal, dual : float
        The longest steps, at most 2, that keep distances and multipliers at or above 0.
    """
    fastest, dual = -0.5, -0.5
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * change[row[e]]
        for k in range(first[i], first[i + 1]):
            per_l, per_u, pull = 1.0 / l[k], 1.0 / u[k], centre * size[k]
            near, far = predicted[k] * per_l, -predicted[k] * per_u
            lower = pull * per_l + share * near * v[k] * (1.0 + near)
            upper = pull * per_u + share * far * w[k] * (1.0 + far)
            moved = (curve[k] + lower - upper - price) * per_h[k]
            near, far = moved * per_l, -moved * per_u
            lower, upper = lower - v[k] * (1.0 + near), upper - w[k] * (1.0 + far)
            dy[k], dv[k], dw[k] = moved, lower, upper
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            if lower < dual * v[k]:
                dual = lower / v[k]
            if upper < dual * w[k]:
                dual = upper / w[k]
    return -1.0 / fastest, -1.0 / dual
