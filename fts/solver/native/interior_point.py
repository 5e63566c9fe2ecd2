"""Mehrotra's predictor-corrector method on the segments of the curves.

With ``l = y - lo``, ``u = hi - y`` and multipliers ``v, w ≥ 0`` of the bounds, an optimum solves::

    s y - c + λ - v + w = 0        on its curve (λ of the segment's demand)
    W'λ - B'π           = 0        stationarity of portfolio rates
    W x - G y           = 0        rates of demands
    B x                 = 0        products
    l v = 0, u w = 0

The central path weighs every segment's barrier by its size, ``l v = μ size``, so that a bid of a millionth of the
market is solved as exactly as the largest. Sources: Mehrotra 1992; Friedlander & Orban 2012 (regularisation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Floats
from fts.ports.engine import Program
from fts.solver.compiled import Index
from fts.solver.native.elimination import Elimination
from fts.solver.native.interior_point_kernels import advance, assess, begin, correct, predict, price_bounds, respond

MOST_STEPS = 100
"""At most so many steps."""
TOWARDS_BOUND = 0.995
"""A step goes at most this share of the way to the nearest bound."""
MIN_CORRECTOR_RATIO = 1.0
"""A corrected step that gets less far than this share of the predictor is made again with less correction."""
STALL_STEPS = 12
"""Steps in which the gap must halve; where it does not, the method goes in circles."""
LEAST_CURVATURE = 1e-12
"""Curvature (price unit over size) below which a segment counts as this curved: a proximal term."""
WARM_START_MARGIN = 0.1
"""Distance of a warm start from bounds, in shares of a segment's size, and of multipliers from 0, in typical prices."""


@dataclass
class Iterate:
    """A point of the method.

    ``x (I,)``, ``y (K,)``, ``prices (P,)``, ``demand_prices (D,)``; the distances from the bounds ``left,
    right (K,)``, kept beside ``y`` because near a bound a difference would lose them; their multipliers ``v, w (K,)``.
    """

    x: Floats
    y: Floats
    prices: Floats
    demand_prices: Floats
    left: Floats
    right: Floats
    v: Floats
    w: Floats


@dataclass(frozen=True)
class Residual:
    """Residuals of the equations above at a point.

    Attributes
    ----------
    portfolio : (I,)
    product : (P,)
        Right-hand sides of the Newton step.
    gap : float
        Mean of ``l v`` and ``u w`` over the size.
    worst : float
        The largest of imbalance, curve, portfolio, demand and gap, relative.
    """

    portfolio: Floats
    product: Floats
    gap: float
    worst: float


@dataclass(frozen=True)
class Direction:
    """A Newton step; its changes of fills and multipliers are in the workspace.

    Attributes
    ----------
    x, prices, demand_prices
        Changes.
    primal, dual : float
        The longest steps, at most 2, that keep distances from the bounds, and multipliers, at or above 0.
    """

    x: Floats
    prices: Floats
    demand_prices: Floats
    primal: float
    dual: float

    @property
    def longest(self) -> float:
        """The longest step that keeps all of them at or above 0."""
        return min(self.primal, self.dual)


class Workspace:
    """Arrays that the passes of one step write, used again in the next.

    ``per_h``, ``f``, ``dy``, ``dv``, ``dw`` ``(K,)`` of segments, ``g``, ``t``, ``demand`` ``(D,)`` of demands, as in
    :mod:`fts.solver.native.interior_point_kernels`.
    """

    def __init__(self, n_segments: int, n_demands: int) -> None:
        self.per_h, self.f, self.dy, self.dv, self.dw = (np.empty(n_segments) for _ in range(5))
        self.g, self.t, self.demand = (np.empty(n_demands) for _ in range(3))


class InteriorPoint:
    """The method on one program made ready.

    Parameters
    ----------
    program : Program
        Scaled: prices are about 1, quantities are money.
    sizes : (K,)
        How much each segment may trade.
    first_segment : (D + 1,)
        Demand ``d`` has the segments ``first_segment[d]:first_segment[d + 1]``.
    elimination : Elimination
        Of the same program.
    """

    def __init__(self, program: Program, sizes: Floats, first_segment: Index, elimination: Elimination) -> None:
        self.program, self.sizes, self.elimination = program, sizes, elimination
        self.first_segment = first_segment
        self.below, self.above = np.isfinite(program.lo), np.isfinite(program.hi)
        self._n_bounds = max(int(self.below.sum() + self.above.sum()), 1)
        self._per_size = 1.0 / sizes
        self._work = Workspace(len(sizes), program.W.shape[0])
        self._free: list[Iterate] = []
        self._flat = not program.s.any()

    def start(self) -> Iterate:
        """Compute a point in the middle of the bounds with prices of the sloped market that fits them best."""
        with np.errstate(all="ignore"):
            return self._start()

    def _start(self) -> Iterate:
        p, e, work, to = self.program, self.elimination, self._work, self._spare()
        begin(self.first_segment, p.lo, p.hi, p.c, p.s, self.sizes, to.y, to.left, to.right, work.g, work.t)
        e.factor(work.g)
        cost = np.zeros(p.B.shape[1]) if p.cost is None else p.cost
        step, to.demand_prices = e.solve_newton(work.t, cost, np.zeros(p.B.shape[0]))
        to.x, to.prices = step.x, step.prices
        least = max(1e-3 * float(np.mean(np.abs(p.c))), 1e-6)
        price_bounds(
            self.first_segment, p.c, p.s, to.y, self.below, self.above, to.demand_prices, least, 1.0, to.v, to.w
        )
        return to

    def near(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats) -> Iterate:
        """Compute a point inside the bounds near an earlier answer, with multipliers that fit its prices."""
        p, room = self.program, WARM_START_MARGIN * self.sizes
        low = np.where(self.below, p.lo + np.minimum(room, (p.hi - p.lo) / 2), -np.inf)
        high = np.where(self.above, p.hi - np.minimum(room, (p.hi - p.lo) / 2), np.inf)
        y = np.clip(y, low, high)
        to = self._spare()
        to.x, to.y, to.prices, to.demand_prices = x, y, prices, demand_prices
        to.left, to.right = np.where(self.below, y - p.lo, 1.0), np.where(self.above, p.hi - y, 1.0)
        price_bounds(
            self.first_segment, p.c, p.s, y, self.below, self.above, demand_prices, WARM_START_MARGIN, 0.0, to.v, to.w
        )
        return to

    def residual(self, at: Iterate) -> Residual:
        """Compute what a point misses; the workspace then has its curvature and the predictor's right-hand side."""
        p, e, work = self.program, self.elimination, self._work
        portfolio, rates, net, flow = e.remainder(at.x, at.prices, at.demand_prices)
        if p.cost is not None:
            portfolio += p.cost
        gap, worst = assess(
            self.first_segment, p.c, p.s, self._per_size, at.y, at.left, at.right, at.v, at.w, at.demand_prices,
            rates, e.max_demand_rates, LEAST_CURVATURE, work.per_h, work.g, work.t, work.demand,
        )  # fmt: skip
        product, flow = -net, flow + e.least_flow
        gap /= self._n_bounds
        imbalance = float(np.max(np.abs(product) / np.where(flow > 0, flow, 1.0), initial=0.0))
        worst = max(worst, imbalance, float(np.max(np.abs(portfolio), initial=0.0)), gap)
        return Residual(portfolio, product, gap, worst)

    def predictor(self, at: Iterate, residual: Residual) -> tuple[Floats, float, float]:
        """Step straight to the optimum.

        Returns
        -------
        demand_prices : (D,)
            Changes.
        crossed : float
            Mean over the size of what it adds to ``l v`` and ``u w``.
        reach : float
            The longest step that keeps distances from bounds, and multipliers, at or above 0.
        """
        p, work = self.program, self._work
        # A predictor needs no refinement.
        _, change = self.elimination.solve_newton(work.t, residual.portfolio, residual.product, 0)
        crossed, primal, dual = predict(
            self.first_segment, p.c, p.s, self._per_size, at.y, at.left, at.right, at.v, at.w, self.below, self.above,
            at.demand_prices, work.per_h, change,
        )  # fmt: skip
        return change, crossed / self._n_bounds, min(primal, dual)

    def corrector(self, at: Iterate, residual: Residual, change: Floats, centre: float, share: float) -> Direction:
        """Compute the Newton step that removes the residual and brings ``l v`` and ``u w`` to ``centre·size``.

        Of what the predictor, whose `change` of demands' prices (D,) is given, adds to these, a `share` is taken off.
        """
        p, work = self.program, self._work
        correct(
            self.first_segment, p.c, p.s, self.sizes, at.y, at.left, at.right, at.v, at.w, self.below, self.above,
            at.demand_prices, work.per_h, change, work.demand, centre, share, work.f, work.dv, work.dw, work.t,
        )  # fmt: skip
        step, demand_prices = self.elimination.solve_newton(work.t, residual.portfolio, residual.product, 1)
        primal, dual = respond(
            self.first_segment, at.left, at.right, at.v, at.w, self.below, self.above, work.per_h, demand_prices,
            work.f, work.dv, work.dw, work.dy,
        )  # fmt: skip
        return Direction(step.x, step.prices, demand_prices, primal, dual)

    def solve(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        """Follow the central path from a point until the residual is at most `tol`."""
        # Far from an optimum numbers may overflow; such a point is never the best one.
        with np.errstate(all="ignore"):
            return self._follow(tol, at)

    def _follow(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        best, best_miss = at, np.inf
        lowest_gap, waited = np.inf, 0
        for steps in range(MOST_STEPS + 1):
            residual = self.residual(at)
            if residual.worst < best_miss:
                if best is not at:
                    self._free.append(best)
                best, best_miss = at, residual.worst
            lowest_gap, waited = (residual.gap, 0) if residual.gap < lowest_gap / 2 else (lowest_gap, waited + 1)
            if residual.worst <= tol:
                return at, steps, "solved"
            if steps == MOST_STEPS or waited >= STALL_STEPS:
                break
            self.elimination.factor(self._work.g)
            # How far the predictor gets says how much to centre.
            change, crossed, longest = self.predictor(at, residual)
            reach = min(1.0, longest)
            # (l + α Δl)(v + α Δv), where l Δv + v Δl = -l v.
            after = (1.0 - reach) * residual.gap + reach**2 * crossed
            target = residual.gap * min(1.0, (after / residual.gap) ** 3) if residual.gap > 0 else 0.0
            # Corrector: the products of the predictor's changes, and the pull to the centre.
            step = self.corrector(at, residual, change, target, 1.0)
            if step.longest < MIN_CORRECTOR_RATIO * reach:
                # The predictor got further: its changes count only as far as it got (Colombo & Gondzio 2008).
                step = self.corrector(at, residual, change, target, reach**2)
            before, at = at, self.advanced(at, step)
            if before is not best:
                self._free.append(before)
            if not (np.isfinite(at.y).all() and np.isfinite(at.prices).all()):
                break
        return best, steps, "no progress"

    def advanced(self, at: Iterate, step: Direction) -> Iterate:
        """Compute the point after a step, as far as it may go.

        Where all curves are flat, prices and fills meet in no equation, and each go as far as they may by themselves.
        """
        primal, dual = (step.primal, step.dual) if self._flat else (step.longest, step.longest)
        primal, dual = min(1.0, TOWARDS_BOUND * primal), min(1.0, TOWARDS_BOUND * dual)
        to, work = self._spare(), self._work
        advance(
            at.y, at.left, at.right, at.v, at.w, self.below, self.above, work.dy, work.dv, work.dw, primal, dual,
            to.y, to.left, to.right, to.v, to.w,
        )  # fmt: skip
        to.x, to.prices = at.x + primal * step.x, at.prices + dual * step.prices
        to.demand_prices = at.demand_prices + dual * step.demand_prices
        return to

    def _spare(self) -> Iterate:
        """Return a point whose arrays may be written."""
        if self._free:
            return self._free.pop()
        none = np.empty(0)
        y, left, right, v, w = (np.empty(len(self.sizes)) for _ in range(5))
        return Iterate(none, y, none, none, left, right, v, w)
