"""Compiled passes over groups of bids that share a limit (`group_newton.py`): how they respond to prices.

A group has a demand that its bids share, one flat segment: its rate ``Σ_i t_i z_i`` stays within the bounds of that
segment, ``t_i`` being the weight of bid ``i`` in it per unit of the bid's own demand. With the price ``λ`` of the
shared demand, bid ``i`` responds to its own price ``weight_i'π - t_i λ``. The rate of the group never falls as ``λ``
rises, so one number is sought for each group: the price of the flat segment where the rate is within its bounds, else
the ``λ`` at which the rate is at the bound (Newton's method within an interval).

The arguments, where they have no other name. Bids of groups are in the order of the groups: group ``g`` has the bids
``first[g] ≤ i < first[g + 1]``; ``segment (G,)`` is the segment of its shared demand. ``start, row, weight, begin, end,
c, s, lo, hi, base, prices, at`` are those of `bid_response.py`. Sums are made in the order of the bids.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import Int32s, compiled
from fts.solver.native.bid_response import SNAP, segment_at

MAX_GROUP_TRIALS = 100
"""At most so many prices of one group are tried."""
GROUP_ROUNDING = 4e-16
"""Difference between the rate of a group and its bound, in shares of what its bids trade, that is rounding."""
ABSORBED = 1e-12
"""Such a difference, in the same shares, that the rounding of the price can leave; bids share it."""
KNOWN = 1e-200
"""Amplification of errors in a price that is given."""


@compiled
def find_groups(
    W_start: Int32s,
    W_demand: Int32s,
    W_value: Floats,
    segment_demand: Ints,
    n_demands: int,
    begin: Int32s,
    end: Int32s,
    own: Int32s,
    scale: Floats,
    shared: Int32s,
    share: Floats,
    segment: Int32s,
) -> bool:
    """Find the demand that every portfolio has for itself, and the one that it shares with others.

    Parameters
    ----------
    W_start, W_demand, W_value
        Columns of ``W``.
    segment_demand : (K,)
    begin, end : (I,)
        Written: the segments of the portfolio's own demand.
    own, shared : (I,)
        Written: its own demand, and the shared one; -1 where there is none.
    scale, share : (I,)
        Written: its weights in both.
    segment : (D,)
        Written: the segment of each shared demand.

    Returns
    -------
    bool
        Whether every portfolio has one demand for itself, which has segments, and at most one that it shares, which
        has one segment; and whether every demand is one of these.
    """
    n_segments = len(segment_demand)
    users = np.zeros(n_demands, dtype=np.int32)
    for e in range(len(W_demand)):
        users[W_demand[e]] += 1
    left = np.full(n_demands, -1, dtype=np.int32)
    right = np.zeros(n_demands, dtype=np.int32)
    for k in range(n_segments):
        d = segment_demand[k]
        if left[d] < 0:
            left[d] = k
        right[d] = k + 1
    for d in range(n_demands):
        segment[d] = left[d]
        if left[d] < 0 or users[d] == 0 or (users[d] > 1 and right[d] != left[d] + 1):
            return False
    for i in range(len(begin)):
        own[i], shared[i] = -1, -1
        for e in range(W_start[i], W_start[i + 1]):
            d = W_demand[e]
            if users[d] == 1:
                if own[i] >= 0:
                    return False
                own[i], scale[i] = d, W_value[e]
            else:
                if shared[i] >= 0:
                    return False
                shared[i], share[i] = d, W_value[e]
        if own[i] < 0 or scale[i] == 0.0:
            return False
        begin[i], end[i] = left[own[i]], right[own[i]]
    return True


@compiled
def take_bids(
    chosen: Int32s, start: Int32s, row: Int32s, weight: Floats, to_start: Int32s, to_row: Int32s, to_weight: Floats
) -> None:
    """Write the entries of some bids one after the other."""
    to = 0
    to_start[0] = 0
    for j in range(len(chosen)):
        for e in range(start[chosen[j]], start[chosen[j] + 1]):
            to_row[to], to_weight[to] = row[e], weight[e]
            to += 1
        to_start[j + 1] = to


@compiled
def find_products(
    first: Int32s, start: Int32s, row: Int32s, n_products: int, product_first: Int32s, products: Int32s, local: Int32s
) -> int:
    """Find the products of every group, in order, and the place of every entry among them.

    Parameters
    ----------
    product_first : (G + 1,)
        Written: group ``g`` has the products ``products[product_first[g]:product_first[g + 1]]``.
    products : (N,)
        Written at its beginning.
    local : (N,)
        Written.

    Returns
    -------
    int
        The largest number of products of a group.
    """
    place, seen, widest = np.empty(n_products, dtype=np.int32), np.full(n_products, -1, dtype=np.int32), 0
    product_first[0] = 0
    for g in range(len(first) - 1):
        begin = product_first[g]
        to = begin
        for e in range(start[first[g]], start[first[g + 1]]):
            if seen[row[e]] != g:
                seen[row[e]] = g
                products[to] = row[e]
                to += 1
        products[begin:to].sort()
        for k in range(begin, to):
            place[products[k]] = k - begin
        for e in range(start[first[g]], start[first[g + 1]]):
            local[e] = place[row[e]]
        product_first[g + 1] = to
        widest = max(widest, to - begin)
    return widest


@compiled
def _respond_at(
    lam: float,
    i0: int,
    i1: int,
    t: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    own: Floats,
    at: Int32s,
    snap: float,
    fill: Floats,
    active: Floats,
) -> tuple[float, float, float]:
    """Let the bids of one group respond to the price ``λ`` of their shared demand.

    Parameters
    ----------
    own : (I,)
        Prices of the bids at ``λ = 0``.
    snap : float
        A fill within this share of its segment's width from a bound stands at it.
    fill, active : (I,)
        Written: the fill of each bid's present segment; ``1/s`` where it is inside, else 0.

    Returns
    -------
    rate, response, traded : float
        ``Σ t z``, ``Σ active t²`` and ``Σ |t z|``.
    """
    rate, response, traded = 0.0, 0.0, 0.0
    for i in range(i0, i1):
        price = own[i] - t[i] * lam
        k = segment_at(price, at[i], begin[i], end[i], c, s, lo, hi)
        at[i] = k
        per_slope, near = 1.0 / s[k], snap * (hi[k] - lo[k])
        free = (c[k] - price) * per_slope
        inside = lo[k] if free <= lo[k] + near else free
        inside = hi[k] if free >= hi[k] - near else inside
        per_slope = per_slope if inside == free else 0.0
        fill[i], active[i] = inside, per_slope
        amount = t[i] * (base[k] + inside)
        rate += amount
        traded += abs(amount)
        response += per_slope * t[i] * t[i]
    return rate, response, traded


@compiled
def _next_price(
    lam: float,
    is_falling: bool,
    i0: int,
    i1: int,
    t: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    own: Floats,
    at: Int32s,
    fill: Floats,
    miss: float,
) -> float:
    """Find the price at which the first bid of a group, all of which are at bounds, is inside far enough.

    It is beyond the nearest price at which a bid begins to respond, by what that bid alone needs to trade `miss` less.
    NaN where no bid responds.
    """
    nearest, found = np.inf, np.nan
    for i in range(i0, i1):
        if t[i] == 0.0:
            continue
        # The rate of the bid itself falls or rises.
        falls = is_falling == (t[i] > 0.0)
        k = at[i]
        if falls and fill[i] <= lo[k]:
            k -= 1
        elif not falls and fill[i] >= hi[k]:
            k += 1
        if k < begin[i] or k >= end[i]:
            continue
        edge = (own[i] - (c[k] - s[k] * (hi[k] if falls else lo[k]))) / t[i]
        if abs(edge - lam) < nearest:
            nearest = abs(edge - lam)
            found = edge - miss * s[k] / (t[i] * t[i])
    return float(found)


@compiled
def _price_group(
    lam: float,
    level: float,
    low: float,
    high: float,
    i0: int,
    i1: int,
    t: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    own: Floats,
    at: Int32s,
    snap: float,
    fill: Floats,
    active: Floats,
) -> tuple[float, float, float, float]:
    """Find the price of a group's shared demand, beginning at ``λ``.

    Parameters
    ----------
    level, low, high : float
        Price and bounds of the flat segment.

    Returns
    -------
    lam : float
    response : float
        ``Σ active t²`` of a group at a bound; 0 where the price is that of the segment.
    rate, miss : float
        Of the group, and its difference from what the segment allows.
    """
    below, above, is_checked = -np.inf, np.inf, False
    rate, response, traded, miss = 0.0, 0.0, 0.0, 0.0
    for _ in range(MAX_GROUP_TRIALS):
        rate, response, traded = _respond_at(
            lam, i0, i1, t, begin, end, c, s, lo, hi, base, own, at, snap, fill, active
        )
        if lam == level:
            if low <= rate <= high:
                return lam, 0.0, rate, 0.0
            miss = rate - (high if rate > high else low)
        else:
            miss = rate - (high if lam < level else low)
        if abs(miss) <= GROUP_ROUNDING * traded:
            if response > 0.0 or lam == level or is_checked:
                break
            # Prices up to the segment's may do as well where no bid responds; the nearest to it is taken.
            is_checked, lam = True, level
            continue
        if miss > 0.0:
            above = lam
        else:
            below = lam
        if response > 0.0:
            to = lam - miss / response
        else:
            to = _next_price(lam, miss > 0.0, i0, i1, t, begin, end, c, s, lo, hi, own, at, fill, miss)
            if to != to:
                # No bid responds on this side any more; the segment's price may be on it.
                to = level if (lam < level) == (miss < 0.0) else lam
        # The bound that counts is another one on the other side of the segment's price.
        if (lam < level < to) or (to < level < lam):
            to = level
        if to <= below or to >= above:
            if to == lam:
                break
            to = (below + above) / 2 if above - below < np.inf else to
            if to <= below or to >= above:
                break
        lam = to
    if response > 0.0 and 0.0 < abs(miss) <= ABSORBED * traded:
        # The rounding of the price is a rate where curves are nearly flat; bids share it as they respond.
        rate -= miss
        goal, rest = rate, miss / response
        rate = 0.0
        for i in range(i0, i1):
            if active[i] > 0.0:
                k = at[i]
                fill[i] = min(max(fill[i] - rest * active[i] * t[i], lo[k]), hi[k])
            rate += t[i] * (base[at[i]] + fill[i])
        miss = rate - goal
    return lam, response, rate, miss


@compiled
def respond_groups(
    first: Int32s,
    segment: Int32s,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    t: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    prices: Floats,
    at: Int32s,
    lam: Floats,
    response: Floats,
    curvature: Floats,
    own: Floats,
    fill: Floats,
    active: Floats,
    net: Floats,
) -> int:
    """Let every group respond to prices; add its trade to the net trade.

    Parameters
    ----------
    lam : (G,)
        Prices of shared demands at which the search begins; updated.
    response : (G,)
        ``Σ curvature t²`` of groups at a bound, 0 of others; updated.
    curvature : (I,)
        ``1/s`` of the segment that each bid is inside of, else 0; updated.
    own, fill, active : (I,)
        Written.
    net : (P,)
        Added to.

    Returns
    -------
    int
        Number of bids and groups that changed their state.
    """
    changes = 0
    for g in range(len(segment)):
        i0, i1, k = first[g], first[g + 1], segment[g]
        for i in range(i0, i1):
            price = 0.0
            for e in range(start[i], start[i + 1]):
                price += weight[e] * prices[row[e]]
            own[i] = price
        lam[g], at_bound, _, _ = _price_group(
            lam[g], c[k], lo[k], hi[k], i0, i1, t, begin, end, c, s, lo, hi, base, own, at, 0.0, fill, active
        )
        changes += (at_bound > 0.0) != (response[g] > 0.0)
        response[g] = at_bound
        for i in range(i0, i1):
            changes += active[i] != curvature[i]
            curvature[i] = active[i]
            rate = base[at[i]] + fill[i]
            for e in range(start[i], start[i + 1]):
                net[row[e]] += weight[e] * rate
    return changes


@compiled
def add_curvature(
    first: Int32s,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    t: Floats,
    curvature: Floats,
    response: Floats,
    product_first: Int32s,
    products: Int32s,
    local: Int32s,
    widest: int,
    n: int,
    cells: Floats,
) -> None:
    """Add what groups contribute to the Hessian, cells ``column·n + row`` of the lower triangle.

    ``Σ curvature weight weight'`` over its bids, less ``v v'/response`` with ``v = Σ curvature t weight`` where the
    group is at a bound.
    """
    v = np.zeros(widest)
    for g in range(len(response)):
        is_bound = response[g] > 0.0
        for i in range(first[g], first[g + 1]):
            if curvature[i] == 0.0:
                continue
            for e in range(start[i], start[i + 1]):
                column, weighted = row[e] * n, curvature[i] * weight[e]
                for f in range(e, start[i + 1]):
                    cells[column + row[f]] += weighted * weight[f]
                if is_bound:
                    v[local[e]] += weighted * t[i]
        if is_bound:
            p0, width = product_first[g], product_first[g + 1] - product_first[g]
            for a in range(width):
                if v[a] == 0.0:
                    continue
                column, share = products[p0 + a] * n, v[a] / response[g]
                for b in range(a, width):
                    cells[column + products[p0 + b]] -= share * v[b]
            v[:width] = 0.0


@compiled
def settle_groups(
    first: Int32s,
    segment: Int32s,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    t: Floats,
    begin: Int32s,
    end: Int32s,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    base: Floats,
    prices: Floats,
    at: Int32s,
    lam: Floats,
    is_flat: Flags,
    portfolio: Int32s,
    scale: Floats,
    own: Floats,
    fill: Floats,
    active: Floats,
    x: Floats,
    y: Floats,
    net: Floats,
    traded: Floats,
) -> tuple[bool, float]:
    """Compute fills and rates of groups at final prices.

    Parameters
    ----------
    is_flat : (K,) or (0,)
        Segments whose slope was added; they must be at a bound.
    portfolio : (I,)
        Position of each bid in the program.
    scale : (I,)
        Weight of each bid's portfolio in its own demand.
    x, y : (portfolios,), (K,)
        Written for bids of groups and for shared demands.
    net, traded : (P,)
        Added to.

    Returns
    -------
    bool
        Whether every flat segment of a bid is at a bound.
    float
        The largest difference between the rates of a group and of its shared demand, in shares of what is traded.
    """
    at_bound, missing = True, 0.0
    for g in range(len(segment)):
        i0, i1, shared = first[g], first[g + 1], segment[g]
        for i in range(i0, i1):
            price = 0.0
            for e in range(start[i], start[i + 1]):
                price += weight[e] * prices[row[e]]
            own[i] = price
        lam[g], _, rate, miss = _price_group(
            lam[g], c[shared], lo[shared], hi[shared], i0, i1, t, begin, end, c, s, lo, hi, base, own, at, SNAP, fill,
            active,
        )  # fmt: skip
        y[shared] = rate - miss
        total = 0.0
        for i in range(i0, i1):
            k = at[i]
            for other in range(begin[i], k):
                y[other] = hi[other]
            for other in range(k + 1, end[i]):
                y[other] = lo[other]
            if len(is_flat) > 0:
                at_bound &= not is_flat[k] or fill[i] == lo[k] or fill[i] == hi[k]
            y[k] = fill[i]
            z = base[k] + fill[i]
            total += abs(t[i] * z)
            x[portfolio[i]] = z / scale[i]
            for e in range(start[i], start[i + 1]):
                net[row[e]] += weight[e] * z
                traded[row[e]] += abs(weight[e] * z)
        if abs(miss) > 0.0:
            missing = max(missing, abs(miss) / total if total > 0.0 else np.inf)
        if lam[g] != c[shared]:
            # The fill is the bound itself, without the rounding of the rate.
            y[shared] = hi[shared] if lam[g] < c[shared] else lo[shared]
    return at_bound, missing


@compiled
def add_limits(
    first: Int32s,
    chosen: Ints,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    t: Floats,
    n_products: int,
    to_start: Int32s,
    to_row: Int32s,
    to_weight: Floats,
) -> None:
    """Write the entries of all bids, those of groups with one more: the price of the shared demand is a row as well.

    Parameters
    ----------
    first, t
        Of the bids of groups.
    chosen : (n,)
        Position of each bid of a group among all bids.
    start, row, weight
        Of all bids.
    to_start, to_row, to_weight
        Written; group ``g`` has the row ``n_products + g``.
    """
    extra = np.zeros(len(start) - 1)
    group = np.full(len(start) - 1, -1, dtype=np.int32)
    for g in range(len(first) - 1):
        for i in range(first[g], first[g + 1]):
            group[chosen[i]], extra[chosen[i]] = g, -t[i]
    to = 0
    to_start[0] = 0
    for i in range(len(group)):
        for e in range(start[i], start[i + 1]):
            to_row[to], to_weight[to] = row[e], weight[e]
            to += 1
        if group[i] >= 0:
            to_row[to], to_weight[to] = n_products + group[i], extra[i]
            to += 1
        to_start[i + 1] = to


@compiled
def begin_proof(
    segment: Int32s,
    start: Int32s,
    row: Int32s,
    weight: Floats,
    lo: Floats,
    hi: Floats,
    y: Floats,
    inside: float,
    curvature: Floats,
    diagonal: Floats,
    amplification: Floats,
) -> None:
    """Find which prices of shared demands are known, for :func:`bid_response.is_determined`.

    Parameters
    ----------
    start, row, weight, curvature
        Of all bids, see :func:`add_limits`.
    y : (K,)
        Fills.
    inside : float
        A fill further than this from a bound, in shares of the segment's width, is strictly inside.
    diagonal : (P + G,)
        Written: ``Σ curvature weight²``, 1 for known prices.
    amplification : (P + G,)
        Written: 0, and hardly anything for a group strictly within its limit, whose price is that of the segment.
    """
    diagonal[:], amplification[:] = 0.0, 0.0
    for i in range(len(curvature)):
        if curvature[i] > 0.0:
            for e in range(start[i], start[i + 1]):
                diagonal[row[e]] += curvature[i] * weight[e] * weight[e]
    n_products = len(diagonal) - len(segment)
    for g in range(len(segment)):
        k = segment[g]
        margin = inside * (hi[k] - lo[k])
        if y[k] > lo[k] + margin and y[k] < hi[k] - margin:
            diagonal[n_products + g], amplification[n_products + g] = 1.0, KNOWN
