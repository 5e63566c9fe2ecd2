"""Bids of private demands in the order and the units of the passes over them, and back.

The arguments, where they have no other name. ``start (I + 1,), row, weight (N,)``: bid ``i`` holds ``weight[e]`` of
product ``row[e]`` per unit of its demand, for ``start[i] ≤ e < start[i + 1]``; ``begin, end (I,)``: its segments in the
program; ``c, s, lo, hi (K,)`` of segments. Results are written into arrays that are given.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, Int32s, compiled

MAX_SAMPLE = 31
"""At most so many bids make the unit of a product's price."""


@compiled
def sort_bids(start: Int32s, row: Int32s, n_products: int) -> Int32s:
    """Order bids by their number of products, then by the first of these, (I,).

    A processor guesses where a loop ends if the last one was as long; neighbours change the same cells of the matrix.
    """
    n_bids, longest = len(start) - 1, 0
    for i in range(n_bids):
        longest = max(longest, start[i + 1] - start[i])
    count = np.zeros((longest + 1) * n_products + 1, dtype=np.int64)
    for i in range(n_bids):
        count[(start[i + 1] - start[i]) * n_products + row[start[i]] + 1] += 1
    for k in range(len(count) - 1):
        count[k + 1] += count[k]
    order = np.empty(n_bids, dtype=np.int32)
    for i in range(n_bids):
        key = (start[i + 1] - start[i]) * n_products + row[start[i]]
        order[count[key]] = i
        count[key] += 1
    return order


@compiled
def price_units(
    start: Int32s,
    row: Int32s,
    weight: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    unit: Floats,
) -> None:
    """Find how far the prices of products may move: the lower median of what one unit is worth to the first bids.

    Parameters
    ----------
    begin, end : (I,)
        Segments of each bid, in the order of the program; prices are deviations.
    unit : (P,)
        Written; 0 where no bid says anything.
    """
    samples = np.empty((len(unit), MAX_SAMPLE))
    count, left = np.zeros(len(unit), dtype=np.int64), len(unit)
    for i in range(len(begin)):
        a, b = begin[i], end[i] - 1
        high, low = c[a] - s[a] * lo[a], c[b] - s[b] * hi[b]
        worth = (abs(high + low) + abs(high - low)) / 2
        if worth == 0.0:
            continue
        for e in range(start[i], start[i + 1]):
            p = row[e]
            if count[p] == MAX_SAMPLE:
                continue
            said, k = worth / abs(weight[e]), count[p]
            while k > 0 and samples[p, k - 1] > said:
                samples[p, k] = samples[p, k - 1]
                k -= 1
            samples[p, k] = said
            count[p] += 1
            left -= count[p] == MAX_SAMPLE
        if left == 0:
            break
    for p in range(len(unit)):
        unit[p] = 0.0
        if count[p] > 0:
            unit[p] = samples[p, (count[p] - 1) // 2]


@compiled
def lay_out_entries(
    order: Int32s,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    unit: Floats,
    new_start: Index,
    new_row: Index,
    new_weight: Floats,
    bid_unit: Floats,
) -> None:
    """Write the entries of bids in another order and in scaled units.

    Parameters
    ----------
    order : (I,)
    unit : (P,)
    new_start, new_row, new_weight : (I + 1,), (N,), (N,)
        Written.
    bid_unit : (I,)
        Written, in the new order: what the price of each bid is measured in.
    """
    to = 0
    new_start[0] = 0
    for j in range(len(order)):
        i, square = order[j], 0.0
        for e in range(start[i], start[i + 1]):
            scaled = weight[e] * unit[row[e]]
            square += scaled * scaled
        bid_unit[j] = np.sqrt(square)
        for e in range(start[i], start[i + 1]):
            new_row[to] = row[e]
            new_weight[to] = weight[e] * unit[row[e]] / bid_unit[j]
            to += 1
        new_start[j + 1] = to


@compiled
def lay_out_segments(
    order: Int32s,
    begin: Int32s,
    end: Int32s,
    bid_unit: Floats,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    first: Index,
    new_c: Floats,
    new_s: Floats,
    new_lo: Floats,
    new_hi: Floats,
    size: Floats,
    per_size: Floats,
) -> tuple[bool, float]:
    """Write the segments of bids in another order and in scaled units: prices about 1, quantities are money.

    Returns
    -------
    bool
        Whether every segment has a size.
    float
        The least fall of price along a sloped segment.
    """
    to, usable, least = 0, True, np.inf
    first[0] = 0
    for j in range(len(order)):
        i, unit = order[j], bid_unit[j]
        for k in range(begin[i], end[i]):
            new_c[to], new_s[to] = c[k] / unit, s[k] / unit / unit
            new_lo[to], new_hi[to] = lo[k] * unit, hi[k] * unit
            width = new_hi[to] - new_lo[to]
            size[to], per_size[to] = width, 1.0 / width
            usable &= (width > 0.0) & (width < np.inf) & (per_size[to] < np.inf)
            if s[k] > 0.0:
                least = min(least, new_s[to] * width)
            to += 1
        first[j + 1] = to
    return usable, least


@compiled
def restore(
    order: Int32s,
    begin: Int32s,
    first: Index,
    bid_unit: Floats,
    scale: Floats,
    lo: Floats,
    hi: Floats,
    y: Floats,
    near: float,
    x: Floats,
    fills: Floats,
) -> None:
    """Write rates and fills in the order and the units of the program.

    Parameters
    ----------
    begin, lo, hi, scale : (I,), (K,), (K,), (I,)
        Of the program: first segments of bids, bounds, ``W_i``.
    near : float
        A fill within this share of its size from a bound stands at it.
    x, fills : (I,), (K,)
        Written.
    """
    for j in range(len(order)):
        i, rate = order[j], 0.0
        for k in range(first[j], first[j + 1]):
            at = begin[i] + k - first[j]
            fill, room = y[k] / bid_unit[j], near * (hi[at] - lo[at])
            fill = lo[at] if fill <= lo[at] + room else fill
            fill = hi[at] if fill >= hi[at] - room else fill
            fills[at] = fill
            rate += fill
        x[i] = rate / scale[i]
