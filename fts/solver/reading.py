"""What an engine's answer may stand for, the best first: exact and canonical where it can be finished."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from fts.models.columns import Floats
from fts.models.outcome import Unique
from fts.ports.engine import Answer, Program
from fts.solver.canonical.choice import Canonical, canonical
from fts.solver.exact import finish
from fts.solver.native import engine as native
from fts.solver.native.prepared import Prepared, prepare
from fts.solver.native.scaling import scales_of
from fts.solver.threads import threads_for

NOISE = (1e-14, 1e-12, 1e-10)
"""Shares of typical prices and rates that may be rounding of 0."""


@dataclass(frozen=True)
class Reading:
    """An answer, and what is known about the choice behind it.

    Attributes
    ----------
    answer : Answer
    price_low, price_high : (P,) [money / quantity]
        NaN where not computed.
    unique : Unique
    """

    answer: Answer
    price_low: Floats
    price_high: Floats
    unique: Unique


def of_native(program: Program, reference: Floats | None = None, warm: Answer | None = None) -> Iterator[Reading]:
    """Readings of the native engine's answer.

    Parameters
    ----------
    program : Program
    reference : (P,) [money / quantity], optional
        Prices to stay near to where there is a choice; NaN where there is none.
    warm : Answer, optional
        An answer of a similar program to start from.
    """
    prepared = prepare(program)
    # Where prices tell the fills, the exact last step finds them from the earlier prices at once.
    if warm is not None and native.mostly_sloped(program):
        with _threads(program):
            exact, missing = finish(prepared, warm)
        if missing <= native.CLEAN:
            yield from _finished(program, prepared, exact, reference)
        warm = None
    with _threads(program):
        exact, missing, rough = native.solve_prepared(prepared, warm)
    if missing <= native.CLEAN:
        yield from _finished(program, prepared, exact, reference)
    for answer in (exact, *(native.without_noise(prepared, exact, share) for share in NOISE), rough):
        yield plain(answer)


def of_engine(program: Program, answer: Answer, reference: Floats | None = None) -> Iterator[Reading]:
    """Readings of any engine's answer that finish it exactly; none where it cannot be finished."""
    prepared = prepare(program)
    with _threads(program):
        exact, missing = finish(prepared, answer)
    if missing <= native.CLEAN:
        yield from _finished(program, prepared, exact, reference)


def plain(answer: Answer) -> Reading:
    """An answer about whose choice nothing is known."""
    unknown = np.full(len(answer.prices), np.nan)
    return Reading(answer, unknown, unknown, Unique(False, False))


def _finished(program: Program, prepared: Prepared, exact: Answer, reference: Floats | None) -> Iterator[Reading]:
    clean = native.without_noise(prepared, exact, NOISE[0])
    scales = scales_of(program) if prepared.merging.merged else prepared.scales
    with _threads(program):
        made = canonical(program, clean, native.solve_exactly, scales, reference)
    for share in (NOISE[0], 0.0, *NOISE[1:]):
        yield _known(made, native.without_noise(prepared, made.answer, share))


def _threads(program: Program) -> AbstractContextManager[None]:
    return threads_for(program.B.shape[0])


def _known(made: Canonical, answer: Answer) -> Reading:
    # A price that is determined is its own interval, also where its rounding is taken for 0.
    determined = made.price_low == made.price_high
    low, high = (np.where(determined, answer.prices, end) for end in (made.price_low, made.price_high))
    return Reading(answer, low, high, made.unique)
