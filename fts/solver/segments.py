"""Curves cut into segments, each shifted to contain rate 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.auction import Auction
from fts.models.columns import Flags, Floats, Ints


@dataclass(frozen=True)
class Segments:
    """The segments of all demands, left to right within each demand.

    On a segment the price is ``slope·y + price`` for ``lo ≤ y ≤ hi``, ``lo ≤ 0 ≤ hi``, ``slope ≤ 0``; the fills ``y``
    of a demand add up to its rate.

    Attributes
    ----------
    demand : (K,)
        Position of its demand in the auction; never falls.
    lo, hi : (K,) [quantity / time]
    slope : (K,) [money · time / quantity²]
    price : (K,) [money / quantity]
    """

    demand: Ints
    lo: Floats
    hi: Floats
    slope: Floats
    price: Floats


def segments_of(auction: Auction) -> Segments:
    """Cut every curve of an auction into segments.

    Collinear neighbours become one segment, vertical steps none.
    """
    q, p, offsets = auction.point_rates, auction.point_prices, auction.point_offsets
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    kept = ~_absorbed(q, p, offsets, owner)
    q, p, owner = q[kept], p[kept], owner[kept]
    piece = np.flatnonzero((owner[1:] == owner[:-1]) & (q[1:] != q[:-1]))
    q0, q1, p0, p1 = q[piece], q[piece + 1], p[piece], p[piece + 1]
    with np.errstate(invalid="ignore", over="ignore"):
        shift = np.maximum(q0, 0.0) + np.minimum(q1, 0.0)
        lo, hi = q0 - shift, q1 - shift
        slope = (p1 - p0) / (hi - lo)
        middle = slope * (lo + hi) / 2
    mean = (p0 + p1) / 2
    finite = np.isfinite(middle)
    price = np.where(finite, mean - np.where(finite, middle, 0.0), mean)
    return Segments(demand=owner[piece], lo=lo, hi=hi, slope=slope, price=price)


def _absorbed(q: Floats, p: Floats, offsets: Ints, owner: Ints) -> Flags:
    """Points inside a longer segment: both neighbours lie on one line with them, exactly in floating point."""
    absorbed = np.zeros(len(q), dtype=bool)
    if len(q) < 3:
        return absorbed
    # A curve whose consecutive triples are all bent has nothing to merge; only the others need the walk.
    with np.errstate(invalid="ignore", over="ignore"):
        straight = (q[2:] - q[:-2]) * (p[1:-1] - p[:-2]) == (q[1:-1] - q[:-2]) * (p[2:] - p[:-2])
    straight &= owner[2:] == owner[:-2]
    for d in np.unique(owner[:-2][straight]).tolist():
        first, end = int(offsets[d]), int(offsets[d + 1])
        qs, ps = q[first:end].tolist(), p[first:end].tolist()
        left = 0
        for k in range(1, end - first - 1):
            # The segment being built runs from `left` to k; k + 1 is absorbed if it continues the line.
            if (qs[k + 1] - qs[left]) * (ps[k] - ps[left]) == (qs[k] - qs[left]) * (ps[k + 1] - ps[left]):
                absorbed[first + k] = True
            else:
                left = k
    return absorbed
