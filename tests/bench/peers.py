"""Who clears the markets: the native engine cold and warm, Clarabel called directly, and engines through CVXPY.

The native engine is timed as ``auction.solve()`` of a built auction, with its exact last step, its canonical step and
its certificate. A peer takes the program's arrays and is timed with its own solve only: Clarabel without putting its
matrices together, an engine of CVXPY with CVXPY's compilation; neither with a certificate. Each may be called many
times in one run, because a single call of a microsecond cannot be timed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import clarabel
import numpy as np
from scipy import sparse

from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.columns import Floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer
from fts.solver import clearing, part_result
from fts.solver.certificate import certified
from fts.solver.engine_scaling import scaling_of
from fts.solver.engines import engine, tolerance
from fts.solver.program import expand_solution, program_of, tradable_part

Clock = Callable[[], float]
Result = TypeVar("Result")
ROUND_SECONDS = 0.1
"""A round has as many calls as take this long, but at most MAX_CALLS."""
MAX_CALLS = 200


@dataclass(frozen=True)
class Run:
    """One solve, or the mean of several of the same market.

    Attributes
    ----------
    seconds : float
        Of one solve.
    canonical, proof : float
        Of these, the canonical step after an engine and the certificate [s]; NaN where they are not part of it.
    steps : int
        Of the engine.
    certificate : Certificate
    rates, prices : (n_portfolios,), (n_products,)
    """

    seconds: float
    canonical: float
    proof: float
    steps: int
    certificate: Certificate
    rates: Floats
    prices: Floats


class Case:
    """A market made ready: what every peer starts from."""

    def __init__(self, auction: Auction) -> None:
        self.auction = auction
        self.part = tradable_part(auction)
        self.program = program_of(auction, self.part)

    def judged(self, answer: Answer, seconds: float) -> Run:
        """A peer's answer with its certificate."""
        rates, prices, demand_prices = expand_solution(self.auction, self.part, answer)
        certificate = certified(self.auction, rates, prices, demand_prices)[1]
        return Run(seconds, np.nan, np.nan, answer.iterations, certificate, rates, prices)


class Stopwatch:
    """Adds up the time spent in one function of a module, for as long as it is entered."""

    def __init__(self, module: Any, name: str, clock: Clock) -> None:
        self.seconds = 0.0
        self._module, self._name, self._clock = module, name, clock
        self._own = getattr(module, name)

    def __enter__(self) -> Stopwatch:
        setattr(self._module, self._name, self._timed)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self._module, self._name, self._own)

    def _timed(self, *args: Any, **named: Any) -> Any:
        started = self._clock()
        try:
            return self._own(*args, **named)
        finally:
            self.seconds += self._clock() - started


def timed(solve: Callable[[], Result], clock: Clock, calls: int) -> tuple[Result, float]:
    """The result of the last of some calls, and the seconds of one."""
    started = clock()
    for _ in range(calls - 1):
        solve()
    result = solve()
    return result, (clock() - started) / calls


def calls_per_round(seconds: float) -> int:
    """How many calls that take so long each make a round."""
    return max(1, min(MAX_CALLS, math.ceil(ROUND_SECONDS / seconds)))


def native(case: Case, clock: Clock, calls: int, earlier: Outcome | None = None) -> Run:
    """The native engine, from nothing or from an earlier outcome."""

    def solve() -> Outcome:
        outcome: Outcome = case.auction.solve("native", throw=False, warm=earlier)
        return outcome

    with (
        Stopwatch(clearing, "canonical_solution", clock) as canonical,
        Stopwatch(part_result, "measure", clock) as proof,
    ):
        outcome, seconds = timed(solve, clock, calls)
    return Run(
        seconds=seconds,
        canonical=canonical.seconds / calls,
        proof=proof.seconds / calls,
        steps=outcome.certificate.iterations,
        certificate=outcome.certificate,
        rates=outcome.rates,
        prices=outcome.prices,
    )


def clarabel_settings(method: str, threads: int) -> clarabel.DefaultSettings:
    """Clarabel's own, but for its direct method and its threads."""
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.direct_solve_method, settings.max_threads = False, method, threads
    return settings


def clarabel_direct(case: Case, clock: Clock, calls: int, method: str, threads: int) -> Run:
    """Clarabel on the program's arrays, without CVXPY."""
    p = case.program
    P, I, D, K = *p.B.shape, p.W.shape[0], len(p.c)  # noqa: E741 - the letters of the program
    quadratic = sparse.block_diag([sparse.csc_matrix((I, I)), sparse.diags(p.s)], format="csc")
    G = sparse.csc_matrix((np.ones(K), (p.segment_demand, np.arange(K))), shape=(D, K))
    low, high = np.flatnonzero(np.isfinite(p.lo)), np.flatnonzero(np.isfinite(p.hi))
    unit = sparse.identity(K, format="csr")
    A = sparse.vstack(
        [
            sparse.hstack([p.B, sparse.csc_matrix((P, K))]),
            sparse.hstack([-p.W, G]),
            sparse.hstack([sparse.csr_matrix((len(low), I)), -unit[low]]),
            sparse.hstack([sparse.csr_matrix((len(high), I)), unit[high]]),
        ],
        format="csc",
    )
    b = np.concatenate([np.zeros(P + D), -p.lo[low], p.hi[high]])
    cones = [clarabel.ZeroConeT(P + D), clarabel.NonnegativeConeT(len(low) + len(high))]
    settings = clarabel_settings(method, threads)
    linear = np.append(np.zeros(I), -p.c)
    found, seconds = timed(
        lambda: clarabel.DefaultSolver(quadratic, linear, A, b, cones, settings).solve(), clock, calls
    )
    x, z = np.asarray(found.x), np.asarray(found.z)
    return case.judged(Answer(x[:I], x[I:], z[:P], z[P : P + D], str(found.status), found.iterations), seconds)


def through_cvxpy(case: Case, clock: Clock, calls: int, name: str) -> Run:
    """An engine through CVXPY, on the arrays in units in which they are well conditioned."""
    run, tol = engine(name), tolerance(name)

    def solve() -> Answer:
        scaling = scaling_of(case.program)
        return scaling.restored(case.program, run(scaling.scaled(case.program), tol))

    return case.judged(*timed(solve, clock, calls))
