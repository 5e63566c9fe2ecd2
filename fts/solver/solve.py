"""Clearing an auction: from bids to prices, rates and their proof."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np
import pandas as pd

from fts.errors import ConfigurationError, NotSolved
from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.columns import Floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer, Engine, Program
from fts.solver.certificate import certified
from fts.solver.engines import DEFAULT, NATIVE, engine, tolerance
from fts.solver.magnitude import refuse_overflow
from fts.solver.program import Part, part_of, program_of, spread
from fts.solver.reading import Reading, of_engine, of_native, plain
from fts.solver.reference import reference_prices
from fts.solver.scaling import scaling_of
from fts.solver.tidy import readings_of
from fts.solver.unbounded import refuse_unbounded
from fts.solver.warm import start_from

SHARPER = 1e-3
"""The tolerance of a second attempt, as a share of the first one's."""


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
        False returns what was reached, with its certificate, instead of raising NotSolved.
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
    refuse_unbounded(auction, part, program)
    near = None if reference is None else reference_prices(auction, reference)[part.products]
    if not len(program.c):
        readings = iter([plain(_no_trade(program))])
    elif name == NATIVE:
        start = None if warm is None else start_from(warm, auction, part, program)
        readings = of_native(program, near, start)
    else:
        readings = _of_library(run, program, tol, near)
    # A number that runs over shows in the certificate, which then proves nothing.
    with np.errstate(over="ignore", invalid="ignore"):
        (rates, prices, demand_prices), reading, certificate = _best(auction, part, readings, tol)
    answer = reading.answer
    if certificate.status == "solved":
        # What leaves the solver fits as well.
        certificate = replace(certificate, status="not solved")
    certificate = replace(certificate, iterations=answer.iterations, seconds=perf_counter() - started)
    outcome = Outcome(
        auction,
        rates=rates,
        prices=prices,
        demand_prices=demand_prices,
        certificate=certificate,
        solver=name,
        price_low=_everywhere(reading.price_low, part, len(prices)),
        price_high=_everywhere(reading.price_high, part, len(prices)),
        unique=reading.unique,
    )
    if throw and not certificate.solved:
        raise NotSolved(_reason(name, answer.status, certificate), outcome)
    return outcome


def _of_library(run: Engine, program: Program, tol: float, reference: Floats | None) -> Iterator[Reading]:
    """Readings of a library's answer: finished exactly, else as near as it came.

    Where nothing of that is proved, the library is asked once more, for a sharper answer.
    """
    scaling = scaling_of(program)
    scaled = scaling.scaled(program)
    for asked in (tol, SHARPER * tol):
        answer = run(scaled, asked)
        yield from of_engine(program, scaling.restored(program, answer), reference)
        for reading in readings_of(scaled, answer, tol):
            yield plain(scaling.restored(program, reading))


def _everywhere(values: Floats, part: Part, n_products: int) -> Floats:
    result = np.full(n_products, np.nan)
    result[part.products] = values
    return result


def _no_trade(program: Program) -> Answer:
    """The answer where nothing can trade: nobody has a curve wider than rate 0."""
    P, D, I = program.B.shape[0], program.W.shape[0], program.B.shape[1]  # noqa: E741 - the letters of the program
    return Answer(np.zeros(I), np.zeros(0), np.zeros(P), np.zeros(D), "nothing can trade", 0)


def _best(
    auction: Auction, part: Part, readings: Iterator[Reading], tol: float
) -> tuple[tuple[Floats, Floats, Floats], Reading, Certificate]:
    """The first reading that is proved, fit included, else the one that is nearest to it."""
    reached: list[tuple[float, tuple[Floats, Floats, Floats], Reading, Certificate]] = []
    for reading in readings:
        rates, prices, demand_prices = spread(auction, part, reading.answer)
        demand_prices, certificate = certified(auction, rates, prices, demand_prices, tol)
        reached.append((_worst(certificate)[1], (rates, prices, demand_prices), reading, certificate))
        if certificate.status == "exact":
            return reached[-1][1:]
    return min(reached, key=lambda one: one[0])[1:]


def _worst(certificate: Certificate) -> tuple[str, float]:
    """The measure that is furthest from proof, and how far."""
    measures = {name: getattr(certificate, name) for name in ("imbalance", "domain", "consistency", "gap", "fit")}
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
