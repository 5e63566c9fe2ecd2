"""The canonical prices of one small part.

Every bid keeps its fills for ``low ≤ a_i'δ ≤ high``. Of all prices that keep every bid's fills those are chosen that
are nearest to the references or the middles of quotes, then nearest to 0.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.nearest_point import find_nearest
from fts.solver.native.orthogonal import DEPENDENT, DOUBTFUL, orthogonalise

SMALL_SHARE = 1e-8
"""A weight with a smaller share of its row settles no price."""
DIRECTION_ROUNDING = 1e-9
"""A share of a direction that is rounding."""
FAR = 1e6
"""Chosen prices this many times as far from the first ones as some price of theirs deviates have too much rounding."""
KEPT = 1e-9
"""Prices must keep every fill to this share of the money in a bid."""


@compiled
def limit_worths(
    first: int,
    last: int,
    K_start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    y: Floats,
    near: Floats,
    least: Floats,
    most: Floats,
) -> None:
    """Between which prices of a bid its curve stands where its fills are; an interval that is rounding is one price."""
    for i in range(first, last):
        low, high = -np.inf, np.inf
        for k in range(K_start[i], K_start[i + 1]):
            at = c[k] - s[k] * y[k]
            if y[k] < hi[k]:
                low = max(low, at)
            if y[k] > lo[k]:
                high = min(high, at)
        middle = low / 2 + high / 2
        if high - low <= near[i] and np.isfinite(middle):
            low = high = middle
        least[i], most[i] = low, high


@compiled
def choose_prices(
    first: int,
    last: int,
    m: int,
    B_start: Ints,
    row: Ints,
    a: Floats,
    least: Floats,
    most: Floats,
    unit: Floats,
    reference: Floats,
    nothing: Floats,
    prices: Floats,
    moves: Flags,
) -> bool:
    """Choose the prices of one part in place, and mark those that could be others; whether they were found."""
    known, group = np.zeros(m, dtype=np.bool_), np.full(m, -1)
    _settle(first, last, B_start, row, a, least, most, known, prices)
    # Groups of open products, each named by its first product.
    n_open = 0
    for p in range(m):
        if not known[p]:
            group[p] = p
            n_open += 1
    if n_open > 0:
        target = reference.copy()
        _wish_middles(first, last, B_start, row, a, least, most, target)
        for i in range(first, last):
            if least[i] == -np.inf and most[i] == np.inf:
                continue
            one = -1
            for e in range(B_start[i], B_start[i + 1]):
                if known[row[e]]:
                    continue
                other = row[e]
                while group[other] != other:
                    other = group[other]
                if one < 0:
                    one = other
                elif other != one:
                    group[max(one, other)] = min(one, other)
                    one = min(one, other)
        for p in range(m):
            root = p
            while not known[p] and group[root] != root:
                root = group[root]
            if not known[p]:
                group[p] = root
        place = np.empty(m, dtype=np.int64)
        for g in range(m):
            if group[g] == g and not _price_group(
                g, first, last, m, B_start, row, a, least, most, unit, target, nothing, group, place, prices, moves
            ):
                return False
    for i in range(first, last):
        worth, money = 0.0, 0.0
        for e in range(B_start[i], B_start[i + 1]):
            worth += a[e] * prices[row[e]]
            money += abs(a[e] * prices[row[e]])
        if not (worth >= least[i] - KEPT * (1.0 + money) and worth <= most[i] + KEPT * (1.0 + money)):
            return False
    return True


@compiled
def _settle(
    first: int,
    last: int,
    B_start: Ints,
    row: Ints,
    a: Floats,
    least: Floats,
    most: Floats,
    known: Flags,
    prices: Floats,
) -> None:
    """Prices that bids of known price tell one after the other."""
    again, alone = True, True
    while again:
        again = False
        for i in range(first, last):
            if least[i] != most[i] or (alone and B_start[i + 1] - B_start[i] > 1):
                continue
            rest, at, left, largest = least[i], -1, 0, 0.0
            for e in range(B_start[i], B_start[i + 1]):
                largest = max(largest, abs(a[e]))
                if known[row[e]]:
                    rest -= a[e] * prices[row[e]]
                else:
                    at = e
                    left += 1
            if left == 1 and abs(a[at]) > SMALL_SHARE * largest:
                prices[row[at]], known[row[at]] = rest / a[at], True
                again = True
        # Bids for a product alone first: nothing else is as exact.
        again |= alone
        alone = False


@compiled
def _wish_middles(
    first: int, last: int, B_start: Ints, row: Ints, a: Floats, least: Floats, most: Floats, target: Floats
) -> None:
    """Set targets that are missing to the middle of what bids for the product alone leave, or its only finite end."""
    m = len(target)
    low, high = np.full(m, -np.inf), np.full(m, np.inf)
    for i in range(first, last):
        if B_start[i + 1] - B_start[i] == 1:
            e = B_start[i]
            p, one, other = row[e], least[i] / a[e], most[i] / a[e]
            low[p], high[p] = max(low[p], min(one, other)), min(high[p], max(one, other))
    for p in range(m):
        if np.isnan(target[p]):
            if low[p] > -np.inf and high[p] < np.inf:
                target[p] = (low[p] + high[p]) / 2
            elif low[p] > -np.inf:
                target[p] = low[p]
            elif high[p] < np.inf:
                target[p] = high[p]


@compiled
def _price_group(
    g: int,
    first: int,
    last: int,
    m: int,
    B_start: Ints,
    row: Ints,
    a: Floats,
    least: Floats,
    most: Floats,
    unit: Floats,
    target: Floats,
    nothing: Floats,
    group: Ints,
    place: Ints,
    prices: Floats,
    moves: Flags,
) -> bool:
    """Choose the prices of one group of open products."""
    n = 0
    for p in range(m):
        place[p] = -1
        if group[p] == g:
            place[p] = n
            n += 1
    n_rows, n_entries = 0, 0
    for i in range(first, last):
        if least[i] == -np.inf and most[i] == np.inf:
            continue
        mine = 0
        for e in range(B_start[i], B_start[i + 1]):
            mine += place[row[e]] >= 0
        n_rows += mine > 0
        n_entries += mine
    start, index, weight = (
        np.zeros(n_rows + 1, dtype=np.int64),
        np.empty(n_entries, dtype=np.int64),
        np.empty(n_entries),
    )
    low, high = np.empty(n_rows), np.empty(n_rows)
    j, entry = 0, 0
    for i in range(first, last):
        if least[i] == -np.inf and most[i] == np.inf:
            continue
        rest = 0.0
        for e in range(B_start[i], B_start[i + 1]):
            if place[row[e]] >= 0:
                index[entry], weight[entry] = place[row[e]], a[e]
                entry += 1
            else:
                rest += a[e] * prices[row[e]]
        if entry > start[j]:
            low[j], high[j] = least[i] - rest, most[i] - rest
            j += 1
            start[j] = entry
    root, wish, wished, chosen = np.empty(n), np.empty(n), np.empty(n, dtype=np.bool_), np.empty(n)
    products = np.empty(n, dtype=np.int64)
    for p in range(m):
        if place[p] >= 0:
            j = place[p]
            products[j], root[j], wished[j] = p, unit[p], not np.isnan(target[p])
            wish[j] = target[p] if wished[j] else nothing[p]
    # What bids of known price leave open.
    Q, vector, part = np.empty((n, n)), np.empty(n), np.empty(n)
    rank = 0
    for j in range(n_rows):
        if low[j] == high[j] and rank < n:
            length = _normal(start, index, weight, j, vector)
            for p in range(n):
                vector[p] /= length
            length = orthogonalise(Q, rank, vector, part)
            if length > DOUBTFUL:
                for p in range(n):
                    Q[rank, p] = vector[p] / length
                rank += 1
            elif length > DEPENDENT:
                return False
    for p in range(n):
        open_ = 1.0
        if rank > 0:
            vector[:] = 0.0
            vector[p] = 1.0
            open_ = orthogonalise(Q, rank, vector, part)
        moves[products[p]] = open_ > DIRECTION_ROUNDING
    if not find_nearest(start, index, weight, low, high, root, wish, wished, chosen):
        return False
    furthest, least_unit = 0.0, np.inf
    for p in range(n):
        furthest, least_unit = max(furthest, abs(chosen[p]) * root[p]), min(least_unit, root[p])
    if furthest > FAR * least_unit:
        return False
    for p in range(n):
        prices[products[p]] = chosen[p]
    return True


@compiled
def _normal(start: Ints, index: Ints, weight: Floats, j: int, vector: Floats) -> float:
    """Row ``j`` as a dense vector; returns its length."""
    vector[:] = 0.0
    square = 0.0
    for e in range(start[j], start[j + 1]):
        vector[index[e]] = weight[e]
        square += weight[e] ** 2
    return float(np.sqrt(square))
