"""The supply and demand of one order book in pieces, and the prices at which net demand jumps or bends."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compensated import two_product
from fts.solver.compiled import compiled

PRICE_ROUNDING = 4 * 2.0**-52
"""Two prices are one when they differ by at most this share of their size, since c·W/B is rounded."""
PROFIT_ROUNDING = 1e-12
"""A profit of two unlimited bids below this share of the money that changes hands is none, as in `unbounded`."""
INSERTION_SORT_LENGTH = 32
"""Runs of this many numbers are sorted by insertion; longer lists are merged from such runs."""


class Pieces(NamedTuple):
    """The segments of one book, split at fill 0: buying pieces from the front, selling pieces from the back.

    Attributes
    ----------
    near, far : (n,) [money / product unit]
        Signed price at which the piece begins to trade, and at which it is full, as deviations from the centre. They
        are equal for a flat piece. A piece between them by no more than the tolerance of prices is flat.
    gain, fill_gain : (n,)
        Quantity, and fill, per unit of price in between.
    extent, bound : (n,)
        Quantity, and fill with its sign, when full.
    ratio : (n,)
        Quantity per unit of fill, ``|B/W|``.
    segment, bid : (n,)
        Position of the segment, and of its bid.
    """

    near: Floats
    far: Floats
    gain: Floats
    extent: Floats
    bound: Floats
    fill_gain: Floats
    ratio: Floats
    segment: Ints
    bid: Ints


@compiled
def make_pieces(n: int) -> Pieces:
    """Room for the pieces of a book."""
    return Pieces(
        np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n),
        np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64),
    )  # fmt: skip


@compiled
def cut_pieces(
    basis: Floats,
    weight: Floats,
    first: Ints,
    last: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    begin: int,
    end: int,
    tie: float,
    centre: float,
    pieces: Pieces,
) -> tuple[int, int, bool]:
    """Split the segments of a book at fill 0: buying pieces from the front of the table, selling ones from the back.

    Returns the end of the buying pieces, the beginning of the selling pieces, and True if a piece is sloped.
    """
    buyers, sellers, sloped = 0, len(pieces.near), False
    for i in range(begin, end):
        B, W = basis[i], weight[i]
        ratio = abs(B / W)
        positive = (B > 0) == (W > 0)
        begin_buying, dearest, cheapest = buyers, -np.inf, np.inf
        for k in range(first[i], last[i]):
            price = _subtract_centre(c[k], W, B, centre)
            tolerance = max(tie, PRICE_ROUNDING * abs(c[k] * W / B))
            for side in range(2):
                bound = hi[k] if side == 0 else lo[k]
                if bound == 0:
                    continue
                drop = s[k] * abs(bound) / ratio if s[k] > 0 else 0.0
                if drop <= tolerance:
                    drop = 0.0
                sloped = sloped or drop > 0
                if (bound > 0) == positive:
                    j, signed = buyers, price
                    buyers += 1
                    dearest = max(dearest, price)
                else:
                    sellers -= 1
                    j, signed = sellers, -price
                    cheapest = min(cheapest, price)
                pieces.near[j], pieces.far[j] = signed, signed - drop
                pieces.extent[j], pieces.bound[j], pieces.ratio[j] = abs(B * bound / W), bound, ratio
                pieces.fill_gain[j] = ratio / s[k] if drop > 0 else 0.0
                pieces.gain[j] = pieces.fill_gain[j] * ratio
                pieces.segment[j], pieces.bid[j] = k, i
        if dearest > cheapest:
            # The prices of neighbouring segments are rounded: without this the bid would trade with itself.
            for j in range(begin_buying, buyers):
                excess = max(pieces.near[j] - cheapest, 0.0)
                pieces.near[j] -= excess
                pieces.far[j] -= excess
    return buyers, sellers, sloped


@compiled
def _subtract_centre(c: float, W: float, B: float, centre: float) -> float:
    """Price ``c·W/B`` less the centre, with the products formed exactly."""
    if centre == 0:
        return c * W / B
    product, rest = two_product(c, W)
    level, level_rest = two_product(centre, B)
    exact = ((product - level) + (rest - level_rest)) / B
    return exact if np.isfinite(exact) else c * W / B - centre


@compiled
def limit_profit(pieces: Pieces, buyers: int, sellers: int, centre: float) -> bool:
    """Check that unlimited bids make no profit with each other; one that is only rounding is taken from the buyers."""
    dearest, cheapest = -np.inf, np.inf
    for j in range(buyers):
        if np.isinf(pieces.bound[j]):
            dearest = max(dearest, pieces.near[j])
    for j in range(sellers, len(pieces.near)):
        if np.isinf(pieces.bound[j]):
            cheapest = min(cheapest, -pieces.near[j])
    if not dearest > cheapest:
        return True
    if dearest - cheapest > PROFIT_ROUNDING * (abs(centre + dearest) + abs(centre + cheapest)):
        return False
    for j in range(buyers):
        if np.isinf(pieces.bound[j]) and pieces.near[j] > cheapest:
            pieces.near[j] = pieces.far[j] = cheapest
    return True


@compiled
def list_kinks(pieces: Pieces, buyers: int, sellers: int, kinks: Floats, scratch: Floats) -> int:
    """Write the prices at which net demand jumps or bends, sorted, each once; returns their number."""
    n = 0
    for j in range(len(pieces.near)):
        if buyers <= j < sellers:
            continue
        near, far, sign = pieces.near[j], pieces.far[j], 1.0 if j < buyers else -1.0
        kinks[n] = sign * near
        n += 1
        if -np.inf < far < near:
            kinks[n] = sign * far
            n += 1
    _sort(kinks, scratch, n)
    distinct = 0
    for j in range(n):
        if j == 0 or kinks[j] > kinks[distinct - 1]:
            kinks[distinct] = kinks[j]
            distinct += 1
    return distinct


@compiled
def _sort(values: Floats, scratch: Floats, n: int) -> None:
    """Sort the first n numbers in place: insertion in short runs, then merges of neighbouring runs."""
    for begin in range(0, n, INSERTION_SORT_LENGTH):
        for j in range(begin + 1, min(begin + INSERTION_SORT_LENGTH, n)):
            value, at = values[j], j
            while at > begin and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
    run = INSERTION_SORT_LENGTH
    while run < n:
        for begin in range(0, n, 2 * run):
            middle, end = min(begin + run, n), min(begin + 2 * run, n)
            a, b = begin, middle
            for at in range(begin, end):
                if a < middle and (b >= end or values[a] <= values[b]):
                    scratch[at] = values[a]
                    a += 1
                else:
                    scratch[at] = values[b]
                    b += 1
        for at in range(n):
            values[at] = scratch[at]
        run *= 2


@compiled
def is_tied(near: float, far: float, at: float, tolerance: float) -> bool:
    """Check whether a piece is flat and its signed price is within the tolerance of another (negative: never)."""
    return (near == far) & (abs(near - at) <= tolerance)
