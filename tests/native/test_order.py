"""The order in which loops pass over a program changes nothing but the order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csc_array

from fts.ports.engine import Answer, Program
from fts.solver.native.order import MIN_ORDERED_PORTFOLIOS, at_positions, order_of, ordered
from fts.solver.native.presolved import presolve


def program(n: int, seed: int = 0) -> Program:
    """Portfolios of one to five products with one or two demands of their own, some in a shared one; one is unused."""
    rng = np.random.default_rng(seed)
    B = np.zeros((40, n))
    for i in range(n):
        B[rng.choice(40, rng.integers(1, 6), replace=False), i] = rng.uniform(0.5, 2.0)
    rows = [np.eye(n), np.zeros((1, n)), np.eye(n)[::7] * 0.5, np.kron(np.eye(n // 10), np.ones(10))]
    W = np.vstack(rows)[rng.permutation(sum(len(r) for r in rows))]
    pieces = rng.integers(1, 4, len(W))
    demand = np.repeat(np.arange(len(W)), pieces)
    lo = rng.uniform(-2.0, -1.0, len(demand))
    return Program(
        B=csc_array(B), W=csc_array(W), segment_demand=demand, lo=lo, hi=-lo, c=rng.normal(size=len(demand)),
        s=rng.uniform(0.1, 1.0, len(demand)), cost=rng.normal(size=n),
    )  # fmt: skip


def test_an_ordered_program_is_the_same_program() -> None:
    p = program(600)
    order = order_of(p)
    assert order is not None
    q = ordered(p, order)
    assert (q.B.toarray() == p.B.toarray()[:, order.portfolio]).all()
    assert (q.W.toarray() == p.W.toarray()[np.ix_(order.demand, order.portfolio)]).all()
    assert q.W.has_sorted_indices
    assert (order.demand[q.segment_demand] == p.segment_demand[order.segment]).all()
    assert (np.diff(q.segment_demand) >= 0).all()
    for name in ("lo", "hi", "c", "s"):
        assert (getattr(q, name) == getattr(p, name)[order.segment]).all()
    assert q.cost is not None and p.cost is not None
    assert (q.cost == p.cost[order.portfolio]).all()
    # Portfolios with as many products and segments stand together, their own demands in the same order.
    assert (np.diff(np.diff(q.B.indptr)) >= 0).all()
    users = np.bincount(q.W.indices, minlength=q.W.shape[0])
    private = q.W.indices[users[q.W.indices] == 1]
    assert private.tolist() == list(range(len(private)))


def test_values_return_to_their_places() -> None:
    order = order_of(program(600))
    assert order is not None
    values = np.arange(600.0)
    assert at_positions(values[order.portfolio], order.portfolio).tolist() == values.tolist()


def test_a_small_program_stays_as_it_is() -> None:
    assert order_of(program(MIN_ORDERED_PORTFOLIOS - 10)) is None


def test_an_answer_is_in_the_order_of_the_original_program() -> None:
    p = program(600)
    prepared = presolve(p)
    assert prepared.order is not None
    rng = np.random.default_rng(1)
    given = Answer(
        rng.normal(size=600), rng.uniform(p.lo, p.hi), rng.normal(size=40), rng.normal(size=p.W.shape[0]), "given", 0
    )
    found = prepared.answer(*prepared.point(given), "given", 0)
    for name in ("x", "y", "prices", "demand_prices"):
        assert getattr(found, name) == pytest.approx(getattr(given, name), rel=1e-12, abs=1e-12)
    flags = rng.random(len(p.c)) < 0.5
    assert (at_positions(prepared.flags(flags), prepared.order.segment) == flags).all()
