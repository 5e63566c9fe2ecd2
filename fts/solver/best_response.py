"""What the curves say to given prices: best responses, what missing them costs, distance of a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.auction import Auction
from fts.models.columns import Floats, Ints


@dataclass(frozen=True)
class Curves:
    """The curves of some demands, as their own points.

    Attributes
    ----------
    offsets : (D + 1,)
        Demand ``d`` owns the points ``offsets[d]:offsets[d + 1]``.
    q : (n_points,) [quantity / time]
    p : (n_points,) [money / quantity]
    owner : (n_points,)
    """

    offsets: Ints
    q: Floats
    p: Floats
    owner: Ints

    @property
    def first(self) -> Floats:
        """Least rates, (D,)."""
        return self.q[self.offsets[:-1]]

    @property
    def last(self) -> Floats:
        """Largest rates, (D,)."""
        return self.q[self.offsets[1:] - 1]

    @property
    def reach(self) -> Floats:
        """Largest finite |bound|, 0 if there is none, (D,)."""
        return np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (self.first, self.last)))

    @property
    def largest_price(self) -> Floats:
        """Largest |price| on each curve, (D,); prices never rise, so it stands at an end."""
        return np.maximum(np.abs(self.p[self.offsets[:-1]]), np.abs(self.p[self.offsets[1:] - 1]))

    def best_response(self, z: Floats, lam: Floats, tie: Floats) -> Floats:
        """The rate nearest to ``z`` that a demand would choose at price ``lam``.

        A demand whose unlimited end is priced within ``tie`` of ``lam`` is content with ``z``; one that would go on
        without limit answers with an infinite rate.
        """
        low, high = self._response_ends(lam)
        response = np.clip(z, low, high)
        first, last = self.first, self.last
        end_low, end_high = self.p[self.offsets[:-1]], self.p[self.offsets[1:] - 1]
        tied = (np.isinf(first) & (np.abs(end_low - lam) <= tie)) | (np.isinf(last) & (np.abs(end_high - lam) <= tie))
        return np.where(tied, z, response)

    def _response_ends(self, lam: Floats) -> tuple[Floats, Floats]:
        """Least and largest rate at which the price ``lam`` is on the curve, its ends continued vertically."""
        n, start = np.diff(self.offsets), self.offsets[:-1]
        above = np.add.reduceat((self.p > lam[self.owner]).astype(np.int64), start) if len(start) else n
        at_least = np.add.reduceat((self.p >= lam[self.owner]).astype(np.int64), start) if len(start) else n
        # Points 0 … above-1 are priced above lam, points at_least … below it.
        low = self._crossing(above, lam)
        return low, low if np.array_equal(above, at_least) else self._crossing(at_least, lam)

    def _crossing(self, count: Ints, lam: Floats) -> Floats:
        """Where the curve passes ``lam`` between its points ``count - 1`` and ``count``."""
        start, n = self.offsets[:-1], np.diff(self.offsets)
        left = start + np.clip(count - 1, 0, n - 1)
        right = start + np.clip(count, 0, n - 1)
        drop = self.p[left] - self.p[right]
        share = np.where(drop > 0, (self.p[left] - lam) / np.where(drop > 0, drop, 1.0), 0.0)
        inside = self.q[left] + np.clip(share, 0.0, 1.0) * np.where(drop > 0, self.q[right] - self.q[left], 0.0)
        return np.where(count == 0, self.q[start], np.where(count == n, self.q[start + n - 1], inside))

    def area(self, z: Floats, response: Floats, lam: Floats) -> Floats:
        """Money lost by trading ``z`` instead of ``response``: ``∫ |curve - lam|`` between them, (D,)."""
        left = np.flatnonzero(self.owner[1:] == self.owner[:-1])
        d = self.owner[left]
        q0, q1, p0, p1 = self.q[left], self.q[left + 1], self.p[left], self.p[left + 1]
        low, high = np.minimum(z, response)[d], np.maximum(z, response)[d]
        start, end = np.clip(low, q0, q1), np.clip(high, q0, q1)
        sloped = (p0 != p1) & (q1 > q0)
        fall = np.where(sloped, (p1 - p0) / np.where(sloped, q1 - q0, 1.0), 0.0)
        base = np.where(sloped, q0, 0.0)
        at_start = p0 + fall * (np.where(sloped, start, 0.0) - base) - lam[d]
        at_end = p0 + fall * (np.where(sloped, end, 0.0) - base) - lam[d]
        height = (np.abs(at_start) + np.abs(at_end)) / 2
        width = end - start
        return np.bincount(
            d, weights=np.where(width > 0, width * height, np.where(width == 0, 0.0, width)), minlength=len(z)
        ).astype(np.float64)

    def distance(self, z: Floats, lam: Floats, Z: Floats, Lambda: Floats) -> Floats:
        """The least τ for which a point of the curve is within ``τ·Z`` of ``z`` and ``τ·Lambda`` of ``lam``, (D,).

        In the scaled plane a falling curve meets the growing square around the point first in one of the two corners
        where both deviations are equal, so τ is the deviation where the curve crosses that diagonal.
        """
        u = _scaled(self.q - z[self.owner], Z[self.owner])
        v = _scaled(self.p - lam[self.owner], Lambda[self.owner])
        g = np.where(u == v, 0.0, u - v)
        start, n = self.offsets[:-1], np.diff(self.offsets)
        below = np.add.reduceat((g <= 0).astype(np.int64), start) if len(start) else n
        left = start + np.clip(below - 1, 0, n - 1)
        right = start + np.clip(below, 0, n - 1)
        du, dv = u[right] - u[left], v[right] - v[left]
        share = np.where(np.isinf(g[left]), 1.0, np.where(np.isinf(g[right]), 0.0, -g[left] / (g[right] - g[left])))
        by_u = u[left] + share * du
        by_v = np.where(dv == 0, v[left], v[left] + share * dv)
        inside = np.where(np.abs(du) < np.abs(dv), by_u, by_v)
        crossing = np.where(below == 0, u[start], np.where(below == n, u[start + n - 1], inside))
        result = np.abs(crossing)
        result[np.isnan(z) | np.isnan(lam)] = np.nan
        return result


def curves_of(auction: Auction, demands: Ints) -> Curves:
    """The curves of the demands at these positions."""
    counts = np.diff(auction.point_offsets)
    if len(demands) == len(counts):
        offsets, q, p = auction.point_offsets, auction.point_rates, auction.point_prices
    else:
        used = np.zeros(len(counts), dtype=bool)
        used[demands] = True
        points = np.repeat(used, counts)
        offsets = np.append(0, np.cumsum(counts[used]))
        q, p = auction.point_rates[points], auction.point_prices[points]
    return Curves(offsets=offsets, q=q, p=p, owner=np.repeat(np.arange(len(demands)), np.diff(offsets)))


def _scaled(deviation: Floats, unit: Floats) -> Floats:
    """A deviation in its unit; 0/0 is 0."""
    return np.where(deviation == 0, 0.0, deviation / unit)
