"""The program as a convex problem in CVXPY, and the engines that CVXPY reaches."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cvxpy as _cvxpy
import numpy as np
from scipy.sparse import csc_array

from fts.errors import MissingLicence
from fts.ports.engine import Answer, Program

cvxpy: Any = _cvxpy  # its types do not reach what it exports


@dataclass(frozen=True)
class Model:
    """The problem, and the parts of it that an answer is read from."""

    problem: Any
    rates: Any
    fills: Any
    balance: Any
    demand_rates: Any


def model_of(program: Program) -> Model:
    """Write the program in CVXPY: gains from trade, every product in balance, every demand within its curve."""
    lo, hi, c, s = program.lo, program.hi, program.c, program.s
    B: Any = program.B  # CVXPY gives sparse matrices its own operators
    W: Any = program.W
    D, K = W.shape[0], len(c)
    x = cvxpy.Variable(B.shape[1], name="rates")
    y = cvxpy.Variable(K, name="fills")
    G = csc_array((np.ones(K), (program.segment_demand, np.arange(K))), shape=(D, K))
    gains = c @ y
    if program.cost is not None:
        gains -= program.cost @ x
    sloped = np.flatnonzero(s)
    if len(sloped):
        gains -= cvxpy.sum(cvxpy.multiply(s[sloped] / 2, cvxpy.square(y[sloped])))
    balance = (B @ x == 0).set_label("product balance")
    demand_rates = (G @ y - W @ x == 0).set_label("demand rates")
    constraints = [balance, demand_rates]
    least, largest = np.flatnonzero(np.isfinite(lo)), np.flatnonzero(np.isfinite(hi))
    if len(least):
        constraints.append((y[least] >= lo[least]).set_label("least fills"))
    if len(largest):
        constraints.append((y[largest] <= hi[largest]).set_label("largest fills"))
    return Model(cvxpy.Problem(cvxpy.Maximize(gains), constraints), x, y, balance, demand_rates)


@dataclass(frozen=True)
class CvxpyEngine:
    """One engine, reached through CVXPY.

    Attributes
    ----------
    name : str
        The engine's name in CVXPY.
    """

    name: str

    def __call__(self, program: Program, tol: float) -> Answer:
        """Solve a program; see :class:`fts.ports.engine.Engine`."""
        model = model_of(program)
        status, iterations = _solve(model.problem, self.name, OPTIONS[self.name](tol))
        return _answer(model, program, status, iterations)


def _solve(problem: Any, name: str, options: dict[str, Any]) -> tuple[str, int]:
    """Solve; how it ended and the number of steps. What a library only warns of is in the status too."""
    data, chain, inverse = problem.get_problem_data(name, solver_opts=options)
    try:
        with warnings.catch_warnings(), _first_words(name):
            warnings.simplefilter("ignore")
            raw = chain.solve_via_data(problem, data, False, False, dict(options))
            solution = chain.invert(raw, inverse)
    except cvxpy.SolverError as error:
        return f"failed: {error}", 0
    except Exception as error:
        # MOSEK's own error; its module is not imported here, because most installations do not have it.
        if type(error).__module__.partition(".")[0] != "mosek":
            raise
        if "license" in str(error):
            raise MissingLicence(
                "the engine 'mosek' is installed but has no licence: put one at ~/mosek/mosek.lic "
                "(https://www.mosek.com/products/academic-licenses/) or choose another engine of fts.engines()"
            ) from error
        return f"failed: {error}", 0
    if solution.status in cvxpy.settings.SOLUTION_PRESENT:
        problem.unpack(solution)
    return solution.status, int(solution.attr.get(cvxpy.settings.NUM_ITERS) or 0)


_spoken: set[str] = set()


@contextmanager
def _first_words(name: str) -> Iterator[None]:
    """Hold back the banner that HiGHS prints once per process, before any option: standard output is for answers."""
    if name != "HIGHS" or name in _spoken:
        yield
        return
    _spoken.add(name)
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _answer(model: Model, program: Program, status: str, iterations: int) -> Answer:
    P, D = program.B.shape[0], program.W.shape[0]
    return Answer(
        x=_read(model.rates.value, program.B.shape[1]),
        y=np.clip(_read(model.fills.value, len(program.c)), program.lo, program.hi),
        prices=_read(model.balance.dual_value, P),
        demand_prices=_read(model.demand_rates.dual_value, D),
        status=status,
        iterations=iterations,
    )


def _read(value: Any, size: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Read the numbers an engine left, or no trade at price 0, which the certificate then judges."""
    return np.zeros(size) if value is None else np.asarray(value, dtype=np.float64).reshape(size)


def _clarabel(tol: float) -> dict[str, Any]:
    eps = max(tol / 10, 1e-13)
    return {"tol_gap_abs": eps, "tol_gap_rel": eps, "tol_feas": eps, "accept_unknown": True}


def _piqp(tol: float) -> dict[str, Any]:
    eps = max(tol / 10, 1e-13)
    return {"eps_abs": eps, "eps_rel": eps, "eps_duality_gap_abs": eps, "eps_duality_gap_rel": eps}


def _osqp(tol: float) -> dict[str, Any]:
    return {"eps_abs": tol / 100, "eps_rel": tol / 100, "max_iter": 50_000, "polishing": True}


def _scs(tol: float) -> dict[str, Any]:
    return {"eps_abs": tol / 100, "eps_rel": tol / 100, "max_iters": 50_000}


def _ecos(tol: float) -> dict[str, Any]:
    eps = max(tol / 1000, 1e-12)
    return {"abstol": eps, "reltol": eps, "feastol": eps, "max_iters": 200}


def _highs(tol: float) -> dict[str, Any]:
    eps = max(tol / 100, 1e-10)
    return {
        "output_flag": False,
        "primal_feasibility_tolerance": eps,
        "dual_feasibility_tolerance": eps,
        # Its own 1e-7 misses our tolerance; with none at all it breaks off on flat markets.
        "qp_regularization_value": 1e-10,
        "time_limit": 60.0,
    }


def _mosek(tol: float) -> dict[str, Any]:
    eps = max(tol / 10, 1e-12)
    names = ("DFEAS", "PFEAS", "REL_GAP", "MU_RED", "INFEAS")
    return {"mosek_params": {f"MSK_DPAR_INTPNT_QO_TOL_{name}": eps for name in names}}


OPTIONS = {
    "CLARABEL": _clarabel,
    "OSQP": _osqp,
    "ECOS": _ecos,
    "SCS": _scs,
    "PIQP": _piqp,
    "HIGHS": _highs,
    "MOSEK": _mosek,
}
"""Options of each engine, from the tolerance that the certificate will be judged with."""
