"""The exact step of one small part.

The equations of the segments in between are solved, and segments on the wrong side are moved (a semismooth Newton
method, Qi and Sun 1993).
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled
from fts.solver.native.small_system import add_trade, compute_factor, compute_worths, solve_prices

MAX_SOLVES = 30
"""At most so many solves of the exact step."""
STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price over size) that a flat segment in between has in one solve, first and last."""
FIXED_RATE = 1e-8
"""Rate (size over price) that stands for a segment at its bound, so that all prices have an equation."""
RESIDUAL_ROUNDING, LARGEST_RESIDUAL = 3e-13, 1e-11
"""Residuals at which the exact step stops, and at which it has succeeded."""
LAST_DIGITS = 4 * 2.0**-52
"""A residual from which another solve would gain nothing."""
SLACK, ROOM = 1e-12, 1e-13
"""Shares of the price and of the size by which a segment may be on the wrong side."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""


@compiled
def solve_exactly(
    m: int,
    start: Index,
    index: Index,
    weight: Floats,
    segment: Index,
    curves: Floats,
    U: Floats,
    response: Floats,
    worth: Floats,
    y: Floats,
    prices: Floats,
) -> bool:
    """Bring a point to rounding, in place; whether that succeeded."""
    lo, hi, c, s, size = curves[0], curves[1], curves[2], curves[3], curves[4]
    n, K = len(response), len(y)
    between, per_h, curve = np.empty(K, dtype=np.bool_), np.empty(K), np.empty(K)
    pull = np.empty(n)
    best_y, best_prices, least = y.copy(), prices.copy(), np.inf
    stiffness, clean, stale = STIFF, 0, 0
    changed, soft = True, False
    floor, residual, flow, wanted = np.zeros(m), np.empty(m), np.empty(m), np.empty(m)
    for i in range(n):
        room = 0.0
        for k in range(segment[i], segment[i + 1]):
            room += size[k]
        for e in range(start[i], start[i + 1]):
            floor[index[e]] += 1e-9 * abs(weight[e]) * room
    compute_worths(start, index, weight, prices, worth)
    for i in range(n):
        for k in range(segment[i], segment[i + 1]):
            inside = min(max(y[k], lo[k]), hi[k])
            pulled = inside + size[k] * (c[k] - s[k] * inside - worth[i])
            between[k] = lo[k] < pulled < hi[k]
            y[k] = lo[k] if pulled <= lo[k] else hi[k] if pulled >= hi[k] else inside
    for _ in range(MAX_SOLVES):
        # What is missing, relative.
        worst = 0.0
        for p in range(m):
            residual[p], flow[p] = 0.0, floor[p]
        for i in range(n):
            rate = 0.0
            for k in range(segment[i], segment[i + 1]):
                rate += y[k]
                curve[k] = c[k] - s[k] * y[k] - worth[i]
                home = (y[k] <= lo[k] and curve[k] <= 0) or (y[k] >= hi[k] and curve[k] >= 0)
                # Only what is worse is divided: divisions would take half of the time.
                level = max(abs(c[k]), max(abs(worth[i]), 1e-3))
                if (between[k] or not home) and abs(curve[k]) > worst * level:
                    worst = max(worst, abs(curve[k]) / level)
                outside = max(lo[k] - y[k], y[k] - hi[k])
                if outside > worst * size[k]:
                    worst = max(worst, outside / size[k])
            for e in range(start[i], start[i + 1]):
                traded = weight[e] * rate
                residual[index[e]] -= traded
                flow[index[e]] += abs(traded)
        for p in range(m):
            worst = max(worst, abs(residual[p]) / flow[p] if residual[p] != 0.0 else 0.0)
            if not np.isfinite(residual[p]):
                worst = np.inf
        clean += worst <= RESIDUAL_ROUNDING
        if worst < least:
            stale = 0 if worst < least / 4 else stale + 1
            least = worst
            for k in range(K):
                best_y[k] = y[k]
            for p in range(m):
                best_prices[p] = prices[p]
        else:
            stale += 1
        if (
            clean >= 2
            or least <= LAST_DIGITS
            or (least <= RESIDUAL_ROUNDING and stale > 0)
            or stale >= 8
            or (worst > 100 * least and least < 1e-2)
        ):
            break
        # One solve of the equations of the segments in between.
        was_soft, soft, inside_count = soft, False, 0
        for i in range(n):
            response[i], pull[i] = 0.0, 0.0
            for k in range(segment[i], segment[i + 1]):
                if between[k]:
                    inside_count += 1
                    drop = s[k] * size[k]
                    soft |= drop < STIFF
                    per_h[k] = 1.0 / s[k] if drop >= stiffness else size[k] / stiffness
                    pull[i] += curve[k] * per_h[k]
                else:
                    per_h[k] = size[k] * FIXED_RATE
                response[i] += per_h[k]
        if changed or soft or was_soft:
            compute_factor(m, start, index, weight, response, U)
        for p in range(m):
            wanted[p] = -residual[p]
        add_trade(start, index, weight, pull, 1.0, wanted)
        change = solve_prices(m, start, index, weight, response, U, wanted, int(soft))
        for p in range(m):
            prices[p] += change[p]
        moves = 0
        for i in range(n):
            total, gained = 0.0, 0.0
            for e in range(start[i], start[i + 1]):
                total += weight[e] * prices[index[e]]
                gained += weight[e] * change[index[e]]
            worth[i] = total
            for k in range(segment[i], segment[i + 1]):
                room = ROOM * size[k]
                if between[k]:
                    y[k] += (curve[k] - gained) * per_h[k]
                    if y[k] > hi[k] + room:
                        y[k], between[k] = hi[k], False
                        moves += 1
                    elif y[k] < lo[k] - room:
                        y[k], between[k] = lo[k], False
                        moves += 1
                else:
                    at = c[k] - s[k] * y[k] - worth[i]
                    level = max(abs(c[k]), abs(worth[i]))
                    wrong = (y[k] <= lo[k] and at > SLACK * level) or (y[k] >= hi[k] and at < -SLACK * level)
                    if wrong and hi[k] > lo[k]:
                        between[k] = True
                        moves += 1
        changed = moves > 0
        stiffness = max(stiffness / 100, SOFT) if moves <= 1 + inside_count // 200 else min(10 * stiffness, STIFF)
    for k in range(K):
        at = best_y[k]
        if at <= lo[k] + AT_BOUND * size[k]:
            at = lo[k]
        if at >= hi[k] - AT_BOUND * size[k]:
            at = hi[k]
        y[k] = at
    for p in range(m):
        prices[p] = best_prices[p]
    return bool(least <= LARGEST_RESIDUAL)
