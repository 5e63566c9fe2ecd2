"""Clearing of one connected part: an engine's answer, finished exactly, and the canonical one of all optimal ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Flags, Floats
from fts.models.outcome import Unique
from fts.ports.engine import Answer, Engine, Program
from fts.solver.artificial_bounds import Bounded, bounded, usual_sizes
from fts.solver.canonical.choice import Canonical, canonical
from fts.solver.canonical.ties import price_intervals, quotes
from fts.solver.deviations import ROUNDING, Deviations, deviations_from, first_prices
from fts.solver.exact import finish
from fts.solver.native import engine as native
from fts.solver.native.dual_newton import State, clear_sloped
from fts.solver.native.independent_products import is_far_wider
from fts.solver.native.prepared import Prepared, prepare
from fts.solver.native.scaling import Scales, price_units, scaled, scales_in
from fts.solver.program import alone
from fts.solver.scaling import scaling_of
from fts.solver.threads import threads_for

USUAL = 1e4
"""Artificial bounds, in shares of what is usual."""
WIDER = 1e3
"""A bound that matters is made so many times as wide."""
WIDENED = 8
"""At most so many times; then there are no artificial bounds of sizes."""
NOISE = (1e-14, 0.0, 1e-12, 1e-10)
"""Shares of usual rates and prices that may be rounding of 0, the likeliest first."""
NUMBER = 1e-13
"""A price this near to a quote that determines it, in shares of the dispersion of prices, is the quote."""
RESTARTS = 3
"""At most so many times a part is solved again in the dispersion around the prices that were reached."""
FINER = 0.03
"""A dispersion of this share of another one is much less."""
NOTHING = 1e-12
"""A price of this share of its dispersion is rounding of 0."""
RECENTRED = 3
"""At most so many times first prices are replaced by better ones."""
CIRCLES = 10.0
"""An engine's largest rate, as a multiple of the canonical one, from which on the last step is done again."""
LARGEST_DENSE = 1_000
"""Most products, or portfolios, of a part whose condition is computed."""
FAINT = 1e-9
"""A share of the largest price of a part below which a price may be the rounding of 0."""
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
    state : State, optional
        The next solve with the same portfolios may start from it.
    condition : float
        Of the last step's matrix; computed only where the canonical answer was not found.
    """

    answer: Answer
    price_low: Floats
    price_high: Floats
    unique: Unique
    canonical: bool
    state: State | None = None
    condition: float = 1.0


Finish = Callable[[Prepared, Bounded, Deviations], tuple[Answer, float]]
"""An exact answer of a bounded program made ready, and what it misses."""


def clearings_of_sloped(
    program: Program, reference: Floats | None = None, start: Floats | None = None, earlier: State | None = None
) -> Iterator[Clearing]:
    """The answer of a part with sloped curves by Newton's method in its prices; none where that method does not apply.

    Parameters
    ----------
    program : Program
        Of one connected part.
    reference : (P,) [money / quantity], optional
    start : (P,) [money / quantity], optional
        Earlier prices; NaN where there is none.
    earlier : State, optional
        Of an earlier solve.
    """
    found = clear_sloped(program, start, earlier)
    if found is None:
        return
    prices = found.answer.prices
    if found.is_unique:
        yield Clearing(found.answer, prices, prices, Unique(True, True), True, found.state)
        return
    deviations = deviations_from(program, first_prices(program, reference))
    for clearing in _finished(deviations, reference, _near(found.answer)):
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
    deviations = deviations_from(program, first_prices(program, known))
    if warm is not None:
        yield from _finished(deviations, reference, _from(warm))
    yield from _finished(deviations, reference, _natively if engine is None else _by(engine))


def clearings_of(program: Program, reference: Floats | None, answer: Answer) -> Iterator[Clearing]:
    """Answers of a part that finish another engine's answer exactly; none where it cannot be finished."""
    deviations = deviations_from(program, first_prices(program, reference))
    # The answer stays the engine's: solving again would be the native one's.
    yield from _finished(deviations, reference, _near(answer), restarts=0)


def plain(answer: Answer) -> Clearing:
    """An answer about whose choice nothing is known."""
    unknown = np.full(len(answer.prices), np.nan)
    return Clearing(answer, unknown, unknown, Unique(False, False), False)


def _natively(prepared: Prepared, _: Bounded, __: Deviations) -> tuple[Answer, float]:
    exact, missing, _rough = native.solve_prepared(prepared)
    return exact, missing


def _from(start: Answer) -> Finish:
    """From the answer of a similar program."""

    def finish_warm(prepared: Prepared, bounds: Bounded, deviations: Deviations) -> tuple[Answer, float]:
        near = bounds.cut(deviations.deviating(start))
        if native.mostly_sloped(bounds.program):
            # Where prices tell the fills, the exact last step finds them from the earlier prices at once.
            return finish(prepared, near)
        exact, missing, _ = native.solve_prepared(prepared, near)
        return exact, missing

    return finish_warm


def _near(start: Answer) -> Finish:
    """By the exact last step from an answer of the same program."""
    return lambda prepared, bounds, deviations: finish(prepared, bounds.cut(deviations.deviating(start)))


def _by(engine: Engine) -> Finish:
    """By the exact last step from another engine's answer."""

    def finish_engine(prepared: Prepared, bounds: Bounded, _: Deviations) -> tuple[Answer, float]:
        scaling = scaling_of(bounds.program)
        answer = scaling.restored(bounds.program, engine(scaling.scaled(bounds.program), ENGINE_TOL))
        return finish(prepared, answer)

    return finish_engine


def _finished(
    deviations: Deviations, reference: Floats | None, solve: Finish, restarts: int = RESTARTS
) -> Iterator[Clearing]:
    """Canonical answers, in the least artificial bounds that do not matter; else the point that was reached."""
    program = deviations.program
    units = _units(deviations)
    scales = scales_in(program, units)
    size, price = USUAL * usual_sizes(program), USUAL * scales.demand_price
    for attempt in range(WIDENED + 1):
        bounds = bounded(program, size if attempt < WIDENED else np.full(len(size), np.inf), price)
        prepared = prepare(bounds.program, units)
        with threads_for(program.B.shape[0]):
            exact, missing = solve(prepared, bounds, deviations)
            binding = bounds.binding(exact)
            if missing <= native.CLEAN and binding.any():
                # Only the bids that want more have more: what is far from the market stays far.
                size = np.where(binding, WIDER * size, size)
                continue
            centred, restored = deviations, bounds.restored(exact)
            if not missing <= native.CLEAN or bounds.binds_price(exact):
                # In deviations from the prices that were reached, the rounding of prices is smaller.
                centred, restored, missing = _recentred(deviations, restored, bounds.between(exact), units)
            if missing <= native.CLEAN:
                nearer = _around(centred, restored, units)
                if restarts and _is_finer(nearer, units):
                    # The bids around these prices are nearer to each other than those around the first ones.
                    # What follows is taken only where this is not proved.
                    yield from _finished(nearer, reference, _again(solve), restarts - 1)
                centred, restored, missing = _polished(centred, nearer, restored, missing, size, price, units)
                made = canonical(centred, restored, native.solve_exactly, scales, reference, bounds.sizes)
                if attempt or _is_less_trade(made.answer, restored):
                    # What an engine trades in circles leaves its rounding in everybody's rates.
                    restored, bounds, prepared = _in_traded_sizes(centred, made.answer, scales, bounds, prepared)
                    made = canonical(centred, restored, native.solve_exactly, scales, reference, bounds.sizes)
        if missing <= native.CLEAN and restarts and not made.unique.prices:
            # Open prices may have been far away, and the canonical ones are not.
            nearer = _around(centred, made.answer, units)
            if _is_finer(nearer, units):
                yield from _finished(nearer, reference, _again(solve), restarts - 1)
        if missing <= native.CLEAN:
            room = prepared.rooms * prepared.scales.rate
            condition = 1.0 if made.found else _condition(centred.program, scales)
            for share in NOISE:
                yield replace(_restored(centred, made, scales, room, share), condition=condition)
            return
        if bounds.is_source or attempt == WIDENED:
            yield replace(plain(centred.restored(restored)), condition=_condition(program, scales))
            return
        size, price = WIDER * size, WIDER * price


def _again(solve: Finish) -> Finish:
    """The way to solve a program again in other deviations: a warm or given start says nothing more there."""
    return solve if solve is _natively or solve.__name__ == "finish_engine" else _natively


def _around(deviations: Deviations, answer: Answer, units: Floats) -> Deviations:
    """The program in deviations from an answer's prices, without their rounding of 0, which is no dispersion."""
    prices = _without(deviations.prices + answer.prices, NOTHING * units)
    return deviations_from(deviations.source, prices)


def _is_finer(nearer: Deviations, units: Floats) -> bool:
    """Whether the dispersion of prices is much less around the prices that were reached than it was taken for."""
    finer = price_units(nearer.program, nearer.rounding, nearer.prices)
    return bool((finer < FINER * units).any())


def _polished(
    deviations: Deviations,
    nearer: Deviations,
    answer: Answer,
    missing: float,
    size: Floats,
    price: Floats,
    units: Floats,
) -> tuple[Deviations, Answer, float]:
    """An exact answer with the last step once more in deviations from its own prices, if that misses no more."""
    start = nearer.deviating(deviations.restored(answer))
    bounds = bounded(nearer.program, size, price)
    exact, left = finish(prepare(bounds.program, units), bounds.cut(start))
    if not left <= missing or bounds.binding(exact).any() or bounds.binds_price(exact):
        return deviations, answer, missing
    return nearer, bounds.restored(exact), left


def _units(deviations: Deviations) -> Floats:
    """Units of prices, (P,), from deviations of the first prices given, or of the bids' own where these are smaller.

    Beside a price that a cap sets every bid that it leaves idle looks far away.
    """
    units = price_units(deviations.program, deviations.rounding, deviations.prices)
    own = first_prices(deviations.source)
    if np.array_equal(own, deviations.prices):
        return units
    other = deviations_from(deviations.source, own)
    return np.minimum(units, price_units(other.program, other.rounding, other.prices))


def _condition(program: Program, scales: Scales) -> float:
    """The condition of the product system ``B B'`` in the program's units, directions without any weight left out."""
    if min(program.B.shape) > LARGEST_DENSE or not program.B.nnz:
        return 1.0
    B = scaled(program, scales).B.toarray()
    length = np.linalg.norm(B, axis=1)
    values = np.linalg.svd(B / np.where(length > 0, length, 1.0)[:, None], compute_uv=False)
    return float((values[0] / values[values > len(B) * np.finfo(float).eps * values[0]].min()) ** 2)


def _is_less_trade(answer: Answer, than: Answer) -> bool:
    """Whether an answer trades so much less than another one that the other's rounding counts in it."""
    return float(np.abs(than.x).max(initial=0.0)) > CIRCLES * float(np.abs(answer.x).max(initial=0.0))


def _in_traded_sizes(
    deviations: Deviations, answer: Answer, scales: Scales, bounds: Bounded, prepared: Prepared
) -> tuple[Answer, Bounded, Prepared]:
    """An exact answer, finished again in bounds that its own trades set, so that rounding is measured against these."""
    # Where only rounding is traded, what could be traded is usual.
    traded = _without(answer.x, NOISE[0] * prepared.rooms * prepared.scales.rate)
    size = USUAL * usual_sizes(deviations.program, traded)
    tight = bounded(deviations.program, size, USUAL * scales.demand_price)
    ready = prepare(tight.program, scales.price)
    exact, missing = finish(ready, tight.cut(answer))
    if not missing <= native.CLEAN or tight.binding(exact).any() or tight.binds_price(exact):
        return answer, bounds, prepared
    return tight.restored(exact), tight, ready


def _recentred(
    deviations: Deviations, answer: Answer, between: Flags, units: Floats
) -> tuple[Deviations, Answer, float]:
    """The program in deviations from the prices that an answer's active segments tell, and its exact answer there."""
    found, missing = answer, np.inf
    for _ in range(RECENTRED):
        # Units stay those of the first prices: beside a price cap, every bid that it leaves idle looks far away.
        prepared = prepare(deviations.program, units)
        found, missing = finish(prepared, found, between=between)
        if missing <= native.CLEAN or not np.isfinite(found.prices).all():
            break
        nearer = deviations_from(deviations.source, deviations.prices + found.prices)
        found = nearer.deviating(deviations.restored(found))
        deviations = nearer
    return deviations, found, missing


def _restored(deviations: Deviations, made: Canonical, scales: Scales, room: Floats, noise: float) -> Clearing:
    """The canonical answer in prices instead of deviations; rates and prices that are only rounding are 0.

    Parameters
    ----------
    deviations : Deviations
    made : Canonical
    scales : Scales
    room : (I,) [quantity / time]
        How much each portfolio may trade.
    noise : float
        A share of rooms, and of the dispersion and the level of prices, that is rounding.
    """
    answer = replace(made.answer, x=np.where(np.abs(made.answer.x) <= noise * room, 0.0, made.answer.x))
    answer = replace(answer, x=_rates_at_kinks(deviations.program, answer))
    restored = deviations.restored(answer)
    quoted = _quotes(deviations.program, answer, scales, deviations.rounding)
    numbers = _quotes(deviations.source, answer, scales, deviations.rounding)
    prices = restored.prices
    level = np.abs(deviations.prices) + np.abs(answer.prices)
    rounding = np.maximum(NUMBER * scales.price, ROUNDING * level)
    for quote, number in zip(quoted, numbers, strict=True):
        near = np.isfinite(quote)
        near[near] = np.abs(answer.prices[near] - quote[near]) <= rounding[near]
        prices = np.where(near, number, prices)
    prices = _without(prices, noise * (scales.price + np.abs(deviations.prices)))
    prices = _without(prices, _price_rounding(deviations.source, prices, level))
    own = _without(restored.demand_prices, noise * (scales.demand_price + np.abs(deviations.demand_prices)))
    determined = made.price_low == made.price_high
    low, high = (
        np.where(determined, prices, np.where(np.isnan(end), np.nan, number))
        for end, number in zip((made.price_low, made.price_high), numbers, strict=True)
    )
    return Clearing(replace(restored, prices=prices, demand_prices=own), low, high, made.unique, made.found)


def _price_rounding(program: Program, prices: Floats, level: Floats) -> Floats:
    """The rounding of prices that are next to nothing beside others, (P,); 0 for all other prices.

    A price is not known better than the money in any portfolio that holds the product, at the levels (P,) of the prices
    that were computed with.
    """
    rounding = np.zeros(len(prices))
    faint = np.abs(prices) <= FAINT * level.max(initial=0.0)
    if not (faint & (prices != 0)).any():
        return rounding
    B = program.B
    at = np.flatnonzero(faint[B.indices])
    owner = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))[at]
    money = abs(B).T @ level
    least = np.full(len(prices), np.inf)
    np.minimum.at(least, B.indices[at], money[owner] / np.abs(B.data[at]))
    return np.where(faint & np.isfinite(least), ROUNDING * least, 0.0)


def _without(values: Floats, noise: Floats) -> Floats:
    return np.where(np.abs(values) <= noise, 0.0, values)


def _quotes(program: Program, answer: Answer, scales: Scales, rounding: Floats) -> tuple[Floats, Floats]:
    """The interval that each product's own bids leave it at the fills of an answer, (P,) each."""
    low, high = price_intervals(program, answer, scales.demand_price, rounding)
    least, most, _ = quotes(program, low, high)
    return least, most


def _rates_at_kinks(program: Program, answer: Answer) -> Floats:
    """Rates; those of portfolios whose own demand stands at a bound or a kink are exactly what its fills add up to."""
    single = np.flatnonzero(alone(program.W))
    n_demands = program.W.shape[0]
    inside = (answer.y > program.lo) & (answer.y < program.hi)
    at_kink = np.bincount(program.segment_demand, weights=inside, minlength=n_demands) == 0
    rates = np.bincount(program.segment_demand, weights=answer.y, minlength=n_demands)
    entry = program.W.indptr[:-1][single]
    demand = program.W.indices[entry]
    x = answer.x.copy()
    x[single] = np.where(at_kink[demand], rates[demand] / program.W.data[entry], x[single])
    return x
