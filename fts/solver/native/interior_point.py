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
from scipy.sparse import csr_array

from fts.models.columns import Floats, floats
from fts.ports.engine import Program
from fts.solver.native.elimination import Elimination

MOST_STEPS = 100
TOWARDS_BOUND = 0.995
SHORT = 1.0
"""A corrected step that gets less far than this share of the predictor is made again with less correction."""
INSIDE = 0.1
"""How far inside its bounds, in shares of its size, and above 0, in typical prices, a warm start begins."""


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
    """What is missing in the equations above, and the distance from the bounds.

    Attributes
    ----------
    curve, portfolio, demand, product
        Right-hand sides of the Newton step, in the order of the equations.
    lower, upper : (K,)
        ``l v`` and ``u w``.
    gap : float
        Mean of both over the size.
    """

    curve: Floats
    portfolio: Floats
    demand: Floats
    product: Floats
    lower: Floats
    upper: Floats
    gap: float


class InteriorPoint:
    """The method on one scaled program.

    Parameters
    ----------
    program : Program
        Scaled: prices are about 1, quantities are money.
    sizes : (K,)
        How much each segment may trade.
    elimination : Elimination
        Of the same program.
    """

    def __init__(self, program: Program, sizes: Floats, elimination: Elimination) -> None:
        self.program, self.sizes, self.elimination = program, sizes, elimination
        self.below, self.above = np.isfinite(program.lo), np.isfinite(program.hi)
        self._lo, self._hi = np.where(self.below, program.lo, 0.0), np.where(self.above, program.hi, 0.0)
        self._n_bounds = int(self.below.sum() + self.above.sum())
        self._limited = self._n_bounds == 2 * len(sizes)
        self._per_size = 1.0 / sizes
        self._W_across = csr_array(program.W.T)
        self._each = len(program.segment_demand) == program.W.shape[0] and bool(
            (program.segment_demand == np.arange(program.W.shape[0])).all()
        )
        # Curvature below which a segment counts as this curved: a proximal term, for unlimited flat segments.
        self._least = 1e-12 / sizes

    def by_demand(self, values: Floats) -> Floats:
        """Sums over the segments of each demand, (D,)."""
        if self._each:
            return values
        return floats(np.bincount(self.program.segment_demand, weights=values, minlength=self.program.W.shape[0]))

    def of_segment(self, values: Floats) -> Floats:
        """Each segment's demand's value, (K,)."""
        return values if self._each else values[self.program.segment_demand]

    def start(self) -> Iterate:
        """A point in the middle of the bounds with prices of the sloped market that fits them best."""
        with np.errstate(all="ignore"):
            return self._start()

    def _start(self) -> Iterate:
        p, size = self.program, self.sizes
        y = np.where(self.below & self.above, (self._lo + self._hi) / 2, 0.0)
        y = np.where(self.below & ~self.above, self._lo + size / 2, y)
        y = np.where(~self.below & self.above, self._hi - size / 2, y)
        left, right = np.where(self.below, y - self._lo, 1.0), np.where(self.above, self._hi - y, 1.0)
        none = np.zeros(len(y))
        nought = Iterate(
            np.zeros(p.B.shape[1]), y, np.zeros(p.B.shape[0]), np.zeros(p.W.shape[0]), left, right, none, none
        )
        residual = self.residual(nought)
        h = p.s + 1.0 / size
        self.factor(h)
        step = self.direction(nought, residual, h, none, none)
        prices, demand_prices = step.prices, step.demand_prices
        miss = p.s * y - p.c + self.of_segment(demand_prices)
        typical = max(float(np.mean(np.abs(miss))), 1e-3 * float(np.mean(np.abs(p.c))), 1e-6)
        v = np.where(self.below, np.maximum(miss, 0.0) + typical, 0.0)
        w = np.where(self.above, np.maximum(-miss, 0.0) + typical, 0.0)
        return Iterate(step.x, y, prices, demand_prices, left, right, v, w)

    def near(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats) -> Iterate:
        """A point inside the bounds near an earlier answer, with multipliers that fit its prices."""
        p, room = self.program, INSIDE * self.sizes
        low = np.where(self.below, p.lo + np.minimum(room, (p.hi - p.lo) / 2), -np.inf)
        high = np.where(self.above, p.hi - np.minimum(room, (p.hi - p.lo) / 2), np.inf)
        y = np.clip(y, low, high)
        miss = p.s * y - p.c + self.of_segment(demand_prices)
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
        lower, upper = at.left * at.v, at.right * at.w
        curve = p.c - p.s * at.y
        curve -= self.of_segment(at.demand_prices)
        curve += at.v
        curve -= at.w
        return Residual(
            curve=curve,
            portfolio=e.worth(at.prices) - self._W_across @ at.demand_prices,
            demand=e.demand_rates(at.x) - self.by_demand(at.y),
            product=-(e.B_rows @ at.x),
            lower=lower,
            upper=upper,
            gap=self._mean(lower + upper),
        )

    def factor(self, h: Floats) -> None:
        """Factor the system of the step for curvatures ``h (K,)``."""
        self.elimination.factor(self.by_demand(1.0 / h))

    def direction(
        self, at: Iterate, missing: Residual, h: Floats, lower: Floats, upper: Floats, rounds: int = 1
    ) -> Iterate:
        """The Newton step that removes what is missing and changes ``l v`` by `lower` and ``u w`` by `upper`.

        `rounds` of refinement: a predictor needs none.
        """
        e = self.elimination
        v, w = lower / at.left, upper / at.right
        f = missing.curve + v
        f -= w
        t = self.by_demand(f / h)
        t -= missing.demand
        a = e.by_portfolio(t / e.g)
        a -= missing.portfolio
        step = e.solve(a, missing.product, t[e.shared_demand], rounds)
        demand_prices = t - e.demand_rates(step.x)
        demand_prices /= e.g
        demand_prices[e.shared_demand] = step.shared
        f -= self.of_segment(demand_prices)
        y = np.divide(f, h, out=f)
        left, right = self._changes(y)
        # Δv = (lower - v·left)/l
        change = at.v * left
        change /= at.left
        v -= change
        change = np.multiply(at.w, right, out=change)
        change /= at.right
        w -= change
        return Iterate(step.x, y, step.prices, demand_prices, left, right, v, w)

    def _changes(self, y: Floats) -> tuple[Floats, Floats]:
        """How the distances from the bounds change with fills; where there is no bound, not at all."""
        if self._limited:
            return y, -y
        return np.where(self.below, y, 0.0), np.where(self.above, -y, 0.0)

    def longest(self, at: Iterate, step: Iterate) -> float:
        """The longest step, at most 2, that keeps distances from the bounds and multipliers at or above 0."""
        return min(
            _reach(at.left, step.left), _reach(at.right, step.right), _reach(at.v, step.v), _reach(at.w, step.w)
        )

    def _mean(self, values: Floats) -> float:
        """Mean over the bounds of values per size."""
        return float(values @ self._per_size) / max(self._n_bounds, 1)

    def solve(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        """Follow the central path from a point until all is missing by at most `tol`."""
        # Far from an optimum numbers may overflow; such a point is never the best one.
        with np.errstate(all="ignore"):
            return self._follow(tol, at)

    def _follow(self, tol: float, at: Iterate) -> tuple[Iterate, int, str]:
        size = self.sizes
        best, best_miss = at, np.inf
        for steps in range(MOST_STEPS + 1):
            missing = self.residual(at)
            miss = self.measure(at, missing)
            if miss < best_miss:
                best, best_miss = at, miss
            if miss <= tol:
                return at, steps, "solved"
            if steps == MOST_STEPS:
                break
            h = np.maximum(self.program.s + at.v / at.left + at.w / at.right, self._least)
            self.factor(h)
            # Predictor: straight to the optimum; how far it gets says how much to centre.
            affine = self.direction(at, missing, h, -missing.lower, -missing.upper, rounds=0)
            reach = min(1.0, self.longest(at, affine))
            # (l + α Δl)(v + α Δv), where l Δv + v Δl = -l v.
            crossed, also_crossed = affine.left * affine.v, affine.right * affine.w
            after = (1.0 - reach) * missing.gap + reach**2 * self._mean(crossed + also_crossed)
            target = missing.gap * min(1.0, (after / missing.gap) ** 3) if missing.gap > 0 else 0.0
            # Corrector: the products of the predictor's changes, and the pull to the centre.
            centre = target * size
            lower, upper = centre - missing.lower, centre - missing.upper
            lower -= crossed
            upper -= also_crossed
            if not self._limited:
                lower, upper = np.where(self.below, lower, 0.0), np.where(self.above, upper, 0.0)
            step = self.direction(at, missing, h, lower, upper)
            longest = self.longest(at, step)
            if longest < SHORT * reach:
                # The predictor got further: its changes count only as far as it got (Colombo & Gondzio 2008).
                less = 1.0 - reach**2
                lower, upper = lower + less * crossed, upper + less * also_crossed
                if not self._limited:
                    lower, upper = np.where(self.below, lower, 0.0), np.where(self.above, upper, 0.0)
                step = self.direction(at, missing, h, lower, upper)
                longest = self.longest(at, step)
            reach = min(1.0, TOWARDS_BOUND * longest)
            at = Iterate(
                at.x + reach * step.x,
                at.y + reach * step.y,
                at.prices + reach * step.prices,
                at.demand_prices + reach * step.demand_prices,
                at.left + reach * step.left,
                at.right + reach * step.right,
                at.v + reach * step.v,
                at.w + reach * step.w,
            )
            if self._overflows(at):
                break
        return best, steps, "the limit of steps was reached"

    def measure(self, at: Iterate, missing: Residual) -> float:
        """The largest of imbalance, curve, portfolio, demand and gap, relative."""
        e = self.elimination
        flow = e.magnitude @ np.abs(at.x)
        imbalance = _ratio(np.abs(missing.product), flow + 1e-6 * (e.magnitude @ e.rate_scale))
        level = np.abs(self.of_segment(at.demand_prices)) + 1.0
        curve = float(np.max(np.abs(missing.curve) / level, initial=0.0))
        portfolio = float(np.max(np.abs(missing.portfolio), initial=0.0))
        demand = _ratio(np.abs(missing.demand), e.reach)
        return max(imbalance, curve, portfolio, demand, missing.gap)

    def _overflows(self, at: Iterate) -> bool:
        return not (np.isfinite(at.y).all() and np.isfinite(at.prices).all())


def _reach(room: Floats, change: Floats) -> float:
    """The longest step, at most 2, that keeps ``room + step·change`` at or above 0; where both are 0, any does."""
    return -1.0 / float(np.fmin.reduce(change / room, initial=-0.5))


def _ratio(value: Floats, scale: Floats) -> float:
    return float(np.max(np.where(value > 0, value / np.where(scale > 0, scale, 1.0), 0.0), initial=0.0))
