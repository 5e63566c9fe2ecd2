"""Clearing of one connected part: an engine's answer, finished exactly, and the canonical one of all optimal ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Floats
from fts.models.outcome import Unique
from fts.ports.engine import Answer, Engine, Program
from fts.solver.artificial_bounds import Bounded
from fts.solver.blas_threads import threads_for
from fts.solver.canonical.balance import balanced
from fts.solver.canonical.canonical import Canonical, canonical_solution
from fts.solver.deviations import Deviations, deviations_from_first
from fts.solver.engine_scaling import scaling_of
from fts.solver.native import engine as native
from fts.solver.native.dual_newton import State, clear_sloped
from fts.solver.native.equilibration import scaled
from fts.solver.native.group_newton import clear_grouped
from fts.solver.native.independent_products import is_far_wider
from fts.solver.native.polish import polish
from fts.solver.native.presolved import PresolvedProgram, presolve
from fts.solver.native.private_demands import Layout, clear_private
from fts.solver.native.row_echelon import combined_products, importance_of, is_small_enough
from fts.solver.optimum import (
    Finish,
    Optimum,
    are_finer,
    deviations_around,
    find_optimum,
    in_traded_sizes,
    polished,
    units_of_active,
)
from fts.solver.rounding import rates_at_kinks, without_rounding

RESTARTS = 3
"""At most so many times a part is solved again in the dispersion around the prices that were reached."""
FAR_FROM_FIRST = 1e4
"""A price this many times its dispersion from the first one has rounding that counts."""
CIRCLES = 10.0
"""An engine's largest rate, as a multiple of the canonical one, from which on the last step is done again."""
LARGEST_DENSE = 1_000
"""Most products, or portfolios, of a part whose condition is computed."""
ENGINE_TOL = 1e-9
"""The tolerance another engine is asked for where the native one is stuck."""


@dataclass(frozen=True)
class Clearing:
    """An answer of one part, and what is known of the choice behind it.

    Attributes
    ----------
    answer : Answer
    price_low, price_high : (P,) [money / quantity]
        NaN where not computed.
    unique : Unique
    canonical : bool
        Whether it is the canonical one of the optimal answers.
    state : State or Layout, optional
        The next solve with the same portfolios may start from it.
    condition : float
        Of the last step's matrix; computed only where the canonical answer was not found.
    """

    answer: Answer
    price_low: Floats
    price_high: Floats
    unique: Unique
    canonical: bool
    state: State | Layout | None = None
    condition: float = 1.0


def clearings_of_private(
    program: Program,
    reference: Floats | None = None,
    start: Floats | None = None,
    earlier: State | Layout | None = None,
) -> Iterator[Clearing]:
    """Clear a part of private demands by methods whose only unknowns are prices; none where none applies.

    Newton's method where curves are sloped, an interior-point method where some are flat.

    Parameters
    ----------
    program : Program
        Of one connected part.
    reference : (P,) [money / quantity], optional
    start : (P,) [money / quantity], optional
        Earlier prices; NaN where there is none.
    earlier : State or Layout, optional
        Of an earlier solve.
    """
    state = earlier if isinstance(earlier, State) else None
    found = (
        clear_sloped(program, start, state)
        or clear_grouped(program, start, state)
        or clear_private(program, start, earlier if isinstance(earlier, Layout) else None)
    )
    if found is None:
        return
    prices = found.answer.prices
    if found.is_unique:
        yield Clearing(found.answer, prices, prices, Unique(True, True), True, found.state)
        return
    deviations = deviations_from_first(program, reference)
    for clearing in _finished(deviations, reference, _near(found.answer), again=_natively):
        yield replace(clearing, state=found.state)


def clearings(
    program: Program, reference: Floats | None = None, warm: Answer | None = None, engine: Engine | None = None
) -> Iterator[Clearing]:
    """Answers of a part, the best first.

    Parameters
    ----------
    program : Program
        Of one connected part.
    reference : (P,) [money / quantity], optional
        Prices to stay near to where there is a choice; NaN where there is none.
    warm : Answer, optional
        An answer of a similar program to start from.
    engine : Engine, optional
        None is the native one.
    """
    if is_far_wider(*program.B.shape):
        warm = None  # earlier prices of many products that few portfolios tell apart lead the canonical step astray
    known = reference if warm is None else warm.prices
    deviations = deviations_from_first(program, known)
    if warm is not None:
        # In other deviations the start says nothing more.
        yield from _finished(deviations, reference, _from(warm), again=_natively)
    way = _natively if engine is None else _by(engine)
    yield from _finished(deviations, reference, way, again=way)
    if engine is None and is_small_enough(program):
        yield from _finished(deviations, reference, _in_combined_products, again=_in_combined_products)


def clearings_of(program: Program, reference: Floats | None, answer: Answer) -> Iterator[Clearing]:
    """Answers of a part that finish another engine's answer exactly; none where it cannot be finished."""
    deviations = deviations_from_first(program, reference)
    # The answer stays the engine's: solving again would be the native one's.
    yield from _finished(deviations, reference, _near(answer))


def unfinished_clearing(answer: Answer) -> Clearing:
    """Return an answer about whose choice nothing is known."""
    unknown = np.full(len(answer.prices), np.nan)
    return Clearing(answer, unknown, unknown, Unique(False, False), False)


def _natively(prepared: PresolvedProgram, _: Bounded, __: Deviations) -> tuple[Answer, float]:
    exact, residual, _rough = native.solve_prepared(prepared)
    return exact, residual


def _in_combined_products(prepared: PresolvedProgram, bounds: Bounded, _: Deviations) -> tuple[Answer, float]:
    """Compute the exact answer where rows of products are nearly dependent."""
    program, price = bounds.program, prepared.scales.price
    best, least = _combined(program, price, np.ones(program.B.shape[1]))
    if least <= native.largest_sure_residual(prepared):
        return best, least
    again, residual = _combined(program, price, importance_of(program, best))
    return (again, residual) if residual < least else (best, least)


def _combined(program: Program, price: Floats, importance: Floats) -> tuple[Answer, float]:
    combined = combined_products(program, price, importance)
    exact, residual, _ = native.solve_prepared(presolve(combined.program))
    return combined.restored(exact), residual


def _from(start: Answer) -> Finish:
    """From the answer of a similar program."""

    def finish_warm(prepared: PresolvedProgram, bounds: Bounded, deviations: Deviations) -> tuple[Answer, float]:
        near = bounds.cut(deviations.deviating(start))
        if native.mostly_sloped(bounds.program):
            # Where prices tell the fills, the exact last step finds them from the earlier prices at once.
            exact, residual = polish(prepared, near)
            if residual <= native.largest_sure_residual(prepared):
                return exact, residual
        exact, residual, _ = native.solve_prepared(prepared, near)
        return exact, residual

    return finish_warm


def _near(start: Answer) -> Finish:
    """By the exact last step from an answer of the same program."""
    return lambda prepared, bounds, deviations: polish(prepared, bounds.cut(deviations.deviating(start)))


def _by(engine: Engine) -> Finish:
    """By the exact last step from another engine's answer."""

    def finish_engine(prepared: PresolvedProgram, bounds: Bounded, _: Deviations) -> tuple[Answer, float]:
        scaling = scaling_of(bounds.program)
        answer = scaling.restored(bounds.program, engine(scaling.scaled(bounds.program), ENGINE_TOL))
        return polish(prepared, answer)

    return finish_engine


def _finished(
    deviations: Deviations,
    reference: Floats | None,
    solve: Finish,
    again: Finish | None = None,
    restarts: int = RESTARTS,
    units: Floats | None = None,
) -> Iterator[Clearing]:
    """Canonical answers, the likeliest to be proved first; else the point that was reached.

    `again` solves the program where it is solved once more in finer deviations; None: it is solved once. `units` are
    the largest units of prices, (P,).
    """
    n_products, n_portfolios = deviations.program.B.shape
    n_rows = n_portfolios if is_far_wider(n_products, n_portfolios) else n_products
    with threads_for(n_rows):
        found = find_optimum(deviations, solve, units)
    if not found.is_exact:
        yield replace(unfinished_clearing(found.deviations.restored(found.answer)), condition=_condition(found))
        return
    nearer = deviations_around(found, found.answer)
    if again is not None and restarts and are_finer(nearer, found):
        # The bids around these prices are nearer to each other than those around the first ones.
        # What follows is taken only where this is not proved.
        yield from _finished(nearer, reference, again, again, restarts - 1)
    reached, around = found, nearer
    with threads_for(n_rows):
        found, made = _select_canonical(polished(found, nearer), reference)
    if again is not None and restarts and not made.unique.prices:
        # Open prices may have been far away, and the canonical ones are not.
        nearer = deviations_around(found, made.answer)
        if are_finer(nearer, found):
            yield from _finished(nearer, reference, again, again, restarts - 1)
    yield from _readings(found, made, reached.room)
    program = found.deviations.program
    at_kinks = replace(made.answer, x=rates_at_kinks(program, made.answer))
    even = balanced(program, at_kinks, found.room, found.scales.demand_price)
    if even is not None:
        yield from _readings(found, replace(made, answer=even), reached.room)
    if again is not None and restarts:
        # Where caps are many, their prices are the usual ones, and rounding beside these hides everybody else's.
        active = units_of_active(around, reached)
        if active is not None:
            yield from _finished(around, reference, again, again, restarts - 1, active)


def _readings(found: Optimum, made: Canonical, usual: Floats) -> Iterator[Clearing]:
    """Read a canonical answer, more or less of it as rounding of 0; `usual (I,)` is what could be traded."""
    condition = 1.0 if made.found else _condition(found)
    # Rounding is measured against what is traded; where nothing is, against what could be.
    for room in (found.room,) if np.array_equal(found.room, usual) else (found.room, usual):
        for one in without_rounding(found.deviations, made, found.scales, room):
            yield Clearing(one.answer, one.price_low, one.price_high, one.unique, one.found, condition=condition)


def _select_canonical(found: Optimum, reference: Floats | None) -> tuple[Optimum, Canonical]:
    """Compute the canonical answer, and the optimum that it was chosen from."""
    made = _canonical(found, reference)
    if found.is_widened or _is_less_trade(made.answer, found.answer):
        # What an engine trades in circles leaves its rounding in everybody's rates.
        found = in_traded_sizes(found, made.answer)
        made = _canonical(found, reference)
    if not made.unique.prices and (np.abs(made.answer.prices) > FAR_FROM_FIRST * found.scales.price).any():
        # Open prices may have moved far from the first ones, whose rounding they have until they are chosen again.
        nearer = deviations_around(found, made.answer)
        answer = nearer.deviating(found.deviations.restored(made.answer))
        found = replace(found, deviations=nearer, answer=answer)
        made = _canonical(found, reference)
    return found, made


def _canonical(found: Optimum, reference: Floats | None) -> Canonical:
    return canonical_solution(
        found.deviations, found.answer, native.solve_exactly, found.scales, reference, found.bounds.sizes
    )


def _condition(found: Optimum) -> float:
    """Compute the condition of the product system ``B B'`` in the program's units, without directions of no weight."""
    program = found.deviations.program
    if min(program.B.shape) > LARGEST_DENSE or not program.B.nnz:
        return 1.0
    B = scaled(program, found.scales).B.toarray()
    length = np.linalg.norm(B, axis=1)
    values = np.linalg.svd(B / np.where(length > 0, length, 1.0)[:, None], compute_uv=False)
    return float((values[0] / values[values > len(B) * np.finfo(float).eps * values[0]].min()) ** 2)


def _is_less_trade(answer: Answer, than: Answer) -> bool:
    """Check whether an answer trades so much less than another one that the other's rounding counts in it."""
    return float(np.abs(than.x).max(initial=0.0)) > CIRCLES * float(np.abs(answer.x).max(initial=0.0))
