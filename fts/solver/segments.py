"""Curves cut into segments, each shifted to contain rate 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.errors import InvalidAuction
from fts.models.auction import Auction
from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled


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

    Raises
    ------
    InvalidAuction
        It is no auction.
    """
    require_auction(auction)
    return Segments(*_cut(auction.point_offsets, auction.point_rates, auction.point_prices))


def require_auction(auction: Auction) -> None:
    """Raise where something else was given as an auction.

    Raises
    ------
    InvalidAuction
    """
    if not isinstance(auction, Auction):
        raise InvalidAuction(f"this works on an fts.Auction, not on {auction!r}")


@compiled
def _cut(offsets: Ints, q: Floats, p: Floats) -> tuple[Ints, Floats, Floats, Floats, Floats]:
    """Demand, lower and upper bound, slope and price of every segment, (K,) each."""
    # First the points that stay: not those inside a longer segment, exactly on one line in floating point.
    kept = np.ones(len(q), dtype=np.bool_)
    n_segments = 0
    for d in range(len(offsets) - 1):
        left = offsets[d]
        for k in range(offsets[d] + 1, offsets[d + 1]):
            # The segment being built runs from `left` to k; k is dropped if k + 1 continues the line.
            if k + 1 < offsets[d + 1] and (q[k + 1] - q[left]) * (p[k] - p[left]) == (q[k] - q[left]) * (
                p[k + 1] - p[left]
            ):
                kept[k] = False
            else:
                n_segments += q[k] != q[left]
                left = k
    demand = np.empty(n_segments, dtype=np.int64)
    lo, hi = np.empty(n_segments), np.empty(n_segments)
    slope, price = np.empty(n_segments), np.empty(n_segments)
    at = 0
    for d in range(len(offsets) - 1):
        left = offsets[d]
        for k in range(offsets[d] + 1, offsets[d + 1]):
            if not kept[k]:
                continue
            if q[k] != q[left]:
                shift = max(q[left], 0.0) + min(q[k], 0.0)
                demand[at], lo[at], hi[at] = d, q[left] - shift, q[k] - shift
                slope[at] = (p[k] - p[left]) / (hi[at] - lo[at])
                middle, mean = slope[at] * (lo[at] + hi[at]) / 2, (p[left] + p[k]) / 2
                price[at] = mean - middle if np.isfinite(middle) else mean
                at += 1
            left = k
    return demand, lo, hi, slope, price
