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
ROUNDING = 3e-13
"""What is missing may be rounding; one more solve then makes sure."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""


@dataclass
class Standing:
    """A point of the equations.

    ``x (I,)``, ``y (K,)``, ``prices (P,)``, ``demand_prices (D,)``; ``between (K,)`` says who is in between. What
    follows from these: ``worth (I,)`` of portfolios at the prices, ``curve (K,)``, how far the curve is above λ.
    """

    x: Floats
    y: Floats
    prices: Floats
    demand_prices: Floats
    between: Flags
    worth: Floats
    curve: Floats


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
    stale, clean, stiffness = 0, 0, STIFF
    for _ in range(rounds):
        parts = equations.parts(at)
        missing = equations.missing(at, parts)
        clean += missing <= ROUNDING
        if missing < least:
            stale = 0 if missing < least / 4 else stale + 1
            best, least = at, missing
        else:
            stale += 1
        # Once at rounding level one more solve is worth its while, with the same factor.
        if clean >= 2 or (least <= ROUNDING and stale) or stale >= 8 or (missing > 100 * least and least < 1e-2):
            break
        before = at.between
        at = equations.move(equations.step(at, parts, stiffness))
        moved = int(np.count_nonzero(before != at.between))
        stiffness = max(stiffness / 100, SOFT) if moved <= 1 + before.sum() // 200 else min(10 * stiffness, STIFF)
    y = equations.settle(best)
    return prepared.answer(best.x, y, best.prices, best.demand_prices, answer.status, answer.iterations), least


Parts = tuple[Floats, Floats, Floats]


class _Equations:
    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.program, self.sizes, self.elimination = prepared.program, prepared.sizes, prepared.elimination
        p, e = self.program, self.elimination
        per_column = np.diff(p.W.indptr)
        single = per_column[e.private_portfolio] == 1
        self.alone_demand, self.alone = e.private_demand[single], e.private_portfolio[single]
        self.alone_weight = e.private_weight[single]
        # Portfolios with one demand of their own meet their equation by the way their λ is made.
        joint = np.ones(p.W.shape[1], dtype=bool)
        joint[self.alone] = False
        self.joint = np.flatnonzero(joint)
        if len(self.joint):
            self.joint_demands = p.W[:, self.joint].T
            self.joint_size = abs(p.B[:, self.joint]).T
        self.floor = 1e-6 * (e.magnitude @ e.rate_scale)
        self.flat = p.s * self.sizes < STIFF
        self._stiffness = np.empty(0)

    def of_segment(self, values: Floats) -> Floats:
        """Each segment's demand's value, (K,)."""
        return values if self.prepared.one_segment_each else values[self.program.segment_demand]

    def by_demand(self, values: Floats) -> Floats:
        """Sums over the segments of each demand, (D,)."""
        if self.prepared.one_segment_each:
            return values
        return floats(np.bincount(self.program.segment_demand, weights=values, minlength=self.program.W.shape[0]))

    def stand(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats) -> Standing:
        """The point, with every segment where fill and price together say it belongs."""
        p = self.program
        y = np.clip(y, p.lo, p.hi)
        pull = y + self.sizes * (p.c - p.s * y - self.of_segment(demand_prices))
        full, empty = pull >= p.hi, pull <= p.lo
        y = np.where(full, p.hi, np.where(empty, p.lo, y))
        x, between = x.copy(), ~(full | empty)
        self._follow(x, y, between)
        return self._priced(x, y, prices, demand_prices.copy(), between)

    def _follow(self, x: Floats, y: Floats, between: Flags) -> None:
        """Portfolios with one demand of their own trade what its segments hold, if none of these is in between."""
        total = self.by_demand(y)[self.alone_demand] / self.alone_weight
        held = self.by_demand(floats(between))[self.alone_demand] == 0
        x[self.alone] = np.where(held, total, x[self.alone])

    def _priced(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, between: Flags) -> Standing:
        """The point with the λ that prices give to portfolios with one demand of their own."""
        p = self.program
        worth = self.elimination.worth(prices)
        demand_prices[self.alone_demand] = worth[self.alone] / self.alone_weight
        curve = p.c - p.s * y
        curve -= self.of_segment(demand_prices)
        return Standing(x, y, prices, demand_prices, between, worth, curve)

    def parts(self, at: Standing) -> Parts:
        """What is missing of the prices of portfolios with other demands, of demand rates and of products."""
        e = self.elimination
        portfolio = at.worth[self.joint]
        if len(self.joint):
            portfolio = portfolio - self.joint_demands @ at.demand_prices
        return portfolio, e.demand_rates(at.x) - self.by_demand(at.y), -(e.B_rows @ at.x)

    def missing(self, at: Standing, parts: Parts) -> float:
        """The largest relative violation: of the equations, and of what was assumed about the segments."""
        p, e = self.program, self.elimination
        portfolio, demand, product = parts
        # Between the bounds a segment is on its curve; at a bound it may be on the bound's side of it.
        wrong = np.abs(at.curve)
        wrong[~at.between & (((at.y <= p.lo) & (at.curve <= 0)) | ((at.y >= p.hi) & (at.curve >= 0)))] = 0.0
        level = np.maximum(self.of_segment(np.abs(at.demand_prices)), 1e-3)
        wrong /= np.maximum(level, np.abs(p.c), out=level)
        outside = np.maximum(p.lo - at.y, at.y - p.hi) / self.sizes
        flow = e.magnitude @ np.abs(at.x)
        worth = self.joint_size @ np.abs(at.prices) if len(self.joint) else np.empty(0)
        return max(
            float(np.max(wrong, initial=0.0)),
            float(np.max(outside, initial=0.0)),
            float(np.max(np.abs(portfolio) / np.maximum(worth, 1e-3), initial=0.0)),
            float(np.max(np.abs(demand) / e.reach, initial=0.0)),
            float(np.max(np.abs(product) / np.maximum(flow, self.floor), initial=0.0)),
        )

    def step(self, at: Standing, parts: Parts, stiffness: float) -> Standing:
        """One solve of the equations; nothing but the prices, rates and fills of the result counts."""
        p, e = self.program, self.elimination
        portfolio, demand, product = parts
        h = np.where(at.between, np.maximum(p.s, stiffness / self.sizes), FIXED / self.sizes)
        if not np.array_equal(h, self._stiffness):
            e.factor(self.by_demand(1.0 / h))
            self._stiffness = h
        curve = np.where(at.between, at.curve, 0.0)
        t = self.by_demand(curve / h) - demand
        a = e.by_portfolio(t / e.g)
        a[self.joint] -= portfolio
        # The next round refines; only flat segments, which count as stiff here, ask for more.
        step = e.solve(a, product, t[e.shared_demand], rounds=int((at.between & self.flat).any()))
        demand_prices = (t - e.demand_rates(step.x)) / e.g
        demand_prices[e.shared_demand] = step.shared
        y = np.where(at.between, (curve - self.of_segment(demand_prices)) / h, 0.0)
        return self._priced(
            at.x + step.x, at.y + y, at.prices + step.prices, at.demand_prices + demand_prices, at.between
        )

    def move(self, at: Standing) -> Standing:
        """Segments that left their bounds are held there; those held at a bound with the wrong price are let go."""
        p = self.program
        slack = 1e-12 * np.maximum(np.abs(p.c), self.of_segment(np.abs(at.demand_prices)))
        room = 1e-13 * self.sizes
        full = at.between & (at.y > p.hi + room)
        empty = at.between & (at.y < p.lo - room)
        lets = ~at.between & (
            ((at.y <= p.lo) & (at.curve > slack)) | ((at.y >= p.hi) & (at.curve < -slack))
        ) & (p.hi > p.lo)
        y = np.where(full, p.hi, np.where(empty, p.lo, at.y))
        between = (at.between & ~full & ~empty) | lets
        self._follow(at.x, y, between)
        curve = np.where(full | empty, p.c - p.s * y - self.of_segment(at.demand_prices), at.curve)
        return Standing(at.x, y, at.prices, at.demand_prices, between, at.worth, curve)

    def settle(self, at: Standing) -> Floats:
        """Fills within their bounds; one that only rounding keeps from a bound stands at it."""
        p, room = self.program, AT_BOUND * self.sizes
        y = np.where(at.y <= p.lo + room, p.lo, at.y)
        return np.where(y >= p.hi - room, p.hi, y)
