"""An exact optimum of one connected part, in artificial bounds that do not matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Flags, Floats
from fts.ports.engine import Answer
from fts.solver.artificial_bounds import Bounded, bounded, usual_sizes
from fts.solver.deviations import MONEY_ROUNDING, Deviations, deviations_from, first_prices
from fts.solver.native import engine as native
from fts.solver.native.equilibration import Scales, is_any_unit_below, price_units, scales_in
from fts.solver.native.polish import SOFT, polish
from fts.solver.native.presolved import PresolvedProgram, presolve
from fts.solver.rounding import NOISE_SHARES, without_resting, zero_noise

BOUND_FACTOR = 1e4
"""Artificial bounds, in shares of what is usual."""
WIDER = 1e3
"""A bound that matters is made so many times as wide."""
MAX_WIDENINGS = 24
"""At most so many times; then there are no artificial bounds of sizes."""
FINER = 0.03
"""A dispersion of this share of another one is much less."""
FAR_FROM_REACHED = 1e6
"""Prices this many times their dispersion from the first ones have rounding that counts."""
NOTHING = 1e-12
"""A price of this share of its dispersion is rounding of 0."""
MAX_RECENTRINGS = 3
"""At most so many times first prices are replaced by better ones."""

Finish = Callable[[PresolvedProgram, Bounded, Deviations], tuple[Answer, float]]
"""An exact answer of a bounded program made ready, and what it misses."""


@dataclass(frozen=True)
class Optimum:
    """An answer of one part in deviations from prices near its own.

    Attributes
    ----------
    deviations : Deviations
    answer : Answer
    residual : float
        What the answer misses of the equations, relative.
    scales : Scales
        In which prices are measured by their dispersion.
    size, price : (D,)
        The artificial bounds of fills and prices.
    bounds : Bounded
        Of the engine's last attempt.
    prepared : PresolvedProgram
        The program of these.
    is_widened : bool
        Whether first bounds mattered.
    """

    deviations: Deviations
    answer: Answer
    residual: float
    scales: Scales
    size: Floats
    price: Floats
    bounds: Bounded
    prepared: PresolvedProgram
    is_widened: bool

    @property
    def room(self) -> Floats:
        """Largest rate of each portfolio within the artificial bounds, (I,) [quantity / time]."""
        return self.prepared.rooms * self.prepared.scales.rate

    @property
    def is_exact(self) -> bool:
        """True if the residual is rounding."""
        return self.residual <= native.POLISHED_TOLERANCE


def find_optimum(deviations: Deviations, solve: Finish, most: Floats | None = None) -> Optimum:
    """Compute an exact answer in the least artificial bounds that do not matter; else the point that was reached.

    `most` are the largest units of prices, (P,) [money / quantity]; None: there is no limit.
    """
    program, units = deviations.program, _units(deviations)
    if most is not None:
        units = np.minimum(units, most)
    scales = scales_in(program, units)
    size, price = BOUND_FACTOR * usual_sizes(program), BOUND_FACTOR * scales.demand_price
    grown: Answer | None = None
    for attempt in range(MAX_WIDENINGS + 1):
        is_last = attempt == MAX_WIDENINGS
        bounds = bounded(program, np.full(len(size), np.inf) if is_last else size, price)
        prepared = presolve(bounds.program, units)
        exact, residual = _solved(prepared, bounds, deviations, solve, None if is_last else grown)
        binding = bounds.binding(exact)
        if residual <= native.POLISHED_TOLERANCE and binding.any():
            # Only the bids that want more have more: what is far from the market stays far.
            size, grown = np.where(binding, WIDER * size, size), bounds.grown(exact, WIDER)
            continue
        centred, restored = deviations, bounds.restored(exact)
        if not residual <= native.POLISHED_TOLERANCE or bounds.binds_price(exact):
            # In deviations from the prices that were reached, the rounding of prices is smaller.
            centred, restored, residual = _recentred(deviations, restored, bounds.between(exact), units)
        if residual <= native.POLISHED_TOLERANCE or bounds.is_source:
            break
        size, price, grown = WIDER * size, WIDER * price, None
    return Optimum(centred, restored, residual, scales, size, price, bounds, prepared, attempt > 0)


def _solved(
    prepared: PresolvedProgram, bounds: Bounded, deviations: Deviations, solve: Finish, grown: Answer | None
) -> tuple[Answer, float]:
    """Solve exactly: from the answer in narrower bounds, where the last step alone is sure of it, else by `solve`."""
    if grown is not None:
        exact, residual = polish(prepared, bounds.cut(grown))
        if residual <= native.largest_sure_residual(prepared):
            return exact, residual
    return solve(prepared, bounds, deviations)


def _units(deviations: Deviations) -> Floats:
    """Units of prices, (P,), from deviations of the first prices given, or of the bids' own where these are smaller.

    Beside a price that a cap sets every bid that it leaves idle looks far away.
    """
    units = price_units(deviations.program, deviations.rounding, deviations.prices)
    own = first_prices(deviations.source) if deviations.own_prices is None else deviations.own_prices
    if np.array_equal(own, deviations.prices):
        return units
    other = deviations_from(deviations.source, own)
    return np.minimum(units, price_units(other.program, other.rounding, other.prices))


def _recentred(
    deviations: Deviations, answer: Answer, between: Flags, units: Floats
) -> tuple[Deviations, Answer, float]:
    """Solve exactly in deviations from the prices that an answer's active segments determine."""
    found, residual = answer, np.inf
    for _ in range(MAX_RECENTRINGS):
        # Units stay those of the first prices: beside a price cap, every bid that it leaves idle looks far away.
        prepared = presolve(deviations.program, units)
        found, residual = polish(prepared, found, between=between)
        if residual <= native.POLISHED_TOLERANCE or not np.isfinite(found.prices).all():
            break
        nearer = deviations_from(deviations.source, deviations.prices + found.prices)
        found = nearer.deviating(deviations.restored(found))
        deviations = nearer
    return deviations, found, residual


def deviations_around(found: Optimum, answer: Answer) -> Deviations:
    """Return the program in deviations from an answer's prices, without their rounding of 0, which is no dispersion."""
    prices = zero_noise(found.deviations.prices + answer.prices, NOTHING * found.scales.price)
    return deviations_from(found.deviations.source, prices)


def are_finer(nearer: Deviations, found: Optimum) -> bool:
    """Check whether the dispersion of prices is much less around the prices that were reached than was assumed."""
    return is_any_unit_below(nearer.program, nearer.rounding, nearer.prices, FINER * found.scales.price)


def units_of_active(nearer: Deviations, found: Optimum) -> Floats | None:
    """Compute the dispersion of the prices of bids between their bounds, (P,), infinite where there are none.

    None where it is not so small that the rounding of the prices that were reached counts beside it.
    """
    # Units are at least a millionth of the level of prices.
    if not (np.abs(found.answer.prices) > np.abs(nearer.prices)).any():
        return None
    program, y = nearer.program, found.answer.y
    inside = (y > program.lo) & (y < program.hi)
    active = np.bincount(program.segment_demand, weights=inside, minlength=program.W.shape[0]) > 0
    own = active[program.segment_demand]
    holds = abs(program.W).T @ active.astype(np.float64) > 0
    cost = None if program.cost is None else np.where(holds, program.cost, 0.0)
    only = replace(program, c=np.where(own, program.c, 0.0), s=np.where(own, program.s, 0.0), cost=cost)
    units = price_units(only, nearer.rounding, nearer.prices)
    units = np.where(abs(program.B) @ holds.astype(np.float64) > 0, units, np.inf)
    is_far = np.abs(found.answer.prices) > FAR_FROM_REACHED * units
    return units if is_far.any() else None


def polished(found: Optimum, nearer: Deviations) -> Optimum:
    """Repeat the last step in deviations from the optimum's own prices; taken if its residual is rounding."""
    start = nearer.deviating(found.deviations.restored(found.answer))
    bounds = bounded(nearer.program, found.size, found.price)
    prepared = found.prepared.repriced(bounds.program) or presolve(bounds.program, found.scales.price)
    exact, residual = polish(prepared, bounds.cut(start), stiffness=SOFT)
    if not residual <= max(found.residual, MONEY_ROUNDING) or bounds.binding(exact).any() or bounds.binds_price(exact):
        return found
    return replace(found, deviations=nearer, answer=bounds.restored(exact), residual=residual)


def in_traded_sizes(found: Optimum, answer: Answer) -> Optimum:
    """Another exact answer, finished again in bounds that its own trades set: rounding is measured against these."""
    # Where only rounding is traded, what could be traded is usual.
    program = found.deviations.program
    traded = without_resting(program, zero_noise(answer.x, NOISE_SHARES[0] * found.room), found.room)
    tight = bounded(program, BOUND_FACTOR * usual_sizes(program, traded), BOUND_FACTOR * found.scales.demand_price)
    prepared = presolve(tight.program, found.scales.price)
    exact, residual = polish(prepared, tight.cut(answer))
    if not residual <= native.POLISHED_TOLERANCE or tight.binding(exact).any() or tight.binds_price(exact):
        return replace(found, answer=answer)
    return replace(found, answer=tight.restored(exact), bounds=tight, prepared=prepared)
