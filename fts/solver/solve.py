"""Clearing an auction: from bids to prices, rates and their proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from time import perf_counter

import numpy as np
import pandas as pd

from fts.errors import ConfigurationError, NotSolved, UnboundedAuction
from fts.models.auction import Auction
from fts.models.columns import Flags, Floats
from fts.models.outcome import Outcome
from fts.models.parse_number import parse_tolerance
from fts.ports.engine import Answer, Engine, Program
from fts.solver.book_clearing import clear_books_of, find_books
from fts.solver.candidates import candidates
from fts.solver.clearing import Clearing, clearings, clearings_of, clearings_of_private, unfinished_clearing
from fts.solver.connected_parts import ConnectedParts, ProgramPart, connected_parts, programs_of
from fts.solver.deviations import deviations_from, first_prices
from fts.solver.engine_scaling import scaling_of
from fts.solver.engines import DEFAULT, NATIVE, engine, installed, tolerance
from fts.solver.native.dual_newton import State
from fts.solver.native.private_demands import Layout
from fts.solver.native.small_parts import clear_small_of, find_small
from fts.solver.overflow import check_range
from fts.solver.part_result import (
    PartResult,
    judge_cleared,
    judge_part,
    outcome_of_parts,
    worst_measure,
)
from fts.solver.private_rates import settled, settled_parts
from fts.solver.program import TradablePart, program_of, restricted, tradable_part
from fts.solver.reference_prices import reference_prices
from fts.solver.unbounded import check_bounded
from fts.solver.warm_start import earlier_prices, start_from

SHARPER = 1e-3
"""The tolerance of a second attempt, as a share of the first one's."""
RESCUE = "clarabel"
"""The engine whose answer the exact last step starts from where the native one is stuck."""


def solve(
    auction: Auction,
    solver: str | None = None,
    tol: float | None = None,
    throw: bool = True,
    *,
    reference: Mapping[str, float] | pd.Series[float] | Floats | None = None,
    warm: Outcome | None = None,
) -> Outcome:
    """Clear an auction.

    Parameters
    ----------
    auction : Auction
    solver : str, optional
        An engine of :func:`fts.engines`; None is ``native``.
    tol : float, optional
        Largest measure of the certificate that counts as solved; None is the engine's own.
    throw : bool
        False returns what was reached, with its certificate, instead of raising NotSolved. Parts that share no product
        and no demand clear by themselves: one that fails or has no largest gain has rates of 0 and no prices, and the
        status is ``partly solved``.
    reference : mapping or Series of product to price, or (n_products,) [money / quantity], optional
        Where several prices clear the auction, those nearest to these are taken. Products it lacks (or whose price is
        NaN) fall back to the middle of their own quotes.
    warm : Outcome, optional
        An earlier outcome to start from, of this auction or a similar one. It saves time (native engine) and never
        changes the answer.

    Raises
    ------
    UnboundedAuction
        A cycle of trades has a profit and no limit.
    NotSolved
        The tolerance was not met; the error carries what was reached.
    MissingLibrary, MissingLicence
        The engine cannot run here.
    ConfigurationError
        No engine has this name, the tolerance is no positive number, or `reference` or `warm` is something else.

    Notes
    -----
    Source: Budish, Cramton, Kyle, Lee, Malec, *Flow Trading* (NBER w31098), section 3.
    """
    started = perf_counter()
    name = DEFAULT if solver is None else solver
    run = engine(name)
    tol = tolerance(name) if tol is None else parse_tolerance(tol)
    if not (warm is None or isinstance(warm, Outcome)):
        raise ConfigurationError(f"warm is {warm!r}; it must be an earlier Outcome, as solve() returns, or None")

    part = tradable_part(auction)
    program = program_of(auction, part)
    check_range(auction, part, program)
    parts = connected_parts(part.B, part.W)
    near = None if reference is None else reference_prices(auction, reference)[part.products]
    # A number that runs over shows in the certificate, which then proves nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        start = None if warm is None else _Start(warm, auction, part, program, parts.count)
        results: list[PartResult] = []
        rest = np.ones(parts.count, dtype=np.bool_)
        if name == NATIVE and len(program.c):
            results, rest = _cleared_together(auction, part, program, parts, near, start, tol)
        pieces = list(programs_of(program, parts, rest)) if rest.any() else []
        unbounded = _unbounded(auction, part, pieces, throw)
        library = None if name == NATIVE else _Library(run, program, tol)
        for piece in pieces:
            own = None if near is None else near[piece.products]
            candidates: Iterator[Clearing]
            if piece.number in unbounded:
                candidates = iter(())
            elif not len(piece.program.c):
                candidates = iter([replace(unfinished_clearing(_no_trade(piece.program)), canonical=True)])
            elif library is None:
                candidates = _native(piece, own, start)
            else:
                candidates = library.clearings(piece, own)
            results.append(_best(auction, part, piece, candidates, tol))
    outcome = outcome_of_parts(auction, part, parts, results, tol, name, perf_counter() - started)
    if throw and not outcome.certificate.solved:
        raise NotSolved(_reason(name, results, tol), outcome)
    return outcome


def _cleared_together(
    auction: Auction,
    part: TradablePart,
    program: Program,
    parts: ConnectedParts,
    near: Floats | None,
    start: _Start | None,
    tol: float,
) -> tuple[list[PartResult], Flags]:
    """Clear order books and small parts; their results, and which parts are left, (n_parts,).

    What is not found or not proved here is left to the general method, which names what is wrong.
    """
    books = find_books(part.B, part.W, parts)
    cleared = [clear_books_of(program, parts, books, near)] if books.any() else []
    if books.all():
        small = np.zeros_like(books)
    else:
        small = find_small(program, parts)
        if (small & ~books).any():
            earlier = None if start is None else start.prices
            cleared.append(clear_small_of(program, parts, small & ~books, near, earlier))
    if not cleared:
        return [], ~books
    result, proved = judge_cleared(auction, part, parts, cleared, tol)
    # A book's prices are found among the numbers of its bids, and its fills at these.
    responses = None if books.all() else settled_parts(program, parts, cleared)
    if responses is not None:
        again, still = judge_cleared(auction, part, parts, responses, tol)
        if still[proved].all():
            result, proved = again, still
    return ([result] if proved.any() else []), ~proved


def _unbounded(auction: Auction, part: TradablePart, pieces: list[ProgramPart], throw: bool) -> set[int]:
    """List the numbers of parts without a largest gain; with `throw` the first one raises UnboundedAuction."""
    found = set()
    for piece in pieces:
        # Only unlimited curves can earn without limit.
        if not (np.isinf(piece.program.lo).any() or np.isinf(piece.program.hi).any()):
            continue
        try:
            check_bounded(auction, restricted(part, piece.products, piece.portfolios, piece.demands), piece.program)
        except UnboundedAuction:
            if throw:
                raise
            found.add(piece.number)
    return found


class _Start:
    """An earlier outcome as a start for the parts of an auction."""

    def __init__(self, outcome: Outcome, auction: Auction, part: TradablePart, program: Program, n_parts: int) -> None:
        self._given = outcome, auction, part, program
        self.prices = earlier_prices(outcome, auction, part)
        # A state is of a whole program.
        state = outcome.engine_state if n_parts == 1 else None
        self.state = state if isinstance(state, (State, Layout)) else None

    @cached_property
    def answer(self) -> Answer | None:
        """The earlier answer for the present bids."""
        return start_from(*self._given)


def _native(piece: ProgramPart, near: Floats | None, start: _Start | None) -> Iterator[Clearing]:
    """Answers of a part by the native engine, and from another engine's where it is stuck."""
    prices, state = (None, None) if start is None else (start.prices[piece.products], start.state)
    yield from clearings_of_private(piece.program, near, prices, state)
    answer = None if start is None else start.answer
    yield from clearings(piece.program, near, None if answer is None else _of_part(answer, piece))
    if installed(RESCUE):
        yield from clearings(piece.program, near, None, engine(RESCUE))


class _Library:
    """Answers of another engine, which solves all parts together."""

    def __init__(self, run: Engine, program: Program, tol: float) -> None:
        self._run, self._program, self._tol = run, program, tol
        self._answers: list[Answer] = []

    def clearings(self, piece: ProgramPart, near: Floats | None) -> Iterator[Clearing]:
        """Answers of a part: finished exactly, else as near as the engine came.

        Where nothing of that is proved, the engine is asked once more, for a sharper answer.
        """
        for attempt in range(2):
            answer = _of_part(self._answer(attempt), piece)
            yield from clearings_of(piece.program, near, answer)
            scaling = scaling_of(piece.program)
            for reading in candidates(
                scaling.scaled(piece.program), scaling.measured(piece.program, answer), self._tol
            ):
                yield unfinished_clearing(scaling.restored(piece.program, reading))

    def _answer(self, attempt: int) -> Answer:
        if attempt == len(self._answers):
            deviations = deviations_from(self._program, first_prices(self._program))
            scaling = scaling_of(deviations.program)
            found = self._run(scaling.scaled(deviations.program), self._tol * SHARPER**attempt)
            self._answers.append(deviations.restored(scaling.restored(deviations.program, found)))
        return self._answers[attempt]


def _of_part(answer: Answer, piece: ProgramPart) -> Answer:
    """Take one part out of an answer of the whole program."""
    return replace(
        answer,
        x=answer.x[piece.portfolios],
        y=answer.y[piece.segments],
        prices=answer.prices[piece.products],
        demand_prices=answer.demand_prices[piece.demands],
    )


def _no_trade(program: Program) -> Answer:
    """Return the answer where nothing can trade: nobody has a curve wider than rate 0."""
    P, D, I = program.B.shape[0], program.W.shape[0], program.B.shape[1]  # noqa: E741 - the letters of the program
    return Answer(np.zeros(I), np.zeros(0), np.zeros(P), np.zeros(D), "nothing can trade", 0)


def _best(
    auction: Auction, part: TradablePart, piece: ProgramPart, candidates: Iterator[Clearing], tol: float
) -> PartResult:
    """Return the first answer that is canonical and proved, fit included, else the one that is nearest to it."""
    reached: list[PartResult] = []
    for clearing in candidates:
        result = judge_part(auction, part, piece, clearing, tol)
        if result.statuses[0] == "exact":
            rates = settled(piece.program, clearing.answer)
            better = result if rates is None else judge_part(auction, part, piece, replace(clearing, answer=rates), tol)
            return better if better.statuses[0] == "exact" else result
        reached.append(result)
    if not reached:
        nothing = unfinished_clearing(replace(_no_trade(piece.program), status="no answer"))
        return judge_part(auction, part, piece, nothing, tol)
    # An answer that clears the auction, though not the canonical one, comes before one that is nearer to proof.
    return min(reached, key=lambda result: (result.statuses[0] != "solved", worst_measure(result)[1]))


def _reason(name: str, results: list[PartResult], tol: float) -> str:
    failed = [result for result in results if "not solved" in result.statuses]
    worst = max(failed, key=lambda result: worst_measure(result)[1])
    measure_name, size = worst_measure(worst)
    n_parts = sum(len(result.statuses) for result in results)
    n_failed = sum(result.statuses.count("not solved") for result in failed)
    where = f" in {n_failed} of {n_parts} connected parts" if n_parts > 1 else ""
    ended = worst.answer.status
    if size <= tol:
        return (
            f"the engine {name!r} ended with {ended!r}{where}: its answer clears the auction, but it is not the "
            "canonical one of several; choose another engine of fts.engines() or take what was reached with throw=False"
        )
    return (
        f"the engine {name!r} ended with {ended!r}{where}, and its answer misses the tolerance {tol:g}: "
        f"{measure_name} is {size:.2g}; choose another engine of fts.engines(), allow a larger tol=, "
        "or take what was reached with throw=False"
    )
