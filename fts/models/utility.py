"""The utility of a rate of trade to the owner of a curve."""

from __future__ import annotations

import numpy as np

from fts.models.auction import Auction
from fts.models.columns import Floats


def utilities(auction: Auction, demand_rates: Floats) -> Floats:
    """Money value of every demand's rate of trade.

    ``U_d(z) = ∫₀^z curve_d(r) dr``, exact on every piece; a rate outside the domain counts as its nearest end.

    Parameters
    ----------
    auction : Auction
        Whose curves these are.
    demand_rates : (n_demands,) [quantity / time]

    Returns
    -------
    (n_demands,) [money / time]
    """
    counts = np.diff(auction.point_offsets)
    demand = np.repeat(np.arange(len(counts)), counts - 1)
    left = np.delete(np.arange(len(auction.point_rates)), auction.point_offsets[1:] - 1)
    q0, q1 = auction.point_rates[left], auction.point_rates[left + 1]
    p0, p1 = auction.point_prices[left], auction.point_prices[left + 1]
    start, end = np.clip(0.0, q0, q1), np.clip(demand_rates[demand], q0, q1)
    # An unlimited piece is flat, and a step has no width: neither has a slope.
    sloped = (p0 != p1) & (q1 > q0)
    width = np.where(sloped, q1 - q0, 1.0)
    from_left = np.where(sloped, (start + end) / 2 - np.where(sloped, q0, 0.0), 0.0)
    value = (end - start) * (p0 + (p1 - p0) * (from_left / width))
    return np.bincount(demand, weights=value, minlength=len(counts)).astype(np.float64)
