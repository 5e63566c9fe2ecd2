"""The canonical fills and rates: flat bids tied with the price share by what they offer, and no more is traded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Flags, Floats, Ints, floats
from fts.ports.engine import Answer, Program
from fts.solver.canonical.auxiliary_auctions import Solve, least_rates, proportional_fills
from fts.solver.canonical.lexicographic_lsq import Objective, least_squares, lexicographic_lsq, null_space
from fts.solver.canonical.rank import OpenGroup, full_rank, open_groups, undetermined
from fts.solver.canonical.ties import largest_lengths, lengths, tied_segments
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.deviations import Deviations
from fts.solver.native.equilibration import Scales, scaled
from fts.solver.program import has_private_demand

MAX_DIRECT_RATES = 100
"""Most unknowns of a group that is solved directly before its auctions are tried."""
MAX_DENSE_UNKNOWNS = 1_500
"""Most unknowns of a group that is solved directly where its auctions have no exact answer."""
BOUND_ROUNDING = 1e-14
"""Rounding of a bound, in shares of the largest rate."""
TINY = 1e-200
"""Rates are 0 below this."""
DIRECTION_ROUNDING = 1e-9
"""A share of a direction that is rounding."""
MAX_MOVES = 6
"""At most so many moves of a group."""
LAST_MOVE = 1e-10
"""A move of this share of the largest rate is the last one."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of what is traded or of the segment if that is less, stands at it."""
EMPTY = 1e-15
"""A fill this near to a bound, in shares of the segment, stands at it, however little is traded."""


@dataclass(frozen=True)
class Rates:
    """The canonical fills and rates.

    Attributes
    ----------
    answer : Answer
    found : bool
        Whether every choice was made; else some rates are as the engine left them.
    unique : bool
        Whether it is proved that there was no choice.
    """

    answer: Answer
    found: bool
    unique: bool


def min_norm_rates(
    deviations: Deviations, answer: Answer, solve: Solve, scales: Scales, sizes: Floats | None = None
) -> Rates:
    """Compute the optimal fills in proportion to what is offered, and of these the least traded rates.

    Parameters
    ----------
    deviations : Deviations
    answer : Answer
        An exact optimum of the program in deviations.
    solve : callable
    scales : Scales
    sizes : (K,) [quantity / time], optional
        What rounding of each segment's fill is measured against; None is its width.
    """
    program = deviations.program
    tied = tied_segments(program, answer, scales.demand_price, deviations.rounding)
    if not tied.any() and has_private_demand(program.W).all():
        return Rates(_at_bounds(program, answer, sizes), True, True)
    unknowns = _RateSystem(program, answer, tied, scales)
    free = undetermined(unknowns.equations)
    free &= ~unknowns.halves(free)
    if not free.any():
        return Rates(_at_bounds(program, answer, sizes), True, True)
    unique, found, large = True, True, []
    for group in open_groups(unknowns.equations, unknowns.limits, free):
        if len(group.unknowns) > MAX_DIRECT_RATES:
            if not unknowns.are_settled(group):
                large.append(group)
            continue
        N = unknowns.directions(group)
        # How a demand's rate is shared among its pieces is no choice, but is settled all the same.
        unique &= np.abs(N[group.unknowns < unknowns.n_portfolios]).max(initial=0.0) <= DIRECTION_ROUNDING
        found &= unknowns.choose(group, N)
    answer = unknowns.answer(answer)
    if large:
        chosen = _of_large(program, answer, unknowns, large, tied, solve)
        answer, found = (answer, False) if chosen is None else (chosen, found)
    return Rates(_at_bounds(program, answer, sizes), found, bool(unique) and not large)


def _of_large(
    program: Program, answer: Answer, unknowns: _RateSystem, large: list[OpenGroup], tied: Flags, solve: Solve
) -> Answer | None:
    """Choose within groups of many unknowns by two auctions, or directly where these have no exact answer."""
    movable = np.sort(np.concatenate([group.unknowns for group in large]))
    movable = movable[movable < unknowns.n_portfolios]
    filled = proportional_fills(program, answer, movable, tied, solve)
    least = None if filled is None else least_rates(program, filled, movable, tied, solve)
    if least is not None:
        return least
    for group in large:
        if len(group.unknowns) > MAX_DENSE_UNKNOWNS or not unknowns.choose(group, unknowns.directions(group)):
            return None
    return unknowns.answer(answer)


@dataclass(frozen=True)
class _Pieces:
    """Tied segments, cut at fill 0.

    Attributes
    ----------
    segment : (n,)
    fill, low, high : (n,) [quantity / time]
    weight : (n,) [1 / quantity]
        ``v / size``; 0 where unlimited.
    """

    segment: Ints
    fill: Floats
    low: Floats
    high: Floats
    weight: Floats


def _pieces(program: Program, answer: Answer, tied: Flags) -> _Pieces:
    p = program
    k = np.flatnonzero(tied)
    v = largest_lengths(p.B, p.W)
    y, low, high, v = answer.y[k], p.lo[k], p.hi[k], v[p.segment_demand[k]]
    above, below = np.flatnonzero(high > 0), np.flatnonzero(low < 0)
    size = np.append(high[above], -low[below])
    none = np.zeros(max(len(above), len(below)))
    return _Pieces(
        segment=k[np.append(above, below)],
        fill=np.append(np.maximum(y[above], 0.0), np.minimum(y[below], 0.0)),
        low=np.append(none[: len(above)], low[below]),
        high=np.append(high[above], none[: len(below)]),
        weight=np.where(np.isfinite(size), v[np.append(above, below)] / size, 0.0),
    )


def _equations(B: csc_array, W: csc_array, piece_demand: Ints) -> csr_array:
    """Return the rows ``B x`` of products, then ``W x - G y`` of demands, over rates `x` and pieces of segments `y`."""
    (P, n_portfolios), D, n = B.shape, W.shape[0], len(piece_demand)
    start, column, value = _rows(*csc_arrays(B), *csc_arrays(W), piece_demand, P, D)
    return csr_array((value, column, start), shape=(P + D, n_portfolios + n))


@compiled
def _rows(
    B_start: Int32s,
    product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    demand: Int32s,
    W_weight: Floats,
    piece_demand: Ints,
    n_products: int,
    n_demands: int,
) -> tuple[Int32s, Int32s, Floats]:
    """Start, column and value of the entries, by row."""
    n_portfolios, n_rows = len(B_start) - 1, n_products + n_demands
    start = np.zeros(n_rows + 1, dtype=np.int32)
    for e in range(len(product)):
        start[product[e] + 1] += 1
    for e in range(len(demand)):
        start[n_products + demand[e] + 1] += 1
    for k in range(len(piece_demand)):
        start[n_products + piece_demand[k] + 1] += 1
    for r in range(n_rows):
        start[r + 1] += start[r]
    place = start[:-1].copy()
    column, value = np.empty(start[n_rows], dtype=np.int32), np.empty(start[n_rows])
    for i in range(n_portfolios):
        for e in range(B_start[i], B_start[i + 1]):
            to = place[product[e]]
            column[to], value[to] = i, B_weight[e]
            place[product[e]] += 1
        for e in range(W_start[i], W_start[i + 1]):
            row = n_products + demand[e]
            column[place[row]], value[place[row]] = i, W_weight[e]
            place[row] += 1
    for k in range(len(piece_demand)):
        row = n_products + piece_demand[k]
        column[place[row]], value[place[row]] = n_portfolios + k, -1.0
        place[row] += 1
    return start, column, value


class _RateSystem:
    """Rates of portfolios and tied fills, in scaled units, with the equations that every optimum keeps.

    The equations are the products' and the demands'; a demand's rate changes by its tied fills only.
    """

    def __init__(self, program: Program, answer: Answer, tied: Flags, scales: Scales) -> None:
        p = scaled(program, scales)
        self.pieces = _pieces(program, answer, tied)
        self.n_demands, self.n_portfolios = p.W.shape
        self.piece_demand = demand = p.segment_demand[self.pieces.segment]
        n = len(demand)
        self.equations = _equations(p.B, p.W, demand)
        self.limits = csr_array(
            (np.ones(n), (np.arange(n), self.n_portfolios + np.arange(n))), shape=(n, self.n_portfolios + n)
        )
        self._unit = np.append(scales.rate, 1.0 / scales.demand_price[demand])
        self._now = np.append(answer.x, self.pieces.fill) / self._unit
        self._low, self._high = (end / self._unit[self.n_portfolios :] for end in (self.pieces.low, self.pieces.high))
        held = np.where(tied, 0.0, answer.y) * scales.demand_price[p.segment_demand]
        self._right_side = np.append(
            np.zeros(p.B.shape[0]), np.bincount(p.segment_demand, weights=held, minlength=p.W.shape[0])
        )
        self._share = np.append(np.zeros(self.n_portfolios), self.pieces.weight) * self._unit**2
        self._trade = np.append(lengths(program.B), np.zeros(n)) ** 2 * self._unit**2

    def halves(self, free: Flags) -> Flags:
        """Find both pieces of each segment that alone has a settled rate: the fill is on one side of 0."""
        row = np.repeat(np.arange(self.equations.shape[0]), np.diff(self.equations.indptr))
        left = np.bincount(row[free[self.equations.indices]], minlength=self.equations.shape[0])
        n_products = len(left) - self.n_demands
        segment, place = self.pieces.segment, np.arange(len(self.pieces.segment))
        partner = np.full(segment.max(initial=-1) + 1, -1)
        partner[segment] = place
        # The last piece of a segment is the one below 0; the other half points at it.
        above = np.flatnonzero(partner[segment] != place)
        below = partner[segment[above]]
        open_pieces = free[self.n_portfolios :]
        pair = open_pieces[above] & open_pieces[below] & (left[n_products + self.piece_demand[above]] == 2)
        result = np.zeros(len(free), dtype=bool)
        result[self.n_portfolios + above[pair]] = result[self.n_portfolios + below[pair]] = True
        return result

    def directions(self, group: OpenGroup) -> Floats:
        """Basis of the moves that a group's equations allow, (n, k)."""
        return null_space(self.equations[group.equations][:, group.unknowns].toarray())

    def are_settled(self, group: OpenGroup) -> bool:
        """Check whether ranks prove that no rate of the group may move."""
        # How a demand's rate is shared among its pieces is no trade: one of them stands for all.
        rates, pieces = np.split(group.unknowns, [np.searchsorted(group.unknowns, self.n_portfolios)])
        _, first = np.unique(self.piece_demand[pieces - self.n_portfolios], return_index=True)
        chosen = np.append(rates, pieces[first])
        # More unknowns than equations: no need to look.
        if len(chosen) > len(group.equations):
            return False
        return full_rank(csc_array(self.equations[group.equations][:, chosen]))

    def choose(self, group: OpenGroup, N: Floats) -> bool:
        """Move a group's unknowns to the canonical ones; whether these were found."""
        u, k = group.unknowns, group.limits
        rows, limits = self.equations[group.equations], self.limits[k][:, u].toarray()
        kept = rows[:, u].toarray()
        size = self._sizes(kept, u)
        length = np.linalg.norm(kept * size, axis=1)
        length[length == 0] = 1.0
        changed = kept * size / length[:, None]
        # A move from far away brings its rounding along; the next one starts near.
        for step in range(MAX_MOVES):
            fill = self._now[self.n_portfolios + k]
            low, high = self._low[k] - fill, self._high[k] - fill
            move = lexicographic_lsq(
                N,
                limits,
                np.minimum(low, 0.0) if step == 0 else low,
                np.maximum(high, 0.0) if step == 0 else high,
                [Objective(weight[u], -self._now[u]) for weight in (self._share, self._trade)],
                noise=max(TINY, BOUND_ROUNDING * float(np.abs(self._now[u]).max())),
            )
            if move is None:
                return step > 0
            self._now[u] += move
            residual = self._right_side[group.equations] - rows @ self._now
            # As the fills themselves, so that a large one takes the rounding and leaves the small ones alone.
            self._now[u] += size * least_squares(changed, residual / length)
            if step and np.abs(move).max() <= LAST_MOVE * np.abs(self._now).max():
                break
        return True

    def _sizes(self, rows: Floats, unknowns: Ints) -> Floats:
        """Compute how far unknowns move where the equations change, (n,): fills by the root of what they offer."""
        share = self._share[unknowns]
        size = np.where(share > 0, 1.0 / np.sqrt(np.where(share > 0, share, 1.0)), 0.0)
        # A rate moves as far as the fills of its demands.
        of_row = (np.abs(rows) * size).max(axis=1, initial=0.0)
        weight = np.abs(rows)
        of_rate = np.divide(of_row[:, None], weight, out=np.zeros_like(rows), where=weight > 0).max(axis=0, initial=0.0)
        size = np.where(size > 0, size, of_rate)
        largest = size.max(initial=0.0)
        return np.where(size > 0, size / largest, 1.0) if largest > 0 else np.ones(len(size))

    def answer(self, answer: Answer) -> Answer:
        """Return the answer with these rates and fills."""
        now, n = self._now * self._unit, self.n_portfolios
        y = answer.y.copy()
        y[self.pieces.segment] = 0.0
        np.add.at(y, self.pieces.segment, now[n:])
        return replace(answer, x=now[:n], y=y)


def _at_bounds(program: Program, answer: Answer, sizes: Floats | None) -> Answer:
    """Move fills within rounding of a bound to it: of what is traded, and of what may be filled."""
    lo, hi, y = program.lo, program.hi, answer.y
    width = hi - lo if sizes is None else sizes
    width = np.where(np.isfinite(width), width, np.maximum(np.abs(y), 1e-300))
    near = AT_BOUND * width
    if _are_near(lo, hi, near, y):
        near = np.minimum(near, AT_BOUND * _within_reach(program, answer.x)[program.segment_demand])
        near = np.maximum(near, EMPTY * width)
    return replace(answer, y=_moved_to_bounds(lo, hi, near, y))


@compiled
def _are_near(lo: Floats, hi: Floats, near: Floats, y: Floats) -> bool:
    """Check whether a fill is this near to a bound, (K,), and not at it."""
    for k in range(len(y)):
        if (y[k] > lo[k] and y[k] - lo[k] <= near[k]) or (y[k] < hi[k] and hi[k] - y[k] <= near[k]):
            return True
    return False


@compiled
def _moved_to_bounds(lo: Floats, hi: Floats, near: Floats, y: Floats) -> Floats:
    moved = np.empty(len(y))
    for k in range(len(y)):
        fill = lo[k] if y[k] - lo[k] <= near[k] else y[k]
        fill = hi[k] if hi[k] - fill <= near[k] else fill
        moved[k] = fill if np.isfinite(fill) else y[k]
    return moved


def _within_reach(program: Program, x: Floats) -> Floats:
    """Compute what each demand trades if its portfolios trade all that is traded of one of their products, (D,)."""
    B, W = program.B, program.W
    traded = abs(B) @ np.abs(x)
    rate = np.zeros(B.shape[1])
    np.maximum.at(rate, np.repeat(np.arange(B.shape[1]), np.diff(B.indptr)), traded[B.indices] / np.abs(B.data))
    return floats(abs(W) @ rate)
