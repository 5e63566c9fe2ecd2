"""The exact last step: which segments are full, empty or in between, and the equations that this leaves.

On the segments in between ``c - s y = λ``; the others stand at a bound. With ``W'λ = B'π``, ``W x = G y``, ``B x = 0``
these are linear equations, solved by the same elimination and refined until only rounding is left. Where the answer
shows that a segment belongs elsewhere, it is moved and the equations are solved again (a semismooth Newton method,
Qi & Sun 1993; from nearby prices it needs a few rounds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Flags, Floats
from fts.ports.engine import Answer
from fts.solver.compiled import unsigned
from fts.solver.native.acceleration import Acceleration
from fts.solver.native.polish_kernels import (
    UNIT,
    apply_private_rates,
    classify_segments,
    curvature_and_rhs,
    kkt_residuals,
    reduced_costs,
    set_private_duals,
    snap_to_bounds,
    update_active_set,
    update_fills,
)
from fts.solver.native.presolved import PresolvedProgram

STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price unit over size) that a flat segment in between counts as within one solve: a proximal term. It
starts stiff, so that a segment wrongly counted as in between moves to its bound instead of moving everybody else, and
softens as the segments settle."""
RESIDUAL_ROUNDING = 3e-13
"""A residual that may be rounding; one more solve then makes sure."""
RESIDUAL_FLOOR = 1e-15
"""A residual that is rounding."""
LARGE_PROGRAM = 20_000
"""Segments of a program that is solved twice at rounding level and no more."""
SETTLED_CHANGE = 1e-13
"""A step that changes no product's trade by more than this share ends the solves of a small program."""
SNAP_DISTANCE = 1e-15
"""A fill this near to a bound, in shares of the segment, stands at it."""


@dataclass
class ActiveSetIterate:
    """A point of the equations.

    ``x (I,)``, ``y (K,)``, ``prices (P,)``, ``demand_prices (D,)``; ``is_free (K,)``, the segments in between.
    What follows from these: ``basis_values (I,)`` of portfolios at the prices, ``reduced_costs (K,)``, how far each
    curve is above λ.
    """

    x: Floats
    y: Floats
    prices: Floats
    demand_prices: Floats
    is_free: Flags
    basis_values: Floats
    reduced_costs: Floats


def polish(
    prepared: PresolvedProgram, answer: Answer, rounds: int = 30, between: Flags | None = None, stiffness: float = STIFF
) -> tuple[Answer, float]:
    """Bring an answer to rounding level.

    Parameters
    ----------
    prepared : PresolvedProgram
    answer : Answer
        Near an optimum.
    rounds : int
        At most so many solves.
    between : (K,), optional
        Segments between their bounds at the start; None: those that fill and price together say.
    stiffness : float
        Of flat segments at the start; the least where the answer is exact already.

    Returns
    -------
    Answer
        The best point found; its iterations are those of the answer given and these solves.
    float
        The residual of the equations, relative.
    """
    with np.errstate(all="ignore"):
        return _refined(_Equations(prepared), answer, rounds, between, stiffness)


def _refined(
    equations: _Equations, answer: Answer, rounds: int, between: Flags | None, stiffness: float
) -> tuple[Answer, float]:
    prepared = equations.prepared
    inside = None if between is None else prepared.flags(between)
    at = equations.initial_iterate(*prepared.point(answer), inside)
    best, least = at, np.inf
    stale, clean, solves = 0, 0, 0
    for _ in range(rounds):
        residuals = equations.residuals(at)
        residual = residuals.residual
        clean += residual <= RESIDUAL_ROUNDING
        stale = 0 if residual < least / 4 else stale + 1
        if residual < max(least, RESIDUAL_FLOOR):
            # Of points that miss nothing but rounding the last one is best: each solve refines all equations.
            best, least = at, min(residual, least)
        # Once at rounding level one more solve is worth its while, with the same factor.
        # In a small program the solves go on while they help: nearly flat curves turn rounding in prices into rates.
        enough = clean >= 2 and (equations.is_large or residual == 0.0)
        settled = least <= RESIDUAL_ROUNDING and stale > 0 and not equations.is_moving
        if enough or settled or stale >= 8 or (residual > 100 * least and least < 1e-2):
            break
        n_inside = int(np.count_nonzero(at.is_free))
        at, moves = equations.update_active_set(
            equations.next_point(at, equations.newton_step(at, residuals, stiffness), stiffness)
        )
        solves += 1
        stiffness = max(stiffness / 100, SOFT) if moves <= 1 + n_inside // 200 else min(10 * stiffness, STIFF)
    y = equations.snap_to_bounds(best)
    steps = answer.iterations + solves
    return prepared.answer(best.x, y, best.prices, best.demand_prices, answer.status, steps), least


@dataclass(frozen=True)
class Residuals:
    """Residuals at a point.

    Attributes
    ----------
    portfolio : (I,)
        Of the prices of portfolios; none where one demand of their own makes it.
    demand : (D,)
        Of demand rates.
    product : (P,)
    residual : float
        The largest violation, relative: of the equations, and of what was assumed about the segments.
    """

    portfolio: Floats
    demand: Floats
    product: Floats
    residual: float


class _Equations:
    def __init__(self, prepared: PresolvedProgram) -> None:
        self.prepared = prepared
        self.program, self.sizes, self.elimination = prepared.program, prepared.sizes, prepared.elimination
        p, e = self.program, self.elimination
        per_column = np.diff(p.W.indptr)
        single = per_column[e.private_portfolio] == 1
        self.alone_demand, self.alone = unsigned(e.private_demand[single]), unsigned(e.private_portfolio[single])
        self.alone_weight = e.private_weight[single]
        # Portfolios with one demand of their own meet their equation by the way their λ is made.
        joint = np.ones(p.W.shape[1], dtype=bool)
        joint[self.alone] = False
        self.joint = np.flatnonzero(joint)
        if len(self.joint):
            self.joint_demands = p.W[:, self.joint].T
            self.joint_size = abs(p.B[:, self.joint]).T
        self.floor = e.least_flow
        self.segments = (prepared.first_segment, p.lo, p.hi, p.c, p.s, self.sizes)
        self._stiffness = np.empty(0)
        self._acceleration: Acceleration | None = None
        self._slow, self._moved = False, np.inf
        self.is_moving, self.is_large = False, len(p.c) > LARGE_PROGRAM
        self._between = np.empty(0, dtype=bool)

    def initial_iterate(
        self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, between: Flags | None = None
    ) -> ActiveSetIterate:
        """Compute the point, with every segment where fill and price together say it belongs, or as given."""
        if between is None:
            y, between = classify_segments(*self.segments, y, demand_prices)
        x = x.copy()
        self._follow(x, y, between)
        return self._priced(x, y, prices, demand_prices.copy(), between)

    def _follow(self, x: Floats, y: Floats, between: Flags) -> None:
        """Portfolios with one demand of their own trade what its segments hold, if none of these is in between."""
        start = self.prepared.first_segment
        apply_private_rates(start, y, between, self.alone_demand, self.alone, self.alone_weight, x)

    def _priced(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, between: Flags) -> ActiveSetIterate:
        """Compute the point with the λ that prices give to portfolios with one demand of their own."""
        p = self.program
        worth = self.elimination.basis_values(prices)
        if p.cost is not None:
            worth += p.cost
        set_private_duals(self.alone_demand, self.alone, self.alone_weight, worth, demand_prices)
        curve = reduced_costs(self.prepared.first_segment, p.c, p.s, y, demand_prices)
        return ActiveSetIterate(x, y, prices, demand_prices, between, worth, curve)

    def residuals(self, at: ActiveSetIterate) -> Residuals:
        """Residuals at a point."""
        p, e = self.program, self.elimination
        start = self.prepared.first_segment
        rates, net, flow = e.traded(at.x)
        demand, worst = kkt_residuals(
            start,
            p.lo,
            p.hi,
            p.c,
            self.sizes,
            at.y,
            at.is_free,
            at.reduced_costs,
            at.demand_prices,
            rates,
            e.max_demand_rates,
        )
        product = -net
        worst = max(worst, float(np.max(np.abs(product) / np.maximum(flow, self.floor), initial=0.0)))
        portfolio = np.zeros(len(at.x))
        if len(self.joint):
            rest = at.basis_values[self.joint] - self.joint_demands @ at.demand_prices
            worth = self.joint_size @ np.abs(at.prices)
            worst = max(worst, float(np.max(np.abs(rest) / np.maximum(worth, UNIT), initial=0.0)))
            portfolio[self.joint] = rest
        return Residuals(portfolio, demand, product, worst)

    def newton_step(self, at: ActiveSetIterate, residuals: Residuals, stiffness: float) -> ActiveSetIterate:
        """One solve of the equations; nothing but the prices, rates and fills of the result counts."""
        p, e = self.program, self.elimination
        start = self.prepared.first_segment
        h, g, t, soft, self._slow = curvature_and_rhs(
            start, p.s, self.sizes, at.is_free, at.reduced_costs, residuals.demand, stiffness, STIFF
        )
        if not np.array_equal(h, self._stiffness):
            e.factor(g)
            self._stiffness = h
        # The next round refines; only flat segments, which count as stiff here, ask for more.
        step, demand_prices = e.solve_newton(t, residuals.portfolio, residuals.product, rounds=int(soft))
        y = update_fills(start, h, at.y, at.is_free, at.reduced_costs, demand_prices)
        return self._priced(at.x + step.x, y, at.prices + step.prices, at.demand_prices + demand_prices, at.is_free)

    def next_point(self, at: ActiveSetIterate, to: ActiveSetIterate, stiffness: float) -> ActiveSetIterate:
        """Return the point to go on from after a step from `at`, which nearly flat segments make too short."""
        if not self.is_large:
            before, self._moved = self._moved, self._change(at.x, to.x)
            # Changes that do not fall are rounding in fills that nothing determines, or slow.
            falls = self._slow or self._moved < before / 4
            self.is_moving = (self._slow and stiffness > SOFT) or (falls and self._moved > SETTLED_CHANGE)
        if stiffness > SOFT or not self._slow:
            return to
        if self._acceleration is None:
            others = np.ones(len(at.prices) + len(at.demand_prices))
            weight = np.concatenate([1.0 / self.elimination.rate_scale, 1.0 / self.sizes, others])
            self._acceleration = Acceleration(weight)
        if not np.array_equal(at.is_free, self._between):
            self._acceleration.restart()
            self._between = at.is_free
        here, there = (np.concatenate([one.x, one.y, one.prices, one.demand_prices]) for one in (at, to))
        found = self._acceleration.next_point(here, there - here)
        x, y, prices, demand_prices = np.split(found, np.cumsum([len(at.x), len(at.y), len(at.prices)]))
        return self._priced(x, y, prices, demand_prices.copy(), at.is_free)

    def _change(self, x: Floats, to: Floats) -> float:
        """Compute the largest change of what is traded of a product, relative."""
        change, flow = self.elimination.traded(to - x)[2], self.elimination.traded(to)[2]
        return float(np.max(change / np.maximum(flow, self.floor), initial=0.0))

    def update_active_set(self, at: ActiveSetIterate) -> tuple[ActiveSetIterate, int]:
        """Segments that left their bounds are held there; those held with the wrong price are let go; how many."""
        y, between, curve, moves = update_active_set(
            *self.segments, at.y, at.is_free, at.reduced_costs, at.demand_prices
        )
        self._follow(at.x, y, between)
        return ActiveSetIterate(at.x, y, at.prices, at.demand_prices, between, at.basis_values, curve), moves

    def snap_to_bounds(self, at: ActiveSetIterate) -> Floats:
        """Compute fills within their bounds; one that only rounding keeps from a bound stands at it."""
        p = self.program
        return snap_to_bounds(p.lo, p.hi, self.sizes, at.y, SNAP_DISTANCE)
