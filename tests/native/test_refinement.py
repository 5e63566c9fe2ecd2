"""Canonical prices to the last digits, against fractions worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import fts
from fts.solver.canonical.lexicographic_lsq import Objective
from fts.solver.canonical.refinement import Bounds, refined, unbalanced


def test_open_prices_are_the_nearest_to_zero_to_the_last_digits() -> None:
    # Nothing trades. The curves at rate 0 ask for p1 + p3 ≥ 4, 2 p1 ≤ p2, 3 p0 + 2 p3 ≤ 2 and 2 p0 - 2 λ0 ≤ 6, the last
    # of which is loose. On the others p1 = 4 - p3, p2 = 2 p1, p0 = (2 - 2 p3)/3, and the squares are least where
    # 4 (2 p3 - 2)/9 - 10 (4 - p3) + 2 p3 = 0.
    auction = fts.Auction(
        {
            "d0": [(0, 4), (2, 2)],
            "d1": [(-5, 0), (0, 0)],
            "d2": [(-7, 5), (-4, 2), (0, 2)],
            "d3": [(-3, 6), (0, 6)],
        },
        {
            "i0": fts.Portfolio("d0", {"p1": 1, "p3": 1}),
            "i1": fts.Portfolio("d1", {"p1": 2, "p2": -1}),
            "i2": fts.Portfolio("d2", {"p0": 3, "p3": 2}),
            "i3": fts.Portfolio({"d0": 2, "d3": 1}, {"p0": 2}),
        },
    )
    p3 = Fraction(40 + Fraction(8, 9)) / (12 + Fraction(8, 9))
    right = {"p0": (2 - 2 * p3) / 3, "p1": 4 - p3, "p2": 2 * (4 - p3), "p3": p3}
    outcome = auction.solve()
    assert outcome.certificate.status == "exact"
    assert outcome.products.price.to_dict() == pytest.approx({p: float(v) for p, v in right.items()}, rel=2e-15)


def nothing(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.longdouble)


def test_a_bound_that_a_rough_point_misses_holds_the_refined_one() -> None:
    # The nearest point to (0, 0) with u0 + u1 ≥ 2 and u0 ≤ 1/2 is (1/2, 3/2).
    limits = np.array([[1, 1], [1, 0]], dtype=np.longdouble)
    ends = np.array([[2, -np.inf], [np.inf, 0.5]], dtype=np.longdouble)
    bounds = Bounds(nothing(0, 2), nothing(0), limits, *ends)
    rough = np.array([0.5 + 1e-9, 1.5 - 2e-7], dtype=np.longdouble)
    found = refined(bounds, rough, np.zeros(2), np.ones(2), [Objective(np.ones(2), np.zeros(2))])
    assert found is not None
    assert found.tolist() == [0.5, 1.5]


def test_a_wish_that_weighs_next_to_nothing_counts_after_the_others() -> None:
    # Both wishes can be met. Beside 1, the root of the second weight is below what counts as rounding.
    bounds = Bounds(nothing(0, 2), nothing(0), nothing(0, 2), nothing(0), nothing(0))
    level = Objective(np.array([1.0, 1e-26]), np.array([3.0, 5.0]))
    found = refined(bounds, np.zeros(2, dtype=np.longdouble), np.zeros(2), np.ones(2), [level])
    assert found is not None
    assert found.tolist() == pytest.approx([3, 5], rel=1e-15)


def balance(point: list[float], limits: list[list[float]], least: list[float], levels: list[Objective]) -> float:
    """What no bound holds of the distance of a point from 0, under lower bounds alone."""
    long = np.longdouble
    none, n = np.zeros((0, len(point)), dtype=long), len(point)
    bounds = Bounds(
        none,
        np.zeros(0, dtype=long),
        np.array(limits, dtype=long),
        np.array(least, dtype=long),
        np.full(len(least), np.inf),
    )
    return unbalanced(bounds, np.array(point, dtype=long), np.zeros(n), levels)


def test_only_the_nearest_point_is_in_balance() -> None:
    # Nearest to 0 with u + v >= 2 is (1, 1). (2, 0) is at the bound too: the distance (1, 0) is half along it.
    levels = [Objective(np.ones(2), np.zeros(2))]
    assert balance([1, 1], [[1, 1]], [2], levels) == pytest.approx(0, abs=1e-15)
    assert balance([2, 0], [[1, 1]], [2], levels) == pytest.approx(0.5**0.5)
    # A bound that the point is not at holds nothing, one on the other side neither.
    assert balance([1, 1], [[1, 1]], [1], levels) == pytest.approx(2**0.5)
    assert balance([-1, -1], [[1, 1]], [-2], levels) == pytest.approx(2**0.5)
    assert balance([1, 0], [[1, 1]], [2], levels) == np.inf


def test_an_earlier_wish_holds_what_a_later_one_would_move() -> None:
    # u is 3 by the first wish; then v is nearest 0 with u + v >= 5: 2, and not 4.
    levels = [Objective(np.array([1.0, 0.0]), np.array([3.0, 0.0])), Objective(np.array([0.0, 1.0]), np.zeros(2))]
    assert balance([3, 2], [[1, 1]], [5], levels) == pytest.approx(0, abs=1e-15)
    assert balance([3, 4], [[1, 1]], [5], levels) == pytest.approx(1)
    assert balance([2.5, 2.5], [[1, 1]], [5], levels) > 0.5
