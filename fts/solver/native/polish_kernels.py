"""Compiled loops of the exact last step over demands and their segments.

The arguments, where they have no other name: ``start (D + 1,)``, demand ``d`` has the segments
``start[d]:start[d + 1]``; ``lo, hi, c, s, size (K,)`` of segments; their fills ``y`` and who is ``between`` its bounds;
``curve (K,)``, how far each is above the price ``lam (D,)`` of its demand: ``c - s y - λ``.

Whether a segment is in between cannot be foreseen, so a factor of 0 or 1 takes less time than a branch.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats
from fts.solver.compiled import Index, compiled

FIXED = 1e8
"""Curvature (price unit over size) that stands for a segment held at its bound."""
UNIT = 1.0
"""The dispersion of prices, in scaled units: prices are measured against it where they are smaller."""
SLACK, ROOM = 1e-12, 1e-13
"""Shares of the price and of the size by which a segment may be on the wrong side."""


@compiled
def classify_segments(
    start: Index, lo: Floats, hi: Floats, c: Floats, s: Floats, size: Floats, y: Floats, lam: Floats
) -> tuple[Floats, Flags]:
    """Every segment where fill and price together say it belongs: ``y + size (c - s y - λ)``, within the bounds."""
    fill, between = np.empty(len(y)), np.empty(len(y), dtype=np.bool_)
    for d in range(len(start) - 1):
        for k in range(start[d], start[d + 1]):
            low, high = lo[k], hi[k]
            inside = low if y[k] < low else y[k]
            inside = high if inside > high else inside
            pull = inside + size[k] * (c[k] - s[k] * inside - lam[d])
            inside = low if pull <= low else inside
            fill[k] = high if pull >= high else inside
            between[k] = (pull > low) & (pull < high)
    return fill, between


@compiled
def apply_private_rates(
    start: Index, y: Floats, between: Flags, demand: Index, portfolio: Index, weight: Floats, x: Floats
) -> None:
    """Portfolios with one demand of their own trade what its segments hold, if none of these is in between."""
    for n in range(len(demand)):
        total, free = 0.0, 0
        for k in range(start[demand[n]], start[demand[n] + 1]):
            total += y[k]
            free += between[k]
        held = 1.0 * (free == 0)
        x[portfolio[n]] = held * (total / weight[n]) + (1.0 - held) * x[portfolio[n]]


@compiled
def set_private_duals(demand: Index, portfolio: Index, weight: Floats, worth: Floats, lam: Floats) -> None:
    """Demands that one portfolio has for itself have the price that its worth gives them."""
    for n in range(len(demand)):
        lam[demand[n]] = worth[portfolio[n]] / weight[n]


@compiled
def reduced_costs(start: Index, c: Floats, s: Floats, y: Floats, lam: Floats) -> Floats:
    """Distance of each curve above its demand's price, (K,)."""
    curve = np.empty(len(y))
    for d in range(len(start) - 1):
        for k in range(start[d], start[d + 1]):
            curve[k] = c[k] - s[k] * y[k] - lam[d]
    return curve


@compiled
def kkt_residuals(
    start: Index,
    lo: Floats,
    hi: Floats,
    c: Floats,
    size: Floats,
    y: Floats,
    between: Flags,
    curve: Floats,
    lam: Floats,
    rates: Floats,
    reach: Floats,
) -> tuple[Floats, float]:
    """Residuals of demands' rates, and the largest violation of all, relative.

    Parameters
    ----------
    start, lo, hi, c, size, y, between, curve, lam
        See above.
    rates, reach : (D,)
        Of demands, and how much they could be.

    Returns
    -------
    (D,)
        Rates less fills.
    float
        Infinite where it is no number.
    """
    residual, worst, numbers = np.empty(len(lam)), 0.0, True
    for d in range(len(lam)):
        rest = rates[d]
        level = max(abs(lam[d]), UNIT)
        for k in range(start[d], start[d + 1]):
            rest -= y[k]
            # Between the bounds a segment is on its curve; at a bound it may be on the bound's side of it.
            at_home = ((y[k] <= lo[k]) & (curve[k] <= 0)) | ((y[k] >= hi[k]) & (curve[k] >= 0))
            price = abs(c[k])
            wrong = abs(curve[k]) / (price if price > level else level)
            wrong = 0.0 if at_home & ~between[k] else wrong
            worst = wrong if wrong > worst else worst
            below, beyond = lo[k] - y[k], y[k] - hi[k]
            wrong = (below if below > beyond else beyond) / size[k]
            worst = wrong if wrong > worst else worst
            numbers &= not np.isnan(curve[k] + y[k])
        residual[d] = rest
        wrong = abs(rest) / reach[d]
        worst = wrong if wrong > worst else worst
        numbers &= not np.isnan(rest)
    return residual, worst if numbers else np.inf


@compiled
def curvature_and_rhs(
    start: Index,
    s: Floats,
    size: Floats,
    between: Flags,
    curve: Floats,
    residual: Floats,
    stiffness: float,
    flat: float,
) -> tuple[Floats, Floats, Floats, bool, bool]:
    """Compute the curvature of every segment and what its demand makes of it.

    Parameters
    ----------
    start, s, size, between, curve
        See above.
    residual : (D,)
        Of demands' rates.
    stiffness, flat : float [price unit over size]
        What a segment in between has at least; below which it counts as flat.

    Returns
    -------
    h : (K,)
    g, t : (D,)
        ``Σ 1/h`` and ``Σ curve/h`` over the segments in between, less what is missing.
    soft, slow : bool
        Whether a flat segment is in between; whether one is that has a slope and makes the solves slow.
    """
    D, soft, slow = len(residual), False, False
    h, g, t = np.empty(len(s)), np.empty(D), np.empty(D)
    for d in range(D):
        response, pull = 0.0, 0.0
        for k in range(start[d], start[d + 1]):
            inside, per_size = 1.0 * between[k], 1.0 / size[k]
            h[k] = inside * max(s[k], stiffness * per_size) + (1.0 - inside) * (FIXED * per_size)
            answer = 1.0 / h[k]
            response += answer
            pull += inside * curve[k] * answer
            soft |= between[k] & (s[k] * size[k] < flat)
            slow |= between[k] & (s[k] > 0) & (s[k] * size[k] < flat)
        g[d], t[d] = response, pull - residual[d]
    return h, g, t, soft, slow


@compiled
def update_fills(start: Index, h: Floats, y: Floats, between: Flags, curve: Floats, change: Floats) -> Floats:
    """Compute fills after the prices of demands changed: those in between follow their curves."""
    fill = np.empty(len(y))
    for d in range(len(change)):
        for k in range(start[d], start[d + 1]):
            fill[k] = y[k] + between[k] * ((curve[k] - change[d]) / h[k])
    return fill


@compiled
def update_active_set(
    start: Index,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    size: Floats,
    y: Floats,
    between: Flags,
    curve: Floats,
    lam: Floats,
) -> tuple[Floats, Flags, Floats, int]:
    """Segments that left their bounds are held there; those held at a bound with the wrong price are let go.

    Returns
    -------
    y, between, curve : (K,)
    int
        How many moved.
    """
    K = len(y)
    fill, inside, now, moves = np.empty(K), np.empty(K, dtype=np.bool_), np.empty(K), 0
    for d in range(len(lam)):
        for k in range(start[d], start[d + 1]):
            low, high, room = lo[k], hi[k], ROOM * size[k]
            full, empty = between[k] & (y[k] > high + room), between[k] & (y[k] < low - room)
            level = max(abs(c[k]), abs(lam[d]), UNIT)
            wrong = ((y[k] <= low) & (curve[k] > SLACK * level)) | ((y[k] >= high) & (curve[k] < -SLACK * level))
            free = ~between[k] & wrong & (high > low)
            at = low if empty else y[k]
            at = high if full else at
            at_bound = c[k] - s[k] * at - lam[d]
            fill[k] = at
            now[k] = at_bound if full | empty else curve[k]
            inside[k] = (between[k] & ~(full | empty)) | free
            moves += full | empty | free
    return fill, inside, now, moves


@compiled
def snap_to_bounds(lo: Floats, hi: Floats, size: Floats, y: Floats, share: float) -> Floats:
    """Compute fills within their bounds; one within this share of its size stands at the bound."""
    fill = np.empty(len(y))
    for k in range(len(y)):
        room = share * size[k]
        at = lo[k] if y[k] <= lo[k] + room else y[k]
        fill[k] = hi[k] if at >= hi[k] - room else at
    return fill
