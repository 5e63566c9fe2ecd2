"""The CVXPY problem: read, changed, solved, read back."""

from __future__ import annotations

import cvxpy
import numpy as np
import pytest

import fts
from fts import Auction, Portfolio

AUCTION = Auction(
    {"buyer": [(0, 60), (100, 20)], "seller": [(-100, 70), (0, 10)]},
    {"buyer": Portfolio("buyer", "noon"), "seller": Portfolio("seller", "noon")},
)


def variable(problem, name):
    return next(v for v in problem.variables() if v.name() == name)


def test_problem_unchanged_gives_the_outcome(folder):
    auction = fts.Auction.read_json(folder / "auction.json")
    known = fts.Outcome.read_json(folder / "outcome.json", auction)
    problem = auction.problem()
    assert problem.is_dcp(dpp=True) and problem.is_qp()
    problem.solve(solver="CLARABEL")
    outcome = auction.outcome_of(problem)
    assert outcome.certificate.status == "other rule"
    assert outcome.certificate.gap < 1e-6 and outcome.multipliers == {}
    np.testing.assert_allclose(outcome.prices, known.prices, atol=1e-4)
    np.testing.assert_allclose(outcome.rates, known.rates, atol=1e-3)
    np.testing.assert_allclose(outcome.demand_prices, known.demand_prices, atol=1e-4)
    assert problem.value == pytest.approx(known.certificate.welfare, rel=1e-6)


def test_added_constraint_has_a_multiplier():
    # At most 30 may be bought: 60 - 0.4 · 30 = 48 is worth more than 10 + 0.6 · 30 = 28, by 20 a unit.
    problem = AUCTION.problem()
    rates = variable(problem, "rates")
    cap = (rates[0] <= 30).set_label("cap")
    changed = cvxpy.Problem(problem.objective, [*problem.constraints, cap, rates[1] >= -90])
    changed.solve(solver="CLARABEL")
    outcome = AUCTION.outcome_of(changed)
    assert outcome.certificate.status == "other rule"
    assert outcome.rates == pytest.approx([30, -30], abs=1e-5)
    assert outcome.prices == pytest.approx([28], abs=1e-4)
    assert outcome.multipliers["cap"] == pytest.approx(20, abs=1e-4)
    assert [name for name in outcome.multipliers if name != "cap"] == [f"constraint {len(changed.constraints) - 1}"]


def test_problem_that_was_not_solved_is_refused():
    problem = AUCTION.problem()
    with pytest.raises(fts.errors.NotSolved, match="solve it"):
        AUCTION.outcome_of(problem)
    impossible = cvxpy.Problem(problem.objective, [*problem.constraints, variable(problem, "rates")[0] >= 200])
    impossible.solve(solver="CLARABEL")
    with pytest.raises(fts.errors.NotSolved, match="infeasible"):
        AUCTION.outcome_of(impossible)


def test_problem_of_something_else_is_refused():
    other = Auction({"d": [(0, 1), (1, 0)]}, {"b": Portfolio("d", "A")})
    problem = other.problem()
    problem.solve(solver="CLARABEL")
    with pytest.raises(fts.errors.InvalidAuction, match="not a problem of this auction"):
        AUCTION.outcome_of(problem)
    with pytest.raises(fts.errors.InvalidAuction, match="not a problem of this auction"):
        AUCTION.outcome_of(cvxpy.Problem(cvxpy.Minimize(0)))


def test_auction_without_trade_has_no_problem():
    with pytest.raises(fts.errors.InvalidAuction, match="no portfolio"):
        Auction({}, {}).problem()
