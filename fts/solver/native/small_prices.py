"""The canonical prices of one small part.

Every bid keeps its fills for ``low ≤ a_i'δ ≤ high``. Of all prices that keep every bid's fills those are chosen that
are nearest to the references or the middles of quotes, then nearest to 0.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.nearest_of_two import find_nearest_of_two
from fts.solver.native.nearest_point import UNEVEN, find_nearest
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
    for i in range(len(near)):
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
    P_start: Ints,
    I_start: Ints,
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
    found: Flags,
) -> None:
    """Choose the prices of all parts in place, mark those that could be others, and the parts where none were found.

    Every step passes over all parts: a call for each would take longer than the few bids of a small one.
    """
    known = np.zeros(len(prices), dtype=np.bool_)
    _settle(P_start, I_start, B_start, row, a, least, most, found, known, prices)
    is_open = False
    for b in range(len(found)):
        for p in range(P_start[b], P_start[b + 1]):
            is_open |= found[b] and not known[p]
    if is_open:
        target = reference.copy()
        _wish_middles(P_start, I_start, B_start, row, a, least, most, target)
        group = _group_products(P_start, I_start, B_start, row, least, most, known)
        _price_groups(
            P_start, I_start, B_start, row, a, least, most, unit, target, nothing, known, group, prices, moves, found
        )
    for b in range(len(found)):
        for i in range(I_start[b], I_start[b + 1]):
            worth, money = 0.0, 0.0
            for e in range(B_start[i], B_start[i + 1]):
                value = a[e] * prices[P_start[b] + row[e]]
                worth += value
                money += abs(value)
            found[b] &= worth >= least[i] - KEPT * (1.0 + money) and worth <= most[i] + KEPT * (1.0 + money)


@compiled
def _settle(
    P_start: Ints,
    I_start: Ints,
    B_start: Ints,
    row: Ints,
    a: Floats,
    least: Floats,
    most: Floats,
    found: Flags,
    known: Flags,
    prices: Floats,
) -> None:
    """Prices that bids of known price tell one after the other."""
    for b in range(len(found)):
        p0, again, alone = P_start[b], found[b], True
        while again:
            again = False
            for i in range(I_start[b], I_start[b + 1]):
                if least[i] != most[i] or (alone and B_start[i + 1] - B_start[i] > 1):
                    continue
                rest, at, left, largest = least[i], -1, 0, 0.0
                for e in range(B_start[i], B_start[i + 1]):
                    largest = max(largest, abs(a[e]))
                    if known[p0 + row[e]]:
                        rest -= a[e] * prices[p0 + row[e]]
                    else:
                        at = e
                        left += 1
                if left == 1 and abs(a[at]) > SMALL_SHARE * largest:
                    prices[p0 + row[at]], known[p0 + row[at]] = rest / a[at], True
                    again = True
            # Bids for a product alone first: nothing else is as exact.
            again |= alone
            alone = False


@compiled
def _wish_middles(
    P_start: Ints, I_start: Ints, B_start: Ints, row: Ints, a: Floats, least: Floats, most: Floats, target: Floats
) -> None:
    """Set targets that are missing to the middle of what bids for the product alone leave, or its only finite end."""
    m = len(target)
    low, high = np.full(m, -np.inf), np.full(m, np.inf)
    for b in range(len(P_start) - 1):
        for i in range(I_start[b], I_start[b + 1]):
            if B_start[i + 1] - B_start[i] == 1:
                e = B_start[i]
                p, one, other = P_start[b] + row[e], least[i] / a[e], most[i] / a[e]
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
def _group_products(
    P_start: Ints, I_start: Ints, B_start: Ints, row: Ints, least: Floats, most: Floats, known: Flags
) -> Ints:
    """Find the first product of each open product's group, (P,), -1 for known ones; groups share no limited bid."""
    group = np.full(len(known), -1)
    for p in range(len(known)):
        if not known[p]:
            group[p] = p
    for b in range(len(P_start) - 1):
        for i in range(I_start[b], I_start[b + 1]):
            if least[i] == -np.inf and most[i] == np.inf:
                continue
            one = -1
            for e in range(B_start[i], B_start[i + 1]):
                other = P_start[b] + row[e]
                if known[other]:
                    continue
                while group[other] != other:
                    other = group[other]
                if one < 0:
                    one = other
                elif other != one:
                    group[max(one, other)] = min(one, other)
                    one = min(one, other)
    for p in range(len(known)):
        root = p
        while not known[p] and group[root] != root:
            root = group[root]
        if not known[p]:
            group[p] = root
    return group


@compiled
def _price_groups(
    P_start: Ints,
    I_start: Ints,
    B_start: Ints,
    row: Ints,
    a: Floats,
    least: Floats,
    most: Floats,
    unit: Floats,
    target: Floats,
    nothing: Floats,
    known: Flags,
    group: Ints,
    prices: Floats,
    moves: Flags,
    found: Flags,
) -> None:
    """Choose the prices of every group of open products."""
    m, n_rows, n_entries = 0, 0, 0
    for b in range(len(found)):
        m, n_rows = max(m, P_start[b + 1] - P_start[b]), max(n_rows, I_start[b + 1] - I_start[b])
        n_entries = max(n_entries, B_start[I_start[b + 1]] - B_start[I_start[b]])
    place, products = np.empty(len(prices), dtype=np.int64), np.empty(m, dtype=np.int64)
    start, index, weight = (
        np.zeros(n_rows + 1, dtype=np.int64),
        np.empty(n_entries, dtype=np.int64),
        np.empty(n_entries),
    )
    low, high = np.empty(n_rows), np.empty(n_rows)
    for b in range(len(found)):
        p0, p1 = P_start[b], P_start[b + 1]
        for g in range(p0, p1):
            if not found[b] or group[g] != g:
                continue
            n, n_wished = 0, 0
            for p in range(p0, p1):
                place[p] = -1
                if group[p] == g:
                    place[p], products[n] = n, p
                    n += 1
                    n_wished += not np.isnan(target[p])
            # What bids leave to the products of the group.
            j, entry, n_equations = 0, 0, 0
            for i in range(I_start[b], I_start[b + 1]):
                if least[i] == -np.inf and most[i] == np.inf:
                    continue
                rest = 0.0
                for e in range(B_start[i], B_start[i + 1]):
                    p = p0 + row[e]
                    if place[p] >= 0:
                        index[entry], weight[entry] = place[p], a[e]
                        entry += 1
                    else:
                        rest += a[e] * prices[p]
                if entry > start[j]:
                    low[j], high[j] = least[i] - rest, most[i] - rest
                    n_equations += low[j] == high[j]
                    j += 1
                    start[j] = entry
            done = False
            if n <= 2 and n_equations == 0 and (n_wished == 0 or n_wished == n):
                one, other = products[0], products[n - 1]
                greatest = max(unit[one], unit[other])
                if greatest <= UNEVEN * min(unit[one], unit[other]):
                    wish = nothing if n_wished == 0 else target
                    done, x, y = find_nearest_of_two(
                        j, start, index, weight, low, high, unit[one] / greatest, unit[other] / greatest,
                        wish[one], wish[other] if n > 1 else 0.0,
                    )  # fmt: skip
                    if done:
                        prices[one], moves[one], moves[other] = x, True, True
                        if n > 1:
                            prices[other] = y
            if not done:
                found[b] = _price_group(
                    products[:n], start[: j + 1], index, weight, low[:j], high[:j], unit, target, nothing, prices, moves
                )


@compiled
def _price_group(
    products: Ints,
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    unit: Floats,
    target: Floats,
    nothing: Floats,
    prices: Floats,
    moves: Flags,
) -> bool:
    """Choose the prices of one group of open products within the limits of bids."""
    n, n_rows = len(products), len(low)
    root, wish, wished, chosen = np.empty(n), np.empty(n), np.empty(n, dtype=np.bool_), np.empty(n)
    for j in range(n):
        p = products[j]
        root[j], wished[j] = unit[p], not np.isnan(target[p])
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
    if not find_nearest(start, index, weight[: start[n_rows]], low, high, root, wish, wished, chosen):
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
