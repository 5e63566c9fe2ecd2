"""Compiled passes of the interior-point method for private demands (`private_demands.py`), bid by bid.

The arguments, where they have no other name. ``start (I + 1,), row, weight (N,)``: bid ``i`` holds ``weight[e]`` of
product ``row[e]`` per unit of its demand, for ``start[i] ≤ e < start[i + 1]``; ``first (I + 1,)``: its segments
``first[i] ≤ k < first[i + 1]``; ``c, s, lo, hi, size (K,)`` of segments, ``per_size`` one over their sizes. Of a point
the fills ``y``, distances from the bounds ``l, u`` and their multipliers ``v, w (K,)``; ``prices (P,)``. ``Δy, Δv, Δw``
of a step. ``curve (K,)`` is how far a curve is above its demand's price, ``c - s y - λ``, and ``per_h`` is ``1/h`` of
``h = s + v/l + w/u``.

A pass reads everything it needs of a bid once: the price of its demand, its residual, its step and what these add to
the products are one loop. Results are written into arrays that are given. Sums are made in the order of the bids.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fts.models.columns import Floats
from fts.solver.compiled import Index, Short, compiled

States = NDArray[np.int8]

# ruff: noqa: E741 - `l` is the letter of the method

MAX_SAMPLE = 31
"""At most so many bids make the unit of a product's price."""
EDGE = 1e-9
"""Least distance from a bound, in shares of the size, at which a point may begin."""
SLACK = 1e-12
"""A price on the wrong side of a curve by up to this is rounding."""


@compiled
def sort_bids(start: Short, row: Short, n_products: int) -> Short:
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
    start: Short,
    row: Short,
    weight: Floats,
    begin: Short,
    end: Short,
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
    order: Short,
    start: Short,
    row: Short,
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
    order: Short,
    begin: Short,
    end: Short,
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
def begin_cold(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    right: Floats,
    capacity: Floats,
    matrix: Floats,
) -> None:
    """Start in the middle of the bounds; the equations of a market with every segment at half its size.

    Parameters
    ----------
    y, l, u : (K,)
        Written.
    right : (P,)
        Written: the right-hand side.
    capacity : (P,)
        Written: what all bids together could trade.
    matrix : (P·P,)
        Written: cells ``column·P + row`` of the lower triangle.
    """
    n = len(right)
    right[:], capacity[:], matrix[:] = 0.0, 0.0, 0.0
    for i in range(len(first) - 1):
        response, pull, offer = 0.0, 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            size, fill = hi[k] - lo[k], (lo[k] + hi[k]) / 2
            y[k], l[k], u[k] = fill, size / 2, size / 2
            answer = 1.0 / (s[k] + 1.0 / size)
            response += answer
            pull += (c[k] - s[k] * fill) * answer + fill
            offer += size
        for e in range(start[i], start[i + 1]):
            right[row[e]] += weight[e] * pull
            capacity[row[e]] += abs(weight[e]) * offer
            column, weighted = row[e] * n, response * weight[e]
            for f in range(e, start[i + 1]):
                matrix[column + row[f]] += weighted * weight[f]


@compiled
def price_bounds(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    prices: Floats,
    y: Floats,
    v: Floats,
    w: Floats,
    least: float,
) -> None:
    """Compute multipliers of bounds that fit prices.

    Each is what the price misses of its curve, if of the right sign, plus the larger of `least` and the mean of what
    all miss.
    """
    total = 0.0
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            v[k] = s[k] * y[k] - c[k] + price
            total += abs(v[k])
    room = max(least, total / max(len(y), 1))
    for k in range(len(y)):
        miss = v[k]
        v[k], w[k] = max(miss, 0.0) + room, max(-miss, 0.0) + room


@compiled
def begin_near(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    centre: float,
    prices: Floats,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    capacity: Floats,
) -> None:
    """Start near the central path at given prices: ``c - s y - λ = w - v``, ``l v`` and ``u w`` about ``centre·size``.

    Only the products are not in balance there.

    Parameters
    ----------
    capacity : (P,)
        Written: what all bids together could trade.
    """
    capacity[:] = 0.0
    for i in range(len(first) - 1):
        price, offer = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            size, fall = hi[k] - lo[k], s[k] * (hi[k] - lo[k])
            above, below = c[k] - s[k] * lo[k] - price, price - c[k] + s[k] * hi[k]
            if fall > 0.0:
                # As if only the nearer bound had a barrier; the multiplier of that bound makes up for the other.
                near = above if above < below else below
                root = np.sqrt(near * near + 4.0 * fall * centre)
                t = min((near + root) / (2.0 * fall) if near > 0.0 else 2.0 * centre / (root - near), 0.5)
            else:
                near = above
                root = np.sqrt(above * above + 4.0 * centre * centre)
                # Two forms of the root of above = centre (1/(1 - t) - 1/t), each without cancellation.
                t = (
                    (above - 2.0 * centre + root) / (2.0 * above)
                    if above > centre
                    else 2.0 * centre / (2.0 * centre - above + root)
                )
            t = min(max(t, EDGE), 1.0 - EDGE)
            at_near, at_far = centre / t, centre / (1.0 - t)
            if fall > 0.0:
                at_near = at_far - (near - fall * t)
            if fall > 0.0 and above >= below:
                l[k], u[k], v[k], w[k] = (1.0 - t) * size, t * size, at_far, at_near
            else:
                l[k], u[k], v[k], w[k] = t * size, (1.0 - t) * size, at_near, at_far
            y[k] = lo[k] + l[k]
            offer += size
        for e in range(start[i], start[i + 1]):
            capacity[row[e]] += abs(weight[e]) * offer


@compiled
def form(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    per_size: Floats,
    prices: Floats,
    primal: float,
    dual: float,
    y: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    dy: Floats,
    dv: Floats,
    dw: Floats,
    curve: Floats,
    per_h: Floats,
    net: Floats,
    right: Floats,
    matrix: Floats,
) -> tuple[float, float]:
    """Go a share `primal` of a step in fills and `dual` in multipliers, and form the equations of the next one.

    Parameters
    ----------
    prices : (P,)
        After the step.
    y, l, u, v, w : (K,)
        Changed in place.
    dy, dv, dw : (K,)
        The step.
    curve, per_h : (K,)
        Written.
    net, right : (P,)
        Written: net trade, and the right-hand side of the predictor.
    matrix : (P·P,)
        Written: ``Σ_i (Σ_k 1/h) weight_i weight_i'``, cells ``column·P + row`` of the lower triangle.

    Returns
    -------
    gap : float
        ``Σ (l v + u w)/size``.
    worst : float
        The largest residual of a curve.
    """
    n, gap, worst = len(net), 0.0, 0.0
    net[:], right[:], matrix[:] = 0.0, 0.0, 0.0
    for i in range(len(first) - 1):
        price, response, pull, rate = 0.0, 0.0, 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            moved = primal * dy[k]
            fill, left, rest = y[k] + moved, l[k] + moved, u[k] - moved
            lower, upper = v[k] + dual * dv[k], w[k] + dual * dw[k]
            y[k], l[k], u[k], v[k], w[k] = fill, left, rest, lower, upper
            above = c[k] - s[k] * fill - price
            gap += (left * lower + rest * upper) * per_size[k]
            wrong = abs(above + lower - upper)
            worst = wrong if wrong > worst else worst
            answer = 1.0 / (s[k] + lower / left + upper / rest)
            curve[k], per_h[k] = above, answer
            response += answer
            pull += above * answer
            rate += fill
        pull += rate
        for e in range(start[i], start[i + 1]):
            net[row[e]] += weight[e] * rate
            right[row[e]] += weight[e] * pull
            column, weighted = row[e] * n, response * weight[e]
            for f in range(e, start[i + 1]):
                matrix[column + row[f]] += weighted * weight[f]
    return gap, worst


@compiled
def predict(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    size: Floats,
    per_size: Floats,
    change: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    curve: Floats,
    per_h: Floats,
    dy: Floats,
    centring: Floats,
    second: Floats,
) -> tuple[float, float]:
    """Compute how far the predictor gets, and what a corrector adds to the right-hand side.

    Parameters
    ----------
    change : (P,)
        Of prices, in the predictor.
    dy : (K,)
        Written: its step in fills.
    centring, second : (P,)
        Written: what a unit of the central path's ``μ`` adds, and what products of the predictor's changes take off.

    Returns
    -------
    crossed : float
        ``Σ (Δl Δv + Δu Δw)/size``.
    reach : float
        The longest step, at most 2, that keeps distances and multipliers at or above 0.
    """
    centring[:], second[:] = 0.0, 0.0
    crossed, fastest, dual = 0.0, -0.5, -0.5
    for i in range(len(first) - 1):
        price, pull, products = 0.0, 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * change[row[e]]
        for k in range(first[i], first[i + 1]):
            moved = (curve[k] - price) * per_h[k]
            per_l, per_u = 1.0 / l[k], 1.0 / u[k]
            near, far = moved * per_l, -moved * per_u
            # l Δv + v Δl = -l v
            lower, upper = -v[k] * (1.0 + near), -w[k] * (1.0 + far)
            crossed += moved * (lower - upper) * per_size[k]
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            # A division only where it counts: Δv/v < dual.
            if lower < dual * v[k]:
                dual = lower / v[k]
            if upper < dual * w[k]:
                dual = upper / w[k]
            dy[k] = moved
            pull += per_h[k] * size[k] * (per_l - per_u)
            products += per_h[k] * (near * lower - far * upper)
        for e in range(start[i], start[i + 1]):
            centring[row[e]] += weight[e] * pull
            second[row[e]] += weight[e] * products
    return crossed, min(-1.0 / fastest, -1.0 / dual)


@compiled
def respond(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    size: Floats,
    change: Floats,
    l: Floats,
    u: Floats,
    v: Floats,
    w: Floats,
    curve: Floats,
    per_h: Floats,
    predicted: Floats,
    centre: float,
    share: float,
    dy: Floats,
    dv: Floats,
    dw: Floats,
) -> tuple[float, float]:
    """Compute the step of fills and multipliers that goes with a change of prices, (P,).

    Parameters
    ----------
    predicted : (K,)
        The predictor's step in fills; a `share` of what it adds to ``l v`` and ``u w`` is taken off.
    centre : float
        ``l v`` and ``u w`` over the size are to become this.
    dy, dv, dw : (K,)
        Written.

    Returns
    -------
    primal, dual : float
        The longest steps, at most 2, that keep distances and multipliers at or above 0.
    """
    fastest, dual = -0.5, -0.5
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * change[row[e]]
        for k in range(first[i], first[i + 1]):
            per_l, per_u, pull = 1.0 / l[k], 1.0 / u[k], centre * size[k]
            near, far = predicted[k] * per_l, -predicted[k] * per_u
            lower = pull * per_l + share * near * v[k] * (1.0 + near)
            upper = pull * per_u + share * far * w[k] * (1.0 + far)
            moved = (curve[k] + lower - upper - price) * per_h[k]
            near, far = moved * per_l, -moved * per_u
            lower, upper = lower - v[k] * (1.0 + near), upper - w[k] * (1.0 + far)
            dy[k], dv[k], dw[k] = moved, lower, upper
            fastest = near if near < fastest else fastest
            fastest = far if far < fastest else fastest
            if lower < dual * v[k]:
                dual = lower / v[k]
            if upper < dual * w[k]:
                dual = upper / w[k]
    return -1.0 / fastest, -1.0 / dual


@compiled
def place(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    size: Floats,
    prices: Floats,
    y: Floats,
    state: States,
) -> int:
    """Find where fill and price together say that every segment is.

    Parameters
    ----------
    state : (K,) int8
        Written: -1 at the lower bound, 0 between, 1 at the upper bound.

    Returns
    -------
    int
        Number of flat segments between their bounds.
    """
    flat = 0
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            pull = y[k] + size[k] * (c[k] - s[k] * y[k] - price)
            state[k] = -1 if pull <= lo[k] else 1 if pull >= hi[k] else 0
            flat += (state[k] == 0) & (s[k] == 0.0)
    return flat


@compiled
def balance(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    lo: Floats,
    hi: Floats,
    size: Floats,
    stiffness: float,
    prices: Floats,
    change: Floats,
    y: Floats,
    state: States,
    rest: Floats,
    curvature: Floats,
    net: Floats,
    traded: Floats,
    matrix: Floats,
    flat_bid: Index,
    flat_segment: Index,
) -> tuple[int, int, int, float]:
    """Let segments respond to a solve of the equations that those in between leave.

    Sloped ones follow the price. Flat ones in between take what the solve gave them; one that left its bounds is held
    there, and one at a bound that the price is on the wrong side of is let go.

    Parameters
    ----------
    stiffness : float
        Curvature (price unit over size) that flat segments in between had in the solve.
    prices, change : (P,)
        After the solve, and what it changed.
    y, state, rest : (K,)
        Fills; where flat segments are, see :func:`place`; what the price missed of those in between before the solve.
        All are updated.
    curvature : (I,)
        What sloped segments of each bid contribute to the matrix; updated.
    net, traded : (P,)
        Written: net trade and ``Σ |weight z|``.
    matrix : (P·P,)
        Updated: that of sloped segments.
    flat_bid, flat_segment : (K,)
        Written: the flat segments in between, and their bids.

    Returns
    -------
    moves, changes, flat : int
        How many flat segments moved; how many bids changed their curvature; how many flat segments are in between.
    missing : float
        The largest difference between the price of a flat segment in between and that of its bid.
    """
    n, moves, changes, flat, missing = len(net), 0, 0, 0, 0.0
    net[:], traded[:] = 0.0, 0.0
    for i in range(len(first) - 1):
        price, changed = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
            changed += weight[e] * change[row[e]]
        rate, response = 0.0, 0.0
        for k in range(first[i], first[i + 1]):
            low, high = lo[k], hi[k]
            if s[k] > 0.0:
                free = (c[k] - price) / s[k]
                fill = low if free < low else free
                fill = high if fill > high else fill
                response += 1.0 / s[k] if fill == free else 0.0
                y[k] = fill
            else:
                above = c[k] - price
                if state[k] == 0:
                    fill = y[k] + (rest[k] - changed) * size[k] / stiffness
                    if not (fill >= low and fill <= high):
                        moves += 1
                        state[k] = 1 if fill > high else -1
                        fill = high if fill > high else low
                    y[k] = fill
                else:
                    y[k] = low if state[k] < 0 else high
                    if state[k] * above < -SLACK:
                        moves += 1
                        state[k] = 0
                if state[k] == 0:
                    rest[k] = above
                    missing = max(missing, abs(above))
                    flat_bid[flat], flat_segment[flat] = i, k
                    flat += 1
            rate += y[k]
        for e in range(start[i], start[i + 1]):
            amount = weight[e] * rate
            net[row[e]] += amount
            traded[row[e]] += abs(amount)
        if response != curvature[i]:
            changes += 1
            difference = response - curvature[i]
            curvature[i] = response
            for e in range(start[i], start[i + 1]):
                column, weighted = row[e] * n, difference * weight[e]
                for f in range(e, start[i + 1]):
                    matrix[column + row[f]] += weighted * weight[f]
    return moves, changes, flat, missing


@compiled
def stiffen(
    start: Index,
    row: Index,
    weight: Floats,
    size: Floats,
    stiffness: float,
    rest: Floats,
    flat_bid: Index,
    flat_segment: Index,
    right: Floats,
    matrix: Floats,
) -> None:
    """Add flat segments in between, as steep as `stiffness`, to the equations: ``right (P,)``, ``matrix (P·P,)``."""
    n = len(right)
    for m in range(len(flat_bid)):
        i, k = flat_bid[m], flat_segment[m]
        response = size[k] / stiffness
        for e in range(start[i], start[i + 1]):
            column, weighted = row[e] * n, response * weight[e]
            right[row[e]] += weighted * rest[k]
            for f in range(e, start[i + 1]):
                matrix[column + row[f]] += weighted * weight[f]


@compiled
def inside(
    start: Index,
    row: Index,
    weight: Floats,
    first: Index,
    c: Floats,
    s: Floats,
    size: Floats,
    y: Floats,
    lo: Floats,
    hi: Floats,
    prices: Floats,
    near: Floats,
    margin: float,
    matrix: Floats,
    tied: Index,
) -> int:
    """Gather what proves that an answer is the only one.

    Parameters
    ----------
    near : (I,)
        A price this near to that of a flat segment is tied with it.
    margin : float
        A fill further than this share of the size from a bound is strictly inside.
    matrix : (P·P,)
        Written: of segments strictly inside, flat ones as steep as 1.
    tied : (K,)
        Written: bids of flat segments that are tied with the price.

    Returns
    -------
    int
        How many are tied.
    """
    n, count = int(np.sqrt(len(matrix))), 0
    matrix[:] = 0.0
    for i in range(len(first) - 1):
        response, price = 0.0, 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            room = margin * size[k]
            strictly = (y[k] > lo[k] + room) & (y[k] < hi[k] - room)
            if s[k] > 0.0:
                response += strictly / s[k]
            elif abs(c[k] - price) <= near[i]:
                tied[count] = i
                count += 1
                response += strictly * size[k]
        if response > 0.0:
            for e in range(start[i], start[i + 1]):
                column, weighted = row[e] * n, response * weight[e]
                for f in range(e, start[i + 1]):
                    matrix[column + row[f]] += weighted * weight[f]
    return count


@compiled
def restore(
    order: Short,
    begin: Short,
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
