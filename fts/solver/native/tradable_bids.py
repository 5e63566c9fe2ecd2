"""Bids of a small part that can trade: some exchange of products moves them."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled

INDEPENDENT, DOUBTFUL = 1e-11, 1e-5
"""Pivots of unit columns: up to the first one rounding; up to the second one nothing is said about the part."""


@compiled
def leave_lonely(first: int, last: int, m: int, B_start: Ints, row: Ints, count: Ints, able: Flags) -> int:
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
def leave_independent(first: int, last: int, m: int, B_start: Ints, row: Ints, a: Floats, able: Flags) -> int:
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
