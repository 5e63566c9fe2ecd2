"""Optimal fills of small connected parts, part after part in one compiled call.

The parts are as :mod:`fts.solver.native.small_parts` arranges them. In its units bid ``i`` sells and buys along
segments ``c - s y``, ``lo ≤ y ≤ hi``, for the column ``a_i`` of products; its rate is the sum of its fills. An optimum
has prices ``δ`` with ``Σ_i a_i Σ_k y_k = 0`` and every fill where its curve is at ``a_i'δ``.

1. Bids whose product nobody else holds, or whose column is independent of the others, cannot trade.
2. Of the others, an interior-point method (Mehrotra 1992) finds which segments are full, empty or in between; where
   nearly all are sloped, step 3 alone often finds them.
3. The equations of the segments in between are solved exactly, and segments on the wrong side are moved (a semismooth
   Newton method, Qi and Sun 1993).

`find_optima` only looks for an answer: whoever calls it has to check what it found.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled

INDEPENDENT, DOUBTFUL = 1e-11, 1e-5
"""Pivots of unit columns: up to the first one rounding; up to the second one nothing is said about the part."""
TOLERANCES = (1e-8, 1e-10, 1e-12)
"""What the interior-point method may miss when the exact step is tried, and tried again."""
STEPS = 50
"""At most so many steps of the interior-point method."""
NO_GAP = 1e-20
"""Where the gap is this small nothing more is gained, whatever is missing."""
TOWARDS_BOUND = 0.995
LEAST = 1e-12
"""Curvature (price over size) that every segment has at least in a step: a proximal term."""
FAR = 1e2
"""Prices this many typical prices from 0 are far from the others."""
HUGE = 1e4
"""A bound beyond this many sizes is no bound for the interior-point method."""
SLOPED = 0.98
"""Share of sloped segments from which the exact step is tried first."""
ROUNDS = 30
"""At most so many solves of the exact step."""
STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price over size) that a flat segment in between has in one solve, first and last."""
FIXED = 1e8
"""Curvature (price over size) that stands for a segment at its bound, so that all prices have an equation."""
ROUNDING, CLEAN = 3e-13, 1e-11
"""What the exact step may miss to stop, and to succeed."""
SLACK, ROOM = 1e-12, 1e-13
"""Shares of the price and of the size by which a segment may be on the wrong side."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""
NO_PIVOT = 1e-15
"""A diagonal reduced to this share by elimination is rounding of 0."""


@compiled
def find_optima(
    P_start: Ints,
    I_start: Ints,
    B_start: Ints,
    row: Ints,
    a: Floats,
    K_start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    size: Floats,
) -> tuple[Floats, Floats, Flags, Flags]:
    """Optimal fills of every part.

    Parameters
    ----------
    P_start, I_start : (n_parts + 1,)
        Part ``b`` has the products ``P_start[b]:P_start[b + 1]`` and the bids ``I_start[b]:I_start[b + 1]``.
    B_start : (I + 1,)
        Bid ``i`` has the entries ``B_start[i]:B_start[i + 1]``.
    row, a : (E,)
        Of each entry the product, counted from the first one of the part, and the weight.
    K_start : (I + 1,)
        Bid ``i`` has the segments ``K_start[i]:K_start[i + 1]``.
    lo, hi, c, s, size : (K,)

    Returns
    -------
    y : (K,)
    prices : (P,)
        Of products that bids trade in that can; 0 elsewhere.
    able : (I,)
        Which bids can trade.
    found : (n_parts,)
    """
    n_parts = len(P_start) - 1
    y, prices = np.zeros(len(lo)), np.zeros(P_start[n_parts])
    able, found = np.zeros(I_start[n_parts], dtype=np.bool_), np.zeros(n_parts, dtype=np.bool_)
    most = 0
    for b in range(n_parts):
        most = max(most, P_start[b + 1] - P_start[b])
    count, place = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
    for b in range(n_parts):
        m = P_start[b + 1] - P_start[b]
        first, last = I_start[b], I_start[b + 1]
        n = _leave_lonely(first, last, m, B_start, row, count, able)
        products = 0
        for p in range(m):
            products += count[p] > 0
        # Where there are more bids than products, only a failure is reason to look for bids that cannot trade.
        for look in range(2):
            if n <= 0 or found[b] or (look == 0 and n <= products):
                continue
            if look == 1:
                n = _leave_independent(first, last, m, B_start, row, a, able)
            if n > 0:
                found[b] = _solve_core(
                    first, last, m, B_start, row, a, K_start, lo, hi, c, s, size, able, place, y, prices[P_start[b] :]
                )
        if n == 0:
            found[b] = True
    return y, prices, able, found


@compiled
def _leave_lonely(first: int, last: int, m: int, B_start: Ints, row: Ints, count: Ints, able: Flags) -> int:
    """Mark the bids that can trade as far as counting tells: others hold each of their products. Returns how many."""
    count[:m] = 0
    for i in range(first, last):
        able[i] = True
        for e in range(B_start[i], B_start[i + 1]):
            count[row[e]] += 1
    left, again = last - first, True
    while again:
        again = False
        for i in range(first, last):
            if not able[i]:
                continue
            lonely = False
            for e in range(B_start[i], B_start[i + 1]):
                lonely |= count[row[e]] == 1
            if lonely:
                able[i], again = False, True
                left -= 1
                for e in range(B_start[i], B_start[i + 1]):
                    count[row[e]] -= 1
    return left


@compiled
def _leave_independent(first: int, last: int, m: int, B_start: Ints, row: Ints, a: Floats, able: Flags) -> int:
    """Of the able bids leave those that some exchange of products moves; returns how many, -1 where it is doubtful."""
    n = 0
    for i in range(first, last):
        n += able[i]
    bids, pivot_row = np.empty(n, dtype=np.int64), np.full(n, -1)
    A = np.zeros((m, n))
    j = 0
    for i in range(first, last):
        if able[i]:
            bids[j] = i
            for e in range(B_start[i], B_start[i + 1]):
                A[row[e], j] = a[e]
            j += 1
    used = np.zeros(m, dtype=np.bool_)
    # Gauss-Jordan with complete pivoting.
    for _ in range(min(m, n)):
        largest, at, column = 0.0, -1, -1
        for p in range(m):
            if used[p]:
                continue
            for j in range(n):
                if pivot_row[j] < 0 and abs(A[p, j]) > largest:
                    largest, at, column = abs(A[p, j]), p, j
        if largest <= INDEPENDENT:
            break
        if largest <= DOUBTFUL:
            return -1
        used[at] = True
        pivot_row[column] = at
        pivot = A[at, column]
        for j in range(n):
            A[at, j] /= pivot
        for p in range(m):
            factor = A[p, column]
            if p != at and factor != 0.0:
                for j in range(n):
                    A[p, j] -= factor * A[at, j]
                A[p, column] = 0.0
    left = n
    for j in range(n):
        if pivot_row[j] < 0:
            continue
        largest = 0.0
        for k in range(n):
            if pivot_row[k] < 0:
                largest = max(largest, abs(A[pivot_row[j], k]))
        if largest <= INDEPENDENT:
            able[bids[j]] = False
            left -= 1
        elif largest <= DOUBTFUL:
            return -1
    return left


@compiled
def _solve_core(
    first: int,
    last: int,
    m: int,
    B_start: Ints,
    row: Ints,
    a: Floats,
    K_start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    size: Floats,
    able: Flags,
    place: Ints,
    y: Floats,
    prices: Floats,
) -> bool:
    """Solve the able bids of one part; the fills and prices are written where an exact answer was found."""
    n, n_entries, n_segments, n_products = 0, 0, 0, 0
    place[:m] = -1
    for i in range(first, last):
        if able[i]:
            n += 1
            n_entries += B_start[i + 1] - B_start[i]
            n_segments += K_start[i + 1] - K_start[i]
            for e in range(B_start[i], B_start[i + 1]):
                place[row[e]] = 0
    for p in range(m):
        if place[p] == 0:
            place[p] = n_products
            n_products += 1
    start, segment_start = np.empty(n + 1, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
    index, weight = np.empty(n_entries, dtype=np.int64), np.empty(n_entries)
    curves = np.empty((5, n_segments))
    j, entry, k = 0, 0, 0
    for i in range(first, last):
        if not able[i]:
            continue
        start[j], segment_start[j] = entry, k
        j += 1
        for e in range(B_start[i], B_start[i + 1]):
            index[entry], weight[entry] = place[row[e]], a[e]
            entry += 1
        for at in range(K_start[i], K_start[i + 1]):
            curves[0, k], curves[1, k], curves[2, k], curves[3, k] = lo[at], hi[at], c[at], s[at]
            curves[4, k] = size[at]
            k += 1
    start[n], segment_start[n] = entry, k
    n_sloped = 0
    for k in range(n_segments):
        n_sloped += curves[3, k] > 0
    U, response, worth = np.empty((n_products, n_products)), np.empty(n), np.empty(n)
    points, fill = np.empty((5, n_segments)), np.zeros(n_segments)
    delta, best = np.zeros(n_products), np.zeros(n_products)
    exact, easy = curves, np.empty((5, n_segments))
    solved = False
    for attempt in range(2):
        # The answer may be far from what is usual: the second attempt starts from the curves as they are.
        if attempt == 0:
            _soften(curves, easy)
        else:
            exact = np.empty((5, n_segments))
            if not _unsoften(curves, easy, exact):
                break
        _begin(n_products, start, index, weight, segment_start, easy, U, response, worth, points, delta)
        steps = 0
        for trial in range(4):
            if trial == 0 and n_sloped < SLOPED * n_segments:
                continue
            if trial > 0:
                steps = _follow(
                    n_products, start, index, weight, segment_start, easy, U, response, worth, points, delta,
                    TOLERANCES[trial - 1], steps,
                )  # fmt: skip
            for k in range(n_segments):
                fill[k] = points[0, k]
            for p in range(n_products):
                best[p] = delta[p]
            solved = _finish(
                n_products, start, index, weight, segment_start, exact, U, response, worth, fill, best
            )  # fmt: skip
            if solved or steps >= STEPS:
                break
        if solved:
            break
    if not solved:
        return False
    k = 0
    for i in range(first, last):
        if able[i]:
            for at in range(K_start[i], K_start[i + 1]):
                y[at] = fill[k]
                k += 1
    for p in range(m):
        if place[p] >= 0:
            prices[p] = best[place[p]]
    return True


@compiled
def _soften(curves: Floats, easy: Floats) -> None:
    """The curves without bounds that are far beyond their size, and without prices that are far from the others.

    Flat prices keep their order; a sloped segment keeps the fills at which its price is near.
    """
    for k in range(curves.shape[1]):
        lo, hi, c, s, size = curves[0, k], curves[1, k], curves[2, k], curves[3, k], curves[4, k]
        if s == 0:
            if abs(c) > FAR:
                c = np.sign(c) * FAR * (1.0 + np.log(abs(c) / FAR))
        else:
            left, right = max(lo, (c - FAR) / s), min(hi, (c + FAR) / s)
            if right <= left:
                c, s = (FAR if lo * s < c - FAR else -FAR), 0.0
            else:
                lo, hi, size = left, right, min(size, right - left)
        easy[0, k] = -np.inf if lo < -HUGE * size else lo
        easy[1, k] = np.inf if hi > HUGE * size else hi
        easy[2, k], easy[3, k], easy[4, k] = c, s, size


@compiled
def _unsoften(curves: Floats, easy: Floats, exact: Floats) -> bool:
    """The curves as they are, and their whole sizes, in both tables; whether that changes anything."""
    changed = False
    for k in range(curves.shape[1]):
        for r in range(5):
            exact[r, k] = curves[r, k]
        if curves[1, k] - curves[0, k] < np.inf:
            exact[4, k] = curves[1, k] - curves[0, k]
        for r in range(5):
            changed |= easy[r, k] != exact[r, k]
            easy[r, k] = exact[r, k]
    return changed


@compiled
def _worths(start: Ints, index: Ints, weight: Floats, prices: Floats, worth: Floats) -> None:
    """``a_i'δ`` of every bid."""
    for i in range(len(worth)):
        total = 0.0
        for e in range(start[i], start[i + 1]):
            total += weight[e] * prices[index[e]]
        worth[i] = total


@compiled
def _trade(start: Ints, index: Ints, weight: Floats, rate: Floats, sign: float, total: Floats) -> None:
    """Add ``sign Σ_i a_i rate_i`` to a total, (m,)."""
    for i in range(len(rate)):
        for e in range(start[i], start[i + 1]):
            total[index[e]] += sign * (weight[e] * rate[i])


@compiled
def _factor(m: int, start: Ints, index: Ints, weight: Floats, response: Floats, U: Floats) -> None:
    """``U'U = Σ_i response_i a_i a_i'``; a product without an equation of its own does not move."""
    for p in range(m):
        for q in range(m):
            U[p, q] = 0.0
    for i in range(len(response)):
        for e in range(start[i], start[i + 1]):
            one = response[i] * weight[e]
            for f in range(start[i], start[i + 1]):
                if index[f] >= index[e]:
                    U[index[e], index[f]] += one * weight[f]
    diagonal = np.empty(m)
    for p in range(m):
        diagonal[p] = U[p, p]
    for p in range(m):
        if not U[p, p] > NO_PIVOT * diagonal[p]:
            for q in range(p + 1, m):
                U[p, q] = 0.0
            U[p, p] = np.inf
            continue
        root = np.sqrt(U[p, p])
        U[p, p] = root
        inverse = 1.0 / root
        for q in range(p + 1, m):
            U[p, q] *= inverse
        for q in range(p + 1, m):
            factor = U[p, q]
            if factor != 0.0:
                for r in range(q, m):
                    U[q, r] -= factor * U[p, r]


@compiled
def _divide(m: int, U: Floats, b: Floats) -> None:
    """Solve ``U'U x = b`` in place."""
    for p in range(m):
        b[p] /= U[p, p]
        for q in range(p + 1, m):
            b[q] -= U[p, q] * b[p]
    for p in range(m - 1, -1, -1):
        total = b[p]
        for q in range(p + 1, m):
            total -= U[p, q] * b[q]
        b[p] = total / U[p, p]


@compiled
def _priced(
    m: int, start: Ints, index: Ints, weight: Floats, response: Floats, U: Floats, wanted: Floats, rounds: int
) -> Floats:
    """Prices with ``Σ_i response_i a_i a_i'δ = wanted``, refined."""
    prices = wanted.copy()
    _divide(m, U, prices)
    answer, more = np.empty(len(response)), np.empty(m)
    for _ in range(rounds):
        _worths(start, index, weight, prices, answer)
        for i in range(len(response)):
            answer[i] *= response[i]
        for p in range(m):
            more[p] = wanted[p]
        _trade(start, index, weight, answer, -1.0, more)
        _divide(m, U, more)
        for p in range(m):
            prices[p] += more[p]
    return prices


@compiled
def _begin(
    m: int,
    start: Ints,
    index: Ints,
    weight: Floats,
    segment: Ints,
    curves: Floats,
    U: Floats,
    response: Floats,
    pull: Floats,
    points: Floats,
    prices: Floats,
) -> None:
    """A point in the middle of the bounds, and the prices that fit it; rows of `points`: y, l, u, v, w."""
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
    _factor(m, start, index, weight, response, U)
    wanted = np.zeros(m)
    _trade(start, index, weight, pull, 1.0, wanted)
    found = _priced(m, start, index, weight, response, U, wanted, 1)
    for p in range(m):
        prices[p] = found[p]
    _worths(start, index, weight, prices, pull)
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
def _follow(
    m: int,
    start: Ints,
    index: Ints,
    weight: Floats,
    segment: Ints,
    curves: Floats,
    U: Floats,
    response: Floats,
    worth: Floats,
    points: Floats,
    prices: Floats,
    tolerance: float,
    steps: int,
) -> int:
    """Follow the central path in place until all is missing by at most the tolerance; returns the steps so far."""
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
    while steps < STEPS:
        _worths(start, index, weight, prices, worth)
        gap, worst = 0.0, 0.0
        for i in range(n):
            rate[i] = 0.0
            for k in range(segment[i], segment[i + 1]):
                curve[k] = c[k] - s[k] * y[k] - worth[i] + v[k] - w[k]
                rate[i] += y[k]
                gap += (l[k] * v[k] + u[k] * w[k]) / size[k]
                worst = max(worst, abs(curve[k]) / (abs(worth[i]) + 1.0))
        gap /= n_bounds
        missing, flow = np.zeros(m), np.full(m, 1e-200)
        _trade(start, index, weight, rate, -1.0, missing)
        for i in range(n):
            for e in range(start[i], start[i + 1]):
                flow[index[e]] += abs(weight[e] * rate[i])
        for p in range(m):
            worst = max(worst, abs(missing[p]) / flow[p])
        worst = max(worst, gap)
        if worst <= tolerance or gap <= NO_GAP or not np.isfinite(worst):
            break
        steps += 1
        for i in range(n):
            response[i] = 0.0
            for k in range(segment[i], segment[i + 1]):
                h = s[k] + v[k] / l[k] + w[k] / u[k]
                per_h[k] = 1.0 / max(h, LEAST / size[k])
                response[i] += per_h[k]
        _factor(m, start, index, weight, response, U)
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
            wanted = -missing
            _trade(start, index, weight, pull, 1.0, wanted)
            change = _priced(m, start, index, weight, response, U, wanted, int(attempt > 0))
            _worths(start, index, weight, change, pull)
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


@compiled
def _finish(
    m: int,
    start: Ints,
    index: Ints,
    weight: Floats,
    segment: Ints,
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
    pull, rate = np.empty(n), np.empty(n)
    best_y, best_prices, least = y.copy(), prices.copy(), np.inf
    stiffness, clean, stale = STIFF, 0, 0
    floor = np.zeros(m)
    for i in range(n):
        room = 0.0
        for k in range(segment[i], segment[i + 1]):
            room += size[k]
        for e in range(start[i], start[i + 1]):
            floor[index[e]] += 1e-9 * abs(weight[e]) * room
    _worths(start, index, weight, prices, worth)
    for i in range(n):
        for k in range(segment[i], segment[i + 1]):
            inside = min(max(y[k], lo[k]), hi[k])
            pulled = inside + size[k] * (c[k] - s[k] * inside - worth[i])
            between[k] = lo[k] < pulled < hi[k]
            y[k] = lo[k] if pulled <= lo[k] else hi[k] if pulled >= hi[k] else inside
    for _ in range(ROUNDS):
        # What is missing, relative.
        worst = 0.0
        for i in range(n):
            rate[i] = 0.0
            for k in range(segment[i], segment[i + 1]):
                rate[i] += y[k]
                curve[k] = c[k] - s[k] * y[k] - worth[i]
                home = (y[k] <= lo[k] and curve[k] <= 0) or (y[k] >= hi[k] and curve[k] >= 0)
                if between[k] or not home:
                    worst = max(worst, abs(curve[k]) / max(abs(c[k]), max(abs(worth[i]), 1e-3)))
                worst = max(worst, max(lo[k] - y[k], y[k] - hi[k]) / size[k])
        missing, flow = np.zeros(m), floor.copy()
        _trade(start, index, weight, rate, -1.0, missing)
        for i in range(n):
            for e in range(start[i], start[i + 1]):
                flow[index[e]] += abs(weight[e] * rate[i])
        for p in range(m):
            worst = max(worst, abs(missing[p]) / flow[p] if missing[p] != 0.0 else 0.0)
            if not np.isfinite(missing[p]):
                worst = np.inf
        clean += worst <= ROUNDING
        if worst < least:
            stale = 0 if worst < least / 4 else stale + 1
            least = worst
            for k in range(K):
                best_y[k] = y[k]
            for p in range(m):
                best_prices[p] = prices[p]
        else:
            stale += 1
        if clean >= 2 or (least <= ROUNDING and stale > 0) or stale >= 8 or (worst > 100 * least and least < 1e-2):
            break
        # One solve of the equations of the segments in between.
        soft, inside_count = False, 0
        for i in range(n):
            response[i], pull[i] = 0.0, 0.0
            for k in range(segment[i], segment[i + 1]):
                if between[k]:
                    inside_count += 1
                    soft |= s[k] * size[k] < STIFF
                    per_h[k] = 1.0 / max(s[k], stiffness / size[k])
                    pull[i] += curve[k] * per_h[k]
                else:
                    per_h[k] = size[k] / FIXED
                response[i] += per_h[k]
        _factor(m, start, index, weight, response, U)
        wanted = -missing
        _trade(start, index, weight, pull, 1.0, wanted)
        change = _priced(m, start, index, weight, response, U, wanted, int(soft))
        _worths(start, index, weight, change, pull)
        for p in range(m):
            prices[p] += change[p]
        _worths(start, index, weight, prices, worth)
        moves = 0
        for i in range(n):
            for k in range(segment[i], segment[i + 1]):
                room = ROOM * size[k]
                if between[k]:
                    y[k] += (curve[k] - pull[i]) * per_h[k]
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
    return bool(least <= CLEAN)
