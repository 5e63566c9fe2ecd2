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
from fts.solver.acceleration import Acceleration
from fts.solver.compiled import unsigned
from fts.solver.fills import UNIT, above, bent, filled, follow, missed, moved, placed, settled, tell
from fts.solver.native.prepared import Prepared

STIFF, SOFT = 1e-3, 1e-9
"""Curvature (price unit over size) that a flat segment in between counts as within one solve: a proximal term. It
starts stiff, so that a segment wrongly counted as in between moves to its bound instead of moving everybody else, and
softens as the segments settle."""
ROUNDING = 3e-13
"""What is missing may be rounding; one more solve then makes sure."""
EXACT = 1e-15
"""What is missing is rounding."""
LARGE = 20_000
"""Segments of a program that is solved twice at rounding level and no more."""
STILL = 1e-13
"""A step that changes no product's trade by more than this share ends the solves of a small program."""
AT_BOUND = 1e-15
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


def finish(
    prepared: Prepared, answer: Answer, rounds: int = 30, between: Flags | None = None, stiffness: float = STIFF
) -> tuple[Answer, float]:
    """Bring an answer to rounding level.

    Parameters
    ----------
    prepared : Prepared
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
        What is still missing in the equations, relative.
    """
    with np.errstate(all="ignore"):
        return _refined(_Equations(prepared), answer, rounds, between, stiffness)


def _refined(
    equations: _Equations, answer: Answer, rounds: int, between: Flags | None, stiffness: float
) -> tuple[Answer, float]:
    prepared = equations.prepared
    inside = None if between is None else prepared.flags(between)
    at = equations.stand(*prepared.point(answer), inside)
    best, least = at, np.inf
    stale, clean, solves = 0, 0, 0
    for _ in range(rounds):
        parts = equations.parts(at)
        missing = parts.missing
        clean += missing <= ROUNDING
        stale = 0 if missing < least / 4 else stale + 1
        if missing < max(least, EXACT):
            # Of points that miss nothing but rounding the last one is best: each solve refines all equations.
            best, least = at, min(missing, least)
        # Once at rounding level one more solve is worth its while, with the same factor.
        # In a small program the solves go on while they help: nearly flat curves turn rounding in prices into rates.
        enough = clean >= 2 and (equations.is_large or missing == 0.0)
        settled = least <= ROUNDING and stale > 0 and not equations.is_moving
        if enough or settled or stale >= 8 or (missing > 100 * least and least < 1e-2):
            break
        n_inside = int(np.count_nonzero(at.between))
        at, moves = equations.move(equations.next_point(at, equations.step(at, parts, stiffness), stiffness))
        solves += 1
        stiffness = max(stiffness / 100, SOFT) if moves <= 1 + n_inside // 200 else min(10 * stiffness, STIFF)
    y = equations.settle(best)
    steps = answer.iterations + solves
    return prepared.answer(best.x, y, best.prices, best.demand_prices, answer.status, steps), least


@dataclass(frozen=True)
class Parts:
    """Residuals at a point.

    Attributes
    ----------
    portfolio : (I,)
        Of the prices of portfolios; none where one demand of their own makes it.
    demand : (D,)
        Of demand rates.
    product : (P,)
    missing : float
        The largest violation, relative: of the equations, and of what was assumed about the segments.
    """

    portfolio: Floats
    demand: Floats
    product: Floats
    missing: float


class _Equations:
    def __init__(self, prepared: Prepared) -> None:
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
        self.is_moving, self.is_large = False, len(p.c) > LARGE
        self._between = np.empty(0, dtype=bool)

    def stand(
        self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, between: Flags | None = None
    ) -> Standing:
        """The point, with every segment where fill and price together say it belongs, or as given."""
        if between is None:
            y, between = placed(*self.segments, y, demand_prices)
        x = x.copy()
        self._follow(x, y, between)
        return self._priced(x, y, prices, demand_prices.copy(), between)

    def _follow(self, x: Floats, y: Floats, between: Flags) -> None:
        """Portfolios with one demand of their own trade what its segments hold, if none of these is in between."""
        start = self.prepared.first_segment
        follow(start, y, between, self.alone_demand, self.alone, self.alone_weight, x)

    def _priced(self, x: Floats, y: Floats, prices: Floats, demand_prices: Floats, between: Flags) -> Standing:
        """The point with the λ that prices give to portfolios with one demand of their own."""
        p = self.program
        worth = self.elimination.worth(prices)
        if p.cost is not None:
            worth += p.cost
        tell(self.alone_demand, self.alone, self.alone_weight, worth, demand_prices)
        curve = above(self.prepared.first_segment, p.c, p.s, y, demand_prices)
        return Standing(x, y, prices, demand_prices, between, worth, curve)

    def parts(self, at: Standing) -> Parts:
        """Residuals at a point."""
        p, e = self.program, self.elimination
        start = self.prepared.first_segment
        rates, net, flow = e.traded(at.x)
        demand, worst = missed(
            start, p.lo, p.hi, p.c, self.sizes, at.y, at.between, at.curve, at.demand_prices, rates, e.reach
        )
        product = -net
        worst = max(worst, float(np.max(np.abs(product) / np.maximum(flow, self.floor), initial=0.0)))
        portfolio = np.zeros(len(at.x))
        if len(self.joint):
            rest = at.worth[self.joint] - self.joint_demands @ at.demand_prices
            worth = self.joint_size @ np.abs(at.prices)
            worst = max(worst, float(np.max(np.abs(rest) / np.maximum(worth, UNIT), initial=0.0)))
            portfolio[self.joint] = rest
        return Parts(portfolio, demand, product, worst)

    def step(self, at: Standing, parts: Parts, stiffness: float) -> Standing:
        """One solve of the equations; nothing but the prices, rates and fills of the result counts."""
        p, e = self.program, self.elimination
        start = self.prepared.first_segment
        h, g, t, soft, self._slow = bent(start, p.s, self.sizes, at.between, at.curve, parts.demand, stiffness, STIFF)
        if not np.array_equal(h, self._stiffness):
            e.factor(g)
            self._stiffness = h
        # The next round refines; only flat segments, which count as stiff here, ask for more.
        step, demand_prices = e.answer(t, parts.portfolio, parts.product, rounds=int(soft))
        y = filled(start, h, at.y, at.between, at.curve, demand_prices)
        return self._priced(at.x + step.x, y, at.prices + step.prices, at.demand_prices + demand_prices, at.between)

    def next_point(self, at: Standing, to: Standing, stiffness: float) -> Standing:
        """The point to go on from after a step from `at`, which nearly flat segments make shorter than it should be."""
        if not self.is_large:
            before, self._moved = self._moved, self._change(at.x, to.x)
            # Changes that do not fall are rounding in fills that nothing determines, or slow.
            falls = self._slow or self._moved < before / 4
            self.is_moving = (self._slow and stiffness > SOFT) or (falls and self._moved > STILL)
        if stiffness > SOFT or not self._slow:
            return to
        if self._acceleration is None:
            others = np.ones(len(at.prices) + len(at.demand_prices))
            weight = np.concatenate([1.0 / self.elimination.rate_scale, 1.0 / self.sizes, others])
            self._acceleration = Acceleration(weight)
        if not np.array_equal(at.between, self._between):
            self._acceleration.restart()
            self._between = at.between
        here, there = (np.concatenate([one.x, one.y, one.prices, one.demand_prices]) for one in (at, to))
        found = self._acceleration.next_point(here, there - here)
        x, y, prices, demand_prices = np.split(found, np.cumsum([len(at.x), len(at.y), len(at.prices)]))
        return self._priced(x, y, prices, demand_prices.copy(), at.between)

    def _change(self, x: Floats, to: Floats) -> float:
        """The largest change of what is traded of a product, relative."""
        change, flow = self.elimination.traded(to - x)[2], self.elimination.traded(to)[2]
        return float(np.max(change / np.maximum(flow, self.floor), initial=0.0))

    def move(self, at: Standing) -> tuple[Standing, int]:
        """Segments that left their bounds are held there; those held with the wrong price are let go; how many."""
        y, between, curve, moves = moved(*self.segments, at.y, at.between, at.curve, at.demand_prices)
        self._follow(at.x, y, between)
        return Standing(at.x, y, at.prices, at.demand_prices, between, at.worth, curve), moves

    def settle(self, at: Standing) -> Floats:
        """Fills within their bounds; one that only rounding keeps from a bound stands at it."""
        p = self.program
        return settled(p.lo, p.hi, self.sizes, at.y, AT_BOUND)
