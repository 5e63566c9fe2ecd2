"""The auction's program as a CVXPY problem, to read and to change; and the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from fts import _optional
from fts.errors import InvalidAuction, NotSolved
from fts.models.auction import Auction
from fts.models.columns import Floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer
from fts.solver.certificate import certified
from fts.solver.program import expand_solution, program_of, tradable_part

OWN = ("product balance", "demand rates", "least fills", "largest fills")
"""Labels of the constraints that :func:`problem` writes."""


def problem(auction: Auction) -> Any:
    """Write the program that clears an auction as a CVXPY problem.

    Its variables are ``rates`` (of the portfolios that can trade, in the auction's order) and ``fills`` (of the
    segments of their demands' curves); its constraints carry the labels ``product balance``, ``demand rates``,
    ``least fills`` and ``largest fills``. Add constraints with ``cvxpy.Problem(problem.objective, problem.constraints
    + [...])``, solve, and read the result with :func:`outcome_of`.

    Raises
    ------
    InvalidAuction
        No portfolio can trade, so there is no problem to write.
    """
    program = program_of(auction)
    if not program.B.shape[1]:
        raise InvalidAuction("no portfolio of this auction can trade, so there is no problem to write; use solve()")
    return _optional.load("solver.cvxpy_engine").model_of(program).problem


def outcome_of(auction: Auction, problem: Any) -> Outcome:
    """Read the outcome in a solved problem that came from :func:`problem`, changed or not.

    Its status is ``other rule``: the certificate measures it against the auction as it was, and requires nothing.
    ``outcome.multipliers`` holds the marginal value of every added constraint, by its label, or ``constraint k`` by
    its position [money / time per unit of the constraint].

    Raises
    ------
    NotSolved
        The problem has not been solved, or has no solution.
    InvalidAuction
        It is not a problem of this auction.
    """
    part = tradable_part(auction)
    program = program_of(auction, part)
    written = problem if hasattr(problem, "variables") else None
    variables = {variable.name(): variable for variable in written.variables()} if written else {}
    constraints = written.constraints if written else ()
    named = {constraint.label: constraint for constraint in constraints if constraint.label in OWN}
    rates = variables.get("rates")
    if rates is None or rates.shape != program.B.shape[1:] or not {*OWN[:2]} <= set(named):
        raise InvalidAuction(
            "this is not a problem of this auction: start from auction.problem() and keep its variables, "
            "its 'product balance' and its 'demand rates'"
        )
    if rates.value is None:
        raise NotSolved(f"the problem has no solution to read (status {problem.status!r}): solve it with solver=")
    answer = Answer(
        x=_read(rates.value, program.B.shape[1]),
        y=np.zeros(0),
        prices=_read(named["product balance"].dual_value, program.B.shape[0]),
        demand_prices=_read(named["demand rates"].dual_value, program.W.shape[0]),
        status=problem.status,
        iterations=0,
    )
    x, prices, demand_prices = expand_solution(auction, part, answer)
    demand_prices, certificate = certified(auction, x, prices, demand_prices, other_rule=True)
    return Outcome(
        auction,
        rates=x,
        prices=prices,
        demand_prices=demand_prices,
        certificate=certificate,
        solver="problem",
        multipliers={
            constraint.label or f"constraint {k}": constraint.dual_value
            for k, constraint in enumerate(problem.constraints)
            if constraint.label not in OWN
        },
    )


def _read(value: Any, size: int) -> Floats:
    if value is None:
        raise NotSolved("the problem has rates but no prices: solve it with an engine that gives multipliers")
    return np.asarray(value, dtype=np.float64).reshape(size)
