"""The interior-point method for markets with flat curves in which every portfolio has a demand for itself.

Rates of portfolios and prices of demands then follow from fills and prices of products, so Mehrotra's method
(:mod:`fts.solver.native.interior_point`) needs three compiled passes over the bids in a step, each of which reads a bid
once (`bid_barrier.py`), and a dense Cholesky factor of the products. The exact last step (`bid_active_set.py`) is the
same too: the equations that active segments leave are solved until only rounding is left, and segments that are wrong
are moved.

An answer is returned with a proof where it is the only one: portfolios of segments strictly inside determine all
prices, and those of flat segments tied with the price are independent.

Everything is in deviations from first prices, and in units in which prices are about 1 and quantities are money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.blas import dsymv
from scipy.linalg.lapack import dpocon, dpotrf, dpotrs
from scipy.sparse import csc_array

from fts.models.columns import Floats, floats
from fts.ports.engine import Answer, Program
from fts.solver.blas_threads import threads_for
from fts.solver.compiled import Index, Int32s
from fts.solver.deviations import MONEY_ROUNDING as PRICE_ROUNDING
from fts.solver.native.bid_active_set import balance, inside, place, stiffen
from fts.solver.native.bid_barrier import begin_cold, begin_near, form, predict, price_bounds, respond
from fts.solver.native.bid_layout import lay_out_entries, lay_out_segments, price_units, restore, sort_bids
from fts.solver.native.bid_response import deviate, price_demands
from fts.solver.native.curvature import MAX_DENSE_PRODUCTS
from fts.solver.native.dual_newton import Portfolios, PrivateMarket, market_of
from fts.solver.native.equilibration import LEAST_DISPERSION
from fts.solver.native.factorization import DIAGONAL

FLAT_POLISH_TOLERANCES, SLOPED_POLISH_TOLERANCES = (1e-9, 1e-11, 1e-13), (1e-7, 1e-9, 1e-11)
"""Residuals at which the exact last step is tried, and tried again: where all curves are flat, and where prices
also answer to sloped ones, so that a wrong segment moves less."""
NEARLY_FLAT = 1e-9
"""Least fall of price along a sloped segment: rounding of prices would become rates."""
MAX_STEPS, STALL_STEPS = 100, 12
"""At most so many steps; steps in which the gap must halve."""
TOWARDS_BOUND = 0.995
"""A step goes up to this share of the way to the nearest bound."""
WARM_CENTRE = 0.02
"""Begin of a warm start on the central path: prices have moved by about this share of their dispersion."""
LEAST_ROOM = 1e-3, 1e-6
"""Least multiplier of a cold start, in shares of the mean price of a segment, and at least."""
STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price unit over size) of flat segments in between within one solve of the last step, at first and at last:
a stiff one that is wrong moves itself to its bound instead of everybody else."""
HELD_CURVATURE = 1e-8
"""Curvature, over that, of all bids together: what keeps a price that no segment in between determines."""
MOVES_PER_FLAT = 200
"""One over the share of flat segments in between that may move for the stiffness to fall."""
MAX_POLISH_ROUNDS = 15
"""At most so many solves of the last step."""
IMBALANCE, MAX_IMBALANCE = 1e-15, 1e-14
"""Net trade of a product, in shares of what is traded of it, and difference of prices, that end the last step at once;
and where a further solve does not help."""
AT_BOUND, INSIDE = 1e-12, 1e-9
"""Shares of its size: a fill this near to a bound is at it; one further away is strictly inside."""
TIED_PRICE = 1e-10
"""A price this near to that of a flat segment, in its unit, is tied with it."""
CERTAIN = 1e-10
"""Least reciprocal condition of a matrix with unit diagonal that proves its rank."""


@dataclass(frozen=True)
class Layout:
    """The bids of a market in the order and the units of the passes; the next market of the same portfolios has it too.

    Attributes
    ----------
    portfolios : Portfolios
    order : (I,)
        Of the passes.
    unit : (P,) [money / quantity]
        Of prices.
    bid_unit : (I,)
        Of the prices of bids, in the order of the passes.
    start, row, weight
        Entries of the bids.
    """

    portfolios: Portfolios
    order: Int32s
    unit: Floats
    bid_unit: Floats
    start: Index
    row: Index
    weight: Floats


@dataclass(frozen=True)
class ClearedPrivate:
    """Prices and rates that clear a market of private demands.

    Attributes
    ----------
    answer : Answer
    is_unique : bool
        Whether it is proved that prices and rates are the only optimal ones; False: not known.
    state : Layout
    """

    answer: Answer
    is_unique: bool
    state: Layout


def clear_private(
    program: Program, start: Floats | None = None, earlier: Layout | None = None
) -> ClearedPrivate | None:
    """Clear a market of bounded curves, flat ones among them, each portfolio with one demand for itself.

    Parameters
    ----------
    program : Program
    start : (P,) [money / quantity], optional
        Prices to start near, such as the earlier ones; NaN where there is none.
    earlier : Layout, optional
        Of an earlier solve; used where the portfolios are the same.

    Returns
    -------
    ClearedPrivate, or None where the program is not of this kind or the method does not end in rounding.
    """
    if program.B.shape[0] > MAX_DENSE_PRODUCTS:
        return None
    # More threads would sum in another order.
    with threads_for(1), np.errstate(all="ignore"):
        market = market_of(program, start, None if earlier is None else earlier.portfolios, max_flat=1.0)
        if market is None or market.bids.profiles is not None:
            return None
        c = np.empty(len(program.c))
        deviate(*market.entries, market.begin, market.end, program.c, market.first, c)
        layout = earlier if market.is_same and earlier is not None else _layout_of(market, c)
        segments = _segments_of(market, layout, c)
        if segments is None:
            return None
        found = _BarrierMethod(layout, segments).solve(start is not None and not np.isnan(start).all())
        return None if found is None else _cleared(market, layout, segments, found)


@dataclass(frozen=True)
class _Segments:
    """Segments in the order and the units of the passes: ``first (I + 1,)``, the others (K,)."""

    first: Index
    c: Floats
    s: Floats
    lo: Floats
    hi: Floats
    size: Floats
    per_size: Floats


@dataclass(frozen=True)
class _BarrierPoint:
    """An exact answer in scaled units: deviations of prices (P,), fills (K,), and the steps it took."""

    prices: Floats
    y: Floats
    steps: int


def _layout_of(market: PrivateMarket, c: Floats) -> Layout:
    """Bids in order and in units that the prices of their segments, (K,), in deviations, tell."""
    p, (start, row, weight) = market.program, market.bids.entries
    n_products, n_bids = p.B.shape
    unit = np.empty(n_products)
    price_units(start, row, weight, market.begin, market.end, c, p.s, p.lo, p.hi, unit)
    known = unit > 0
    if not known.all():
        unit = np.where(known, unit, np.median(unit[known]) if known.any() else 1.0)
    # Two bids that nearly agree tell nothing about how far the price of a product may move.
    unit = np.maximum(unit, LEAST_DISPERSION * np.abs(market.first))
    order = sort_bids(start, row, n_products)
    new_start, new_row = np.empty(n_bids + 1, dtype=np.uint32), np.empty(len(row), dtype=np.uint32)
    new_weight, bid_unit = np.empty(len(row)), np.empty(n_bids)
    lay_out_entries(order, start, row, weight, unit, new_start, new_row, new_weight, bid_unit)
    return Layout(market.portfolios, order, unit, bid_unit, new_start, new_row, new_weight)


def _segments_of(market: PrivateMarket, layout: Layout, c: Floats) -> _Segments | None:
    """Write the segments with prices in deviations, (K,); None where one has no size or hardly any slope."""
    p = market.program
    first = np.empty(len(layout.order) + 1, dtype=np.uint32)
    made = tuple(np.empty(len(c)) for _ in range(6))
    usable, least = lay_out_segments(
        layout.order, market.begin, market.end, layout.bid_unit, c, p.s, p.lo, p.hi, first, *made
    )
    return _Segments(first, *made) if usable and least > NEARLY_FLAT else None


class _BarrierMethod:
    """The steps of the method on one market."""

    def __init__(self, layout: Layout, segments: _Segments) -> None:
        self.segments = segments
        self.bids = layout.start, layout.row, layout.weight, segments.first
        self.is_flat = not segments.s.any()
        P, K = len(layout.unit), len(segments.c)
        self.prices = np.zeros(P)
        self.y, self.l, self.u, self.v, self.w = (np.empty(K) for _ in range(5))
        self.dy, self.dv, self.dw = (np.zeros(K) for _ in range(3))
        self.curve, self.per_h, self.predicted = (np.empty(K) for _ in range(3))
        self.net, self.right, self.centring, self.second, self.capacity = (np.empty(P) for _ in range(5))
        self.matrix, self.factored = np.empty(P * P), np.empty(P * P)
        self.steps, self.primal, self.dual = 0, 0.0, 0.0

    def solve(self, is_warm: bool) -> _BarrierPoint | None:
        """Follow the central path until the last step ends in rounding; None where it does not."""
        s = self.segments
        if is_warm:
            begin_near(
                *self.bids, s.c, s.s, s.lo, s.hi, WARM_CENTRE, self.prices,
                self.y, self.l, self.u, self.v, self.w, self.capacity,
            )  # fmt: skip
        else:
            begin_cold(*self.bids, s.c, s.s, s.lo, s.hi, self.y, self.l, self.u, self.right, self.capacity, self.matrix)
            if not self.factor():
                return None
            self.prices = self.solved(self.right)
            share, least = LEAST_ROOM
            room = max(share * float(np.mean(np.abs(s.c))), least)
            price_bounds(*self.bids, s.c, s.s, self.prices, self.y, self.v, self.w, room)
        for enough in FLAT_POLISH_TOLERANCES if self.is_flat else SLOPED_POLISH_TOLERANCES:
            if not self.follow(enough):
                return None
            found = self.finished()
            if found is not None:
                return found
        return None

    def factor(self) -> bool:
        """Factor the present matrix; whether that could be done."""
        n = len(self.right)
        np.copyto(self.factored, self.matrix)
        diagonal = self.factored[:: n + 1]
        diagonal[:] = np.where(diagonal > 0, diagonal * (1.0 + DIAGONAL), 1.0)
        self._factor, failed = dpotrf(self.factored.reshape((n, n), order="F"), lower=1, clean=0, overwrite_a=1)
        return not failed

    def solved(self, right: Floats) -> Floats:
        """Solve with the factor for one right-hand side, (P,)."""
        solution: Floats = dpotrs(self._factor, right, lower=1)[0]
        return solution

    def refined(self, right: Floats) -> Floats:
        """Solve with the factor, and for what that leaves of the present matrix, (P,)."""
        n, solution = len(right), self.solved(right)
        rest = right - dsymv(1.0, self.matrix.reshape((n, n), order="F"), solution, lower=1)
        return solution + self.solved(rest)

    def follow(self, enough: float) -> bool:
        """Make steps until the residual is at most that; whether that was reached."""
        lowest, waited, s = np.inf, 0, self.segments
        n_bounds = 2 * len(s.c)
        while True:
            gap, worst = form(
                *self.bids, s.c, s.s, s.per_size, self.prices, self.primal, self.dual, self.y, self.l, self.u, self.v,
                self.w, self.dy, self.dv, self.dw, self.curve, self.per_h, self.net, self.right, self.matrix,
            )  # fmt: skip
            # The step is made; where the last step fails, the method goes on from here.
            self.primal = self.dual = 0.0
            gap /= n_bounds
            imbalance = float(np.max(np.abs(self.net) / np.where(self.capacity > 0, self.capacity, 1.0), initial=0.0))
            if max(gap, worst, imbalance) <= enough:
                return True
            lowest, waited = (gap, 0) if gap < lowest / 2 else (lowest, waited + 1)
            if self.steps >= MAX_STEPS or waited >= STALL_STEPS or not np.isfinite(gap + worst + imbalance):
                return False
            if not self.factor():
                return False
            self.step(gap, n_bounds)

    def step(self, gap: float, n_bounds: int) -> None:
        """Compute the next step and how far to go: Mehrotra's predictor and corrector."""
        s = self.segments
        crossed, longest = predict(
            *self.bids, s.size, s.per_size, self.solved(self.right), self.l, self.u, self.v, self.w, self.curve,
            self.per_h, self.predicted, self.centring, self.second,
        )  # fmt: skip
        # How far the predictor gets says how much to centre.
        reach = min(1.0, longest)
        after = (1.0 - reach) * gap + reach**2 * crossed / n_bounds
        centre = gap * min(1.0, (after / gap) ** 3) if gap > 0 else 0.0
        primal, dual = self.corrected(centre, 1.0)
        if min(primal, dual) < reach:
            # The predictor got further: its changes count only as far as it got (Colombo & Gondzio 2008).
            primal, dual = self.corrected(centre, reach**2)
        if not self.is_flat:
            primal = dual = min(primal, dual)
        # Where all curves are flat, prices and fills meet in no equation, and each go as far as they may.
        self.primal, self.dual = min(1.0, TOWARDS_BOUND * primal), min(1.0, TOWARDS_BOUND * dual)
        self.prices = self.prices + self.dual * self.change
        self.steps += 1

    def corrected(self, centre: float, share: float) -> tuple[float, float]:
        """Compute the step to ``l v = u w = centre·size``; how far fills and multipliers may go."""
        self.change = self.refined(self.right + centre * self.centring - share * self.second)
        return respond(
            *self.bids, self.segments.size, self.change, self.l, self.u, self.v, self.w, self.curve, self.per_h,
            self.predicted, centre, share, self.dy, self.dv, self.dw,
        )  # fmt: skip

    def finished(self) -> _BarrierPoint | None:
        """Solve the equations that segments in between leave, until only rounding is left; None where more is."""
        s, n, K = self.segments, len(self.right), len(self.y)
        prices, change, y = self.prices, np.zeros(n), self.y.copy()
        state, rest = np.empty(K, dtype=np.int8), np.zeros(K)
        flat_bid, flat_segment = np.empty(K, dtype=np.uint32), np.empty(K, dtype=np.uint32)
        curvature, sloped, net, traded = np.zeros(len(s.first) - 1), np.zeros(n * n), np.empty(n), np.empty(n)
        held = HELD_CURVATURE * self.squares()
        place(*self.bids, s.c, s.s, s.lo, s.hi, s.size, prices, y, state)
        stiffness, least, is_fresh = STIFF, np.inf, False
        for rounds in range(MAX_POLISH_ROUNDS):
            moves, changes, flat, residual = balance(
                *self.bids, s.c, s.s, s.lo, s.hi, s.size, stiffness, prices, change, y, state, rest, curvature, net,
                traded, sloped, flat_bid, flat_segment,
            )  # fmt: skip
            imbalance = float(np.max(np.abs(net) / np.where(traded > 0, traded, 1.0), initial=0.0))
            wrong = max(residual, imbalance)
            if not moves and (wrong <= IMBALANCE or (wrong <= MAX_IMBALANCE and wrong > least / 2)):
                return _BarrierPoint(prices, y, self.steps)
            least = min(least, wrong) if not moves else np.inf
            if not np.isfinite(wrong) or moves > max(flat, n):
                return None
            # The first solve tells which segments are wrong.
            softer = (
                stiffness
                if not rounds
                else max(stiffness / 100, SOFT)
                if moves <= 1 + flat // MOVES_PER_FLAT
                else STIFF
            )
            softer = SOFT if rounds and not moves else softer
            is_fresh &= not moves and not changes and softer == stiffness
            stiffness = softer
            right = net.copy()
            np.copyto(self.matrix, sloped)
            stiffen(*self.bids[:3], s.size, stiffness, rest, flat_bid[:flat], flat_segment[:flat], right, self.matrix)
            if not is_fresh:
                self.matrix[:: n + 1] += held
                if not self.factor():
                    return None
                is_fresh = True
            change = self.solved(right)
            prices = prices + change
        return None

    def squares(self) -> Floats:
        """Compute the diagonal of the matrix of all bids, each as steep as one over its sizes, (P,)."""
        start, row, weight, first = self.bids
        offer = np.add.reduceat(self.segments.size, first[:-1])
        owner = np.repeat(np.arange(len(offer)), np.diff(start))
        return floats(np.bincount(row, weights=weight * weight * offer[owner], minlength=len(self.right)))


def _cleared(market: PrivateMarket, layout: Layout, segments: _Segments, found: _BarrierPoint) -> ClearedPrivate:
    """Return the answer in the order and the units of the program."""
    p, s = market.program, segments
    prices = market.first + layout.unit * found.prices
    x, fills, demand_prices = np.empty(p.B.shape[1]), np.empty(len(p.c)), np.empty(p.W.shape[0])
    restore(
        layout.order, market.begin, s.first, layout.bid_unit, market.entries[3], p.lo, p.hi, found.y, AT_BOUND, x, fills
    )  # fmt: skip
    price_demands(*market.entries, market.demand, prices, demand_prices)
    answer = Answer(x, fills, prices, demand_prices, "solved", found.steps)
    return ClearedPrivate(answer, _is_unique(market, layout, segments, found), layout)


def _is_unique(market: PrivateMarket, layout: Layout, segments: _Segments, found: _BarrierPoint) -> bool:
    """Check whether ranks prove that prices and fills are the only ones; False: not proved."""
    s, n = segments, len(layout.unit)
    start, row, weight = layout.start, layout.row, layout.weight
    # What float64 cannot tell from 0 in the price of a bid.
    owner = np.repeat(np.arange(len(layout.order)), np.diff(start))
    money = np.bincount(owner, weights=np.abs(weight) * np.abs(market.first / layout.unit)[row])
    near = np.maximum(TIED_PRICE, PRICE_ROUNDING * money)
    matrix, tied = np.empty(n * n), np.empty(len(s.c), dtype=np.uint32)
    count = inside(
        start, row, weight, s.first, s.c, s.s, s.size, found.y, s.lo, s.hi, found.prices, near, INSIDE, matrix, tied
    )
    if count > n or not _is_regular(matrix.reshape((n, n), order="F")):
        return False
    if not count:
        return True
    # Two flat segments of one bid have the same column, so they are not independent.
    columns = csc_array((weight, row.astype(np.int32), start.astype(np.int32)), shape=(n, len(layout.order)))
    columns = columns[:, tied[:count].astype(np.int64)]
    return _is_regular(np.asfortranarray((columns.T @ columns).toarray()))


def _is_regular(matrix: Floats) -> bool:
    """Check that a symmetric matrix has an inverse for certain; its lower triangle counts, and it is overwritten."""
    diagonal = matrix.diagonal().copy()
    if not (diagonal > 0).all():
        return False
    unit = 1.0 / np.sqrt(diagonal)
    matrix *= unit
    matrix *= unit[:, None]
    norm = float(np.max(np.abs(np.tril(matrix)).sum(axis=0) + np.abs(np.tril(matrix, -1)).sum(axis=1)))
    factor, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
    if failed:
        return False
    reciprocal, failed = dpocon(factor, norm, uplo="L")
    return not failed and reciprocal >= CERTAIN
