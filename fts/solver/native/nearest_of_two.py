"""The point of two coordinates within linear limits that is nearest to a target, without arrays of its own."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled

VIOLATED = 1e-13
"""A limit missed by this share of the largest coordinate is missed."""
PARALLEL = 1e-5
"""Limits whose normals have at most this sine between them are left to the general method."""


@compiled
def find_nearest_of_two(
    n_rows: int,
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    scale_0: float,
    scale_1: float,
    target_0: float,
    target_1: float,
) -> tuple[bool, float, float]:
    """Find the ``v`` within ``low ≤ rows ≤ high`` with the least ``Σ scale²(v - target)²``; False where there is none.

    The dual method of Goldfarb and Idnani (:mod:`fts.solver.native.projection`), in which at most two limits push: the
    most violated limit joins them, and of the three those stay that still push. Nearly parallel limits are left to the
    general method. Rows are multiplied, in place, so that their normals have length 1.

    Parameters
    ----------
    n_rows : int
        So many rows are used.
    start, index, weight : (n_rows + 1,), (n_entries,), (n_entries,)
        With one coordinate every index is 0.
    low, high : (n_rows,)
    """
    for j in range(n_rows):
        square = 0.0
        for e in range(start[j], start[j + 1]):
            square += (weight[e] / (scale_0 if index[e] == 0 else scale_1)) ** 2
        size = np.sqrt(square)
        for e in range(start[j], start[j + 1]):
            weight[e] /= size
        low[j] /= size
        high[j] /= size
    aim_x, aim_y = target_0 * scale_0, target_1 * scale_1
    x, y = aim_x, aim_y
    # The limits that push, as a x + b y ≥ least.
    count = 0
    a_1, b_1, least_1, a_2, b_2, least_2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(4 * n_rows + 8):
        noise = VIOLATED * max(1.0, max(abs(x), abs(y)))
        worst, a, b, least = noise, 0.0, 0.0, 0.0
        for j in range(n_rows):
            n_x, n_y = 0.0, 0.0
            for e in range(start[j], start[j + 1]):
                if index[e] == 0:
                    n_x = weight[e] / scale_0
                else:
                    n_y = weight[e] / scale_1
            now = n_x * x + n_y * y
            if low[j] - now > worst:
                worst, a, b, least = low[j] - now, n_x, n_y, low[j]
            if now - high[j] > worst:
                worst, a, b, least = now - high[j], -n_x, -n_y, -high[j]
        if worst == noise:
            return True, x / scale_0, y / scale_1
        if count == 0:
            push = least - (a * aim_x + b * aim_y)
            push += least - (a * (aim_x + push * a) + b * (aim_y + push * b))
            x, y = aim_x + push * a, aim_y + push * b
            count, a_1, b_1, least_1 = 1, a, b, least
            continue
        # The first one was the farthest, so a later one pushes only together with one of those that pushed before.
        found = False
        for other in range(count):
            if other == 1:
                a_1, b_1, least_1, a_2, b_2, least_2 = a_2, b_2, least_2, a_1, b_1, least_1
            determinant = a * b_1 - b * a_1
            if abs(determinant) <= PARALLEL:
                return False, 0.0, 0.0
            x, y = 0.0, 0.0
            for _round in range(2):
                miss, miss_1 = least - (a * x + b * y), least_1 - (a_1 * x + b_1 * y)
                x += (miss * b_1 - miss_1 * b) / determinant
                y += (miss_1 * a - miss * a_1) / determinant
            push = ((x - aim_x) * b_1 - (y - aim_y) * a_1) / determinant
            push_1 = ((y - aim_y) * a - (x - aim_x) * b) / determinant
            if push >= 0 and push_1 >= 0 and (count < 2 or a_2 * x + b_2 * y >= least_2 - noise):
                found = True
                break
        if not found:
            return False, 0.0, 0.0
        count, a_2, b_2, least_2 = 2, a, b, least
    return False, 0.0, 0.0
