"""The dual Newton method on random markets of sloped curves, beside the interior point and by identities."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.sparse import csc_array
from threadpoolctl import threadpool_limits

from fts.ports.engine import Program
from fts.solver.compiled import csc_arrays
from fts.solver.native.bid_response import deviate
from fts.solver.native.curvature import MAX_DENSE_PRODUCTS, FormedHessian, Hessian, KeptHessian, conjugate_gradients
from fts.solver.native.dual_newton import Cleared, clear_sloped
from fts.solver.native.engine import solve_exactly
from fts.solver.native.profiles import compress

SEEDS = st.integers(0, 10**6)
CLOSE = 1e-12


def market(seed: int, level: float = 0.0, products: int | None = None, bids: int | None = None) -> Program:
    """Each bid has a falling curve of one to four segments, with steps or without, two-sided or one-sided.

    Prices and slopes are multiples of 1/64, so that prices at another level (of every product) are exact.
    """
    rng = np.random.default_rng(seed)
    n_products = int(rng.integers(1, 41)) if products is None else products
    n_bids = int(rng.integers(max(2, n_products), 40 * n_products + 10)) if bids is None else bids
    # Some products are held by few bids, or by none but one.
    likely = rng.random(n_products) ** 2 + 0.01
    held = [
        np.sort(rng.choice(n_products, min(n_products, k), replace=False, p=likely / likely.sum()))
        for k in np.where(rng.random(n_bids) < 0.4, 1, rng.integers(1, 6, n_bids))
    ]
    for p in range(n_products):  # every product is held
        held[p] = np.array([p])
    basis = [rng.choice([-2.0, -1.0, -0.5, 0.25, 0.5, 1.0, 1.0, 2.0], len(one)) for one in held]
    B = csc_array(
        (np.concatenate(basis), np.concatenate(held), np.append(0, np.cumsum([len(one) for one in held]))),
        shape=(n_products, n_bids),
    )
    weight = rng.choice([1.0, 1.0, 2.0, -1.0, 0.5], n_bids)
    demand = rng.permutation(n_bids) if rng.random() < 0.3 else np.arange(n_bids)
    W = csc_array((weight, demand, np.arange(n_bids + 1)), shape=(n_bids, n_bids))
    fundamental = np.round(rng.uniform(-5, 5, n_products) * 64) / 64
    by_demand = {}
    for i in range(n_bids):
        value = float(basis[i] @ (fundamental[held[i]] + level)) / weight[i]
        by_demand[int(demand[i])] = curve(rng, value + round(float(rng.normal(0, 8)) * 64) / 64)
    segments = [(d, *segment) for d in range(n_bids) for segment in by_demand[d]]
    owner, lo, hi, c, s = (np.array(column) for column in zip(*segments, strict=True))
    return Program(B, W, owner.astype(np.int64), lo, hi, c, s)


def curve(rng: np.random.Generator, price: float) -> list[tuple[float, float, float, float]]:
    """Segments ``lo, hi, c, s`` of a curve that passes near a price at rate 0."""
    n = 1 if rng.random() < 0.5 else int(rng.integers(1, 5))
    widths, slopes = rng.integers(1, 9, n) / 4, rng.integers(1, 65, n) / 64
    falls = np.append(rng.choice([0.0, 0.0, 1.5], n - 1), 0.0)
    left = {0: 0.0, 1: -float(widths.sum()), 2: -float(widths[: rng.integers(0, n) + 1].sum())}[int(rng.integers(3))]
    top, made = price + float(rng.integers(0, 4)), []
    for width, slope, fall in zip(widths.tolist(), slopes.tolist(), falls.tolist(), strict=True):
        # The part of the segment at rates of one sign is shifted to begin at 0.
        shift = max(left, 0.0) + min(left + width, 0.0)
        made.append((left - shift, left + width - shift, top + slope * (left - shift), slope))
        left, top = left + width, top - slope * width - fall
    return made


def imbalance(program: Program, rates: np.ndarray) -> float:
    """The largest net trade of a product, in shares of what is traded of it."""
    net, traded = program.B @ rates, abs(program.B) @ np.abs(rates)
    return float(np.max(np.abs(net) / np.where(traded > 0, traded, 1.0)))


def is_best(program: Program, made: Cleared) -> bool:
    """Whether every fill is a best response to the price of its demand, to rounding."""
    answer, p = made.answer, program
    above = p.c - p.s * answer.y - answer.demand_prices[p.segment_demand]
    rounding = 1e-12 * (1 + np.abs(p.c))
    inside = (np.abs(above) <= rounding) & (answer.y >= p.lo) & (answer.y <= p.hi)
    at_bound = ((answer.y == p.lo) & (above <= rounding)) | ((answer.y == p.hi) & (above >= -rounding))
    return bool(np.all(inside | at_bound))


def proved(program: Program, made: Cleared | None) -> Cleared:
    """The answer, once its optimality conditions are checked one by one."""
    assert made is not None
    answer, p = made.answer, program
    assert imbalance(p, answer.x) <= 1e-13
    filled = np.bincount(p.segment_demand, weights=answer.y, minlength=p.W.shape[0])
    assert np.abs(filled - p.W @ answer.x).max() <= 1e-14 * (1 + np.abs(filled).max())
    worth = p.B.T @ answer.prices
    assert np.abs(worth - p.W.T @ answer.demand_prices).max() <= 1e-13 * (1 + np.abs(worth).max())
    assert is_best(p, made)
    return made


@given(SEEDS)
def test_answers_meet_the_optimality_conditions(seed):
    program = market(seed)
    made = clear_sloped(program)
    # A few of the markets in which hardly a bid is inside its curve are left to the engine.
    assume(made is not None)
    proved(program, made)


@given(SEEDS)
def test_prices_and_rates_are_those_of_the_interior_point(seed):
    program = market(seed)
    made, engine = clear_sloped(program), solve_exactly(program)
    assume(made is not None and engine is not None)
    size = np.abs(program.hi - program.lo).max()
    assert np.abs(made.answer.x - engine.x).max() <= 1e-9 * size
    if made.is_unique:
        assert np.abs(made.answer.prices - engine.prices).max() <= 1e-9


@pytest.mark.parametrize("level", [50.0, 5_000.0, 1_000_000.0])
@given(seed=SEEDS)
def test_the_level_of_prices_costs_no_digits(level, seed):
    # Every price of the shifted market is exact, so rates and deviations of prices are those of the market itself.
    low, high = clear_sloped(market(seed)), clear_sloped(market(seed, level))
    assume(low is not None and high is not None)
    assert np.abs(low.answer.x - high.answer.x).max() <= 1e-11
    if low.is_unique:
        assert np.abs(low.answer.prices + level - high.answer.prices).max() <= 1e-12 + 1e-15 * level


def changed(program: Program, seed: int) -> Program:
    """The same portfolios, a few of which have other prices and slopes."""
    rng = np.random.default_rng(seed)
    chosen = rng.random(program.W.shape[0]) < 0.05
    of = chosen[program.segment_demand]
    pieces = np.bincount(program.segment_demand)[program.segment_demand]
    s = np.where(of & (pieces == 1), program.s * 2, program.s)
    return replace(program, s=s, c=np.where(of, program.c + 0.25, program.c))


@given(SEEDS)
def test_a_warm_start_gives_the_cold_answer(seed):
    before = market(seed)
    program = changed(before, seed)
    earlier, cold = clear_sloped(before), clear_sloped(program)
    if earlier is None or cold is None:
        return
    curvature = earlier.state.curvature.copy()
    warm = clear_sloped(program, earlier.answer.prices, earlier.state)
    assert (earlier.state.curvature == curvature).all()
    if warm is None:
        return
    proved(program, warm)
    assert np.abs(warm.answer.x - cold.answer.x).max() <= 1e-11
    if warm.is_unique:
        assert np.abs(warm.answer.prices - cold.answer.prices).max() <= 1e-11
    # The state is as it was: the same start gives the same bits.
    again = clear_sloped(program, earlier.answer.prices, earlier.state)
    assert again is not None
    assert (again.answer.prices == warm.answer.prices).all() and (again.answer.x == warm.answer.x).all()


def test_a_market_that_has_not_changed_is_cleared_without_a_step():
    program = market(5, products=12, bids=400)
    cold = proved(program, clear_sloped(program))
    warm = proved(program, clear_sloped(program, cold.answer.prices, cold.state))
    assert warm.answer.iterations <= 1 < cold.answer.iterations


def test_new_products_and_other_portfolios_start_without_the_earlier_state():
    one, other = market(5, products=12, bids=400), market(6, products=12, bids=410)
    earlier, cold = proved(one, clear_sloped(one)), proved(other, clear_sloped(other))
    prices = earlier.answer.prices.copy()
    prices[3] = np.nan
    warm = proved(other, clear_sloped(other, prices, earlier.state))
    assert np.abs(warm.answer.x - cold.answer.x).max() <= CLOSE * 100


@given(SEEDS)
def test_the_order_of_bids_and_products_does_not_matter(seed):
    program = market(seed)
    rng = np.random.default_rng(seed)
    bids, products = rng.permutation(program.B.shape[1]), rng.permutation(program.B.shape[0])
    B = csc_array(program.B.toarray()[products][:, bids])
    W = csc_array(program.W[:, bids])
    made, other = clear_sloped(program), clear_sloped(replace(program, B=B, W=W))
    if made is None or other is None:
        return
    assert np.abs(made.answer.x[bids] - other.answer.x).max() <= 1e-11
    if made.is_unique and other.is_unique:
        assert np.abs(made.answer.prices[products] - other.answer.prices).max() <= 1e-11


def bids(columns: list[dict[int, float]], segments: list[tuple[float, float, float, float]], products: int) -> Program:
    """One segment ``lo, hi, c, s`` for each portfolio."""
    B = np.zeros((products, len(columns)))
    for i, column in enumerate(columns):
        for p, weight in column.items():
            B[p, i] = weight
    lo, hi, c, s = (np.array(values, dtype=float) for values in zip(*segments, strict=True))
    n = len(columns)
    W = csc_array((np.ones(n), np.arange(n), np.arange(n + 1)), shape=(n, n))
    return Program(csc_array(B), W, np.arange(n), lo, hi, c, s)


def test_two_lines_cross_where_they_do_by_hand():
    # Buyer 10 - y up to 8, seller at -y: 4 + |y| up to 8: they meet at rate 3, price 7.
    made = clear_sloped(bids([{0: 1.0}, {0: 1.0}], [(0, 8, 10, 1), (-8, 0, 4, 1)], 1))
    assert made is not None and made.is_unique
    assert made.answer.prices.tolist() == [7.0] and made.answer.x.tolist() == [3.0, -3.0]


def test_fills_at_a_bound_are_that_number():
    made = clear_sloped(bids([{0: 1.0}, {0: 1.0}], [(0, 0.3, 10, 1), (-8, 0, 4, 1)], 1))
    assert made is not None
    assert made.answer.y[0] == 0.3 and made.answer.x[1] == pytest.approx(-0.3, rel=1e-15)
    assert made.answer.prices[0] == pytest.approx(4.3, rel=1e-15)


def test_a_product_that_nobody_trades_has_no_proved_price():
    # Sellers only: prices from 4 down are right.
    made = clear_sloped(bids([{0: 1.0}, {0: 1.0}], [(-8, 0, 4, 1), (-8, 0, 5, 1)], 1))
    assert made is not None and not made.is_unique
    assert made.answer.x.tolist() == [0.0, 0.0] and made.answer.prices[0] <= 4.0 * (1 + CLOSE)


def test_two_products_that_only_trade_together_have_no_proved_prices():
    made = clear_sloped(bids([{0: 1.0, 1: 1.0}] * 2, [(0, 8, 10, 1), (-8, 0, 4, 1)], 2))
    assert made is not None and not made.is_unique
    assert made.answer.x == pytest.approx([3.0, -3.0], rel=1e-14) and sum(made.answer.prices) == pytest.approx(7.0)


def test_bids_at_their_bounds_leave_prices_open():
    # A buyer of at least 2 at 8, a seller of at most 2 at 6: every price in between clears.
    made = clear_sloped(bids([{0: 1.0}, {0: 1.0}], [(0, 2, 10, 1), (-2, 0, 4, 1)], 1))
    assert made is not None and not made.is_unique
    assert made.answer.x == pytest.approx([2.0, -2.0], rel=1e-14) and 6 - CLOSE <= made.answer.prices[0] <= 8 + CLOSE


def sloped_and(segment: tuple[float, float, float, float]) -> Program:
    """A hundred sloped bids, which clear near 7 by themselves, and one more."""
    segments = [(0.0, 8.0, 10.0, 1.0), (-8.0, 0.0, 4.0, 1.0)] * 50
    return bids([{0: 1.0}] * 101, [*segments, segment], 1)


@pytest.mark.parametrize(("price", "fill"), [(9.0, 5.0), (5.0, 0.0)])
def test_a_flat_bid_away_from_the_price_is_full_or_empty(price, fill):
    program = sloped_and((0, 5, price, 0))
    made, engine = proved(program, clear_sloped(program)), solve_exactly(program)
    assert made.answer.y[-1] == fill
    assert engine is not None and np.abs(engine.x - made.answer.x).max() <= 1e-12


def test_programs_of_another_kind_are_left_to_the_engine():
    assert clear_sloped(sloped_and((0, 5, 7.01, 0))) is None  # a flat bid in between
    assert clear_sloped(sloped_and((0, np.inf, 5.0, 0))) is None
    assert clear_sloped(bids([{0: 1.0}] * 2, [(0, 8, 10, 0), (-8, 0, 4, 1)], 1)) is None  # half of them flat
    shared = bids([{0: 1.0}] * 3, [(0, 8, 10, 1), (-8, 0, 4, 1), (-8, 0, 4, 1)], 1)
    W = csc_array(np.array([[1.0, 0, 0], [0, 1.0, 1.0]]))
    two = replace(shared, W=W, segment_demand=np.array([0, 1]), lo=shared.lo[:2], hi=shared.hi[:2], c=shared.c[:2])
    assert clear_sloped(replace(two, s=shared.s[:2])) is None


def wide_market(seed: int, products: int = 120, narrow: int = 900, wide: int = 60) -> Program:
    """Bids for one to three products, and load profiles over 50 to 100, some of them multiples of others."""
    rng = np.random.default_rng(seed)
    columns = []
    for i in range(narrow):
        held = rng.choice(products, int(rng.integers(1, 4)), replace=False) if i >= products else [i]
        columns.append({int(p): float(rng.choice([-1.0, 1.0, 0.5])) for p in held})
    shapes = []
    for _ in range(wide // 3):
        first, count = int(rng.integers(0, products - 100)), int(rng.integers(50, 101))
        shapes.append({first + k: float(np.round(rng.uniform(0.2, 1.0), 3)) for k in range(count)})
    for i in range(wide):
        factor = float(rng.choice([1.0, 2.0, -0.3, 0.7]))
        columns.append({p: factor * w for p, w in shapes[i % len(shapes)].items()})
    fundamental = rng.uniform(20, 80, products)
    segments = []
    for column in columns:
        norm = np.sqrt(sum(w * w for w in column.values()))
        price = sum(w * fundamental[p] for p, w in column.items()) + norm * float(rng.normal(0, 8))
        side, reach = int(rng.integers(-1, 2)), float(rng.uniform(1, 20)) / norm
        low, high = (0.0 if side > 0 else -reach), (0.0 if side < 0 else reach)
        segments.append((low, high, price, norm * float(rng.uniform(2, 20)) / (high - low)))
    return bids(columns, segments, products)


@pytest.mark.parametrize("seed", range(4))
def test_profiles_and_their_multiples_count_once(seed):
    program = wide_market(seed)
    made, engine = proved(program, clear_sloped(program)), solve_exactly(program)
    assert engine is not None
    assert np.abs(made.answer.prices - engine.prices).max() <= 1e-11
    assert np.abs(made.answer.x - engine.x).max() <= 1e-11
    compressed = made.state.portfolios.bids
    assert compressed.profiles is not None and compressed.profiles.shape[1] == 20
    earlier = changed(program, seed)
    warm = proved(program, clear_sloped(program, made.answer.prices, proved(earlier, clear_sloped(earlier)).state))
    assert np.abs(made.answer.prices - warm.answer.prices).max() <= 1e-12


@pytest.mark.parametrize("kind", ["kept", "formed"])
def test_the_hessian_and_its_factor_are_those_of_the_sum_over_bids(kind):
    program = wide_market(1)
    start, row, weight = csc_arrays(program.B)
    short = compress(start, row, weight, program.B.shape[0])
    curvature = np.where(np.random.default_rng(2).random(program.B.shape[1]) < 0.7, 1 / program.s, 0.0)
    by_hand = (program.B * curvature) @ program.B.T
    by_hand = by_hand.toarray()
    hessian: Hessian = FormedHessian(short)
    if kind == "kept":
        hessian = KeptHessian(program.B.shape[0])
        hessian.cells[:] = np.tril(by_hand).ravel(order="F")
    step = np.random.default_rng(3).normal(size=program.B.shape[0])
    assert np.allclose(hessian.times(curvature, step), by_hand @ step, rtol=1e-12)
    assert np.allclose(hessian.of_diagonal(curvature), by_hand.diagonal(), rtol=1e-12)
    assert short.profiles is not None
    sizes = np.abs(np.random.default_rng(4).normal(size=short.n_rows))
    of_profiles = np.abs(short.profiles.toarray()) @ sizes[short.n_products :]
    assert np.allclose(short.gathered_sizes(sizes), sizes[: short.n_products] + of_profiles, rtol=1e-14)
    factor = hessian.factor(curvature, None)
    assert factor is not None
    solved = conjugate_gradients(hessian, curvature, None, factor, by_hand @ step, 1e-12, 20)
    assert solved is not None and np.allclose(solved, step, rtol=1e-9)
    assert np.allclose(factor.solve(by_hand @ step), step, rtol=1e-9 if factor.is_exact else 1e-2, atol=1e-3)


def test_deviations_are_exact_where_plain_ones_cancel():
    rng = np.random.default_rng(0)
    weights, first = rng.uniform(0.1, 1, 6) * np.array([1, -1, 1, -1, 1, -1]), rng.uniform(1e9, 2e9, 6)
    program = bids([dict(enumerate(weights.tolist()))], [(0, 1, float(weights @ first), 1)], 6)
    scale, shifted, at = np.array([0.3]), np.empty(1), np.zeros(1, dtype=np.int32)
    deviate(*csc_arrays(program.B), scale, at, at + 1, program.c, first, shifted)
    exact = Fraction(float(program.c[0])) - sum(map(_times, weights.tolist(), first.tolist())) / Fraction(0.3)
    assert shifted[0] == pytest.approx(float(exact), rel=1e-15, abs=0)


def _times(a: float, b: float) -> Fraction:
    return Fraction(a) * Fraction(b)


def test_the_number_of_threads_does_not_change_a_bit():
    program = wide_market(3, products=300, narrow=3_000, wide=30)
    made = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            made.append(proved(program, clear_sloped(program)).answer)
    assert (made[0].prices == made[1].prices).all() and (made[0].x == made[1].x).all()


def test_more_products_than_are_kept_as_a_dense_matrix():
    rng = np.random.default_rng(4)
    products, n = MAX_DENSE_PRODUCTS + 100, 12_000
    columns = [{i % products: 1.0} if i < 6_000 else _pair(rng, products) for i in range(n)]
    fundamental = rng.uniform(20, 80, products)
    segments = []
    for i, column in enumerate(columns):
        price = sum(w * fundamental[p] for p, w in column.items()) + float(rng.normal(0, 8))
        segments.append((0.0, 5.0, price, 2.0) if i % 2 else (-5.0, 0.0, price, 1.0))
    program = bids(columns, segments, products)
    made, engine = proved(program, clear_sloped(program)), solve_exactly(program)
    assert engine is not None and np.abs(made.answer.x - engine.x).max() <= 1e-10


def _pair(rng: np.random.Generator, products: int) -> dict[int, float]:
    one, other = rng.choice(products, 2, replace=False)
    return {int(one): 1.0, int(other): -1.0}
