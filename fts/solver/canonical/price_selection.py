"""The canonical prices: of all that clear the market those nearest to references, and what is open then nearest 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array, hstack, vstack

from fts.models.columns import Flags, Floats, Ints, floats, ints
from fts.ports.engine import Answer, Program
from fts.solver.canonical.auxiliary_auctions import Solve, prices_near
from fts.solver.canonical.lexicographic_lsq import Objective, null_space
from fts.solver.canonical.moves import Moves, RowMoves, n_coordinates
from fts.solver.canonical.rank import OpenGroup, full_rank, open_groups, undetermined
from fts.solver.canonical.refinement import Bounds, Extended, PortfolioRows, refined, unbalanced
from fts.solver.canonical.ties import pinned_products, price_intervals, quotes
from fts.solver.deviations import Deviations
from fts.solver.native.equilibration import Scales, scaled, scales_in
from fts.solver.program import has_private_demand

MAX_DIRECT_PRICES = 200
"""Most unknowns of a group that is solved directly before its auctions are tried."""
COORDINATES = 500
"""Most coordinates of the space of a group's equations and limits, in which it is solved before its auctions."""
FEWER = 4
"""With more than DIRECT of them, there are so many times as many unknowns."""
MAX_DENSE_UNKNOWNS = 1_500
"""Most unknowns of a group that is solved directly where its auctions have no exact answer."""
WORK = 2_000_000_000
"""Most work (rows times unknowns squared) of a direct solution."""
BOUND_ROUNDING = 1e-14
"""Rounding of a limit, in typical prices."""
MAX_MOVES = 6
"""At most so many moves."""
FAR_PRICES = 1e8
"""Beyond this many typical prices open prices tell nothing of their limits: an engine ends there if nothing holds."""
AWAY = 1e3
"""Prices that are to move so many times their dispersion are measured by how far they move."""
NEAREST = 1e-14
"""The largest share of a distance without a bound that holds it at the nearest prices."""
LAST_MOVE = 1e-10
"""A move of this many typical prices is the last one."""
DIRECTION_ROUNDING = 1e-9
"""A share of a direction that is rounding."""


@dataclass(frozen=True)
class Prices:
    """The canonical prices.

    Attributes
    ----------
    answer : Answer
    found : bool
        Whether every choice was made; else some prices are as the engine left them.
    unique : bool
        Whether it is proved that there was no choice.
    low, high : (P,) [money / quantity]
        The interval of clearing prices; infinite where unlimited, NaN where not computed.
    """

    answer: Answer
    found: bool
    unique: bool
    low: Floats
    high: Floats


def select_prices(
    deviations: Deviations, answer: Answer, solve: Solve, reference: Floats | None, scales: Scales
) -> Prices:
    """Compute the clearing prices nearest to the references; all in deviations from first prices.

    Parameters
    ----------
    deviations : Deviations
    answer : Answer
        Canonical fills and rates of the program in deviations.
    solve : callable
    reference : (P,) [money / quantity], optional
        Prices, not deviations; where there is none (NaN), the middle of the product's own quotes is meant.
    scales : Scales
    """
    program = deviations.program
    low, high = price_intervals(program, answer, scales.demand_price, deviations.rounding)
    P: int = program.B.shape[0]
    if len(pinned_products(program, low == high)) == P:
        return Prices(answer, True, True, answer.prices.copy(), answer.prices.copy())
    unknowns = _PriceSystem(deviations, low, high, scales)
    free = undetermined(unknowns.equations, unknowns.settled)
    if not free[:P].any():
        return Prices(answer, True, True, answer.prices.copy(), answer.prices.copy())
    least, most, only = quotes(program, low, high)
    target = _middles(least, most)
    if reference is not None:
        target = np.where(np.isnan(reference), target, reference - deviations.prices)
    moves, found = np.zeros(P, dtype=bool), True
    others = [
        _PriceSystem(deviations, low, high, one) for one in _other_units(deviations, answer, target, free[:P], scales)
    ]
    for group in open_groups(unknowns.equations, unknowns.limits, free):
        products = group.unknowns[group.unknowns < P]
        if not len(products):
            continue
        N = None
        if not unknowns.is_large(group, MAX_DIRECT_PRICES):
            N = unknowns.directions(group)
            moves[products] = np.abs(N[group.unknowns < P]).max(axis=1, initial=0.0) > DIRECTION_ROUNDING
        elif not full_rank(csc_array(unknowns.equations[group.equations][:, group.unknowns])):
            moves[products] = True
        if moves[products].any():
            chosen = _select_block(program, unknowns, group, N, target, answer, solve)
            if others and N is not None:
                chosen = _nearest_of(chosen, program, others, group, target, answer, solve)
            answer, found = (answer, False) if chosen is None else (chosen, found)
    crossed = least > most
    ends = []
    for end in (least, most):
        known = np.where(crossed, answer.prices, end)
        ends.append(np.where(~moves, answer.prices, np.where(only, known, np.nan)))
    return Prices(answer, found, not moves.any(), *ends)


def _other_units(
    deviations: Deviations, answer: Answer, target: Floats, free: Flags, scales: Scales
) -> Iterator[Scales]:
    """Units in which open prices that are to move far move by about 1; none where none moves far.

    Bids that agree around a price chosen among many tell nothing about how far it may move.
    """
    aim = np.where(np.isnan(target), -deviations.prices, target)
    for away in (aim, aim - answer.prices):
        far = np.where(free, np.abs(away), 0.0)
        if (far > AWAY * scales.price).any():
            yield scales_in(deviations.program, np.maximum(scales.price, far))


def _nearest_of(
    chosen: Answer | None,
    program: Program,
    others: list[_PriceSystem],
    group: OpenGroup,
    target: Floats,
    answer: Answer,
    solve: Solve,
) -> Answer | None:
    """Return the prices of one group, or those found in other units where they are not proved to be the nearest."""
    least = np.inf if chosen is None else others[0].unbalanced(group, chosen, target)
    for unknowns in others:
        if least <= NEAREST:
            break
        other = _select_block(program, unknowns, group, unknowns.directions(group), target, answer, solve)
        if other is None:
            continue
        left = unknowns.unbalanced(group, other, target)
        if left < least:
            chosen, least = other, left
    return chosen


def _middles(least: Floats, most: Floats) -> Floats:
    """Compute the middle of each interval, or its only finite end; NaN where it has none."""
    lower, upper = np.isfinite(least), np.isfinite(most)
    middle = (np.where(lower, least, 0.0) + np.where(upper, most, 0.0)) / np.where(lower & upper, 2.0, 1.0)
    return np.where(lower | upper, middle, np.nan)


def _select_block(
    program: Program,
    unknowns: _PriceSystem,
    group: OpenGroup,
    N: Floats | None,
    target: Floats,
    answer: Answer,
    solve: Solve,
) -> Answer | None:
    """Compute the prices of one group, directly where it is small, else by auctions; None where neither succeeds."""
    levels = unknowns.levels(group, target)
    if N is None:
        if unknowns.has_few_rows(group, levels):
            found = _by_moves(unknowns, group, RowMoves(*unknowns.rows(group), levels), answer)
            if found is not None:
                return found
        found = _by_auctions(program, unknowns, group, target, answer, solve)
        if found is not None:
            return found
        if unknowns.is_large(group, MAX_DENSE_UNKNOWNS):
            return None
        N = unknowns.directions(group)
    found = _by_moves(unknowns, group, Moves(*unknowns.rows(group), levels, N), answer)
    return None if found is None else unknowns.refined(group, found, target)


def _by_moves(unknowns: _PriceSystem, group: OpenGroup, moves: Moves | RowMoves, answer: Answer) -> Answer | None:
    """Compute the prices of one group by moves from those of an answer; None where no move was found."""
    far = float(np.abs(unknowns.now(answer)[group.unknowns]).max()) > FAR_PRICES
    if far:
        near = unknowns.moved(answer, group, moves.towards_zero(unknowns.now(answer)[group.unknowns]))
        answer = unknowns.moved(near, group, moves.restored(unknowns.residual(group, near)))
    # A move from far away brings its rounding along; the next one starts near.
    for step in range(MAX_MOVES):
        now = unknowns.now(answer)[group.unknowns]
        noise = BOUND_ROUNDING * max(1.0, float(np.abs(now).max()))
        low, high = unknowns.ends(group, answer)
        # Where nothing else helps, the present prices count as within their limits, whatever rounding says.
        inside = np.minimum(low, 0.0), np.maximum(high, 0.0)
        if step == 0 and not far:
            low, high = inside
        move = moves.nearest(now, low, high, noise, is_first=step == 0)
        if move is None and step == 0:
            return None
        if move is None:
            move = moves.nearest(now, inside[0], inside[1], noise, is_first=False)
        if move is None:
            break
        answer = unknowns.moved(answer, group, move)
        answer = unknowns.moved(answer, group, moves.restored(unknowns.residual(group, answer)))
        if step and np.abs(move).max() <= LAST_MOVE:
            break
    return answer


def _by_auctions(
    program: Program, unknowns: _PriceSystem, group: OpenGroup, target: Floats, answer: Answer, solve: Solve
) -> Answer | None:
    """Compute the same prices by two auctions: nearest to the targets, then what these leave open nearest 0."""
    products = group.unknowns[group.unknowns < program.B.shape[0]]
    low, high, portfolios = unknowns.low, unknowns.high, unknowns.portfolios(group)
    found: Answer | None = answer
    known = ~np.isnan(target[products])
    if known.any():
        found = prices_near(program, low, high, portfolios, products, target[products], answer, solve)
    if found is not None and not known.all():
        rest = products[~known]
        nothing = -unknowns.deviations.prices[rest]
        found = prices_near(program, low, high, portfolios, rest, nothing, found, solve)
    return found


def _widened(rows: csr_array, n_columns: int) -> csr_array:
    """Rows with so many empty columns more."""
    shape = (rows.shape[0], rows.shape[1] + n_columns)
    return csr_array((rows.data, rows.indices, rows.indptr), shape=shape)


def _below(rows: csr_array, others: csr_array) -> csr_array:
    """Rows, and others below them."""
    return csr_array(vstack([rows, others], format="csr")) if others.shape[0] else rows


class _PriceSystem:
    """Prices of products, and of demands that have no portfolio for themselves, in scaled units; what they must keep.

    Equations: a portfolio on a demand of its own whose price is pinned, and every portfolio with other demands.
    Limits: a portfolio on a demand of its own whose price is open, and the open prices of other demands.
    """

    def __init__(self, deviations: Deviations, low: Floats, high: Floats, scales: Scales) -> None:
        program = deviations.program
        self.deviations, self.program, self.low, self.high, self.scales = deviations, program, low, high, scales
        p = scaled(program, scales)
        self.P, B = p.B.shape[0], csr_array(p.B.T)
        pinned, lone = low == high, has_private_demand(p.W)
        entry = p.W.indptr[:-1][lone]
        own = np.flatnonzero(lone)
        self._demand, self._weight = p.W.indices[entry], p.W.data[entry]
        self._weight_in_units = program.W.data[entry]
        self._own = own
        closed = pinned[self._demand]
        others = np.flatnonzero(~lone)
        W = csr_array(csr_array(p.W.T)[others])
        self._shared = np.unique(W.indices)
        W = csr_array(W[:, self._shared])
        self._n_closed = int(np.count_nonzero(closed))
        self._rows = PortfolioRows(program, ints(self._shared))
        self._equation_portfolio = np.append(own[closed], others)
        self._limit_portfolio = own[~closed]
        n = len(self._shared)
        shared = csr_array(hstack([B[others], -W], format="csr"))
        self.equations = _below(_widened(B[own[closed]], n), shared)
        at = self._demand[closed]
        cost = np.zeros(len(others)) if p.cost is None else p.cost[others]
        self._right_side = np.append(low[at] / scales.demand_price[at] * self._weight[closed], -cost)
        self._box = free = np.flatnonzero(~pinned[self._shared])
        box = csr_array((np.ones(len(free)), (np.arange(len(free)), self.P + free)), shape=(len(free), self.P + n))
        self.limits = _below(_widened(B[own[~closed]], n), box)
        self.settled: Flags = np.append(np.zeros(self.P, dtype=bool), pinned[self._shared])
        ends = np.sort(
            np.vstack([end[self._demand] / scales.demand_price[self._demand] * self._weight for end in (low, high)]),
            axis=0,
        )[:, ~closed]
        bounds = np.vstack([low, high])[:, self._shared[free]] / scales.demand_price[self._shared[free]]
        self._least, self._most = np.hstack([ends, bounds])
        self._unit = np.append(scales.price, scales.demand_price[self._shared])
        # Prices of 0, as deviations.
        self._nothing = -np.append(deviations.prices, deviations.demand_prices[self._shared])

    def is_large(self, group: OpenGroup, limit: int) -> bool:
        """Check whether a direct solution of the group would take long."""
        n = len(group.unknowns)
        return n > limit or n * n * (len(group.equations) + len(group.limits)) > WORK

    def has_few_rows(self, group: OpenGroup, levels: list[Objective]) -> bool:
        """Check whether a group's equations and limits span so few dimensions that it is solved in these at once."""
        n, n_rows = len(group.unknowns), len(group.equations) + len(group.limits)
        k = n_coordinates(levels, n_rows)
        return k <= max(MAX_DIRECT_PRICES, min(COORDINATES, n // FEWER)) and (n + n_rows) * k * k <= WORK

    def directions(self, group: OpenGroup) -> Floats:
        """Basis of the moves that a group's equations allow, (n, k)."""
        return null_space(self.equations[group.equations][:, group.unknowns].toarray())

    def portfolios(self, group: OpenGroup) -> Ints:
        """Return the portfolios that hold or tie a group's unknowns."""
        lone_limits = group.limits[group.limits < len(self._limit_portfolio)]
        return np.sort(np.append(self._equation_portfolio[group.equations], self._limit_portfolio[lone_limits]))

    def rows(self, group: OpenGroup) -> tuple[Floats, Floats]:
        """Return a group's equations and limits, as rows over its own unknowns."""
        rows = self.equations[group.equations], self.limits[group.limits]
        equations, limits = (floats(one[:, group.unknowns].toarray()) for one in rows)
        return equations, limits

    def levels(self, group: OpenGroup, target: Floats) -> list[Objective]:
        """Return the wishes of a group: known targets, other prices of products near 0, prices of demands near 0."""
        u = group.unknowns
        wished = np.append(target, np.full(len(self._shared), np.nan))
        known, product = ~np.isnan(wished), np.arange(len(wished)) < self.P
        # The unit of a product counts in the distance, that of a demand must not.
        weight = np.append((self._unit[: self.P] / self._unit[u[u < self.P]].max()) ** 2, np.ones(len(self._shared)))
        point = np.where(known, wished, self._nothing) / self._unit
        return [Objective((weight * which)[u], point[u]) for which in (known, product & ~known, ~product)]

    def ends(self, group: OpenGroup, answer: Answer) -> tuple[Floats, Floats]:
        """Bounds of what a move may change in a group's limits."""
        at = self.limits[group.limits] @ self.now(answer)
        return self._least[group.limits] - at, self._most[group.limits] - at

    def residual(self, group: OpenGroup, answer: Answer) -> Floats:
        """Residual of a group's equations, (m,)."""
        return floats(self._right_side[group.equations] - self.equations[group.equations] @ self.now(answer))

    def _natural(self, group: OpenGroup, answer: Answer, target: Floats) -> tuple[Extended, list[Objective]]:
        """Return all unknowns at an answer, and the wishes of a group, as prices that are not scaled."""
        now = np.append(answer.prices, answer.demand_prices[self._shared]).astype(np.longdouble)
        u, product = group.unknowns, np.arange(len(now)) < self.P
        wished = np.append(target, np.full(len(self._shared), np.nan))
        known = ~np.isnan(wished)
        aim = np.where(known, wished, self._nothing)[u]
        # Distances of prices are in their own unit, those of demands in typical prices.
        weight = np.where(product, 1.0 / self._unit[u].max() ** 2, 1.0 / self._unit**2)
        return now, [Objective((weight * which)[u], aim) for which in (known, product & ~known, ~product)]

    def unbalanced(self, group: OpenGroup, answer: Answer, target: Floats) -> float:
        """Compute the share of the distances of a group's prices that no bound holds; 0 at the nearest."""
        now, levels = self._natural(group, answer, target)
        return unbalanced(self._bounds(group, now), now[group.unknowns], -self._nothing[group.unknowns], levels[:2])

    def refined(self, group: OpenGroup, answer: Answer, target: Floats) -> Answer:
        """Return the answer with a group's unknowns free of the rounding of their computation."""
        now, levels = self._natural(group, answer, target)
        u, bounds = group.unknowns, self._bounds(group, now)
        # Units that differ by much hide what tells nearly parallel rows apart, and one unit for all hides small prices.
        units = self._unit[u], np.full(len(u), self._unit[u].max())
        origin = -self._nothing[u]
        tried = (refined(bounds, now[u], origin, unit, levels) for unit in units)
        found = next((one for one in tried if one is not None), None)
        if found is None:
            return answer
        now[u] = found
        return self._at(answer, floats(now[: self.P]), floats(now[self.P :]))

    def _bounds(self, group: OpenGroup, now: Extended) -> Bounds:
        """Equations and limits of a group, in the program's own units and without rounding."""
        p, u, n_lone = self.program, group.unknowns, len(self._limit_portfolio)
        portfolio = self._equation_portfolio[group.equations]
        # Portfolios with a demand of their own come first.
        n_own = int(np.count_nonzero(group.equations < self._n_closed))
        entry = p.W.indptr[portfolio[:n_own]]
        values = np.zeros(len(portfolio), dtype=np.longdouble)
        values[:n_own] = self.low[p.W.indices[entry]].astype(np.longdouble) * p.W.data[entry]
        if p.cost is not None:
            values[n_own:] = -p.cost[portfolio[n_own:]]
        rows = np.vstack([self._rows.of_products(portfolio[:n_own]), self._rows.of_all(portfolio[n_own:])])
        limited = self._limit_portfolio[group.limits[group.limits < n_lone]]
        box = group.limits[group.limits >= n_lone] - n_lone
        limits = self._rows.of_products(limited)
        entry = p.W.indptr[limited]
        ends = [
            np.append(
                end[p.W.indices[entry]].astype(np.longdouble) * p.W.data[entry], end[self._shared[self._box[box]]]
            )
            for end in (self.low, self.high)
        ]
        swapped = ends[0] > ends[1]
        least, most = np.where(swapped, ends[1], ends[0]), np.where(swapped, ends[0], ends[1])
        single = np.zeros((len(box), len(now)), dtype=np.longdouble)
        single[np.arange(len(box)), self.P + self._box[box]] = 1
        limits = np.vstack([limits, single])
        others = now.copy()
        others[u] = 0
        sides, shift = values - rows @ others, limits @ others
        return Bounds(rows[:, u], sides, limits[:, u], least - shift, most - shift)

    def moved(self, answer: Answer, group: OpenGroup, move: Floats) -> Answer:
        """Return the answer after a move of a group's unknowns; demands of one portfolio follow."""
        change = np.zeros(len(self._unit))
        change[group.unknowns] = move * self._unit[group.unknowns]
        shared = answer.demand_prices[self._shared] + change[self.P :]
        return self._at(answer, answer.prices + change[: self.P], shared)

    def _at(self, answer: Answer, prices: Floats, shared: Floats) -> Answer:
        """Return the answer at these prices of products, (P,), and of demands that share a portfolio, (S,)."""
        demand_prices = answer.demand_prices.copy()
        demand_prices[self._shared] = shared
        demand_prices[self._demand] = (self.program.B.T @ prices)[self._own] / self._weight_in_units
        return replace(answer, prices=prices, demand_prices=demand_prices)

    def now(self, answer: Answer) -> Floats:
        """All unknowns at an answer."""
        return floats(np.append(answer.prices, answer.demand_prices[self._shared]) / self._unit)
