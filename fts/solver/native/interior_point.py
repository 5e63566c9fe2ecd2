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

from fts.models.columns import Floats, floats
from fts.ports.engine import Program
from fts.solver.native.elimination import Elimination

MOST_STEPS = 100
TOWARDS_BOUND = 0.995


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
    gap : float
        Mean of ``l v / size``.
    """

    curve: Floats
    portfolio: Floats
    demand: Floats
    product: Floats
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
        self._W_rows = program.W.tocsr()
        self._magnitude = abs(elimination.B_rows)
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

    def residual(self, at: Iterate) -> Residual:
        """What is missing at a point."""
        p = self.program
        lower, upper = at.left * at.v, at.right * at.w
        relative = (lower + upper) / self.sizes
        return Residual(
            curve=p.c - p.s * at.y - self.of_segment(at.demand_prices) + at.v - at.w,
            portfolio=p.B.T @ at.prices - p.W.T @ at.demand_prices,
            demand=self._W_rows @ at.x - self.by_demand(at.y),
            product=-(self.elimination.B_rows @ at.x),
            gap=float(relative.sum()) / max(self._n_bounds, 1),
        )

    def factor(self, h: Floats) -> None:
        """Factor the system of the step for curvatures ``h (K,)``."""
        self.elimination.factor(self.by_demand(1.0 / h))

    def direction(self, at: Iterate, missing: Residual, h: Floats, lower: Floats, upper: Floats) -> Iterate:
        """The Newton step that removes what is missing and changes ``l v`` by `lower` and ``u w`` by `upper`."""
        e = self.elimination
        f = missing.curve
        f = f + lower / at.left - upper / at.right
        t = self.by_demand(f / h) - missing.demand
        a = -missing.portfolio
        along = e.private_weight * (t / e.g)[e.private_demand]
        a += np.bincount(e.private_portfolio, weights=along, minlength=e.n_portfolios)
        step = e.solve(a, missing.product, t[e.shared_demand])
        demand_prices = (t - self._W_rows @ step.x) / e.g
        demand_prices[e.shared_demand] = step.shared
        y = (f - self.of_segment(demand_prices)) / h
        left, right = np.where(self.below, y, 0.0), np.where(self.above, -y, 0.0)
        v, w = (lower - at.v * left) / at.left, (upper - at.w * right) / at.right
        return Iterate(step.x, y, step.prices, demand_prices, left, right, v, w)

    def longest(self, at: Iterate, step: Iterate) -> tuple[float, float]:
        """The longest steps of ``y`` and of the multipliers that keep them within their bounds, at most 2."""
        primal = min(_reach(at.left, step.left), _reach(at.right, step.right))
        dual = min(_reach(at.v, step.v), _reach(at.w, step.w))
        return primal, dual

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
            affine = self.direction(at, missing, h, -at.left * at.v, -at.right * at.w)
            primal, dual = self.longest(at, affine)
            reach = min(1.0, primal, dual)
            relative = (
                (at.left + reach * affine.left) * (at.v + reach * affine.v)
                + (at.right + reach * affine.right) * (at.w + reach * affine.w)
            ) / size
            after = float(relative.sum()) / max(self._n_bounds, 1)
            target = missing.gap * min(1.0, (after / missing.gap) ** 3) if missing.gap > 0 else 0.0
            # Corrector: the products of the predictor's changes, and the pull to the centre.
            lower = np.where(self.below, target * size - at.left * at.v - affine.left * affine.v, 0.0)
            upper = np.where(self.above, target * size - at.right * at.w - affine.right * affine.w, 0.0)
            step = self.direction(at, missing, h, lower, upper)
            primal, dual = self.longest(at, step)
            reach = min(1.0, TOWARDS_BOUND * min(primal, dual))
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
        flow = self._magnitude @ np.abs(at.x)
        imbalance = _ratio(np.abs(missing.product), flow + 1e-6 * (self._magnitude @ e.rate_scale))
        level = np.abs(self.of_segment(at.demand_prices)) + 1.0
        curve = float(np.max(np.abs(missing.curve) / level, initial=0.0))
        portfolio = float(np.max(np.abs(missing.portfolio), initial=0.0))
        demand = _ratio(np.abs(missing.demand), e.reach)
        return max(imbalance, curve, portfolio, demand, missing.gap)

    def _overflows(self, at: Iterate) -> bool:
        return not (np.isfinite(at.y).all() and np.isfinite(at.prices).all())


def _reach(room: Floats, change: Floats) -> float:
    """The longest step, at most 2, that keeps ``room + step·change`` at or above 0."""
    falls = change < 0
    steepest = float(np.min(np.divide(change, room, out=np.zeros_like(room), where=falls), initial=-0.5))
    return -1.0 / steepest


def _ratio(value: Floats, scale: Floats) -> float:
    return float(np.max(np.where(value > 0, value / np.where(scale > 0, scale, 1.0), 0.0), initial=0.0))
