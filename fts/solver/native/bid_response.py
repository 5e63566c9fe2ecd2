"""Compiled passes of the dual Newton method (`dual_newton.py`): how bids respond to prices.

The arguments, where they have no other name. ``start (I + 1,), row, weight (N,)``: bid ``i`` holds ``weight[e]`` of
product ``row[e]`` per unit of its demand, for ``start[i] ≤ e < start[i + 1]``. ``begin, end (I,)``: its segments
``begin[i] ≤ k < end[i]``, left to right; `single`: bid ``i`` has the one segment ``i``. ``c, s, lo, hi (K,)``:
segments; ``base (K,)``: the rate of the demand where the fill of segment ``k`` is 0, not read if `single`. ``prices
(P,)`` and ``c`` are deviations from the first prices.

Sums are made in the order of the bids, so a result has the same bits in every run.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compensated import two_product, two_sum
from fts.solver.compiled import Int32s, compiled

MAX_SAMPLE = 31
"""At most so many one-product bids make the first price of a product."""
MAX_SWEEPS = 5
"""At most so many passes over the bids for first prices."""
SNAP = 1e-14
"""A fill this near to a bound, in shares of the segment's width, is at the bound."""
INSIDE = 1e-9
"""A fill further than this from a bound, in shares of the segment's width, is strictly inside."""
MAX_AMPLIFICATION = 1e4
"""Largest factor by which a bid that determines a price may amplify the errors of others."""


@compiled
def lay_out(
    W_start: Int32s, W_demand: Int32s, segment_demand: Ints, n_demands: int, begin: Int32s, end: Int32s
) -> tuple[bool, bool]:
    """Find the segments of every bid.

    Parameters
    ----------
    W_start, W_demand
        Columns of ``W``.
    segment_demand : (K,)
    begin, end : (I,)
        Filled.

    Returns
    -------
    bool
        Whether each portfolio has exactly one demand, which has segments and which no other portfolio uses.
    bool
        Whether bid ``i`` has the one segment ``i``.
    """
    n_bids, n_segments = len(begin), len(segment_demand)
    first = np.full(n_demands + 1, -1, dtype=np.int32)
    last = np.zeros(n_demands + 1, dtype=np.int32)
    for k in range(n_segments):
        d = segment_demand[k]
        if first[d] < 0:
            first[d] = k
        last[d] = k + 1
    single = n_segments == n_bids
    for i in range(n_bids):
        if W_start[i + 1] - W_start[i] != 1:
            return False, False
        d = W_demand[W_start[i]]
        if first[d] < 0:
            return False, False
        begin[i], end[i] = first[d], last[d]
        first[d] = -1
        single &= begin[i] == i
    return True, single


@compiled
def add_bases(begin: Int32s, end: Int32s, lo: Floats, hi: Floats, base: Floats) -> None:
    """Fill ``base``: the bounds of a demand's segments to the left (full) and to the right (empty) of each."""
    for i in range(len(begin)):
        left = right = 0.0
        for k in range(begin[i], end[i]):
            base[k] = left
            left += hi[k]
        for k in range(end[i] - 1, begin[i] - 1, -1):
            base[k] += right
            right += lo[k]


@compiled
def count_flat(s: Floats, lo: Floats, hi: Floats) -> tuple[int, bool]:
    """Count flat segments; whether every bound is finite."""
    flat, finite = 0, True
    for k in range(len(s)):
        flat += s[k] == 0.0
        finite &= (hi[k] - lo[k]) < np.inf
    return flat, finite


@compiled
def divide(start: Int32s, basis: Floats, scale: Floats) -> Floats:
    """Divide the weights of each bid by its scale, (N,)."""
    weight = np.empty(len(basis))
    for i in range(len(scale)):
        for e in range(start[i], start[i + 1]):
            weight[e] = basis[e] / scale[i]
    return weight


@compiled
def first_prices(
    start: Int32s,
    row: Int32s,
    weight: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    prices: Floats,
) -> None:
    """Fill in prices that are NaN: the lower median of the middle prices of a product's first one-product bids.

    A product without such bids is priced by bids in which it is the only product without a price. Where there are none,
    products share what a bid says of them together (the nearest to 0). A product without a bid has the price 0.
    """
    n_products = len(prices)
    sample = np.empty((n_products, MAX_SAMPLE))
    for _ in range(MAX_SWEEPS):
        count = np.zeros(n_products, dtype=np.int64)
        open_products = 0
        for p in range(n_products):
            open_products += prices[p] != prices[p]
        if open_products == 0:
            return
        unfilled, found = open_products, False
        for i in range(len(begin)):
            rest, unknown, at = 0.0, 0, 0
            for e in range(start[i], start[i + 1]):
                price = prices[row[e]]
                if price == price:
                    rest += weight[e] * price
                else:
                    unknown += 1
                    at = e
                    if unknown > 1:
                        break
            if unknown != 1 or weight[at] == 0.0:
                continue
            p = row[at]
            if count[p] == MAX_SAMPLE:
                continue
            said = (_middle(i, begin, end, c, s, lo, hi) - rest) / weight[at]
            k = count[p]
            while k > 0 and sample[p, k - 1] > said:
                sample[p, k] = sample[p, k - 1]
                k -= 1
            sample[p, k] = said
            count[p] += 1
            found = True
            if count[p] == MAX_SAMPLE:
                unfilled -= 1
                if unfilled == 0:
                    break
        for p in range(n_products):
            if count[p] > 0:
                prices[p] = sample[p, (count[p] - 1) // 2]
        if not found:
            break
    for i in range(len(begin)):
        rest, square = _middle(i, begin, end, c, s, lo, hi), 0.0
        for e in range(start[i], start[i + 1]):
            price = prices[row[e]]
            if price == price:
                rest -= weight[e] * price
            else:
                square += weight[e] * weight[e]
        if square > 0.0:
            for e in range(start[i], start[i + 1]):
                if prices[row[e]] != prices[row[e]]:
                    prices[row[e]] = rest * weight[e] / square
    for p in range(n_products):
        if prices[p] != prices[p]:
            prices[p] = 0.0


@compiled
def _middle(i: int, begin: Int32s, end: Int32s, c: Floats, s: Floats, lo: Floats, hi: Floats) -> float:
    """Compute the middle of the highest and the lowest price of a bid's curve."""
    left, right = begin[i], end[i] - 1
    return float(((c[left] - s[left] * lo[left]) + (c[right] - s[right] * hi[right])) / 2)


@compiled
def deviate(
    start: Int32s,
    row: Int32s,
    basis: Floats,
    scale: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    first: Floats,
    shifted: Floats,
) -> None:
    """Measure the prices of segments from what each bid costs at the first prices.

    ``c'_k = c_k - B_i'π⁰/W_i`` by a compensated dot product (Ogita, Rump and Oishi 2005), so the level of prices costs
    no digits.

    Parameters
    ----------
    basis : (N,)
        Weights of products per unit of the portfolio.
    scale : (I,)
        ``W_i``, the weight of the portfolio's rate in its demand's rate.
    first : (P,) [money / quantity]
        First prices ``π⁰``.
    shifted : (K,)
        Filled with ``c'``.
    """
    for i in range(len(scale)):
        total, error = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            product, small = two_product(basis[e], first[row[e]])
            total, smaller = two_sum(total, product)
            error += small + smaller
        w = scale[i]
        worth = total / w
        product, small = two_product(worth, w)
        rest = (((total - product) - small) + error) / w
        for k in range(begin[i], end[i]):
            shifted[k] = (c[k] - worth) - rest


@compiled
def segment_at(price: float, k: int, begin: int, end: int, c: Floats, s: Floats, lo: Floats, hi: Floats) -> int:
    """Find the segment of a curve that holds a price, or one beside the step that does, beginning at ``k``."""
    while k + 1 < end and c[k] - price > s[k] * hi[k] and c[k + 1] - price > s[k + 1] * lo[k + 1]:
        k += 1
    while k > begin and c[k] - price < s[k] * lo[k] and c[k - 1] - price < s[k - 1] * hi[k - 1]:
        k -= 1
    return k


@compiled
def respond(
    start: Int32s,
    row: Int32s,
    weight: Floats,
    begin: Int32s,
    end: Int32s,
    single: bool,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    prices: Floats,
    at: Int32s,
    curvature: Floats,
    net: Floats,
    hessian: Floats,
) -> int:
    """Let every bid respond to prices; update the net trade and, where a bid changed its state, the Hessian.

    Parameters
    ----------
    at : (I,)
        Segment at which the search of each bid begins; updated. Not read if `single`.
    curvature : (I,)
        ``1/s`` of the segment that each bid is inside of, 0 at a bound or a step, as it is in `hessian`; updated.
    net : (P,)
        Filled with the net trade ``Σ_i weight_i z_i``.
    hessian : (P·P,) or (0,)
        ``Σ_i curvature_i weight_i weight_i'``, cells ``column·P + row`` of the lower triangle; updated.

    Returns
    -------
    int
        Number of bids that changed their state.
    """
    net[:] = 0.0
    n, changes, dense = len(net), 0, len(hessian) > 0
    for i in range(len(begin)):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        k, rate = i, 0.0
        if not single:
            k = segment_at(price, at[i], begin[i], end[i], c, s, lo, hi)
            at[i] = k
            rate = base[k]
        # Whether a bid is inside a segment is hard to foresee; choices without branches take less time.
        active = 1.0 / s[k]
        free = (c[k] - price) * active
        fill = lo[k] if free < lo[k] else free
        fill = hi[k] if fill > hi[k] else fill
        active = active if fill == free else 0.0
        rate += fill
        for e in range(start[i], start[i + 1]):
            net[row[e]] += weight[e] * rate
        if active != curvature[i]:
            changes += 1
            change = active - curvature[i]
            curvature[i] = active
            if dense:
                for e in range(start[i], start[i + 1]):
                    column, weighted = row[e] * n, change * weight[e]
                    for f in range(e, start[i + 1]):
                        hessian[column + row[f]] += weighted * weight[f]
    return changes


@compiled
def multiply(start: Int32s, row: Int32s, weight: Floats, curvature: Floats, step: Floats, product: Floats) -> None:
    """Fill `product` (P,) with the Hessian times a step: ``Σ_i curvature_i weight_i (weight_i'step)``."""
    product[:] = 0.0
    for i in range(len(curvature)):
        if curvature[i] != 0.0:
            change = 0.0
            for e in range(start[i], start[i + 1]):
                change += weight[e] * step[row[e]]
            change *= curvature[i]
            for e in range(start[i], start[i + 1]):
                product[row[e]] += weight[e] * change


@compiled
def settle(
    start: Int32s,
    row: Int32s,
    weight: Floats,
    scale: Floats,
    begin: Int32s,
    end: Int32s,
    single: bool,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    prices: Floats,
    at: Int32s,
    is_flat: Flags,
    x: Floats,
    y: Floats,
    net: Floats,
    traded: Floats,
) -> bool:
    """Compute fills and rates at final prices.

    Parameters
    ----------
    scale : (I,)
        ``W_i``.
    at : (I,)
        Segment at which the search of each bid begins; updated. Not read if `single`.
    is_flat : (K,) or (0,)
        Segments whose slope was added; they must be at a bound.
    x, y : (I,), (K,)
        Filled with rates of portfolios and fills of segments.
    net, traded : (P,)
        Filled with ``Σ weight z`` and ``Σ |weight z|``.

    Returns
    -------
    bool
        Whether every flat segment is at a bound.
    """
    net[:] = 0.0
    traded[:] = 0.0
    at_bound = True
    for i in range(len(begin)):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        k, rate = i, 0.0
        if not single:
            k = segment_at(price, at[i], begin[i], end[i], c, s, lo, hi)
            at[i] = k
            rate = base[k]
            for other in range(begin[i], k):
                y[other] = hi[other]
            for other in range(k + 1, end[i]):
                y[other] = lo[other]
        free, near = (c[k] - price) / s[k], SNAP * (hi[k] - lo[k])
        fill = lo[k] if free <= lo[k] + near else free
        fill = hi[k] if free >= hi[k] - near else fill
        if len(is_flat) > 0:
            at_bound &= not is_flat[k] or fill == lo[k] or fill == hi[k]
        y[k] = fill
        rate += fill
        x[i] = rate / scale[i]
        for e in range(start[i], start[i + 1]):
            net[row[e]] += weight[e] * rate
            traded[row[e]] += abs(weight[e] * rate)
    return at_bound


@compiled
def price_demands(
    start: Int32s, row: Int32s, basis: Floats, scale: Floats, demand: Int32s, prices: Floats, demand_prices: Floats
) -> None:
    """Fill in the prices of demands (D,) that each portfolio has for itself, ``B_i'π/W_i``."""
    for i in range(len(scale)):
        worth = 0.0
        for e in range(start[i], start[i + 1]):
            worth += basis[e] * prices[row[e]]
        demand_prices[demand[i]] = worth / scale[i]


@compiled
def is_determined(
    start: Int32s,
    row: Int32s,
    weight: Floats,
    single: bool,
    lo: Floats,
    hi: Floats,
    at: Int32s,
    y: Floats,
    curvature: Floats,
    diagonal: Floats,
    amplification: Floats,
) -> bool:
    """Prove that the bids inside a segment determine every price, one product after the other.

    A bid strictly inside a sloped segment determines the price of one product if those of its others are determined.
    Prices are measured in units in which the diagonal of the Hessian is 1. ``amplification`` bounds the sum of the
    absolute coefficients that make a product's price from those of bids. Where it stays small, the least eigenvalue of
    the Hessian is at least ``1/(P amplification²)``.

    Parameters
    ----------
    at : (I,)
        Segment of each bid. Not read if `single`.
    y : (K,)
        Fills.
    diagonal : (P,)
        Of the Hessian.
    amplification : (P,)
        That of prices known before, 0 for the others; updated.

    Returns
    -------
    bool
        False: not proved.
    """
    n_products = len(diagonal)
    unit = np.empty(n_products)
    for p in range(n_products):
        if not diagonal[p] > 0.0:
            return False
        unit[p] = 1.0 / np.sqrt(diagonal[p])
    left = np.count_nonzero(amplification == 0.0)
    for _ in range(n_products):
        before = left
        for i in range(len(curvature)):
            k = i if single else at[i]
            margin = INSIDE * (hi[k] - lo[k])
            if curvature[i] == 0.0 or y[k] <= lo[k] + margin or y[k] >= hi[k] - margin:
                continue
            unknown, last, size = 0, 0, 1.0
            root = np.sqrt(curvature[i])
            for e in range(start[i], start[i + 1]):
                p = row[e]
                if amplification[p] == 0.0:
                    unknown += 1
                    last = e
                    if unknown > 1:
                        break
                else:
                    size += root * abs(weight[e]) * unit[p] * amplification[p]
            if unknown == 1:
                share = root * abs(weight[last]) * unit[row[last]]
                # One that amplifies less may follow, but the first that is good enough saves the search for it.
                if size <= MAX_AMPLIFICATION * share:
                    amplification[row[last]] = size / share
                    left -= 1
                    if left == 0:
                        return True
        if left == before:
            return False
    return False
