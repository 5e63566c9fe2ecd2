"""Artificial bounds on sizes and prices far from the market, for the engine only.

"Unlimited" is often written as a huge number: a size of 1e16, a price cap of 1e15. An engine would measure its rounding
against these. So segments are cut at a multiple of what portfolios usually trade of their products, slopes kept, and
prices are compressed beyond a multiple of their dispersion. Where at the answer no fill rests on such a bound and no
price of a demand lies beyond, the answer is one of the original program; otherwise the bounds are widened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import Index, compiled, unsigned_entries
from fts.solver.medians import medians

RESTS_WITHIN = 1e-6
"""A fill within this share of an artificial bound rests on it."""
COMPRESSED = 0.25
"""The power of what a price is beyond its bound."""


@dataclass(frozen=True)
class Bounded:
    """A program with artificial bounds.

    Attributes
    ----------
    program : Program
        A segment of the source is one to three segments here.
    source : Program
    segment : (K',)
        The segment of the source that each segment is a piece of.
    cut_low, cut_high : (K',)
        Where a bound is artificial.
    price_bound : (D,) [money / quantity]
        Prices of demands beyond this, on either side of 0, are not those of the source.
    """

    program: Program
    source: Program
    segment: Ints
    cut_low: Flags
    cut_high: Flags
    price_bound: Floats

    @property
    def sizes(self) -> Floats:
        """The widths of the source's segments, (K,), cut at artificial bounds; infinite where unlimited."""
        width = self.program.hi - self.program.lo
        return np.bincount(self.segment, weights=width, minlength=len(self.source.c)).astype(np.float64)

    @property
    def is_source(self) -> bool:
        """True if nothing was cut."""
        return self.program is self.source

    def restored(self, answer: Answer) -> Answer:
        """Return an answer of the bounded program as one of the source; pieces all full or all empty make a bound."""
        if self.is_source:
            return answer
        p, s = self.program, self.source
        return replace(answer, y=_joined(self.segment, p.lo, p.hi, self.cut_low, self.cut_high, s.lo, s.hi, answer.y))

    def cut(self, answer: Answer) -> Answer:
        """Return an answer of the source as one of the bounded program."""
        if self.is_source:
            return answer
        return replace(answer, y=_split(self.segment, self.program.lo, self.program.hi, answer.y))

    def _rests(self, answer: Answer) -> Flags:
        """Find the fills that rest on an artificial bound in an answer of the bounded program, (K',)."""
        p = self.program
        low = self.cut_low & (answer.y <= p.lo + RESTS_WITHIN * np.abs(p.lo))
        return low | (self.cut_high & (answer.y >= p.hi - RESTS_WITHIN * np.abs(p.hi)))

    def binding(self, answer: Answer) -> Flags:
        """Find the demands with a fill on an artificial bound in an answer of the bounded program, (D,)."""
        binding = np.zeros(self.program.W.shape[0], dtype=bool)
        binding[self.program.segment_demand[self._rests(answer)]] = True
        return binding

    def grown(self, answer: Answer, factor: float) -> Answer:
        """Return an answer of the source with larger fills at artificial bounds, up to the source's own bounds."""
        restored, rests = self.restored(answer), np.zeros(len(self.source.c), dtype=bool)
        rests[self.segment[self._rests(answer)]] = True
        y = np.clip(np.where(rests, factor * restored.y, restored.y), self.source.lo, self.source.hi)
        return replace(restored, y=y)

    def binds_price(self, answer: Answer) -> bool:
        """Check whether the price of a demand lies beyond its artificial bound."""
        return bool((np.abs(answer.demand_prices) >= self.price_bound).any())

    def between(self, answer: Answer) -> Flags:
        """Find the source's segments that an answer of the bounded program leaves between their bounds, (K,)."""
        p = self.program
        inside = (answer.y > p.lo) & (answer.y < p.hi)
        return np.bincount(self.segment, weights=inside, minlength=len(self.source.c)) > 0


def bounded(program: Program, size: Floats, price: Floats) -> Bounded:
    """Cut sizes of segments and prices of a program.

    Parameters
    ----------
    program : Program
        In deviations from first prices.
    size : (D,) [quantity / time]
        Largest fill of the segments of each demand, on either side of 0.
    price : (D,) [money / quantity]
        Largest price of each demand's segments, on either side of 0.
    """
    if not _exceeds(program.segment_demand, program.lo, program.hi, program.c, program.s, size, price):
        return _unbounded(program)
    segment, lo, hi, c, s, cut_low, cut_high = _cut(
        program.segment_demand, program.lo, program.hi, program.c, program.s, size, price
    )
    made = replace(program, segment_demand=program.segment_demand[segment], lo=lo, hi=hi, c=c, s=s)
    return Bounded(made, program, segment, cut_low, cut_high, price)


def _unbounded(program: Program) -> Bounded:
    K = len(program.c)
    none = np.zeros(K, dtype=bool)
    return Bounded(program, program, np.arange(K), none, none, np.full(program.W.shape[0], np.inf))


def usual_sizes(program: Program, rates: Floats | None = None) -> Floats:
    """Usual trade of each demand's portfolios, (D,) [quantity / time]; infinite where no portfolio has a limit.

    Of each product the lower median of what its portfolios could trade, or what they do trade at the given rates (I,).
    """
    B, W = unsigned_entries(program.B), unsigned_entries(program.W)
    room = _rooms(*W, _offers(program.segment_demand, program.lo, program.hi, program.W.shape[0]))
    usual = medians(B[0], B[1], 1.0 / B[2], room, program.B.shape[0])
    known = usual > 0
    usual = np.where(known, usual, np.median(usual[known]) if known.any() else np.inf)
    if rates is not None:
        traded = abs(program.B) @ np.abs(rates)
        usual = np.where(traded > 0, traded, usual)
    return _demand_sizes(*B, *W, usual, program.W.shape[0])


@compiled
def _offers(demand: Ints, lo: Floats, hi: Floats, n_demands: int) -> Floats:
    """Compute the largest rate of every demand on either side of 0, (D,)."""
    low, high = np.zeros(n_demands), np.zeros(n_demands)
    for k in range(len(demand)):
        low[demand[k]] -= lo[k]
        high[demand[k]] += hi[k]
    return np.maximum(low, high)


@compiled
def _rooms(start: Index, demand: Index, weight: Floats, offer: Floats) -> Floats:
    """Compute the least ``offer_d / |W_di|`` of every portfolio, (I,); 0 where it is unlimited."""
    room = np.full(len(start) - 1, np.inf)
    for i in range(len(room)):
        for e in range(start[i], start[i + 1]):
            room[i] = min(room[i], offer[demand[e]] / abs(weight[e]))
        if np.isinf(room[i]):
            room[i] = 0.0
    return room


@compiled
def _demand_sizes(
    B_start: Index,
    B_product: Index,
    B_weight: Floats,
    W_start: Index,
    W_demand: Index,
    W_weight: Floats,
    usual: Floats,
    n_demands: int,
) -> Floats:
    size = np.zeros(n_demands)
    for i in range(len(B_start) - 1):
        rate = np.inf
        for e in range(B_start[i], B_start[i + 1]):
            rate = min(rate, usual[B_product[e]] / abs(B_weight[e]))
        for e in range(W_start[i], W_start[i + 1]):
            size[W_demand[e]] += abs(W_weight[e]) * rate
    return size


@compiled
def _exceeds(demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, size: Floats, price: Floats) -> bool:
    """Check whether a segment is larger than `size (D,)` or its price further from 0 than `price (D,)`."""
    for k in range(len(c)):
        d = demand[k]
        if hi[k] > size[d] or -lo[k] > size[d]:
            return True
        if s[k] > 0:
            if abs(c[k] - s[k] * lo[k]) > price[d] or abs(c[k] - s[k] * hi[k]) > price[d]:
                return True
        elif abs(c[k]) > price[d]:
            return True
    return False


@compiled
def _cut(
    demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, size: Floats, price: Floats
) -> tuple[Ints, Floats, Floats, Floats, Floats, Flags, Flags]:
    """Compute the pieces of every segment: its steep ends become flat at the bounds of prices."""
    K, n = len(c), 0
    segment, low, high = np.empty(3 * K, dtype=np.int64), np.empty(3 * K), np.empty(3 * K)
    at, slope = np.empty(3 * K), np.empty(3 * K)
    cut_low, cut_high = np.zeros(3 * K, dtype=np.bool_), np.zeros(3 * K, dtype=np.bool_)
    for k in range(K):
        d = demand[k]
        left, right = max(lo[k], -size[d]), min(hi[k], size[d])
        first = n
        if s[k] > 0:
            top = min(max((c[k] - price[d]) / s[k], left), right)
            bottom = min(max((c[k] + price[d]) / s[k], left), right)
            for piece in range(3):
                q0 = left if piece == 0 else top if piece == 1 else bottom
                q1 = top if piece == 0 else bottom if piece == 1 else right
                # A segment that is left without width keeps one piece, so that its bounds are known.
                if q1 > q0 or (piece == 2 and n == first):
                    shift = max(q0, 0.0) + min(q1, 0.0)
                    segment[n], low[n], high[n] = k, q0 - shift, q1 - shift
                    at[n] = price[d] if piece == 0 else -price[d] if piece == 2 else c[k] - s[k] * shift
                    slope[n] = s[k] if piece == 1 else 0.0
                    n += 1
        else:
            segment[n], low[n], high[n] = k, left, right
            # A price beyond its bound is compressed, not cut: of two caps the higher one stays the higher one.
            far = abs(c[k]) / price[d]
            at[n] = c[k] if far <= 1.0 else np.sign(c[k]) * price[d] * far**COMPRESSED
            slope[n] = 0.0
            n += 1
        cut_low[first] = left > lo[k]
        cut_high[n - 1] = right < hi[k]
    return segment[:n], low[:n], high[:n], at[:n], slope[:n], cut_low[:n], cut_high[:n]


@compiled
def _joined(
    segment: Ints,
    low: Floats,
    high: Floats,
    cut_low: Flags,
    cut_high: Flags,
    lo: Floats,
    hi: Floats,
    y: Floats,
) -> Floats:
    """Add pieces up to fills of the source's segments; where all pieces are at a bound, the fill is at its own."""
    fill = np.zeros(len(lo))
    full, empty = np.ones(len(lo), dtype=np.bool_), np.ones(len(lo), dtype=np.bool_)
    for n in range(len(y)):
        k = segment[n]
        fill[k] += y[n]
        full[k] &= y[n] >= high[n] and not cut_high[n]
        empty[k] &= y[n] <= low[n] and not cut_low[n]
    for k in range(len(lo)):
        if full[k]:
            fill[k] = hi[k]
        elif empty[k]:
            fill[k] = lo[k]
        fill[k] = min(max(fill[k], lo[k]), hi[k])
    return fill


@compiled
def _split(segment: Ints, low: Floats, high: Floats, y: Floats) -> Floats:
    """Compute fills of the pieces: those nearest to 0 are filled first."""
    fill = np.zeros(len(segment))
    rest = y.copy()
    for n in range(len(segment)):
        k = segment[n]
        if rest[k] > 0:
            fill[n] = min(rest[k], high[n])
            rest[k] -= fill[n]
    for n in range(len(segment) - 1, -1, -1):
        k = segment[n]
        if rest[k] < 0:
            fill[n] = max(rest[k], low[n])
            rest[k] -= fill[n]
    return fill
