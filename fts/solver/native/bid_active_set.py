"""Compiled passes of the exact last step for private demands (`private_demands.py`), bid by bid.

The arguments are those of `bid_barrier.py`; ``state (K,)`` says where segments are: -1 at the lower bound, 0 between,
1 at the upper bound. Results are written into arrays that are given. Sums are made in the order of the bids.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled

States = NDArray[np.int8]

SLACK = 1e-12
"""A price on the wrong side of a curve by up to this is rounding."""


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
) -> None:
    """Find where fill and price together say that every segment is.

    Parameters
    ----------
    state : (K,) int8
        Written: -1 at the lower bound, 0 between, 1 at the upper bound.
    """
    for i in range(len(first) - 1):
        price = 0.0
        for e in range(start[i], start[i + 1]):
            price += weight[e] * prices[row[e]]
        for k in range(first[i], first[i + 1]):
            pull = y[k] + size[k] * (c[k] - s[k] * y[k] - price)
            state[k] = -1 if pull <= lo[k] else 1 if pull >= hi[k] else 0


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
    residual : float
        The largest difference between the price of a flat segment in between and that of its bid.
    """
    n, moves, changes, flat, residual = len(net), 0, 0, 0, 0.0
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
                    residual = max(residual, abs(above))
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
    return moves, changes, flat, residual


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
