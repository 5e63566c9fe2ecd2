"""Clearing an auction: from bids to prices, rates and their proof."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import pandas as pd

from fts.errors import ConfigurationError, NotSolved, UnboundedAuction
from fts.models.auction import Auction
from fts.models.certificate import Status
from fts.models.columns import Floats, Ints
from fts.models.outcome import Outcome, Unique
from fts.models.part_results import PartResults
from fts.ports.engine import Answer, Engine, Program
from fts.solver.certificate import MEASURES, Measures, measure
from fts.solver.clearing import Clearing, clearings, clearings_of, plain
from fts.solver.connected_parts import ConnectedParts, ProgramPart, connected_parts, programs_of
from fts.solver.deviations import deviations_from, first_prices
from fts.solver.engines import DEFAULT, NATIVE, engine, installed, tolerance
from fts.solver.magnitude import refuse_overflow
from fts.solver.multipliers import demand_prices_of
from fts.solver.program import Part, part_of, program_of
from fts.solver.reference import reference_prices
from fts.solver.scaling import scaling_of
from fts.solver.tidy import readings_of
from fts.solver.unbounded import refuse_unbounded
from fts.solver.warm import start_from

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
        No engine has this name, or the tolerance is no positive number.

    Notes
    -----
    Source: Budish, Cramton, Kyle, Lee, Malec, *Flow Trading* (NBER w31098), section 3.
    """
    started = perf_counter()
    name = DEFAULT if solver is None else solver
    run = engine(name)
    tol = tolerance(name) if tol is None else tol
    if not (tol > 0 and math.isfinite(tol)):
        raise ConfigurationError(f"the tolerance is {tol!r}; it must be a positive number, such as 1e-9")

    part = part_of(auction)
    program = program_of(auction, part)
    refuse_overflow(auction, part, program)
    parts = connected_parts(part.B, part.W)
    near = None if reference is None else reference_prices(auction, reference)[part.products]
    start = None if warm is None or name != NATIVE else start_from(warm, auction, part, program)
    library = None if name == NATIVE else _Library(run, program, tol)
    # A number that runs over shows in the certificate, which then proves nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        results = []
        pieces = list(programs_of(program, parts))
        unbounded = _unbounded(auction, part, pieces, throw)
        for piece in pieces:
            own = None if near is None else near[piece.products]
            candidates: Iterator[Clearing]
            if piece.number in unbounded:
                candidates = iter(())
            elif not len(piece.program.c):
                candidates = iter([replace(plain(_no_trade(piece.program)), canonical=True)])
            elif library is None:
                candidates = _native(piece, own, start)
            else:
                candidates = library.clearings(piece, own)
            results.append(_best(auction, part, piece, candidates, tol))
    outcome = _outcome(auction, part, parts, results, tol, name, perf_counter() - started)
    if throw and not outcome.certificate.solved:
        raise NotSolved(_reason(name, results, tol), outcome)
    return outcome


def _unbounded(auction: Auction, part: Part, pieces: list[ProgramPart], throw: bool) -> set[int]:
    """The numbers of the parts that have no largest gain; with `throw` the first one raises UnboundedAuction."""
    found = set()
    for piece in pieces:
        try:
            refuse_unbounded(auction, _restricted(part, piece), piece.program)
        except UnboundedAuction:
            if throw:
                raise
            found.add(piece.number)
    return found


def _restricted(part: Part, piece: ProgramPart) -> Part:
    """One connected part of what can trade."""
    return Part(
        part.portfolios[piece.portfolios],
        part.products[piece.products],
        part.demands[piece.demands],
        piece.program.B,
        piece.program.W,
    )


@dataclass(frozen=True)
class _Result:
    """What was reached for one part: the answer, its measures (one part each), and its status."""

    piece: ProgramPart
    clearing: Clearing
    demand_prices: Floats
    measures: Measures
    status: Status


def _native(piece: ProgramPart, near: Floats | None, start: Answer | None) -> Iterator[Clearing]:
    """Answers of a part by the native engine, and from another engine's where it is stuck."""
    warm = None if start is None else _of_part(start, piece)
    yield from clearings(piece.program, near, warm)
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
            for reading in readings_of(
                scaling.scaled(piece.program), scaling.measured(piece.program, answer), self._tol
            ):
                yield plain(scaling.restored(piece.program, reading))

    def _answer(self, attempt: int) -> Answer:
        if attempt == len(self._answers):
            deviations = deviations_from(self._program, first_prices(self._program))
            scaling = scaling_of(deviations.program)
            found = self._run(scaling.scaled(deviations.program), self._tol * SHARPER**attempt)
            self._answers.append(deviations.restored(scaling.restored(deviations.program, found)))
        return self._answers[attempt]


def _of_part(answer: Answer, piece: ProgramPart) -> Answer:
    """What an answer of the whole program says of one part."""
    return replace(
        answer,
        x=answer.x[piece.portfolios],
        y=answer.y[piece.segments],
        prices=answer.prices[piece.products],
        demand_prices=answer.demand_prices[piece.demands],
    )


def _no_trade(program: Program) -> Answer:
    """The answer where nothing can trade: nobody has a curve wider than rate 0."""
    P, D, I = program.B.shape[0], program.W.shape[0], program.B.shape[1]  # noqa: E741 - the letters of the program
    return Answer(np.zeros(I), np.zeros(0), np.zeros(P), np.zeros(D), "nothing can trade", 0)


def _best(auction: Auction, part: Part, piece: ProgramPart, candidates: Iterator[Clearing], tol: float) -> _Result:
    """The first answer that is canonical and proved, fit included, else the one that is nearest to it."""
    own = _restricted(part, piece)
    P, I, D = len(piece.products), len(piece.portfolios), len(piece.demands)  # noqa: E741 - the letters of the program
    one = ConnectedParts(1, *(np.zeros(n, dtype=np.int64) for n in (P, I, D)))
    reached: list[_Result] = []
    for clearing in candidates:
        answer = clearing.answer
        lam = demand_prices_of(own, answer.prices, answer.demand_prices)
        measures = measure(auction, own, one, answer.x, answer.prices, lam, tol)
        [status] = measures.statuses(tol)
        if status == "exact" and clearing.canonical:
            return _Result(piece, clearing, lam, measures, "exact")
        reached.append(_Result(piece, clearing, lam, measures, "not solved"))
    if not reached:
        answer = replace(_no_trade(piece.program), status="no answer")
        lam = answer.demand_prices
        measures = measure(auction, own, one, answer.x, answer.prices, lam, tol)
        return _Result(piece, plain(answer), lam, measures, "not solved")
    return min(reached, key=lambda result: _worst(result.measures)[1])


def _outcome(
    auction: Auction, part: Part, parts: ConnectedParts, results: list[_Result], tol: float, solver: str, seconds: float
) -> Outcome:
    """The outcome of all parts together."""
    rates = np.zeros(len(auction.portfolio_ids))
    prices, low, high = (np.full(len(auction.product_ids), np.nan) for _ in range(3))
    demand_prices = np.full(len(auction.demand_ids), np.nan)
    statuses = [result.status for result in results]
    status = _status(statuses)
    for result in results:
        # Beside solved parts, one that failed has no prices.
        if status == "partly solved" and result.status == "not solved":
            continue
        piece, clearing = result.piece, result.clearing
        rates[part.portfolios[piece.portfolios]] = clearing.answer.x + 0.0  # no -0
        products = part.products[piece.products]
        prices[products] = clearing.answer.prices + 0.0
        low[products], high[products] = clearing.price_low + 0.0, clearing.price_high + 0.0
        demand_prices[part.demands[piece.demands]] = result.demand_prices + 0.0
    measures = _together(results)
    certificate = replace(
        measures.certificate(tol, status),
        iterations=max((result.clearing.answer.iterations for result in results), default=0),
        seconds=seconds,
    )
    return Outcome(
        auction,
        rates=rates,
        prices=prices,
        demand_prices=demand_prices,
        certificate=certificate,
        solver=solver,
        price_low=low,
        price_high=high,
        unique=Unique(*(all(result.clearing.unique[k] for result in results) for k in (0, 1))),
        parts=_part_results(auction, part, parts, tuple(statuses), measures),
    )


def _status(statuses: list[Status]) -> Status:
    if all(status == "exact" for status in statuses):
        return "exact"
    if all(status != "not solved" for status in statuses):
        return "solved"
    return "not solved" if all(status == "not solved" for status in statuses) else "partly solved"


def _together(results: list[_Result]) -> Measures:
    names = (*MEASURES, "welfare")
    return Measures(
        **{
            name: np.concatenate([np.zeros(0), *(getattr(result.measures, name) for result in results)])
            for name in names
        }
    )


def _part_results(
    auction: Auction, part: Part, parts: ConnectedParts, statuses: tuple[Status, ...], measures: Measures
) -> PartResults:
    product: Ints = np.full(len(auction.product_ids), -1)
    portfolio: Ints = np.full(len(auction.portfolio_ids), -1)
    product[part.products], portfolio[part.portfolios] = parts.product, parts.portfolio
    return PartResults(product, portfolio, statuses, {name: getattr(measures, name) for name in MEASURES})


def part_results_of(outcome: Outcome) -> PartResults:
    """The connected parts of an outcome, judged afresh."""
    auction, part = outcome.auction, part_of(outcome.auction)
    parts = connected_parts(part.B, part.W)
    x, pi, lam = outcome.rates[part.portfolios], outcome.prices[part.products], outcome.demand_prices[part.demands]
    with np.errstate(all="ignore"):
        measures = measure(auction, part, parts, x, pi, lam, outcome.certificate.tol)
    return _part_results(auction, part, parts, tuple(measures.statuses(outcome.certificate.tol)), measures)


def _worst(measures: Measures) -> tuple[str, float]:
    """The measure that is furthest from proof, and how far."""
    values = {name: float(getattr(measures, name).max(initial=0.0)) for name in MEASURES}
    known = {name: math.inf if math.isnan(value) else value for name, value in values.items()}
    name = max(known, key=known.__getitem__)
    return name, known[name]


def _reason(name: str, results: list[_Result], tol: float) -> str:
    failed = [result for result in results if result.status == "not solved"]
    worst = max(failed, key=lambda result: _worst(result.measures)[1])
    measure_name, size = _worst(worst.measures)
    where = f" in {len(failed)} of {len(results)} connected parts" if len(results) > 1 else ""
    ended = worst.clearing.answer.status
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
