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

from fts.models.columns import Floats, Ints, floats
from fts.ports.engine import Program
from fts.solver.native.barrier import advanced, answered, bent, missed, pulled
from fts.solver.native.elimination import Elimination

MOST_STEPS = 100
TOWARDS_BOUND = 0.995
SHORT = 1.0
"""A corrected step that gets less far than this share of the predictor is made again with less correction."""
PATIENCE = 12
"""Steps in which the gap must halve; where it does not, the method goes in circles."""
LEAST = 1e-12
"""Curvature (price unit over size) below which a segment counts as this curved: a proximal term."""
INSIDE = 0.1
"""How far inside its bounds, in shares of its size, and above 0, in typical prices, a warm start begins."""


Bend = tuple[Floats, Floats, Floats]
"""``1/h``, ``1/l`` and ``1/u`` of every segment, (K,) each."""


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
    """What is missing in the equations above.

    Attributes
    ----------
    curve, portfolio, demand, product
        Right-hand sides of the Newton step, in the order of the equations.
    gap : float
        Mean of ``l v`` and ``u w`` over the size.
    worst : float
        The largest of imbalance, curve, portfolio, demand and gap, relative.
    """

    curve: Floats
    portfolio: Floats
    demand: Floats
    product: Floats
    gap: float
    worst: float


@dataclass(frozen=True)
class Direction:
    """A Newton step, and what it does to the bounds.

    Attributes
    ----------
    x, y, prices, demand_prices, v, w
        Changes.
    lower, upper : (K,)
        ``Δl Δv`` and ``Δu Δw``.
    crossed : float
        Mean of both over the size.
    primal, dual : float
        The longest steps, at most 2, that keep distances from the bounds, and multipliers, at or above 0.
    """

    x: Floats
    y: Floats
    prices: Floats
    demand_prices: Floats
    v: Floats
    w: Floats
    lower: Floats
    upper: Floats
    crossed: float
    primal: float
    dual: float

    @property
    def longest(self) -> float:
        """The longest step that keeps all of them at or above 0."""
        return min(self.primal, self.dual)


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

    def __init__(self, program: Program, sizes: Floats, first_segment: Ints, elimination: Elimination) -> None:
        self.program, self.sizes, self.elimination = program, sizes, elimination
        self.first_segment = first_segment
        self.below, self.above = np.isfinite(program.lo), np.isfinite(program.hi)
        self._lo, self._hi = np.where(self.below, program.lo, 0.0), np.where(self.above, program.hi, 0.0)
        self._n_bounds = max(int(self.below.sum() + self.above.sum()), 1)
        self._none = np.zeros(len(sizes))
        self._flat = not program.s.any()

    def by_demand(self, values: Floats) -> Floats:
        """Sums over the segments of each demand, (D,)."""
        return floats(np.bincount(self.program.segment_demand, weights=values, minlength=self.program.W.shape[0]))

    def start(self) -> Iterate:
        """A point in the middle of the bounds with prices of the sloped market that fits them best."""
        with np.errstate(all="ignore"):
            return self._start()

    def _start(self) -> Iterate:
        p, e, size = self.program, self.elimination, self.sizes
        y = np.where(self.below & self.above, (self._lo + self._hi) / 2, 0.0)
        y = np.where(self.below & ~self.above, self._lo + size / 2, y)
        y = np.where(~self.below & self.above, self._hi - size / 2, y)
        left, right = np.where(self.below, y - self._lo, 1.0), np.where(self.above, self._hi - y, 1.0)
        per_h, f = 1.0 / (p.s + 1.0 / size), p.c - p.s * y
        e.factor(self.by_demand(per_h))
        cost = np.zeros(p.B.shape[1]) if p.cost is None else p.cost
        step, demand_prices = e.answer(self.by_demand(f * per_h + y), cost, np.zeros(p.B.shape[0]))
        miss = p.s * y - p.c + demand_prices[p.segment_demand]
        typical = max(float(np.mean(np.abs(miss))), 1e-3 * float(np.mean(np.abs(p.c))), 1e-6)
        v = np.where(self.below, np.maximum(miss, 0.0) + typical, 0.0)
        w = np.where(self.above, np.maximum(-miss, 0.0) + typical, 0.0)
        return Iterate(step.x, y, step.prices, demand_prices, left, right, v, w)

    def near(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats) -> Iterate:
        """A point inside the bounds near an earlier answer, with multipliers that fit its prices."""
        p, room = self.program, INSIDE * self.sizes
        low = np.where(self.below, p.lo + np.minimum(room, (p.hi - p.lo) / 2), -np.inf)
        high = np.where(self.above, p.hi - np.minimum(room, (p.hi - p.lo) / 2), np.inf)
        y = np.clip(y, low, high)
        miss = p.s * y - p.c + demand_prices[p.segment_demand]
        return Iterate(
            x,
            y,
            prices,
            demand_prices,
            left=np.where(self.below, y - self._lo, 1.0),
            right=np.where(self.above, self._hi - y, 1.0),
            v=np.where(self.below, np.maximum(miss, 0.0) + INSIDE, 0.0),
            w=np.where(self.above, np.maximum(-miss, 0.0) + INSIDE, 0.0),
        )

    def residual(self, at: Iterate) -> Residual:
        """What is missing at a point."""
        p, e = self.program, self.elimination
        curve, demand, gap, worst = missed(
            self.first_segment, p.c, p.s, self.sizes, at.y, at.left, at.right, at.v, at.w, at.demand_prices,
            e.demand_rates(at.x), e.reach,
        )  # fmt: skip
        portfolio = e.worth(at.prices) - e.told(at.demand_prices)
        if p.cost is not None:
            portfolio += p.cost
        product = -(e.B_rows @ at.x)
        flow = e.magnitude @ np.abs(at.x) + e.least_flow
        gap /= self._n_bounds
        imbalance = float(np.max(np.abs(product) / np.where(flow > 0, flow, 1.0), initial=0.0))
        worst = max(worst, imbalance, float(np.max(np.abs(portfolio), initial=0.0)), gap)
        return Residual(curve, portfolio, demand, product, gap, worst)

    def direction(
        self,
        at: Iterate,
        missing: Residual,
        bend: Bend,
        centre: float,
        before: Direction | None = None,
        share: float = 1.0,
    ) -> Direction:
        """The Newton step that removes what is missing and brings ``l v`` and ``u w`` to ``centre·size``.

        Of what another step `before` adds to ``l v`` and ``u w`` a `share` is taken off. Without one, the step is a
        predictor, which needs no refinement.
        """
        p, size = self.program, self.sizes
        lower, upper = (self._none, self._none) if before is None else (before.lower, before.upper)
        f, v, w, t = pulled(
            self.first_segment, p.lo, p.hi, size, at.left, at.right, at.v, at.w, *bend, missing.curve, missing.demand,
            centre, lower, upper, share,
        )  # fmt: skip
        step, demand_prices = self.elimination.answer(t, missing.portfolio, missing.product, int(before is not None))
        y, lower, upper, crossed, primal, dual = answered(
            self.first_segment, p.lo, p.hi, size, at.v, at.w, *bend, f, v, w, demand_prices
        )
        crossed /= self._n_bounds
        return Direction(step.x, y, step.prices, demand_prices, v, w, lower, upper, crossed, primal, dual)

    def solve(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        """Follow the central path from a point until all is missing by at most `tol`."""
        # Far from an optimum numbers may overflow; such a point is never the best one.
        with np.errstate(all="ignore"):
            return self._follow(tol, at)

    def _follow(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        best, best_miss = at, np.inf
        lowest_gap, waited = np.inf, 0
        for steps in range(MOST_STEPS + 1):
            missing = self.residual(at)
            if missing.worst < best_miss:
                best, best_miss = at, missing.worst
            lowest_gap, waited = (missing.gap, 0) if missing.gap < lowest_gap / 2 else (lowest_gap, waited + 1)
            if missing.worst <= tol:
                return at, steps, "solved"
            if steps == MOST_STEPS or waited >= PATIENCE:
                break
            per_h, per_l, per_u, g = bent(
                self.first_segment, self.program.s, self.sizes, at.left, at.right, at.v, at.w, LEAST
            )
            bend = per_h, per_l, per_u
            self.elimination.factor(g)
            # Predictor: straight to the optimum; how far it gets says how much to centre.
            affine = self.direction(at, missing, bend, 0.0)
            reach = min(1.0, affine.longest)
            # (l + α Δl)(v + α Δv), where l Δv + v Δl = -l v.
            after = (1.0 - reach) * missing.gap + reach**2 * affine.crossed
            target = missing.gap * min(1.0, (after / missing.gap) ** 3) if missing.gap > 0 else 0.0
            # Corrector: the products of the predictor's changes, and the pull to the centre.
            step = self.direction(at, missing, bend, target, affine)
            if step.longest < SHORT * reach:
                # The predictor got further: its changes count only as far as it got (Colombo & Gondzio 2008).
                step = self.direction(at, missing, bend, target, affine, reach**2)
            at = self.advanced(at, step)
            if not (np.isfinite(at.y).all() and np.isfinite(at.prices).all()):
                break
        return best, steps, "no progress"

    def advanced(self, at: Iterate, step: Direction) -> Iterate:
        """The point after a step, as far as it may go.

        Where all curves are flat, prices and fills meet in no equation, and each go as far as they may by themselves.
        """
        p = self.program
        primal, dual = (step.primal, step.dual) if self._flat else (step.longest, step.longest)
        primal, dual = min(1.0, TOWARDS_BOUND * primal), min(1.0, TOWARDS_BOUND * dual)
        y, left, right, v, w = advanced(
            p.lo, p.hi, at.y, at.left, at.right, at.v, at.w, step.y, step.v, step.w, primal, dual
        )
        return Iterate(
            at.x + primal * step.x,
            y,
            at.prices + dual * step.prices,
            at.demand_prices + dual * step.demand_prices,
            left,
            right,
            v,
            w,
        )
