"""The canonical fills and prices of small connected parts, part after part in one compiled call.

It starts from optimal fills, in the units and the order of :mod:`fts.solver.native.small_optimum`. Both choices are of
one form: the point within linear limits that is nearest to targets, first in the *wished* coordinates, then in the
others. It is found by the dual method of Goldfarb and Idnani (*A numerically stable dual method for solving strictly
convex quadratic programs*, 1983), which starts at the targets and adds one limit after the other.

1. Fills: tied flat segments, cut at 0, with the least ``Σ (size of a)·x²/extent``; of unlimited ones then the least
   trade.
2. Prices: every bid keeps the fills for ``low ≤ a_i'δ ≤ high``; nearest to the references or the middles of quotes,
   then nearest to 0.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled

FLAT = 1e-12
"""A segment is flat when its price falls by at most this many typical prices."""
SMALL = 1e-8
"""A weight with a smaller share of its row settles no price."""
DEPENDENT = 1e-11
"""A normal of length 1 this near to the span of others depends on them."""
DOUBTFUL = 1e-5
"""Up to this near nothing is said about the part."""
STILL = 1e-9
"""A share of a direction that is rounding."""
VIOLATED = 1e-13
"""A limit missed by this share of the largest coordinate is missed."""
CONTRADICTION = 1e-10
"""A limit that depends on others may miss them by this share: rounding of the fills."""
SOFT = 1e-3
"""The weight of coordinates without a wish, while the wished ones are chosen, as a share of theirs."""
RUNS, SETTLED = 8, 1e-13
"""At most so many runs with the others drawn to where they were, until the wished coordinates settle to this share."""
UNEVEN = 1e6
"""Parts whose weights differ by more than this factor are left out."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""
KEPT = 1e-9
"""Prices must keep every fill to this share of the money in a bid."""


@compiled
def choose(
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
    norm: Floats,
    unit: Floats,
    reference: Floats,
    nothing: Floats,
    able: Flags,
    y: Floats,
    prices: Floats,
    found: Flags,
) -> tuple[Flags, Flags, Flags, Floats, Floats]:
    """Choose the canonical fills and prices of every part, in place.

    Parameters
    ----------
    P_start, I_start, B_start, row, a, K_start, lo, hi, c, s
        See :func:`fts.solver.native.small_optimum.find_optima`.
    near : (I,)
        Prices of a bid this near are one price.
    norm : (I,)
        The size of each bid's column in the units in which trade is measured.
    unit : (P,)
        The unit of each price.
    reference, nothing : (P,)
        Wished prices, NaN where there is none; prices of 0.
    able : (I,)
    y : (K,)
    prices : (P,)
    found : (n_parts,)
        Which parts have optimal fills; False is written where the choice was not found.

    Returns
    -------
    moves : (P,)
        Whether the price could be another one.
    unique_price, unique_rate : (n_parts,)
    least, most : (I,)
        Between which prices each bid keeps its fills.
    """
    n_parts = len(P_start) - 1
    moves = np.zeros(len(unit), dtype=np.bool_)
    unique_price, unique_rate = np.ones(n_parts, dtype=np.bool_), np.ones(n_parts, dtype=np.bool_)
    least, most = np.empty(len(B_start) - 1), np.empty(len(B_start) - 1)
    for b in range(n_parts):
        if not found[b]:
            continue
        first, last, p0, p1 = I_start[b], I_start[b + 1], P_start[b], P_start[b + 1]
        state = _share_ties(
            first, last, p1 - p0, B_start, row, a, K_start, lo, hi, c, s, near, norm, able, y, prices[p0:p1]
        )
        unique_rate[b] = state == 0
        if state == 2:
            found[b] = False
            continue
        _limit_worths(first, last, K_start, lo, hi, c, s, y, near, least, most)
        found[b] = _price(
            first, last, p1 - p0, B_start, row, a, least, most, unit[p0:p1], reference[p0:p1], nothing[p0:p1],
            prices[p0:p1], moves[p0:p1],
        )  # fmt: skip
        for p in range(p0, p1):
            unique_price[b] &= not moves[p]
    return moves, unique_price, unique_rate, least, most


@compiled
def _limit_worths(
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
def _share_ties(
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
    """Choose the fills of tied flat segments; 0: there was no choice, 1: it is made, 2: it was not found."""
    n_bids, n = 0, 0
    bids, segments = np.empty(last - first, dtype=np.int64), np.empty(last - first, dtype=np.int64)
    for i in range(first, last):
        if not able[i]:
            continue
        worth = 0.0
        for e in range(B_start[i], B_start[i + 1]):
            worth += a[e] * prices[row[e]]
        tied = 0
        for k in range(K_start[i], K_start[i + 1]):
            drop = s[k] * (hi[k] - lo[k]) if s[k] > 0 else 0.0
            if drop <= FLAT and abs(c[k] - worth) <= near[i]:
                tied += 1
                bids[n_bids], segments[n_bids] = i, k
                n += int(hi[k] > 0) + int(lo[k] < 0)
        if tied > 1:
            return 2
        n_bids += tied
    if n_bids == 0:
        return 0
    # Independent columns leave no choice.
    basis, vector, part = np.empty((min(n_bids, m), m)), np.empty(m), np.empty(m)
    rank, dependent = 0, n_bids > m
    for j in range(n_bids):
        if dependent:
            break
        vector[:] = 0.0
        for e in range(B_start[bids[j]], B_start[bids[j] + 1]):
            vector[row[e]] = a[e]
        length = _orthogonalise(basis, rank, vector, part)
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
    if not _nearest(start, index, weight, low, high, root, target, wished, fill):
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


@compiled
def _price(
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
            if left == 1 and abs(a[at]) > SMALL * largest:
                prices[row[at]], known[row[at]] = rest / a[at], True
                again = True
        # Bids for a product alone first: nothing else is as exact.
        again |= alone
        alone = False


@compiled
def _wish_middles(
    first: int, last: int, B_start: Ints, row: Ints, a: Floats, least: Floats, most: Floats, target: Floats
) -> None:
    """Where there is no target, the middle of what bids for the product alone leave, or its only finite end."""
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
            length = _orthogonalise(Q, rank, vector, part)
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
            open_ = _orthogonalise(Q, rank, vector, part)
        moves[products[p]] = open_ > STILL
    if not _nearest(start, index, weight, low, high, root, wish, wished, chosen):
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


@compiled
def _orthogonalise(Q: Floats, q: int, vector: Floats, part: Floats) -> float:
    """Take off what the first `q` orthonormal rows hold of a vector, in place; returns what is left of its length.

    `part` (at least q) is what each row held.
    """
    n = len(vector)
    before = 0.0
    for p in range(n):
        before += vector[p] ** 2
    part[:q] = 0.0
    left = before
    for _ in range(2):
        for k in range(q):
            total = 0.0
            for p in range(n):
                total += Q[k, p] * vector[p]
            if total != 0.0:
                part[k] += total
                for p in range(n):
                    vector[p] -= total * Q[k, p]
        left = 0.0
        for p in range(n):
            left += vector[p] ** 2
        # Once is enough where little was taken off.
        if left > 0.5 * before:
            break
    return float(np.sqrt(left))


@compiled
def _nearest(
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    root: Floats,
    target: Floats,
    wished: Flags,
    chosen: Floats,
) -> bool:
    """The point within limits ``low ≤ rows ≤ high`` nearest to targets, wished coordinates first; whether it was found.

    The distance is ``Σ root²(v - target)²``.
    """
    n = len(root)
    n_wished, greatest, smallest, greatest_other, smallest_other = 0, 0.0, np.inf, 0.0, np.inf
    for p in range(n):
        if wished[p]:
            n_wished += 1
            greatest, smallest = max(greatest, root[p]), min(smallest, root[p])
        else:
            greatest_other, smallest_other = max(greatest_other, root[p]), min(smallest_other, root[p])
    if (n_wished > 0 and greatest > UNEVEN * smallest) or (n_wished < n and greatest_other > UNEVEN * smallest_other):
        return False
    scale, aim, v = np.empty(n), np.empty(n), np.empty(n)
    soft = SOFT if n_wished > 0 else 1.0
    for p in range(n):
        scale[p] = root[p] / greatest if wished[p] else soft * root[p] / greatest_other
    normals, least, most = np.empty(len(weight)), np.empty(len(low)), np.empty(len(low))
    for j in range(len(low)):
        square = 0.0
        for e in range(start[j], start[j + 1]):
            normals[e] = weight[e] / scale[index[e]]
            square += normals[e] ** 2
        if square == 0:
            # A product that no unknown trades.
            least[j], most[j] = -np.inf, np.inf
            continue
        size = np.sqrt(square)
        for e in range(start[j], start[j + 1]):
            normals[e] /= size
        least[j], most[j] = low[j] / size, high[j] / size
    Q, R, A = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    for p in range(n):
        aim[p] = target[p] * scale[p]
        chosen[p] = np.inf
    begin, to, rows = start, index, len(low)
    others = False
    for _ in range(RUNS + 1):
        if not _project(begin[: rows + 1], to, normals, least[:rows], most[:rows], aim, v, Q, R, A):
            return False
        if n_wished == 0 or n_wished == n:
            for p in range(n):
                chosen[p] = v[p] / scale[p]
            return True
        if others:
            j = 0
            for p in range(n):
                if not wished[p]:
                    chosen[p] = v[j] * greatest_other / root[p]
                    j += 1
            return True
        # Run after run the others are drawn to where they were, until the wished coordinates settle.
        change, level = 0.0, 1.0
        for p in range(n):
            if wished[p]:
                change, level = max(change, abs(v[p] - chosen[p])), max(level, abs(v[p]))
            else:
                aim[p] = v[p]
            chosen[p] = v[p]
        if change <= SETTLED * level:
            others = True
            for p in range(n):
                chosen[p] = v[p] / scale[p]
            begin, to, rows = _others(start, index, weight, low, high, root, wished, chosen, normals, least, most)
            aim, v = np.empty(n - n_wished), np.empty(n - n_wished)
            j = 0
            for p in range(n):
                if not wished[p]:
                    aim[j] = target[p] * root[p] / greatest_other
                    j += 1
    return False


@compiled
def _others(
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    root: Floats,
    wished: Flags,
    chosen: Floats,
    normals: Floats,
    least: Floats,
    most: Floats,
) -> tuple[Ints, Ints, int]:
    """The limits that wished coordinates leave to the others: where rows begin, their coordinates, how many rows.

    Normals and limits are written in place.
    """
    place, others, greatest = np.full(len(root), -1), 0, 0.0
    for p in range(len(root)):
        if not wished[p]:
            place[p] = others
            others += 1
            greatest = max(greatest, root[p])
    begin, to = np.zeros(len(low) + 1, dtype=np.int64), np.empty(len(index), dtype=np.int64)
    j, entry = 0, 0
    for r in range(len(low)):
        rest, square = 0.0, 0.0
        for e in range(start[r], start[r + 1]):
            p = index[e]
            if wished[p]:
                rest += weight[e] * chosen[p]
            else:
                to[entry], normals[entry] = place[p], weight[e] * greatest / root[p]
                square += normals[entry] ** 2
                entry += 1
        if entry == begin[j]:
            continue
        size = np.sqrt(square)
        for e in range(begin[j], entry):
            normals[e] /= size
        least[j], most[j] = (low[r] - rest) / size, (high[r] - rest) / size
        j += 1
        begin[j] = entry
    return begin, to, j


@compiled
def _project(
    start: Ints,
    index: Ints,
    normals: Floats,
    least: Floats,
    most: Floats,
    aim: Floats,
    v: Floats,
    Q: Floats,
    R: Floats,
    A: Floats,
) -> bool:
    """The point nearest to `aim` within ``least ≤ normals ≤ most``, rows of length 1; whether there is one.

    `Q`, `R` and `A` are room: of the active normals an orthonormal basis, their coordinates in it, and themselves.
    """
    n, n_rows = len(aim), len(least)
    active, bound, force = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    state = np.zeros(n_rows, dtype=np.int64)  # 1: active or left out
    vector, part, move = np.empty(n), np.empty(n), np.empty(n)
    for p in range(n):
        v[p] = aim[p]
    q = 0
    for j in range(n_rows):
        if least[j] != most[j]:
            continue
        state[j] = 1
        _dense(start, index, normals, j, 1.0, vector)
        now, level = 0.0, 1.0
        for p in range(n):
            now += vector[p] * v[p]
            level = max(level, abs(v[p]))
        A_row = vector.copy()
        length = _orthogonalise(Q, q, vector, part)
        if q == n or length <= DOUBTFUL:
            if abs(now - least[j]) > CONTRADICTION * level:
                return False
            continue
        for p in range(n):
            A[q, p], Q[q, p] = A_row[p], vector[p] / length
            v[p] += vector[p] / length * ((least[j] - now) / length)
            R[p, q] = part[p] if p < q else 0.0
        R[q, q], active[q], bound[q], force[q] = length, j, least[j], np.inf
        q += 1
    fixed = q
    for _ in range(20 * (n + n_rows) + 20):
        level = 1.0
        for p in range(n):
            level = max(level, abs(v[p]))
        worst, at, side = VIOLATED * level, -1, 1.0
        for j in range(n_rows):
            if state[j]:
                continue
            now = 0.0
            for e in range(start[j], start[j + 1]):
                now += normals[e] * v[index[e]]
            if least[j] - now > worst:
                worst, at, side = least[j] - now, j, 1.0
            if now - most[j] > worst:
                worst, at, side = now - most[j], j, -1.0
        if at < 0:
            _polish(q, Q, R, A, bound, aim, v, part)
            return _keeps(start, index, normals, least, most, v)
        _dense(start, index, normals, at, side, vector)
        wanted = least[at] if side > 0 else -most[at]
        pull = 0.0
        A_row = vector.copy()
        while True:
            for p in range(n):
                vector[p] = A_row[p]
            length = _orthogonalise(Q, q, vector, part) if q < n else 0.0
            if q == n:
                for k in range(q):
                    part[k] = 0.0
                    for p in range(n):
                        part[k] += Q[k, p] * A_row[p]
            # How the forces of the active rows change with that of the new one.
            for k in range(q - 1, -1, -1):
                total = part[k]
                for j in range(k + 1, q):
                    total -= R[k, j] * move[j]
                move[k] = total / R[k, k]
            longest, leaves = np.inf, -1
            for k in range(fixed, q):
                if move[k] > 0 and force[k] < longest * move[k]:
                    longest, leaves = force[k] / move[k], k
            now = 0.0
            for p in range(n):
                now += A_row[p] * v[p]
            if length > DOUBTFUL:
                full = (wanted - now) / length**2
                step = min(full, longest)
                for p in range(n):
                    v[p] += step * vector[p]
            else:
                full, step = np.inf, longest
                if leaves < 0:
                    if wanted - now > CONTRADICTION * level:
                        return False
                    state[at] = 1
                    break
            for k in range(fixed, q):
                force[k] -= step * move[k]
            pull += step
            if full <= longest:
                for p in range(n):
                    A[q, p], Q[q, p] = A_row[p], vector[p] / length
                    R[p, q] = part[p] if p < q else 0.0
                R[q, q], active[q], bound[q], force[q] = length, at, wanted, pull
                state[at] = 1
                q += 1
                break
            # The row that lost its force leaves; the basis of those after it is made anew.
            state[active[leaves]] = 0
            for k in range(leaves, q - 1):
                active[k], bound[k], force[k] = active[k + 1], bound[k + 1], force[k + 1]
                for p in range(n):
                    A[k, p] = A[k + 1, p]
                    vector[p] = A[k, p]
                length = _orthogonalise(Q, k, vector, part)
                for p in range(n):
                    Q[k, p] = vector[p] / length
                    R[p, k] = part[p] if p < k else 0.0
                R[k, k] = length
            q -= 1
    return False


@compiled
def _dense(start: Ints, index: Ints, normals: Floats, j: int, side: float, vector: Floats) -> None:
    vector[:] = 0.0
    for e in range(start[j], start[j + 1]):
        vector[index[e]] += side * normals[e]


@compiled
def _polish(q: int, Q: Floats, R: Floats, A: Floats, bound: Floats, aim: Floats, v: Floats, part: Floats) -> None:
    """The point of the active rows nearest to `aim`, to rounding."""
    n = len(aim)
    for p in range(n):
        v[p] = aim[p]
    for _ in range(3):
        for k in range(q):
            total = bound[k]
            for p in range(n):
                total -= A[k, p] * v[p]
            for j in range(k):
                total -= R[j, k] * part[j]
            part[k] = total / R[k, k]
        for k in range(q):
            for p in range(n):
                v[p] += part[k] * Q[k, p]


@compiled
def _keeps(start: Ints, index: Ints, normals: Floats, least: Floats, most: Floats, v: Floats) -> bool:
    """Whether a point is within all limits, to rounding."""
    level = 1.0
    for p in range(len(v)):
        level = max(level, abs(v[p]))
    for j in range(len(least)):
        now = 0.0
        for e in range(start[j], start[j + 1]):
            now += normals[e] * v[index[e]]
        if not (now >= least[j] - CONTRADICTION * level and now <= most[j] + CONTRADICTION * level):
            return False
    return True
