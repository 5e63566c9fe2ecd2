"""A semismooth Newton method in prices alone, for markets of sloped curves.

Where every portfolio has one private demand and curves are sloped, prices determine every rate. Clearing prices
minimise the dual ``Σ_d max_z (U_d(z) - λ_d z)`` with ``λ_d = B_i'π/W_i``. It is convex and piecewise quadratic; its
gradient is the negative net trade, its generalised Hessian ``Σ B_i B_i'/(s W_i²)`` over the bids that are inside a
segment (Qi and Sun 1993). A round is one compiled pass over the bids, which changes the Hessian only where a bid
changed its state, and one solve by conjugate gradients or a Cholesky factor. A line search on the slope of the dual
and a damping of the Hessian (Levenberg and Marquardt) make it converge from far away.

Prices are solved for as deviations from first prices (the earlier ones, or what one-product bids say), so that the
level of prices costs no digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Flags, Floats, floats
from fts.ports.engine import Answer, Program
from fts.solver.blas_threads import threads_for
from fts.solver.compiled import Int32s, csc_arrays
from fts.solver.native.bid_response import (
    add_bases,
    count_flat,
    deviate,
    divide,
    first_prices,
    is_determined,
    lay_out,
    price_demands,
    respond,
    settle,
)
from fts.solver.native.curvature import (
    MAX_DENSE_PRODUCTS,
    Diagonal,
    Factor,
    FormedHessian,
    Hessian,
    KeptHessian,
    conjugate_gradients,
)
from fts.solver.native.independent_products import is_far_wider
from fts.solver.native.profiles import CompressedBids, compress

MAX_FLAT = 0.02
"""Largest share of flat segments: prices do not determine the fills of those that are in between."""
MAX_NEWTON_ROUNDS, MAX_SMALL_ROUNDS = 40, 200
"""At most so many rounds with many products, and with few, where a round takes a part of a millisecond."""
MAX_PRODUCTS = 10_000
"""Programs of more products are left to the sparse methods of the engine."""
MAX_TRIALS = 12
"""At most so many points of one line search."""
OVERSHOT_SLOPE = 10.0
"""A slope that rises by more than this share is that of a step far too long: a shorter one is solved for instead."""
ACCEPTED_SLOPE = 0.5, 0.1
"""A step is accepted where the slope of the dual along it is at most this share of the slope at its beginning; the
second is for damped steps."""
RAMP = 1e-6
"""Fall of price along a segment that is written as flat, in shares of the deviations of its product's prices."""
FIRST_DAMPING = 1e-2
"""Share of the curvature of all bids that is added where the Hessian is singular."""
LEAST_LEVEL, LEAST_DAMPING = 1e-4, 1e-13
"""Bounds of that share: far from the answer, and near to it."""
SHORT_SHARE = 0.6
"""A step of which less than this share is taken was too long: the damping is raised."""
RESUMMED = 10
"""After so many rounds the Hessian is summed afresh: differences of large numbers leave rounding behind."""
SOLVED_GAIN = 1e-15
"""Gain of a step, in shares of the largest, below which what is left is rounding or nearly so."""
IMBALANCE_ROUNDING = 1e-14
"""Net trade of a product, in shares of what is traded of it, that is rounding."""
RECENTRING_IMBALANCE = 1e-6
"""Largest net trade, in the same shares, for which prices are centred again."""
NEWTON_MAX_IMBALANCE = 1e-13
"""Largest net trade of an answer, in the same shares."""
MAX_NEWTON_CORRECTIONS = 6
"""At most so many steps for the rounding that the rounds leave."""
STALE = 200
"""A Hessian that so many solves have changed is summed afresh, for the same reason."""
MAX_CONJUGATE_STEPS = 15
"""A solve by an earlier factor that takes more steps of conjugate gradients costs more than a new factor."""


@dataclass(frozen=True)
class Portfolios:
    """The portfolios of a program with a private demand each, to compare with those of the next one.

    Attributes
    ----------
    start, row, basis, scale
        Entries of ``B`` and ``W``.
    n_products : int
    bids : CompressedBids
    """

    start: Int32s
    row: Int32s
    basis: Floats
    scale: Floats
    n_products: int
    bids: CompressedBids

    def fits(self, program: Program) -> bool:
        """Check whether a program has the same portfolios."""
        start, row, basis = csc_arrays(program.B)
        scale = floats(program.W.data)
        return (
            program.B.shape[0] == self.n_products
            and _equal(start, self.start)
            and _equal(row, self.row)
            and _equal(basis, self.basis)
            and _equal(scale, self.scale)
        )


@dataclass(frozen=True)
class Cleared:
    """Prices and rates that clear a market of sloped curves.

    Attributes
    ----------
    answer : Answer
    is_unique : bool
        Whether it is proved that prices and rates are the only optimal ones; False: not known.
    imbalance : float
        Largest net trade of a product, in shares of what is traded of it.
    state : State
    """

    answer: Answer
    is_unique: bool
    imbalance: float
    state: State


def clear_sloped(program: Program, start: Floats | None = None, earlier: State | None = None) -> Cleared | None:
    """Clear a market of sloped curves, each portfolio with one demand for itself.

    Parameters
    ----------
    program : Program
    start : (P,) [money / quantity], optional
        Prices to start from, such as the earlier ones; NaN where there is none. It saves time and never changes the
        answer beyond rounding.
    earlier : State, optional
        Of an earlier solve; used where the portfolios are the same.

    Returns
    -------
    Cleared, or None where the program is not of this kind or the method does not end in rounding.
    """
    # More threads would sum in another order.
    with threads_for(1), np.errstate(all="ignore"):
        market = market_of(program, start, None if earlier is None else earlier.portfolios)
        if market is None:
            return None
        try:
            return NewtonMethod(market, earlier if market.is_same else None).solve()
        except FlatBetween:
            return None


class FlatBetween(Exception):
    """A flat segment is in between its bounds: prices do not tell its fill."""


@dataclass(frozen=True)
class State:
    """The result of one solve that the next one with the same portfolios may start from; it does not change.

    Attributes
    ----------
    portfolios : Portfolios
    hessian : Hessian
    curvature : (I,)
        What each bid contributes to the Hessian, ``1/s`` or 0.
    solves : int
        Number of solves since the Hessian was summed.
    """

    portfolios: Portfolios
    hessian: Hessian
    curvature: Floats
    solves: int


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one is other or np.array_equal(one, other)


@dataclass(frozen=True)
class PrivateMarket:
    """A program in the form in which it is solved here.

    Attributes
    ----------
    portfolios : Portfolios
    demand, begin, end : (I,)
        Demand of each portfolio and its segments.
    single : bool
        Whether portfolio ``i`` has the one segment ``i``.
    base : (K,) or (0,)
        See `bid_response.py`.
    is_flat : (K,) or (0,)
        Flat segments; empty without any.
    first : (P,)
        First prices.
    is_same : bool
        Whether the portfolios are the earlier ones.
    """

    program: Program
    portfolios: Portfolios
    demand: Int32s
    begin: Int32s
    end: Int32s
    single: bool
    base: Floats
    is_flat: Flags
    first: Floats
    is_same: bool

    @property
    def entries(self) -> tuple[Int32s, Int32s, Floats, Floats]:
        """Entries of ``B``, and the weight ``W_i`` of each portfolio in its demand: start, row, basis, scale."""
        return self.portfolios.start, self.portfolios.row, self.portfolios.basis, self.portfolios.scale

    @property
    def bids(self) -> CompressedBids:
        """The portfolios as short columns."""
        return self.portfolios.bids


def market_of(
    program: Program, start: Floats | None, earlier: Portfolios | None, max_flat: float = MAX_FLAT
) -> PrivateMarket | None:
    """Lay out a program with bounded private demands; None where it is not of this kind.

    Parameters
    ----------
    program : Program
    start : (P,) [money / quantity], optional
        First prices; NaN where there is none.
    earlier : Portfolios, optional
        Of an earlier program, used where they are the same.
    max_flat : float
        Largest share of flat segments.
    """
    p = program
    n_products, n_bids = p.B.shape
    if not n_bids or n_products > MAX_PRODUCTS or len(p.W.indices) != n_bids:
        return None
    if is_far_wider(n_products, n_bids):  # the Hessian would have no inverse
        return None
    flat, finite = count_flat(p.s, p.lo, p.hi)
    if not finite or flat > max_flat * len(p.s):
        return None
    B_start, row, basis = csc_arrays(p.B if p.B.has_sorted_indices else p.B.sorted_indices())
    W_start, W_demand, scale = csc_arrays(p.W)
    begin, end = np.empty(n_bids, dtype=np.int32), np.empty(n_bids, dtype=np.int32)
    private, single = lay_out(W_start, W_demand, p.segment_demand, p.W.shape[0], begin, end)
    if not private:
        return None
    base = np.zeros(0 if single else len(p.s))
    if not single:
        add_bases(begin, end, p.lo, p.hi, base)
    is_same = earlier is not None and earlier.fits(p)
    if is_same and earlier is not None:
        portfolios = earlier
    else:
        weight = basis if np.all(scale == 1.0) else divide(B_start, basis, scale)
        bids = compress(B_start, row, weight, n_products)
        portfolios = Portfolios(B_start, row, basis, scale, n_products, bids)
    B_start, row, weight = portfolios.start, portfolios.row, portfolios.bids.weight
    first = np.full(n_products, np.nan) if start is None else floats(start).copy()
    first_prices(B_start, row, weight, begin, end, p.c, p.s, p.lo, p.hi, first)
    is_flat = p.s == 0.0 if flat else np.empty(0, dtype=np.bool_)
    return PrivateMarket(p, portfolios, W_demand, begin, end, single, base, is_flat, first, is_same)


def tilt(program: Program, is_flat: Flags, c: Floats) -> tuple[Floats, Floats]:
    """Let flat segments fall a little, through their price in their middle; prices and slopes of segments, (K,) each.

    Parameters
    ----------
    program : Program
    is_flat : (K,) or (0,)
    c : (K,)
        Prices in deviations; updated.
    """
    p, s = program, program.s
    if len(is_flat):
        typical = float(np.median(np.abs(c[~is_flat]))) or float(np.max(np.abs(p.c))) or 1.0
        s = s.copy()
        s[is_flat] = RAMP * np.maximum(np.abs(c[is_flat]), typical) / (p.hi - p.lo)[is_flat]
        c[is_flat] += s[is_flat] * (p.lo + p.hi)[is_flat] / 2
    return c, s


@dataclass(frozen=True)
class NewtonPoint:
    """Rates ``x (I,)`` and fills ``y (K,)`` at a deviation of prices (P,).

    `net` and `traded` are ``Σ weight z`` and ``Σ |weight z|``, (P,) each;
    `imbalance` is the largest net trade in shares of what is traded; `at_bound`: every flat segment is at a bound.
    """

    deviation: Floats
    net: Floats
    traded: Floats
    imbalance: float
    at_bound: bool
    x: Floats
    y: Floats


class NewtonMethod:
    """The rounds of the method on one market."""

    def __init__(self, market: PrivateMarket, earlier: State | None) -> None:
        self.market, self.bids = market, market.bids
        m = market
        self.first = m.first
        self.c, self.s = self.deviations(m.first)
        self.at = m.begin.copy() if not m.single else m.begin
        self.net_rows = np.empty(self.bids.n_rows)
        self.damping, self.level, self.capacity = 0.0, 0.0, np.empty(0)
        self._extra: Floats | None = None
        self.factor: Factor | None = None
        self.solves = 1
        if earlier is not None and earlier.solves < STALE:
            self.hessian, self.curvature = earlier.hessian.copy(), earlier.curvature.copy()
            self.solves = earlier.solves + 1
        else:
            self.curvature = np.zeros(len(m.begin))
            kept = self.bids.n_products <= MAX_DENSE_PRODUCTS and self.bids.profiles is None
            self.hessian = KeptHessian(self.bids.n_products) if kept else FormedHessian(self.bids)
        self.tolerance = self.hessian.tolerances[0]
        self._is_hard = self.hessian.patience == 0
        self.is_fresh = False
        """True if the factor is that of the present Hessian."""

    def deviations(self, first: Floats) -> tuple[Floats, Floats]:
        """Compute prices of segments as deviations from first prices, and their slopes, (K,) each."""
        m = self.market
        c = np.empty(len(m.program.c))
        deviate(*m.entries, m.begin, m.end, m.program.c, first, c)
        return tilt(m.program, m.is_flat, c)

    def solve(self) -> Cleared | None:
        """Run the rounds; None where they do not converge."""
        deviation = np.zeros(self.bids.n_products)
        net, changes = self.respond(deviation)
        if changes == 0:
            cleared = self.settled(deviation, 0)
            if cleared is not None:
                return cleared
        initial, largest = net, 0.0
        per_slope, few = np.inf, len(self.curvature) // 1000
        for rounds in range(MAX_NEWTON_ROUNDS if self.hessian.patience else MAX_SMALL_ROUNDS):
            if rounds % RESUMMED == RESUMMED - 1:
                self.hessian.cells[:], self.curvature[:] = 0.0, 0.0
                net, _ = self.respond(deviation)
            step = self.step(net)
            if step is None:
                return None
            slope = float(net @ step)
            if not slope > 0:
                # Nothing but rounding is left to trade.
                return self.settled(deviation, rounds)
            share, net, changes = self.search(deviation, step, slope)
            deviation = deviation + share * step
            if not np.isfinite(net).all():
                return None
            largest = max(largest, slope)
            if (changes == 0 and share == 1.0) or slope <= SOLVED_GAIN * largest:
                cleared = self.settled(deviation, rounds + 1)
                if cleared is not None:
                    return cleared
            # While bids change their states, more accuracy than the progress of the rounds is of no use.
            most, least = self.hessian.tolerances
            self.tolerance = min(most, max(slope * per_slope, least)) if changes > few else least
            per_slope = 1.0 / slope
            if share < SHORT_SHARE:
                self.level = max(FIRST_DAMPING, (2.0 if share else 100.0) * self.level)
            elif share >= 1.0 and self.level:
                self.level = max(self.level / 10.0, LEAST_LEVEL)
            if self.level:
                # In proportion to what is missing: far away steps stay short, near the end they are Newton's.
                self.damp(max(self.level * min(1.0, self._size(net) / self._size(initial)), LEAST_DAMPING))
        return None

    def _size(self, net: Floats) -> float:
        """Measure a net trade, each product's in units of the root of its bids' curvature."""
        return float(np.sqrt(np.sum(net * net / self.all_bids())))

    def all_bids(self) -> Floats:
        """Compute the diagonal of the Hessian (P,) if every bid were inside its first segment."""
        if not len(self.capacity):
            capacity = self.bids.diagonal(1.0 / self.s[self.market.begin])
            self.capacity = np.where(capacity > 0, capacity, 1.0)
        return self.capacity

    def respond(self, deviation: Floats) -> tuple[Floats, int]:
        """Compute the net trade (P,) at a deviation of prices, and count the bids that changed their state."""
        m, p = self.market, self.market.program
        changes = respond(
            *self.bids.entries, m.begin, m.end, m.single, self.c, self.s, p.lo, p.hi, m.base,
            self.bids.extended(deviation), self.at, self.curvature, self.net_rows, self.hessian.cells,
        )  # fmt: skip
        self.is_fresh &= changes == 0
        return self.bids.gathered(self.net_rows).copy(), changes

    def search(self, deviation: Floats, step: Floats, slope: float) -> tuple[float, Floats, int]:
        """Find a share of the step at which the dual no longer falls much, nor rises much; the net trade there.

        The slope along the step never rises, so a share between one that is too small and one that is too large is
        right: regula falsi, or a longer step while it is too small. Share 0: the step is of no use.
        """
        low, at_low, high, at_high = 0.0, slope, np.inf, 0.0
        share, changed = 1.0, 0
        for _ in range(MAX_TRIALS):
            net, changes = self.respond(deviation + share * step)
            changed += changes
            after = float(net @ step)
            if abs(after) <= ACCEPTED_SLOPE[self.level > 0] * slope:
                return share, net, changed
            if not after >= -OVERSHOT_SLOPE * slope:
                break
            if after > 0:
                low, at_low = share, after
                if not np.isfinite(high):
                    share *= 4.0
                    continue
            else:
                high, at_high = share, after
            crossing = low + (high - low) * at_low / (at_low - at_high)
            # Not too near to either end, so that the interval shrinks.
            share = min(max(crossing, low + 0.1 * (high - low)), high - 0.1 * (high - low))
        net, changes = self.respond(deviation)
        return 0.0, net, changed + changes

    def damp(self, damping: float) -> None:
        """Add this share of the curvature of all bids to the Hessian's diagonal."""
        self.damping, self.is_fresh = damping, False
        self._extra = damping * self.all_bids()

    def step(self, net: Floats) -> Floats | None:
        """Solve with the Hessian for the net trade, (P,)."""
        if not self._is_hard:
            diagonal = self.hessian.of_diagonal(self.curvature)
            diagonal = diagonal if self._extra is None else diagonal + self._extra
            step = self._iterate(Diagonal(diagonal), net, self.hessian.patience)
            if step is not None:
                return step
            self._is_hard = True
        if self.hessian.patience and self.factor is not None and not self.is_fresh:
            step = self._iterate(self.factor, net, MAX_CONJUGATE_STEPS)
            if step is not None:
                return step
        while not self.is_fresh:
            factor = self.hessian.factor(self.curvature, self._extra)
            if factor is not None:
                self.factor, self.is_fresh = factor, True
            elif self.damping >= 1.0:
                return None
            else:
                self.level = max(FIRST_DAMPING, 10 * self.damping)
                self.damp(self.level)
        if self.factor is None or self.factor.is_exact:
            return None if self.factor is None else self.factor.solve(net)
        return self._iterate(self.factor, net, MAX_NEWTON_ROUNDS)

    def _iterate(self, factor: Factor, net: Floats, max_steps: int) -> Floats | None:
        return conjugate_gradients(self.hessian, self.curvature, self._extra, factor, net, self.tolerance, max_steps)

    def settled(self, deviation: Floats, rounds: int) -> Cleared | None:
        """Correct prices until only rounding is left; None where more is left."""
        self.tolerance = self.hessian.tolerances[1]
        best = self._corrected(self.point(deviation))
        if IMBALANCE_ROUNDING < best.imbalance <= RECENTRING_IMBALANCE:
            # Deviations from prices far away leave rounding; those from the prices found are nearly 0.
            before = self.first, self.c, self.s
            self.first = self.first + best.deviation
            self.c, self.s = self.deviations(self.first)
            best = self._corrected(self.point(np.zeros(len(self.first))))
            if not best.imbalance <= NEWTON_MAX_IMBALANCE:
                self.first, self.c, self.s = before
        if not best.imbalance <= NEWTON_MAX_IMBALANCE:
            return None
        if not best.at_bound:
            raise FlatBetween
        prices = self.first + best.deviation
        answer = Answer(best.x, best.y, prices, self.demand_prices(prices, best), "solved", rounds)
        # The slopes of flat segments are tiny; what they leave in a sum is not.
        solves = STALE if len(self.market.is_flat) else self.solves
        return Cleared(answer, self.is_determined(best), best.imbalance, self.state(solves))

    def demand_prices(self, prices: Floats, at: NewtonPoint) -> Floats:
        """Prices of demands (D,) at prices of products (P,), those of a point."""
        demand_prices = np.empty(self.market.program.W.shape[0])
        price_demands(*self.market.entries, self.market.demand, prices, demand_prices)
        return demand_prices

    def is_determined(self, at: NewtonPoint) -> bool:
        """Check whether it is proved, for the fills of a point, that bids inside a segment determine every price."""
        m, p = self.market, self.market.program
        return is_determined(
            *m.entries[:2], self.bids.weight, m.single, p.lo, p.hi, self.at, at.y, self.curvature,
            self.hessian.of_diagonal(self.curvature), np.zeros(self.bids.n_products),
        )  # fmt: skip

    def state(self, solves: int) -> State:
        """Make the state that the next solve may start from."""
        return State(self.market.portfolios, self.hessian, self.curvature, solves)

    def _corrected(self, best: NewtonPoint) -> NewtonPoint:
        """Solve for what is left of the net trade while that makes it less."""
        for _ in range(MAX_NEWTON_CORRECTIONS):
            step = self.step(best.net) if best.imbalance > IMBALANCE_ROUNDING else None
            if step is None:
                break
            point = self.point(best.deviation + step)
            if not point.imbalance < 0.5 * best.imbalance:
                return min(best, point, key=lambda one: one.imbalance)
            best = point
            if self.damping:
                self.damp(max(1e-3 * self.damping, LEAST_DAMPING))
        return best

    def point(self, deviation: Floats) -> NewtonPoint:
        """Compute fills and rates at a deviation of prices, (P,)."""
        m, p, rows = self.market, self.market.program, self.bids.n_rows
        x, y, net, traded = np.empty(len(m.begin)), np.empty(len(self.c)), np.empty(rows), np.empty(rows)
        at_bound = settle(
            *self.bids.entries, m.entries[3], m.begin, m.end, m.single, self.c, self.s, p.lo, p.hi, m.base,
            self.bids.extended(deviation), self.at, m.is_flat, x, y, net, traded,
        )  # fmt: skip
        net, traded = self.bids.gathered(net), self.bids.gathered_sizes(traded)
        residual = np.abs(net) / np.where(traded > 0, traded, 1.0)
        return NewtonPoint(deviation, net, traded, float(residual.max()), at_bound, x, y)
