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
from fts.solver.compiled import Index, compiled
from fts.solver.native.central_path import MAX_CENTRAL_STEPS, follow_path, start_path
from fts.solver.native.small_active_set import solve_exactly
from fts.solver.native.tradable_bids import leave_independent, leave_lonely

TOLERANCES = (1e-8, 1e-10, 1e-12)
"""Residuals of the interior-point method at which the exact step is tried, and tried again."""
FAR_FROM_ZERO = 1e2
"""Prices this many typical prices from 0 are far from the others."""
HUGE = 1e4
"""A bound beyond this many sizes is no bound for the interior-point method."""
SLOPED = 0.98
"""Share of sloped segments from which the exact step is tried first."""


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
    guess: Floats,
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
    guess : (P,)
        Prices of a similar market, NaN where there is none: where all segments are sloped and all prices known, the
        exact step is tried from these first.

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
        n = leave_lonely(first, last, m, B_start, row, count, able)
        products = 0
        for p in range(m):
            products += count[p] > 0
        # Where there are more bids than products, only a failure is reason to look for bids that cannot trade.
        for look in range(2):
            if n <= 0 or found[b] or (look == 0 and n <= products):
                continue
            if look == 1:
                n = leave_independent(first, last, m, B_start, row, a, able)
            if n > 0:
                found[b] = _solve_core(
                    first, last, m, B_start, row, a, K_start, lo, hi, c, s, size, guess[P_start[b] :], able, place, y,
                    prices[P_start[b] :],
                )  # fmt: skip
        if n == 0:
            found[b] = True
    return y, prices, able, found


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
    guess: Floats,
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
    start, segment_start = np.empty(n + 1, dtype=np.uint32), np.empty(n + 1, dtype=np.uint32)
    index, weight = np.empty(n_entries, dtype=np.uint32), np.empty(n_entries)
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
    # numba would translate every function called below twice: for the number 0 that the count begins at, and for any.
    n_products = len(delta)
    exact, easy = curves, np.empty((5, n_segments))
    solved = False
    if n_sloped == n_segments:
        known = True
        for p in range(m):
            if place[p] >= 0:
                delta[place[p]] = guess[p]
                known &= np.isfinite(guess[p])
        if known:
            _respond(start, index, weight, segment_start, exact, delta, fill, fill)
            best[:] = delta
            solved = solve_exactly(
                n_products, start, index, weight, segment_start, exact, U, response, worth, fill, best
            )  # fmt: skip
    for attempt in range(2):
        if solved:
            break
        # The answer may be far from what is usual: the second attempt starts from the curves as they are.
        if attempt == 0:
            _soften(curves, easy)
        else:
            exact = np.empty((5, n_segments))
            if not _unsoften(curves, easy, exact):
                break
        start_path(n_products, start, index, weight, segment_start, easy, U, response, worth, points, delta)
        steps = 0
        for trial in range(4):
            if trial == 0 and n_sloped < SLOPED * n_segments:
                continue
            if trial > 0:
                steps = follow_path(
                    n_products, start, index, weight, segment_start, easy, U, response, worth, points, delta,
                    TOLERANCES[trial - 1], steps,
                )  # fmt: skip
            if trial == 0:
                _respond(start, index, weight, segment_start, exact, delta, points[0], fill)
            else:
                for k in range(n_segments):
                    fill[k] = points[0, k]
            for p in range(n_products):
                best[p] = delta[p]
            solved = solve_exactly(
                n_products, start, index, weight, segment_start, exact, U, response, worth, fill, best
            )  # fmt: skip
            if solved or steps >= MAX_CENTRAL_STEPS:
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
def _respond(
    start: Index, index: Index, weight: Floats, segment: Index, curves: Floats, prices: Floats, y: Floats, fill: Floats
) -> None:
    """Set the fills of sloped segments at these prices; flat ones take those of `y`."""
    lo, hi, c, s = curves[0], curves[1], curves[2], curves[3]
    for i in range(len(start) - 1):
        worth = 0.0
        for e in range(start[i], start[i + 1]):
            worth += weight[e] * prices[index[e]]
        for k in range(segment[i], segment[i + 1]):
            fill[k] = min(max((c[k] - worth) / s[k], lo[k]), hi[k]) if s[k] > 0 else y[k]


@compiled
def _soften(curves: Floats, easy: Floats) -> None:
    """Write the curves without bounds far beyond their size, and without prices far from the others.

    Flat prices keep their order; a sloped segment keeps the fills at which its price is near.
    """
    for k in range(curves.shape[1]):
        lo, hi, c, s, size = curves[0, k], curves[1, k], curves[2, k], curves[3, k], curves[4, k]
        if s == 0:
            if abs(c) > FAR_FROM_ZERO:
                c = np.sign(c) * FAR_FROM_ZERO * (1.0 + np.log(abs(c) / FAR_FROM_ZERO))
        else:
            left, right = max(lo, (c - FAR_FROM_ZERO) / s), min(hi, (c + FAR_FROM_ZERO) / s)
            if right <= left:
                c, s = (FAR_FROM_ZERO if lo * s < c - FAR_FROM_ZERO else -FAR_FROM_ZERO), 0.0
            else:
                lo, hi, size = left, right, min(size, right - left)
        easy[0, k] = -np.inf if lo < -HUGE * size else lo
        easy[1, k] = np.inf if hi > HUGE * size else hi
        easy[2, k], easy[3, k], easy[4, k] = c, s, size


@compiled
def _unsoften(curves: Floats, easy: Floats, exact: Floats) -> bool:
    """Restore the curves and their whole sizes in both tables; True if that changes anything."""
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
