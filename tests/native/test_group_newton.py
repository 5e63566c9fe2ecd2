"""The dual Newton method on random markets with substitution groups, beside the interior point and by identities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.sparse import csc_array, vstack
from test_dual_newton import bids, changed, market, proved

import fts
from fts.ports.engine import Program
from fts.solver.clearing import clearings
from fts.solver.native.dual_newton import clear_sloped
from fts.solver.native.engine import solve_exactly
from fts.solver.native.group_newton import GroupedState, clear_grouped

SEEDS = st.integers(0, 10**6)


def grouped(
    seed: int, level: float = 0.0, size: int | None = None, products: int | None = None, n_bids: int | None = None
) -> Program:
    """A market of :func:`market`, a share of whose bids is in groups with a limit; its price is often 0.

    Limits are one-sided or two-sided, tight or wide; weights in them have both signs. One in four markets has whole
    numbers as limits, at which bids with whole numbers meet exactly.
    """
    alone = market(seed, level, products, n_bids)
    rng = np.random.default_rng(seed + 1)
    n = alone.B.shape[1]
    members = rng.permutation(n)[: max(2, int(rng.uniform(0.1, 1.0) * n))]
    largest = int(rng.integers(2, 12)) if size is None else size
    # The last ones join the group before them: a demand of one portfolio is not shared.
    group = np.minimum(np.arange(len(members)) // largest, max(0, len(members) // largest - 1))
    counts = np.bincount(group)
    share = rng.choice([1.0, 1.0, 2.0, -1.0, 0.5], len(members))
    shared = csc_array((share, (group, members)), shape=(len(counts), n))
    limit = rng.uniform(0.05, 1.0) * counts * rng.uniform(0.5, 1.5, len(counts))
    limit = np.ceil(limit) if rng.random() < 0.25 else limit
    side = rng.integers(-1, 2, len(counts))
    price = np.round(rng.normal(0, 2, len(counts))) * (rng.random() < 0.5)
    demands = np.append(alone.segment_demand, n + np.arange(len(counts)))
    return Program(
        alone.B,
        csc_array(vstack([alone.W, shared])),
        demands,
        np.append(alone.lo, np.where(side > 0, 0.0, -limit)),
        np.append(alone.hi, np.where(side < 0, 0.0, limit)),
        np.append(alone.c, price),
        np.append(alone.s, np.zeros(len(counts))),
    )


@given(SEEDS)
def test_answers_meet_the_optimality_conditions(seed):
    program = grouped(seed)
    made = clear_grouped(program)
    # A few of the markets in which hardly a bid is inside its curve are left to the engine.
    assume(made is not None)
    proved(program, made)


@given(SEEDS)
def test_prices_and_rates_are_those_of_the_interior_point(seed):
    program = grouped(seed)
    made, engine = clear_grouped(program), solve_exactly(program)
    assume(made is not None and engine is not None)
    size = np.abs(program.hi - program.lo).max()
    assert np.abs(made.answer.x - engine.x).max() <= 1e-9 * size
    if made.is_unique:
        assert np.abs(made.answer.prices - engine.prices).max() <= 1e-9
        assert np.abs(made.answer.demand_prices - engine.demand_prices).max() <= 1e-9


@given(SEEDS)
def test_what_is_proved_unique_is_the_general_methods_answer(seed):
    program = grouped(seed, products=2, n_bids=60)
    made = clear_grouped(program)
    assume(made is not None and made.is_unique)
    general = next(clearings(program))
    assert general.unique == (True, True)
    assert np.abs(made.answer.x - general.answer.x).max() <= 1e-11 * np.abs(program.hi - program.lo).max()
    assert np.abs(made.answer.prices - general.answer.prices).max() <= 1e-11


@pytest.mark.parametrize("level", [50.0, 5_000.0, 1_000_000.0])
@given(seed=SEEDS)
def test_the_level_of_prices_costs_no_digits(level, seed):
    low, high = clear_grouped(grouped(seed)), clear_grouped(grouped(seed, level))
    assume(low is not None and high is not None)
    assert np.abs(low.answer.x - high.answer.x).max() <= 1e-11
    if low.is_unique:
        assert np.abs(low.answer.prices + level - high.answer.prices).max() <= 1e-12 + 1e-15 * level


@given(SEEDS)
def test_a_warm_start_gives_the_cold_answer(seed):
    before = grouped(seed)
    program = changed(before, seed)
    program = replace(program, s=np.where(before.s == 0, 0.0, program.s))
    earlier, cold = clear_grouped(before), clear_grouped(program)
    assume(earlier is not None and cold is not None)
    warm = clear_grouped(program, earlier.answer.prices, earlier.state)
    assume(warm is not None)
    proved(program, warm)
    assert np.abs(warm.answer.x - cold.answer.x).max() <= 1e-11
    if warm.is_unique:
        assert np.abs(warm.answer.prices - cold.answer.prices).max() <= 1e-11
    # The state is as it was: the same start gives the same bits.
    again = clear_grouped(program, earlier.answer.prices, earlier.state)
    assert (again.answer.prices == warm.answer.prices).all() and (again.answer.x == warm.answer.x).all()


def test_a_market_that_has_not_changed_is_cleared_without_a_step():
    program = grouped(1, size=3)
    cold = proved(program, clear_grouped(program))
    warm = proved(program, clear_grouped(program, cold.answer.prices, cold.state))
    assert warm.answer.iterations <= 1 < cold.answer.iterations
    assert warm.state.grouped is cold.state.grouped


@given(SEEDS)
def test_limits_that_do_not_bind_leave_the_market_as_it_is_without_them(seed):
    program = grouped(seed)
    n = program.B.shape[1]
    is_limit = program.segment_demand >= n
    wide = replace(
        program,
        lo=np.where(is_limit, -1e4, program.lo),
        hi=np.where(is_limit, 1e4, program.hi),
        c=np.where(is_limit, 0.0, program.c),
    )
    made, alone = clear_grouped(wide), clear_sloped(market(seed))
    assume(made is not None and alone is not None)
    assert np.abs(made.answer.x - alone.answer.x).max() <= 1e-11
    assert (made.answer.demand_prices[n:] == 0.0).all()
    if made.is_unique:
        assert np.abs(made.answer.prices - alone.answer.prices).max() <= 1e-11


def limited(
    segments: list[tuple[float, float, float, float]], shares: list[float], limit: tuple[float, ...]
) -> Program:
    """Bids for one product, the first of which share one demand with these weights; its segment is `limit`."""
    alone = bids([{0: 1.0}] * len(segments), segments, 1)
    shared = np.append(shares, np.zeros(len(segments) - len(shares)))
    lo, hi, c, s = (np.append(old, new) for old, new in zip((alone.lo, alone.hi, alone.c, alone.s), limit, strict=True))
    demands = np.append(alone.segment_demand, len(segments))
    return Program(alone.B, csc_array(vstack([alone.W, csc_array(shared[None, :])])), demands, lo, hi, c, s)


TWO_BUYERS = [(0.0, 10.0, 10.0, 1.0), (0.0, 10.0, 10.0, 1.0), (-10.0, 0.0, 2.0, 1.0)]


def test_two_buyers_at_their_limit_by_hand():
    # They buy 2 (10 - π) alone and the seller sells π - 2. With a limit of 4 they buy 2 each at 8, the seller asks 6.
    made = clear_grouped(limited(TWO_BUYERS, [1.0, 1.0], (0.0, 4.0, 0.0, 0.0)))
    assert made is not None and made.is_unique
    assert made.answer.x == pytest.approx([2.0, 2.0, -4.0], rel=1e-15)
    assert made.answer.prices == pytest.approx([6.0], rel=1e-15)
    assert made.answer.demand_prices == pytest.approx([8.0, 8.0, 6.0, -2.0], rel=1e-15)
    assert made.answer.y[-1] == 4.0


def test_a_price_of_the_shared_demand_is_paid_by_hand():
    # The shared demand pays 1 a unit up to 10: buyers buy 2 (10 - (π - 1)), which is π - 2 at π = 8.
    made = clear_grouped(limited(TWO_BUYERS, [1.0, 1.0], (0.0, 10.0, 1.0, 0.0)))
    assert made is not None and made.is_unique
    assert made.answer.prices == pytest.approx([8.0], rel=1e-15)
    assert made.answer.x == pytest.approx([3.0, 3.0, -6.0], rel=1e-15)
    assert made.answer.demand_prices[-1] == 1.0


def test_a_group_at_its_limit_whose_bids_are_full_has_no_proved_price():
    # Buyers of at most 2 each at a limit of 4: the price of the limit may be anything from 0 to -2.
    full = [(0.0, 2.0, 10.0, 1.0), (0.0, 2.0, 10.0, 1.0), (-10.0, 0.0, 2.0, 1.0)]
    made = clear_grouped(limited(full, [1.0, 1.0], (0.0, 4.0, 0.0, 0.0)))
    assert made is not None and not made.is_unique
    assert made.answer.x == pytest.approx([2.0, 2.0, -4.0], rel=1e-15)


@pytest.fixture
def substitutes() -> fts.Auction:
    """Bids for two products, half of them in groups of four with a limit, more than a small part has."""
    rng, n = np.random.default_rng(5), 1_600
    side, price, groups = rng.choice([0.0, 1.0], n), 50 + rng.normal(0, 3, n), n // 8
    limit = np.column_stack([np.full(groups, -4.0), np.full(groups, 4.0)])
    offsets = np.append(2 * np.arange(n + 1), 2 * n + 2 * np.arange(1, groups + 1))
    return fts.Auction.from_columns(
        demand_ids=[f"d{k}" for k in range(n + groups)],
        point_offsets=offsets,
        point_rates=np.append(np.column_stack([5 * side - 5, 5 * side]).ravel(), limit.ravel()),
        point_prices=np.append(np.column_stack([price + 2, price]).ravel(), np.zeros(2 * groups)),
        constant=np.arange(n + groups) >= n,
        portfolio_ids=[f"b{k}" for k in range(n)],
        weight_portfolio=np.append(np.arange(n), np.arange(4 * groups)),
        weight_demand=np.append(np.arange(n), n + np.arange(4 * groups) // 4),
        weight_value=np.ones(n + 4 * groups),
        product_ids=["A", "B"],
        basis_portfolio=np.append(np.arange(n), np.arange(0, n, 3)),
        basis_product=np.append(np.arange(n) % 2, 1 - np.arange(0, n, 3) % 2),
        basis_value=np.append(np.ones(n), np.full(len(range(0, n, 3)), -0.5)),
    )


def test_an_auction_with_groups_has_the_answer_of_another_engine(substitutes):
    outcome, other = substitutes.solve(), substitutes.solve("clarabel")
    assert outcome.certificate.status == "exact" and outcome.unique == (True, True)
    assert isinstance(outcome.engine_state, GroupedState)
    assert outcome.prices == pytest.approx(other.prices, rel=1e-12)
    assert outcome.rates == pytest.approx(other.rates, rel=1e-10, abs=1e-10)
    assert np.abs(outcome.demand_rates[1_600:]).max() == pytest.approx(4.0, rel=1e-15)  # some groups are at their limit
    warm = substitutes.solve(warm=outcome)
    assert warm.engine_state.grouped is outcome.engine_state.grouped
    assert warm.prices == pytest.approx(outcome.prices, rel=1e-13)


def test_programs_of_another_kind_are_left_to_the_engine():
    assert clear_grouped(limited(TWO_BUYERS, [1.0, 1.0], (0.0, 4.0, 0.0, 0.5))) is None  # a sloped shared demand
    assert clear_grouped(limited(TWO_BUYERS, [1.0, 1.0], (0.0, np.inf, 0.0, 0.0))) is None  # an unlimited one
    assert clear_grouped(limited([(0.0, 5.0, 7.0, 0.0), *TWO_BUYERS[1:]], [1.0, 1.0], (0.0, 4.0, 0.0, 0.0))) is None
    assert clear_grouped(market(3)) is None  # no group
    program = limited(TWO_BUYERS, [1.0, 1.0], (0.0, 4.0, 0.0, 0.0))
    without_own = replace(
        program, W=csc_array(program.W.toarray() * np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1], [1] * 3]))
    )
    assert clear_grouped(without_own) is None
