"""Small connected parts in units of their own: prices deviate by about 1, rates are money."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import Int32s, compiled
from fts.solver.medians import lower_median

TIE = 1e-11
"""Prices this near, in shares of their dispersion, are one price."""
HUGE = 1e4
"""A segment this many times as large as what is usual for its products counts as unlimited while it is solved."""
LEAST_DISPERSION = 1e-6
"""The least unit of a product's price, as a share of its level."""


@compiled
def scale_parts(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    segment_demand: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    rounding: Floats,
    level: Floats,
    P_start: Ints,
    products: Ints,
    I_start: Ints,
    portfolios: Ints,
    demands: Ints,
) -> tuple[
    Ints, Ints, Ints, Floats, Ints, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats
]:
    """Write the chosen parts in their own units: prices deviate by about 1, rates are money, portfolios are demands.

    Returns
    -------
    segment_start : (I',)
        The first segment of each portfolio's demand in the whole program.
    start, row, a, segments : (I' + 1,), (E,), (E,), (I' + 1,)
    unit, dual_unit, rate : (P',), (I',), (I',)
        Of prices, of demands' prices (with the sign of the demand weight), of rates.
    near, norm : (I',)
    lo, hi, c, s, size : (K',)
    """
    n, n_products = len(portfolios), len(products)
    greatest = 0
    for p in range(n_products):
        greatest = max(greatest, products[p])
    place = np.empty(greatest + 1, dtype=np.int64)
    first = np.full(len(rounding), -1)
    last = np.zeros(len(rounding), dtype=np.int64)
    for k in range(len(segment_demand)):
        if first[segment_demand[k]] < 0:
            first[segment_demand[k]] = k
        last[segment_demand[k]] = k + 1
    start, segments = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    for j in range(n):
        start[j + 1] = start[j] + B_start[portfolios[j] + 1] - B_start[portfolios[j]]
        segments[j + 1] = segments[j] + last[demands[j]] - first[demands[j]]
    row, a = np.empty(start[n], dtype=np.int64), np.empty(start[n])
    segment_start = np.empty(n, dtype=np.int64)
    unit, dual_unit, rate = np.zeros(n_products), np.empty(n), np.empty(n)
    near, norm, value = np.empty(n), np.empty(n), np.empty(start[n])
    new_lo, new_hi, new_c, new_s = (
        np.empty(segments[n]), np.empty(segments[n]), np.empty(segments[n]), np.empty(segments[n])
    )  # fmt: skip
    for b in range(len(P_start) - 1):
        p0 = P_start[b]
        for p in range(p0, P_start[b + 1]):
            place[products[p]] = p - p0
        for j in range(I_start[b], I_start[b + 1]):
            i, d = portfolios[j], demands[j]
            segment_start[j] = first[d]
            w = abs(W_weight[W_start[i]])
            price = _curve_price(first[d], last[d], lo, hi, c, s)
            worth = w * price if price > rounding[d] else 0.0
            for e in range(B_start[i], B_start[i + 1]):
                at = start[j] + e - B_start[i]
                row[at], value[at] = place[B_product[e]], worth / abs(B_weight[e])
    _set_medians(P_start, I_start, start, row, value, unit)
    for p in range(n_products):
        unit[p] = max(unit[p], LEAST_DISPERSION * abs(level[products[p]]))
    for b in range(len(P_start) - 1):
        p0 = P_start[b]
        for j in range(I_start[b], I_start[b + 1]):
            i, d = portfolios[j], demands[j]
            square, length = 0.0, 0.0
            for e in range(start[j], start[j + 1]):
                weight = B_weight[B_start[i] + e - start[j]]
                square += (weight * unit[p0 + row[e]]) ** 2
                length += weight**2
            rate[j] = 1.0 / np.sqrt(square)
            norm[j] = np.sqrt(length) * rate[j]
            for e in range(start[j], start[j + 1]):
                a[e] = B_weight[B_start[i] + e - start[j]] * unit[p0 + row[e]] * rate[j]
            w = W_weight[W_start[i]]
            u = 1.0 / (w * rate[j])
            dual_unit[j] = u
            near[j] = max(TIE, rounding[d] / abs(u))
            for k in range(first[d], last[d]):
                at = segments[j] + k - first[d]
                one, other = lo[k] * u, hi[k] * u
                new_lo[at], new_hi[at] = (one, other) if u > 0 else (other, one)
                new_c[at], new_s[at] = c[k] / u, s[k] / u**2
    size = _sizes(P_start, I_start, start, row, a, segments, new_lo, new_hi)
    return segment_start, start, row, a, segments, unit, dual_unit, rate, near, norm, new_lo, new_hi, new_c, new_s, size


@compiled
def _curve_price(first: int, last: int, lo: Floats, hi: Floats, c: Floats, s: Floats) -> float:
    """Compute a typical |price| of a curve: at its segments' middles, by what they offer, with half of their drop."""
    offer, total, price = 0.0, 0.0, 0.0
    for k in range(first, last):
        if hi[k] - lo[k] < np.inf:
            offer += hi[k] - lo[k]
    for k in range(first, last):
        width = hi[k] - lo[k]
        finite = width < np.inf
        typical = abs(c[k] - s[k] * ((hi[k] + lo[k]) / 2)) + s[k] * width / 2 if finite else abs(c[k])
        share = width if finite else offer if offer > 0 else 1.0
        total += share
        price += share * typical
    return price / total if total > 0 else 0.0


@compiled
def _set_medians(P_start: Ints, I_start: Ints, start: Ints, row: Ints, value: Floats, median: Floats) -> None:
    """Compute the lower median of the positive values of each product's entries.

    Where there is none, the median of these in its part, 1 where no product has one.
    """
    n_parts, n_products = len(P_start) - 1, len(median)
    begin = np.zeros(n_products + 1, dtype=np.int64)
    for b in range(n_parts):
        for e in range(start[I_start[b]], start[I_start[b + 1]]):
            begin[P_start[b] + row[e] + 1] += value[e] > 0
    for p in range(n_products):
        begin[p + 1] += begin[p]
    said, to = np.empty(begin[n_products]), begin[:n_products].copy()
    for b in range(n_parts):
        for e in range(start[I_start[b]], start[I_start[b + 1]]):
            if value[e] > 0:
                p = P_start[b] + row[e]
                said[to[p]] = value[e]
                to[p] += 1
    for p in range(n_products):
        median[p] = lower_median(said, begin[p], begin[p + 1]) if begin[p + 1] > begin[p] else 0.0
    for b in range(n_parts):
        p0, p1 = P_start[b], P_start[b + 1]
        n_known = 0
        for p in range(p0, p1):
            n_known += median[p] > 0
        if n_known == p1 - p0:
            continue
        known = median[p0:p1]
        usual = np.median(known[known > 0]) if n_known > 0 else 1.0
        for p in range(p0, p1):
            if median[p] == 0:
                median[p] = usual


@compiled
def _sizes(
    P_start: Ints, I_start: Ints, start: Ints, row: Ints, a: Floats, segments: Ints, lo: Floats, hi: Floats
) -> Floats:
    """Compute the size of each segment, (K',); unlimited and huge ones take what is usual for their products."""
    size, room, least = np.empty(len(lo)), np.empty(len(start) - 1), np.full(P_start[-1], np.inf)
    for k in range(len(lo)):
        size[k] = hi[k] - lo[k]
    for b in range(len(P_start) - 1):
        for j in range(I_start[b], I_start[b + 1]):
            below, above = 0.0, 0.0
            for k in range(segments[j], segments[j + 1]):
                below -= lo[k]
                above += hi[k]
            room[j] = max(below, above)
            if 0.0 < room[j] < np.inf:
                for e in range(start[j], start[j + 1]):
                    p = P_start[b] + row[e]
                    least[p] = min(least[p], room[j] * abs(a[e]))
    # What is usual is at least the least: most often that shows that no segment is huge, without a median.
    ordinary = True
    for b in range(len(P_start) - 1):
        for j in range(I_start[b], I_start[b + 1]):
            mine = _usual_rate(P_start[b], start[j], start[j + 1], row, a, least)
            for k in range(segments[j], segments[j + 1]):
                ordinary &= size[k] <= HUGE * mine < np.inf
    if ordinary:
        return size
    value, usual = np.empty(len(a)), np.empty(P_start[-1])
    for j in range(len(room)):
        for e in range(start[j], start[j + 1]):
            value[e] = room[j] * abs(a[e]) if room[j] < np.inf else 0.0
    _set_medians(P_start, I_start, start, row, value, usual)
    for b in range(len(P_start) - 1):
        for j in range(I_start[b], I_start[b + 1]):
            mine = _usual_rate(P_start[b], start[j], start[j + 1], row, a, usual)
            for k in range(segments[j], segments[j + 1]):
                if not size[k] <= HUGE * mine:
                    size[k] = mine
    return size


@compiled
def _usual_rate(p0: int, first: int, last: int, row: Ints, a: Floats, usual: Floats) -> float:
    """Compute the rate at which a bid trades what is usual, of the product that allows least."""
    rate = np.inf
    for e in range(first, last):
        rate = min(rate, usual[p0 + row[e]] / abs(a[e]))
    return rate
