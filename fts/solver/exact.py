"""The exact last step: which segments are full, empty or in between, and the equations that this leaves.

On the segments in between ``c - s y = λ``; the others stand at a bound. With ``W'λ = B'π``, ``W x = G y``, ``B x = 0``
these are linear equations, solved by the same elimination and refined until only rounding is left. Where the answer
shows that a segment belongs elsewhere, it is moved and the equations are solved again (a semismooth Newton method,
Qi & Sun 1993; from nearby prices it needs a few rounds).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Flags, Floats, floats
from fts.ports.engine import Answer
from fts.solver.native.prepared import Prepared

FIXED = 1e8
"""Curvature (price unit over size) that stands for a segment held at its bound."""
STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price unit over size) that a flat segment in between counts as within one solve: a proximal term. It
starts stiff, so that a segment wrongly counted as in between moves to its bound instead of moving everybody else, and
softens as the segments settle."""
ROUNDING = 1e-13


@dataclass
class Standing:
    """A point of the equations: ``x (I,)``, ``y (K,)``, ``prices (P,)``, ``demand_prices (D,)``; who is in between."""

    x: Floats
    y: Floats
    prices: Floats
    demand_prices: Floats
    between: Flags


def finish(prepared: Prepared, answer: Answer, rounds: int = 30) -> tuple[Answer, float]:
    """Bring an answer to rounding level.

    Parameters
    ----------
    prepared : Prepared
    answer : Answer
        Near an optimum.
    rounds : int
        At most so many solves.

    Returns
    -------
    Answer
        The best point found.
    float
        What is still missing in the equations, relative.
    """
    with np.errstate(all="ignore"):
        return _refined(_Equations(prepared), answer, rounds)


def _refined(equations: _Equations, answer: Answer, rounds: int) -> tuple[Answer, float]:
    prepared = equations.prepared
    at = equations.stand(*prepared.point(answer))
    best, least = at, np.inf
    stale, stiffness = 0, STIFF
    for _ in range(rounds):
        parts = equations.parts(at)
        missing = equations.missing(at, parts)
        if missing < least:
            stale = 0 if missing < least / 4 else stale + 1
            best, least = at, missing
        else:
            stale += 1
        if least <= ROUNDING and stale >= 1 or stale >= 8 or (missing > 100 * least and missing > 1e-3):
            break
        before = at.between
        at = equations.move(equations.step(at, parts, stiffness))
        moved = int(np.count_nonzero(before != at.between))
        stiffness = max(stiffness / 100, SOFT) if moved <= 1 + before.sum() // 200 else min(10 * stiffness, STIFF)
    x, y = equations.settle(best)
    return (
        prepared.answer(x, y, best.prices, best.demand_prices, answer.status, answer.iterations),
        least,
    )


Parts = tuple[Floats, Floats, Floats, Floats]


class _Equations:
    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.program, self.sizes, self.elimination = prepared.program, prepared.sizes, prepared.elimination
        p = self.program
        self.W_rows, self.W_across = p.W.tocsr(), p.W.T
        self.magnitude = abs(self.elimination.B_rows)
        n_portfolios = p.W.shape[1]
        e = self.elimination
        per_column = np.diff(p.W.indptr)
        single = per_column[e.private_portfolio] == 1
        self.alone_demand, self.alone = e.private_demand[single], e.private_portfolio[single]
        self.alone_weight = e.private_weight[single]
        self.rate_scale = e.rate_scale
        self.price_scale = abs(p.B).T
        self.n_portfolios = n_portfolios

    def by_demand(self, values: Floats) -> Floats:
        return floats(np.bincount(self.program.segment_demand, weights=values, minlength=self.program.W.shape[0]))

    def stand(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats) -> Standing:
        """The point, with every segment where fill and price together say it belongs."""
        p, d = self.program, self.program.segment_demand
        y = np.clip(y, p.lo, p.hi)
        pull = y + self.sizes * (p.c - p.s * y - demand_prices[d])
        full, empty = pull >= p.hi, pull <= p.lo
        y = np.where(full, p.hi, np.where(empty, p.lo, y))
        return self._exact(Standing(x, y, prices, demand_prices, ~(full | empty)))

    def _exact(self, at: Standing) -> Standing:
        """What follows at once: rates and prices of portfolios with one demand of their own."""
        total = self.by_demand(at.y)
        held = self.by_demand(at.between.astype(np.float64)) == 0
        fixed = held[self.alone_demand]
        at.x[self.alone[fixed]] = total[self.alone_demand[fixed]] / self.alone_weight[fixed]
        worth = self.elimination.B_across @ at.prices
        at.demand_prices[self.alone_demand] = worth[self.alone] / self.alone_weight
        return at

    def parts(self, at: Standing) -> Parts:
        """What is missing on the curves, of portfolio prices, of demand rates and of products."""
        p = self.program
        curve = np.where(at.between, p.c - p.s * at.y - at.demand_prices[p.segment_demand], 0.0)
        portfolio = self.elimination.B_across @ at.prices - self.W_across @ at.demand_prices
        demand = self.W_rows @ at.x - self.by_demand(at.y)
        product = -(self.elimination.B_rows @ at.x)
        return curve, portfolio, demand, product

    def missing(self, at: Standing, parts: Parts) -> float:
        """The largest relative violation: of the equations, and of what was assumed about the segments."""
        p, d = self.program, self.program.segment_demand
        curve, portfolio, demand, product = parts
        level = np.maximum(np.abs(at.demand_prices), 1e-3)[d]
        pull = p.c - p.s * at.y - at.demand_prices[d]
        wrong = np.where(at.y <= p.lo, np.maximum(pull, 0.0), np.where(at.y >= p.hi, np.maximum(-pull, 0.0), 0.0))
        wrong = np.where(at.between, np.abs(curve), wrong) / np.maximum(level, np.abs(p.c))
        outside = np.maximum(np.maximum(p.lo - at.y, at.y - p.hi), 0.0) / self.sizes
        worth = self.price_scale @ np.abs(at.prices)
        flow = self.magnitude @ np.abs(at.x)
        floor = 1e-6 * (self.magnitude @ self.rate_scale)
        return max(
            float(np.max(wrong, initial=0.0)),
            float(np.max(outside, initial=0.0)),
            float(np.max(np.abs(portfolio) / np.maximum(worth, 1e-3), initial=0.0)),
            float(np.max(np.abs(demand) / self.elimination.reach, initial=0.0)),
            float(np.max(np.abs(product) / np.maximum(flow, floor), initial=0.0)),
        )

    def step(self, at: Standing, parts: Parts, stiffness: float) -> Standing:
        """One solve of the equations."""
        p, e = self.program, self.elimination
        curve, portfolio, demand, product = parts
        h = np.where(at.between, np.maximum(p.s, stiffness / self.sizes), FIXED / self.sizes)
        g = self.by_demand(1.0 / h)
        e.factor(g)
        g = e.g
        t = self.by_demand(curve / h) - demand
        a = -portfolio + np.bincount(
            e.private_portfolio,
            weights=e.private_weight * (t / g)[e.private_demand],
            minlength=self.n_portfolios,
        )
        step = e.solve(a, product, t[e.shared_demand], rounds=1)
        demand_prices = (t - self.W_rows @ step.x) / g
        demand_prices[e.shared_demand] = step.shared
        y = np.where(at.between, (curve - demand_prices[p.segment_demand]) / h, 0.0)
        return self._exact(
            Standing(at.x + step.x, at.y + y, at.prices + step.prices, at.demand_prices + demand_prices, at.between)
        )

    def move(self, at: Standing) -> Standing:
        """Segments that left their bounds are held there; those held at a bound with the wrong price are let go."""
        p = self.program
        pull = p.c - p.s * at.y - at.demand_prices[p.segment_demand]
        slack = 1e-12 * np.maximum(np.abs(p.c), np.abs(at.demand_prices[p.segment_demand]))
        room = 1e-13 * self.sizes
        full = at.between & (at.y > p.hi + room)
        empty = at.between & (at.y < p.lo - room)
        lets = ~at.between & (
            ((at.y <= p.lo) & (pull > slack)) | ((at.y >= p.hi) & (pull < -slack))
        ) & (p.hi > p.lo)
        y = np.where(full, p.hi, np.where(empty, p.lo, at.y))
        return self._exact(Standing(at.x, y, at.prices, at.demand_prices, (at.between & ~full & ~empty) | lets))

    def settle(self, at: Standing) -> tuple[Floats, Floats]:
        """Rates and fills within their bounds."""
        p = self.program
        return at.x, np.clip(at.y, p.lo, p.hi)

