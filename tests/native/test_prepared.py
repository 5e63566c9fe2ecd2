"""A program made ready, and the same one at other prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_dual_newton import market

from fts.solver.native.presolved import presolve


@given(st.integers(0, 10**6), st.booleans())
def test_other_prices_make_the_same_as_preparing_afresh(seed, has_cost):
    program, rng = market(seed, products=6, bids=600), np.random.default_rng(seed)
    units = rng.uniform(1, 2, 6)
    first = presolve(program, units)
    cost = rng.normal(0, 1, 600) if has_cost else None
    other = replace(program, c=program.c + rng.normal(0, 1, len(program.c)), cost=cost)
    made, afresh = first.repriced(other), presolve(other, units)
    assert made is not None
    assert np.array_equal(made.program.c, afresh.program.c) and np.array_equal(made.sizes, afresh.sizes)
    assert (made.program.cost is None) == (afresh.program.cost is None)
    assert cost is None or np.array_equal(made.program.cost, afresh.program.cost)
    assert np.array_equal(made.program.B.data, afresh.program.B.data)
    assert made.elimination is first.elimination


@pytest.mark.parametrize("changed", ["lo", "hi", "s", "B"])
def test_what_is_not_only_other_prices_is_prepared_afresh(changed):
    program = market(1, products=6, bids=600)
    other = replace(program, **{changed: 2.0 * getattr(program, changed)})
    assert presolve(program).repriced(other) is None


def test_an_unlimited_segment_is_prepared_afresh():
    program = market(1, products=6, bids=600)
    unlimited = replace(program, hi=np.where(np.arange(len(program.hi)) == 0, np.inf, program.hi))
    assert presolve(unlimited).repriced(replace(unlimited, c=program.c + 1.0)) is None
