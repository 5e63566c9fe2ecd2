"""The nearest point of two coordinates: cases by hand, and random ones against all points where limits may push."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from fts.solver.native.nearest_of_two import find_nearest_of_two

NONE = np.inf


def nearest(rows, low, high, target=(0.0, 0.0), scale=(1.0, 1.0)):
    """Call it with dense rows; zeros are no entries."""
    rows = np.asarray(rows, dtype=float).reshape(len(low), -1 if len(low) else 2)
    entries = [np.flatnonzero(row) for row in rows]
    start = np.append(0, np.cumsum([len(row) for row in entries])).astype(np.int64)
    index = np.concatenate([*entries, np.empty(0, dtype=np.int64)]).astype(np.int64)
    weight = np.concatenate([*(row[row != 0] for row in rows), np.empty(0)])
    ends = np.array(low, dtype=float), np.array(high, dtype=float)
    return find_nearest_of_two(len(low), start, index, weight, *ends, *map(float, scale), *map(float, target))


@pytest.mark.parametrize(
    ("rows", "low", "high", "target", "scale", "expected"),
    [
        ([], [], [], (3, -4), (1, 1), (3, -4)),  # no limit
        ([[1, 1]], [-1], [1], (0.25, 0.5), (1, 1), (0.25, 0.5)),  # within it
        ([[1, 1]], [2], [NONE], (0, 0), (1, 1), (1, 1)),
        ([[1, 1]], [-NONE], [-2], (0, 0), (1, 1), (-1, -1)),
        # Least x² + 4 y² with x + y = 5: x = 4 y.
        ([[1, 1]], [5], [NONE], (0, 0), (1, 2), (4, 1)),
        ([[1, 0], [0, 1]], [1, 2], [NONE, NONE], (0, 0), (1, 1), (1, 2)),
        # A seller at 10 for one of each and a buyer at 15 for one and 1.5: only (0, 10) serves both.
        ([[1, 1], [1, 1.5]], [-NONE, 15], [10, NONE], (0, 0), (1, 1), (0, 10)),
        # The farther limit alone: (8, 4) is beyond the other one.
        ([[1, 0], [2, 1]], [1, 20], [NONE, NONE], (0, 0), (1, 1), (8, 4)),
        # x + y ≥ 7 alone would lead to (3.5, 3.5).
        ([[1, 0], [1, 1], [0, 1]], [3, 7, -NONE], [NONE, NONE, 2], (0, 0), (1, 1), (5, 2)),
        # 10 y ≥ x and x - 2 y ≥ 16 meet at (20, 2), the point of both that is nearest to 0; y ≥ 1.9 allows it.
        ([[0, 1], [-1, 10], [1, -2]], [1.9, 0, 16], [NONE, NONE, NONE], (0, 0), (1, 1), (20, 2)),
    ],
)
def test_points_worked_out_by_hand(rows, low, high, target, scale, expected):
    found, *point = nearest(rows, low, high, target, scale)
    assert found
    assert point == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(("target", "expected"), [(0, 2), (3, 3), (9, 5)])
def test_one_coordinate_stays_between_its_quotes(target, expected):
    found, point, _ = nearest([[1], [-2]], [2, -10], [8, NONE], (target, 0))
    assert found
    assert point == pytest.approx(expected, abs=1e-15)


def test_limits_without_a_common_point_are_left_to_the_general_method():
    assert not nearest([[1, 1], [1, 1]], [2, -NONE], [NONE, 1])[0]
    assert not nearest([[1], [1]], [2, -NONE], [NONE, 1])[0]


@pytest.mark.parametrize("seed", range(60))
def test_no_point_where_limits_may_push_is_nearer(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    rows, scale, target = rng.normal(size=(n, 2)), rng.uniform(0.2, 5, 2), rng.normal(0, 3, 2)
    inside, width = rng.normal(0, 3, 2), rng.uniform(0.1, 4, (2, n))
    low, high = rows @ inside - width[0], rows @ inside + width[1]
    low[rng.random(n) < 0.3], high[rng.random(n) < 0.3] = -NONE, NONE
    found, *point = nearest(rows, low, high, target, scale)
    lines = [(row, end) for row, *ends in zip(rows, low, high, strict=True) for end in ends if np.isfinite(end)]
    candidates = [target]
    for row, end in lines:
        step = row / scale**2
        candidates.append(target + step * (end - row @ target) / (row @ step))
    for (row, end), (other, other_end) in combinations(lines, 2):
        if row is not other:
            candidates.append(np.linalg.solve([row, other], [end, other_end]))
    kept = [v for v in candidates if (rows @ v >= low - 1e-9).all() and (rows @ v <= high + 1e-9).all()]
    best = min(kept, key=lambda v: float(((v - target) ** 2 * scale**2).sum()))
    assert found
    np.testing.assert_allclose(point, best, rtol=1e-9, atol=1e-9)
