"""The interior-point method for private demands: by hand, by identities, and beside the general method."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.sparse import csc_array
from test_dual_newton import imbalance, is_best, market

import fts
from fts.ports.engine import Program
from fts.solver.clearing import clearings
from fts.solver.native.bid_barrier import begin_near
from fts.solver.native.bid_layout import sort_bids
from fts.solver.native.private_demands import Layout, clear_private

SEEDS = st.integers(0, 10**6)


def flattened(seed: int, level: float = 0.0, products: int | None = None, bids: int | None = None) -> Program:
    """A random market of falling curves, a tenth, half or all of whose segments are flat."""
    program, rng = market(seed, level, products, bids), np.random.default_rng(seed)
    flat = rng.random(len(program.s)) < rng.choice([0.1, 0.5, 1.0])
    return replace(program, s=np.where(flat, 0.0, program.s))


def one_product(*bids: tuple[float, float, float, float]) -> Program:
    """Bids ``lo, hi, price at rate 0, slope`` for one unit of one product."""
    lo, hi, c, s = (np.array(column) for column in zip(*bids, strict=True))
    n = len(bids)
    identity = csc_array((np.ones(n), np.arange(n), np.arange(n + 1)), shape=(n, n))
    held = csc_array((np.ones(n), np.zeros(n, dtype=int), np.arange(n + 1)), shape=(1, n))
    return Program(held, identity, np.arange(n), lo, hi, c, s)


def test_the_flat_bid_that_is_left_sets_the_price():
    # 5 are bought at 12 or less, 3 sold at 10 or more: the seller at 11 sells the other 2.
    made = clear_private(one_product((0.0, 5.0, 12.0, 0.0), (-3.0, 0.0, 10.0, 0.0), (-10.0, 0.0, 11.0, 0.0)))
    assert made is not None and made.is_unique
    assert made.answer.prices == pytest.approx([11.0], abs=1e-14)
    assert made.answer.x == pytest.approx([5.0, -3.0, -2.0], abs=1e-14)


def test_a_sloped_bid_meets_a_flat_one():
    # The buyer takes z at 14 - 2 z; the seller sells up to 10 at 8: z = 3. The one at 9 sells nothing.
    made = clear_private(one_product((0.0, 6.0, 14.0, 2.0), (-10.0, 0.0, 8.0, 0.0), (-4.0, 0.0, 9.0, 0.0)))
    assert made is not None and made.is_unique
    assert made.answer.prices == pytest.approx([8.0], abs=1e-14)
    assert made.answer.x == pytest.approx([3.0, -3.0, 0.0], abs=1e-14)


def test_a_tie_is_not_said_to_be_unique():
    made = clear_private(one_product((0.0, 4.0, 12.0, 0.0), (-3.0, 0.0, 10.0, 0.0), (-3.0, 0.0, 10.0, 0.0)))
    assert made is not None and not made.is_unique


def test_an_open_price_is_not_said_to_be_unique():
    made = clear_private(one_product((0.0, 3.0, 12.0, 0.0), (-3.0, 0.0, 10.0, 0.0), (-1.0, 0.0, 15.0, 0.0)))
    assert made is None or not made.is_unique


@pytest.mark.parametrize("lo, slope", [(-np.inf, 0.0), (-3.0, 1e-12)])
def test_unlimited_and_nearly_flat_segments_are_left_to_the_general_method(lo, slope):
    bids = (0.0, 5.0, 12.0, 0.0), (lo, 0.0, 10.0, slope), (-1.0, 0.0, 15.0, 0.0)
    assert clear_private(one_product(*bids)) is None


@given(SEEDS, st.sampled_from([0.0, 1000.0]))
def test_answers_meet_the_optimality_conditions(seed, level):
    program = flattened(seed, level)
    made = clear_private(program)
    # Where hardly a bid is inside its curve, a few markets are left to the general method.
    assume(made is not None)
    assert imbalance(program, made.answer.x) <= 1e-13
    filled = np.bincount(program.segment_demand, weights=made.answer.y, minlength=program.W.shape[0])
    assert np.abs(filled - program.W @ made.answer.x).max() <= 1e-14 * (1 + np.abs(filled).max())
    assert is_best(program, made)


@given(SEEDS)
def test_what_is_proved_unique_is_the_general_methods_answer(seed):
    program = flattened(seed)
    made = clear_private(program)
    assume(made is not None and made.is_unique)
    general = next(clearings(program))
    assert general.unique == (True, True)
    assert np.abs(made.answer.x - general.answer.x).max() <= 1e-11 * np.abs(program.hi - program.lo).max()
    assert np.abs(made.answer.prices - general.answer.prices).max() <= 1e-11


@given(SEEDS)
def test_a_start_from_earlier_prices_gives_the_same_answer(seed):
    program = flattened(seed)
    made = clear_private(program)
    assume(made is not None and made.is_unique)
    rng = np.random.default_rng(seed)
    earlier = clear_private(replace(program, c=program.c + rng.normal(0, 0.3, len(program.c)) * (rng.random() < 0.7)))
    assume(earlier is not None)
    warm = clear_private(program, earlier.answer.prices, earlier.state)
    assume(warm is not None)
    assert warm.state is earlier.state
    assert np.abs(warm.answer.x - made.answer.x).max() <= 1e-11 * np.abs(program.hi - program.lo).max()
    assert np.abs(warm.answer.prices - made.answer.prices).max() <= 1e-11


def test_a_layout_of_other_portfolios_is_not_used():
    one, other = flattened(3, products=4, bids=60), flattened(4, products=4, bids=60)
    earlier = clear_private(one)
    made, again = clear_private(other), clear_private(other, None, earlier.state)
    assert again.state is not earlier.state
    assert np.array_equal(made.answer.x, again.answer.x) and np.array_equal(made.answer.prices, again.answer.prices)


def test_the_outcome_keeps_the_layout_but_its_copies_do_not(half_flat):
    outcome = half_flat.solve()
    assert isinstance(outcome.engine_state, Layout)
    warm = half_flat.solve(warm=outcome)
    assert warm.engine_state is outcome.engine_state
    assert warm.prices == pytest.approx(outcome.prices, rel=1e-13)
    for copied in (copy.copy(outcome), copy.deepcopy(outcome), pickle.loads(pickle.dumps(outcome))):
        assert copied.engine_state is None


@pytest.fixture
def half_flat() -> fts.Auction:
    """Bids for two products, half of them flat, more than a small part has."""
    rng, n = np.random.default_rng(5), 1_600
    side, price = rng.choice([0.0, 1.0], n), 50 + rng.normal(0, 3, n)
    fall = np.where(np.arange(n) % 2, 2.0, 0.0)
    basis_portfolio = np.append(np.arange(n), np.arange(0, n, 3))
    product = np.append(np.arange(n) % 2, 1 - np.arange(0, n, 3) % 2)
    return fts.Auction.from_columns(
        demand_ids=[f"d{k}" for k in range(n)],
        point_offsets=2 * np.arange(n + 1),
        point_rates=np.column_stack([5 * side - 5, 5 * side]).ravel(),
        point_prices=np.column_stack([price + fall, price]).ravel(),
        constant=np.zeros(n, dtype=bool),
        portfolio_ids=[f"b{k}" for k in range(n)],
        weight_portfolio=np.arange(n),
        weight_demand=np.arange(n),
        weight_value=np.ones(n),
        product_ids=["A", "B"],
        basis_portfolio=basis_portfolio,
        basis_product=product,
        basis_value=np.where(np.arange(len(product)) < n, 1.0, -0.5),
    )


def test_bids_are_sorted_by_length_and_first_product():
    start = np.array([0, 2, 3, 5, 6, 7], dtype=np.int32)
    row = np.array([1, 2, 2, 0, 1, 0, 2], dtype=np.int32)
    assert sort_bids(start, row, 3).tolist() == [3, 1, 4, 2, 0]


@given(SEEDS)
def test_a_warm_start_is_near_the_central_path(seed):
    rng = np.random.default_rng(seed)
    n, centre = 40, 10.0 ** rng.uniform(-4, 0)
    lo, size = rng.uniform(-5, 0, n), rng.uniform(0.1, 5, n)
    c, s = rng.normal(0, 2, n), rng.choice([0.0, 1e-3, 0.1, 1.0], n) / size
    y, left, right, v, w = (np.empty(n) for _ in range(5))
    index = np.arange(n + 1, dtype=np.uint32)
    rows, weight, price, capacity = np.zeros(n, dtype=np.uint32), np.ones(n), rng.normal(0, 1, 1), np.empty(1)
    begin_near(index, rows, weight, index, c, s, lo, lo + size, centre, price, y, left, right, v, w, capacity)
    assert capacity == pytest.approx([size.sum()])
    assert left == pytest.approx(y - lo, abs=1e-12) and left + right == pytest.approx(size)
    assert c - s * y - price == pytest.approx(w - v, abs=1e-9 * (1 + np.abs(w).max()))
    for product in (left * v / size, right * w / size):
        assert (product >= centre / 2).all() and (product <= 4 * centre).all()
