"""The canonical fills of tied flat segments of one small part.

Tied flat segments, cut at fill 0, with the least ``Σ (size of a)·x²/extent``; of unlimited ones then the least trade.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.nearest_point import find_nearest
from fts.solver.native.orthogonal import DEPENDENT, DOUBTFUL, orthogonalise

FLAT = 1e-12
"""A segment is flat when its price falls by at most this many typical prices."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""


@compiled
def count_ties(
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
    near: Floats,
    able: Flags,
    prices: Floats,
) -> Ints:
    """Count the bids of every part with a tied flat segment, (n_parts,); -1 where a bid has several."""
    count = np.zeros(len(P_start) - 1, dtype=np.int64)
    for b in range(len(count)):
        own = prices[P_start[b] :]
        for i in range(I_start[b], I_start[b + 1]):
            if not able[i] or count[b] < 0:
                continue
            tied = _find_tied(i, B_start, row, a, K_start, lo, hi, c, s, near[i], own)[0]
            count[b] = count[b] + tied if tied < 2 else -1
    return count


@compiled
def _find_tied(
    i: int,
    B_start: Ints,
    row: Ints,
    a: Floats,
    K_start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    near: float,
    prices: Floats,
) -> tuple[int, int]:
    """Count the flat segments of a bid that are tied with the price; the last of them, -1 without one."""
    worth = 0.0
    for e in range(B_start[i], B_start[i + 1]):
        worth += a[e] * prices[row[e]]
    tied, at = 0, -1
    for k in range(K_start[i], K_start[i + 1]):
        drop = s[k] * (hi[k] - lo[k]) if s[k] > 0 else 0.0
        if drop <= FLAT and abs(c[k] - worth) <= near:
            tied += 1
            at = k
    return tied, at


@compiled
def share_ties(
    n_bids: int,
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
    near: Floats,
    norm: Floats,
    able: Flags,
    y: Floats,
    prices: Floats,
) -> int:
    """Choose the fills of the tied flat segments of so many bids.

    Returns 0: there was no choice, 1: it is made, 2: it was not found.
    """
    bids, segments = np.empty(n_bids, dtype=np.int64), np.empty(n_bids, dtype=np.int64)
    j, n = 0, 0
    for i in range(first, last):
        if able[i]:
            tied, k = _find_tied(i, B_start, row, a, K_start, lo, hi, c, s, near[i], prices)
            if tied > 0:
                bids[j], segments[j] = i, k
                n += int(hi[k] > 0) + int(lo[k] < 0)
                j += 1
    # Independent columns leave no choice.
    basis, vector, part = np.empty((min(n_bids, m), m)), np.empty(m), np.empty(m)
    rank, dependent = 0, n_bids > m
    for j in range(n_bids):
        if dependent:
            break
        vector[:] = 0.0
        for e in range(B_start[bids[j]], B_start[bids[j] + 1]):
            vector[row[e]] = a[e]
        length = orthogonalise(basis, rank, vector, part)
        if length <= DEPENDENT:
            dependent = True
        elif length <= DOUBTFUL:
            return 2
        else:
            for p in range(m):
                basis[rank, p] = vector[p] / length
            rank += 1
    if not dependent:
        return 0
    # Unknowns: pieces of tied segments on either side of 0. Rows: products, then the bounds of pieces.
    owner, sign = np.empty(n, dtype=np.int64), np.empty(n)
    root, target, wished, fill = np.empty(n), np.zeros(n), np.empty(n, dtype=np.bool_), np.zeros(n)
    n_entries, piece = n, 0
    low, high = np.zeros(m + n), np.zeros(m + n)
    for j in range(n_bids):
        i, k = bids[j], segments[j]
        for side in range(2):
            extent = hi[k] if side == 0 else -lo[k]
            if extent == 0:
                continue
            owner[piece], sign[piece] = j, 1.0 if side == 0 else -1.0
            wished[piece] = extent < np.inf
            root[piece] = np.sqrt(norm[i] / extent) if wished[piece] else norm[i]
            low[m + piece], high[m + piece] = (0.0, extent) if side == 0 else (-extent, 0.0)
            n_entries += B_start[i + 1] - B_start[i]
            piece += 1
    # By product: the pieces that trade it.
    start = np.zeros(m + n + 1, dtype=np.int64)
    for j in range(n):
        i = bids[owner[j]]
        for e in range(B_start[i], B_start[i + 1]):
            start[row[e] + 1] += 1
    for p in range(m):
        start[p + 1] += start[p]
    for j in range(n):
        start[m + j + 1] = start[m + j] + 1
    index, weight, to = np.empty(n_entries, dtype=np.int64), np.empty(n_entries), start[:m].copy()
    for j in range(n):
        i = bids[owner[j]]
        for e in range(B_start[i], B_start[i + 1]):
            index[to[row[e]]], weight[to[row[e]]] = j, a[e]
            to[row[e]] += 1
        index[start[m + j]], weight[start[m + j]] = j, 1.0
    # What the other segments trade.
    held = np.zeros(n_bids)
    j = 0
    for i in range(first, last):
        total = 0.0
        tied = -1
        if j < n_bids and bids[j] == i:
            tied = segments[j]
        for k in range(K_start[i], K_start[i + 1]):
            if k != tied:
                total += y[k]
        if tied >= 0:
            held[j] = total
            j += 1
        for e in range(B_start[i], B_start[i + 1]):
            low[row[e]] -= a[e] * total
    high[:m] = low[:m]
    for j in range(n):
        target[j] = 0.0 if wished[j] else -held[owner[j]]
    if not find_nearest(start, index, weight, low, high, root, target, wished, fill):
        return 2
    for j in range(n_bids):
        y[segments[j]] = 0.0
    for j in range(n):
        k = segments[owner[j]]
        y[k] += min(max(fill[j], low[m + j]), high[m + j])
    for j in range(n_bids):
        k = segments[j]
        width = hi[k] - lo[k] if hi[k] - lo[k] < np.inf else abs(y[k])
        if y[k] - lo[k] <= AT_BOUND * width:
            y[k] = lo[k]
        if hi[k] - y[k] <= AT_BOUND * width:
            y[k] = hi[k]
    return 1
