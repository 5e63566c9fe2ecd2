"""Clearing an auction: from bids to prices, rates and their proof."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from time import perf_counter

import numpy as np

from fts.errors import ConfigurationError, NotSolved
from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.columns import Floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer, Program
from fts.solver.canonical import Canonical, canonical
from fts.solver.engines import DEFAULT, engine, tolerance
from fts.solver.certificate import certified
from fts.solver.native import engine as native
from fts.solver.program import Part, part_of, program_of, spread
from fts.solver.scaling import scaling_of
from fts.solver.tidy import readings_of
from fts.solver.unbounded import refuse_unbounded


def solve(auction: Auction, solver: str | None = None, tol: float | None = None, throw: bool = True) -> Outcome:
    """Clear an auction.

    Parameters
    ----------
    auction : Auction
    solver : str, optional
        An engine of :func:`fts.engines`; None is ``clarabel``.
    tol : float, optional
        Largest measure of the certificate that counts as solved; None is the engine's own.
    throw : bool
        False returns what was reached, with its certificate, instead of raising NotSolved.

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
    refuse_unbounded(auction, part, program)
    chosen: dict[int, Canonical] = {}
    if len(program.c) and name == "native":
        readings = _canonical_readings(program, chosen)
    elif len(program.c):
        scaling = scaling_of(program)
        scaled = scaling.scaled(program)
        answer = run(scaled, tol)
        readings = (scaling.restored(program, reading) for reading in readings_of(scaled, answer, tol))
    else:
        readings = iter([_no_trade(program)])
    # A canonical step, which turns an engine's answer into the one it stands for, belongs here.
    (rates, prices, demand_prices), answer, certificate = _best(auction, part, readings, tol)
    certificate = replace(certificate, iterations=answer.iterations, seconds=perf_counter() - started)
    outcome = Outcome(
        auction, rates=rates, prices=prices, demand_prices=demand_prices, certificate=certificate, solver=name
    )
    if throw and not certificate.solved:
        raise NotSolved(_reason(name, answer.status, certificate), outcome)
    return outcome


def _canonical_readings(program: Program, chosen: dict[int, Canonical]) -> Iterator[Answer]:
    """The canonical answer first, then what it was made from; the certificate chooses."""
    prepared = native.prepare(program)
    exact, missing, rough = native.solve_prepared(prepared)
    if missing <= native.CLEAN:
        made = canonical(program, native.without_noise(prepared, exact, NOISE[0]), native.solve_exactly)
        for reading in (made.answer, *(native.without_noise(prepared, made.answer, share) for share in NOISE)):
            chosen[id(reading)] = made
            yield reading
    yield exact
    for share in NOISE:
        yield native.without_noise(prepared, exact, share)
    yield rough


NOISE = (1e-14, 1e-12, 1e-10)


def _no_trade(program: Program) -> Answer:
    """The answer where nothing can trade: nobody has a curve wider than rate 0."""
    P, D, I = program.B.shape[0], program.W.shape[0], program.B.shape[1]  # noqa: E741 - the letters of the program
    return Answer(np.zeros(I), np.zeros(0), np.zeros(P), np.zeros(D), "nothing can trade", 0)


def _best(
    auction: Auction, part: Part, readings: Iterator[Answer], tol: float
) -> tuple[tuple[Floats, Floats, Floats], Answer, Certificate]:
    """The first reading of the engine's answer that is proved, or the one that is nearest to it."""
    reached: list[tuple[float, tuple[Floats, Floats, Floats], Answer, Certificate]] = []
    for reading in readings:
        rates, prices, demand_prices = spread(auction, part, reading)
        demand_prices, certificate = certified(auction, rates, prices, demand_prices, tol)
        reached.append((max(_worst(certificate)[1], certificate.fit), (rates, prices, demand_prices), reading, certificate))
        if certificate.status == "exact":
            return reached[-1][1:]
    return min(reached, key=lambda one: math.inf if math.isnan(one[0]) else one[0])[1:]


def _worst(certificate: Certificate) -> tuple[str, float]:
    """The measure that is furthest from proof, and how far."""
    measures = {name: getattr(certificate, name) for name in ("imbalance", "domain", "consistency", "gap")}
    known = {name: math.inf if math.isnan(value) else value for name, value in measures.items()}
    name = max(known, key=known.__getitem__)
    return name, known[name]


def _reason(name: str, status: str, certificate: Certificate) -> str:
    worst, size = _worst(certificate)
    return (
        f"the engine {name!r} ended with {status!r}, and its answer misses the tolerance {certificate.tol:g}: "
        f"{worst} is {size:.2g}; choose another engine of fts.engines(), allow a larger tol=, "
        "or take what was reached with throw=False"
    )
