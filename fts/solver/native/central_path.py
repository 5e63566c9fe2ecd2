"""The interior-point method of one small part (Mehrotra 1992).

It finds which segments are full, empty or in between.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled
from fts.solver.native.small_system import add_trade, compute_factor, compute_worths, solve_prices

MAX_CENTRAL_STEPS = 50
"""At most so many steps of the interior-point method."""
NO_GAP = 1e-20
"""A gap so small that further steps gain nothing, whatever the residual is."""
TOWARDS_BOUND = 0.995
"""A step goes at most this share of the way to the nearest bound."""
LEAST_CURVATURE = 1e-12
"""Curvature (price over size) that every segment has at least in a step: a proximal term."""


@compiled
def start_path(
    m: int,
    start: Index,
    index: Index,
    weight: Floats,
    segment: Index,
    curves: Floats,
    U: Floats,
    response: Floats,
    pull: Floats,
    points: Floats,
    prices: Floats,
) -> None:
    """Compute a point in the middle of the bounds, and the prices that fit it; rows of `points`: y, l, u, v, w."""
    lo, hi, c, s, size = curves[0], curves[1], curves[2], curves[3], curves[4]
    y, l, u, v, w = points[0], points[1], points[2], points[3], points[4]  # noqa: E741 - the letters of the method
    for i in range(len(response)):
        response[i], pull[i] = 0.0, 0.0
        for k in range(segment[i], segment[i + 1]):
            below, above = lo[k] > -np.inf, hi[k] < np.inf
            if below and above:
                y[k] = (lo[k] + hi[k]) / 2
            elif below:
                y[k] = lo[k] + size[k] / 2
            elif above:
                y[k] = hi[k] - size[k] / 2
            else:
                y[k] = 0.0
            l[k] = y[k] - lo[k] if below else 1.0
            u[k] = hi[k] - y[k] if above else 1.0
            per_h = 1.0 / (s[k] + 1.0 / size[k])
            response[i] += per_h
            pull[i] += y[k] + (c[k] - s[k] * y[k]) * per_h
    compute_factor(m, start, index, weight, response, U)
    wanted = np.zeros(m)
    add_trade(start, index, weight, pull, 1.0, wanted)
    found = solve_prices(m, start, index, weight, response, U, wanted, 1)
    for p in range(m):
        prices[p] = found[p]
    compute_worths(start, index, weight, prices, pull)
    missed, level = 0.0, 0.0
    for i in range(len(response)):
        for k in range(segment[i], segment[i + 1]):
            missed += abs(s[k] * y[k] - c[k] + pull[i])
            level += abs(c[k])
    typical = max(missed / len(y), 1e-3 * level / len(y), 1e-6)
    for i in range(len(response)):
        for k in range(segment[i], segment[i + 1]):
            miss = s[k] * y[k] - c[k] + pull[i]
            v[k] = max(miss, 0.0) + typical if lo[k] > -np.inf else 0.0
            w[k] = max(-miss, 0.0) + typical if hi[k] < np.inf else 0.0


@compiled
def follow_path(
    m: int,
    start: Index,
    index: Index,
    weight: Floats,
    segment: Index,
    curves: Floats,
    U: Floats,
    response: Floats,
    worth: Floats,
    points: Floats,
    prices: Floats,
    tolerance: float,
    steps: int,
) -> int:
    """Follow the central path in place until the residual is at most the tolerance; returns the steps so far."""
    lo, hi, c, s, size = curves[0], curves[1], curves[2], curves[3], curves[4]
    y, l, u, v, w = points[0], points[1], points[2], points[3], points[4]  # noqa: E741
    n, K = len(response), len(y)
    n_bounds, flat = 0, True
    for k in range(K):
        n_bounds += int(lo[k] > -np.inf) + int(hi[k] < np.inf)
        flat = flat and s[k] == 0
    n_bounds = max(n_bounds, 1)
    curve, per_h, pull, rate = np.empty(K), np.empty(K), np.empty(n), np.empty(n)
    step, lower, upper = np.empty((3, K)), np.zeros(K), np.zeros(K)
    while steps < MAX_CENTRAL_STEPS:
        compute_worths(start, index, weight, prices, worth)
        gap, worst = 0.0, 0.0
        for i in range(n):
            rate[i] = 0.0
            for k in range(segment[i], segment[i + 1]):
                curve[k] = c[k] - s[k] * y[k] - worth[i] + v[k] - w[k]
                rate[i] += y[k]
                gap += (l[k] * v[k] + u[k] * w[k]) / size[k]
                worst = max(worst, abs(curve[k]) / (abs(worth[i]) + 1.0))
        gap /= n_bounds
        residual, flow = np.zeros(m), np.full(m, 1e-200)
        add_trade(start, index, weight, rate, -1.0, residual)
        for i in range(n):
            for e in range(start[i], start[i + 1]):
                flow[index[e]] += abs(weight[e] * rate[i])
        for p in range(m):
            worst = max(worst, abs(residual[p]) / flow[p])
        worst = max(worst, gap)
        if worst <= tolerance or gap <= NO_GAP or not np.isfinite(worst):
            break
        steps += 1
        for i in range(n):
            response[i] = 0.0
            for k in range(segment[i], segment[i + 1]):
                h = s[k] + v[k] / l[k] + w[k] / u[k]
                per_h[k] = 1.0 / max(h, LEAST_CURVATURE / size[k])
                response[i] += per_h[k]
        compute_factor(m, start, index, weight, response, U)
        for k in range(K):
            lower[k], upper[k] = 0.0, 0.0
        centre, share = 0.0, 0.0
        reach, primal, dual = 0.0, 0.0, 0.0
        change = np.zeros(m)
        # The predictor, the corrector, and where that gets less far one with less correction.
        for attempt in range(3):
            for i in range(n):
                pull[i] = 0.0
                for k in range(segment[i], segment[i + 1]):
                    goal = centre * size[k]
                    step[1, k] = (goal - l[k] * v[k] - share * lower[k]) / l[k] if lo[k] > -np.inf else 0.0
                    step[2, k] = (goal - u[k] * w[k] - share * upper[k]) / u[k] if hi[k] < np.inf else 0.0
                    step[0, k] = curve[k] + step[1, k] - step[2, k]
                    pull[i] += step[0, k] * per_h[k]
            wanted = -residual
            add_trade(start, index, weight, pull, 1.0, wanted)
            change = solve_prices(m, start, index, weight, response, U, wanted, int(attempt > 0))
            compute_worths(start, index, weight, change, pull)
            crossed, fastest, dual = 0.0, -0.5, -0.5
            for i in range(n):
                for k in range(segment[i], segment[i + 1]):
                    dy = (step[0, k] - pull[i]) * per_h[k]
                    step[0, k] = dy
                    if lo[k] > -np.inf:
                        step[1, k] -= v[k] * dy / l[k]
                        fastest = min(fastest, dy / l[k])
                        if step[1, k] < dual * v[k]:
                            dual = step[1, k] / v[k]
                        if attempt == 0:
                            lower[k] = dy * step[1, k]
                            crossed += lower[k] / size[k]
                    if hi[k] < np.inf:
                        step[2, k] += w[k] * dy / u[k]
                        fastest = min(fastest, -dy / u[k])
                        if step[2, k] < dual * w[k]:
                            dual = step[2, k] / w[k]
                        if attempt == 0:
                            upper[k] = -dy * step[2, k]
                            crossed += upper[k] / size[k]
            primal, dual = -1.0 / fastest, -1.0 / dual
            longest = min(primal, dual)
            if attempt == 0:
                reach = min(1.0, longest)
                after = (1.0 - reach) * gap + reach**2 * crossed / n_bounds
                centre = gap * min(1.0, (after / gap) ** 3) if gap > 0 else 0.0
                share = 1.0
            elif attempt == 1:
                if longest >= reach:
                    break
                share = reach**2
        if not flat:
            primal = dual = min(primal, dual)
        primal, dual = min(1.0, TOWARDS_BOUND * primal), min(1.0, TOWARDS_BOUND * dual)
        for k in range(K):
            y[k] += primal * step[0, k]
            if lo[k] > -np.inf:
                l[k] += primal * step[0, k]
                v[k] += dual * step[1, k]
            if hi[k] < np.inf:
                u[k] -= primal * step[0, k]
                w[k] += dual * step[2, k]
        for p in range(m):
            prices[p] += dual * change[p]
    return steps
