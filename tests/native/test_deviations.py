"""Deviations from first prices: the same program, whatever these prices are, to the last bit of every difference."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import fts
from fts.solver.deviations import deviations_from, first_prices
from fts.solver.program import program_of


def exact(value):
    return Fraction(float(value))


@pytest.mark.parametrize("seed", range(20))
def test_differences_are_those_of_rational_arithmetic(seed):
    rng = np.random.default_rng(seed)
    level = 10.0 ** rng.uniform(0, 6)
    demands, portfolios = {}, {}
    for k in range(12):
        weights = {f"d{k}": float(rng.choice([1.0, -1.0, 0.3]))}
        basis = {f"p{j}": float(rng.choice([1.0, -1.0, 0.7])) for j in rng.choice(4, rng.integers(1, 4), replace=False)}
        demands[f"d{k}"] = fts.Constant(level + float(rng.normal()), -1, 1)
        portfolios[f"b{k}"] = fts.Portfolio(weights, basis)
    demands["both"] = fts.Constant(level, -2, 2)
    portfolios["first"], portfolios["second"] = fts.Portfolio("both", "p0"), fts.Portfolio("both", {"p1": 0.9})
    program = program_of(fts.Auction(demands, portfolios))
    prices = level + rng.normal(size=program.B.shape[0])
    made = deviations_from(program, prices)
    B, W = program.B.toarray(), program.W.toarray()
    owner = {int(d): int(i) for d, i in zip(*np.nonzero(W), strict=True) if np.count_nonzero(W[d]) == 1}
    for k, d in enumerate(program.segment_demand):
        if int(d) in owner:
            i = owner[int(d)]
            worth = sum(exact(b) * exact(p) for b, p in zip(B[:, i], prices, strict=True))
            true = exact(program.c[k]) - worth / exact(W[d, i])
            # One rounding of the difference itself, none of the level.
            assert abs(exact(made.program.c[k]) - true) <= 3e-16 * abs(true) + Fraction(1e-24 * level)
    assert made.program.cost is not None
    for i in range(B.shape[1]):
        if i in owner.values():
            assert made.program.cost[i] == 0
            continue
        worth = sum(exact(b) * exact(p) for b, p in zip(B[:, i], prices, strict=True))
        own = sum(exact(w) * exact(p) for w, p in zip(W[:, i], made.demand_prices, strict=True))
        assert abs(exact(made.program.cost[i]) - (worth - own)) <= 3e-16 * abs(worth - own) + Fraction(1e-24 * level)


def test_first_prices_are_lower_medians_of_a_products_own_bids_and_of_what_spreads_leave():
    demands = {f"d{k}": fts.Constant(price, 0, 1) for k, price in enumerate((4, 9, 5, 100))}
    demands["spread"] = [(0, 3), (2, 1)]
    portfolios = {f"b{k}": fts.Portfolio(f"d{k}", {"a": 2.0}) for k in range(4)}
    portfolios["spread"] = fts.Portfolio("spread", {"b": 1, "a": -1})
    portfolios["idle"] = fts.Portfolio({}, {"c": 1})
    program = program_of(fts.Auction(demands, portfolios))
    # Half of 4, 5, 9, 100 is 2, 2.5, 4.5, 50: the lower median is 2.5. The spread pays 2 in its middle: b is at 4.5.
    assert first_prices(program).tolist() == [2.5, 4.5]
    # With b at 7 the spread says that a is worth 5, which makes 4.5 the median.
    assert first_prices(program, np.array([np.nan, 7.0])).tolist() == [4.5, 7.0]


@pytest.mark.parametrize("level", [0.0, 300.0, 5000.0, 1e6, -1e5])
def test_the_level_of_prices_changes_no_rate(level):
    # Whole ticks and spreads; 2**-2 steps are exact at every level.
    rng = np.random.default_rng(7)
    demands, portfolios = {}, {}
    for k in range(120):
        p = int(rng.integers(0, 8))
        size, tick = float(rng.integers(1, 10)), float(rng.integers(-8, 9)) / 4
        low, high = ((0.0, size), (-size, 0.0))[k % 2]
        if k % 4 == 3:
            portfolios[f"b{k}"] = fts.Portfolio(f"d{k}", {f"p{p}": 1, f"p{(p + 1) % 8}": -1})
            demands[f"d{k}"] = fts.Constant(tick, low, high)
        else:
            portfolios[f"b{k}"] = fts.Portfolio(f"d{k}", f"p{p}")
            demands[f"d{k}"] = fts.Constant(level + tick, low, high)
    outcome = fts.Auction(demands, portfolios).solve()
    plain = fts.Auction(
        {
            name: fts.Constant(d.price - level * (len(portfolios["b" + name[1:]].basis) == 1), d.min_rate, d.max_rate)
            for name, d in demands.items()
        },
        portfolios,
    ).solve()
    assert outcome.certificate.status == plain.certificate.status == "exact"
    assert outcome.rates == pytest.approx(plain.rates, abs=1e-12)
    assert outcome.prices - level == pytest.approx(plain.prices, abs=1e-15 * abs(level) + 1e-12)


@pytest.mark.parametrize(("n_products", "last"), [(99, 6.0), (100, 6.0), (101, 0.0), (150, 0.0)])
def test_first_prices_of_a_portfolio_are_its_last_products_where_a_hundred_rounds_come_to_it(n_products, last):
    # One product is at 0 in each of a hundred rounds, and the last one carries the price in the middle of the curve.
    basis = {f"p{k:03d}": 2.0 for k in range(n_products)}
    program = program_of(fts.Auction({"d": [(-1, 16), (3, 8)]}, {"b": fts.Portfolio("d", basis)}))
    assert first_prices(program).tolist() == [0.0] * (n_products - 1) + [last]


@pytest.mark.parametrize("unit", [1.0, 1000.0])
def test_first_prices_of_few_wide_portfolios_are_the_least_that_they_are_worth(unit):
    rng = np.random.default_rng(3)
    B = rng.uniform(0.5, 1.5, (250, 5))
    B[:, 4] = B[:, 0] + B[:, 1]
    # A product in other units counts as much as before: prices are measured over its largest weight.
    B[7] *= unit
    middle = np.array([100.0, 90, 80, 70, 190])
    portfolios = {
        f"x{i}": fts.Portfolio(f"d{i}", {f"p{p:03d}": float(b) for p, b in enumerate(B[:, i])}) for i in range(5)
    }
    program = program_of(fts.Auction({f"d{i}": fts.Constant(float(middle[i]), -1, 1) for i in range(5)}, portfolios))
    prices = first_prices(program)
    assert B.T @ prices == pytest.approx(middle, rel=1e-9)
    largest = B.max(axis=1)
    assert prices * largest == pytest.approx(np.linalg.lstsq((B / largest[:, None]).T, middle)[0], rel=1e-9)
