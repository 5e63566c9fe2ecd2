"""Clipping of demand curves to smaller domains, all at once."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints


def clip_curves(
    offsets: Ints, rates: Floats, prices: Floats, constant: Flags, low: Floats, high: Floats
) -> tuple[Ints, Floats, Floats]:
    """Return the curves on ``[low, high]`` of each demand, as far as their domains reach.

    Inside, a curve is what it was; at a cut it has the price that it had there.

    Parameters
    ----------
    offsets, rates, prices, constant
        Curves as in :class:`fts.models.columns.Columns`, each with a point.
    low, high : (n_demands,) [quantity / time]
        ``low <= 0 <= high``; infinite: not cut.

    Returns
    -------
    offsets, rates, prices
    """
    owner = np.repeat(np.arange(len(low)), np.diff(offsets))
    below, above = rates < low[owner], rates > high[owner]
    kept = np.flatnonzero(~(below | above))
    # A cut lies between the last point outside and its neighbour, unless that stands there already.
    left = (offsets[:-1] + np.bincount(owner[below], minlength=len(low)) - 1)[:, None] + [0, 1]
    right = (offsets[1:] - np.bincount(owner[above], minlength=len(high)) - 1)[:, None] + [0, 1]
    at_low = np.flatnonzero(left[:, 0] >= offsets[:-1])
    at_low = at_low[rates[left[at_low, 1]] > low[at_low]]
    at_high = np.flatnonzero(right[:, 1] < offsets[1:])
    at_high = at_high[rates[right[at_high, 0]] < high[at_high]]
    # Only a constant has two points where nothing is left but rate 0.
    once = np.isin(at_high, at_low) & (low[at_high] == high[at_high]) & ~constant[at_high]
    at_high = at_high[~once]

    owners = np.concatenate([owner[kept], at_low, at_high])
    order = np.lexsort((np.repeat([1, 0, 2], [len(kept), len(at_low), len(at_high)]), owners))
    cut_rates = np.concatenate([rates[kept], low[at_low], high[at_high]])[order]
    cut_prices = np.concatenate(
        [
            prices[kept],
            _prices_at(low[at_low], rates[left[at_low]], prices[left[at_low]]),
            _prices_at(high[at_high], rates[right[at_high]], prices[right[at_high]]),
        ]
    )[order]
    counts = np.bincount(owners, minlength=len(low))
    return np.append(0, np.cumsum(counts)).astype(np.int64), cut_rates, cut_prices


def _prices_at(rate: Floats, rates: Floats, prices: Floats) -> Floats:
    """Return the prices of straight lines at a rate; ``rates`` and ``prices`` are those of both ends, (n, 2)."""
    sloped = prices[:, 0] != prices[:, 1]
    price = prices[:, 0].copy()
    (q0, q1), (p0, p1) = rates[sloped].T, prices[sloped].T
    price[sloped] = np.clip(p0 + (p1 - p0) * ((rate[sloped] - q0) / (q1 - q0)), p1, p0)
    return price
