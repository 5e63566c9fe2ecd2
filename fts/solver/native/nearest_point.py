"""The point within linear limits that is nearest to targets, first in the *wished* coordinates, then in the others."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.projection import project

UNWISHED_WEIGHT = 1e-3
"""The weight of coordinates without a wish, while the wished ones are chosen, as a share of theirs."""
RUNS, SETTLED = 8, 1e-13
"""At most so many runs with the others drawn to where they were, until the wished coordinates settle to this share."""
UNEVEN = 1e6
"""Parts whose weights differ by more than this factor are left out."""


@compiled
def find_nearest(
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    root: Floats,
    target: Floats,
    wished: Flags,
    chosen: Floats,
) -> bool:
    """Find the point in ``low ≤ rows ≤ high`` nearest to targets, wished coordinates first; False where there is none.

    The distance is ``Σ root²(v - target)²``.
    """
    n = len(root)
    n_wished, greatest, smallest, greatest_other, smallest_other = 0, 0.0, np.inf, 0.0, np.inf
    for p in range(n):
        if wished[p]:
            n_wished += 1
            greatest, smallest = max(greatest, root[p]), min(smallest, root[p])
        else:
            greatest_other, smallest_other = max(greatest_other, root[p]), min(smallest_other, root[p])
    if (n_wished > 0 and greatest > UNEVEN * smallest) or (n_wished < n and greatest_other > UNEVEN * smallest_other):
        return False
    scale, aim, v = np.empty(n), np.empty(n), np.empty(n)
    soft = UNWISHED_WEIGHT if n_wished > 0 else 1.0
    for p in range(n):
        scale[p] = root[p] / greatest if wished[p] else soft * root[p] / greatest_other
    normals, least, most = np.empty(len(weight)), np.empty(len(low)), np.empty(len(low))
    for j in range(len(low)):
        square = 0.0
        for e in range(start[j], start[j + 1]):
            normals[e] = weight[e] / scale[index[e]]
            square += normals[e] ** 2
        if square == 0:
            # A product that no unknown trades.
            least[j], most[j] = -np.inf, np.inf
            continue
        size = np.sqrt(square)
        for e in range(start[j], start[j + 1]):
            normals[e] /= size
        least[j], most[j] = low[j] / size, high[j] / size
    Q, R, A = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    for p in range(n):
        aim[p] = target[p] * scale[p]
        chosen[p] = np.inf
    begin, to, rows = start, index, len(low)
    others = False
    for _ in range(RUNS + 1):
        if not project(begin[: rows + 1], to, normals, least[:rows], most[:rows], aim, v, Q, R, A):
            return False
        if n_wished == 0 or n_wished == n:
            for p in range(n):
                chosen[p] = v[p] / scale[p]
            return True
        if others:
            j = 0
            for p in range(n):
                if not wished[p]:
                    chosen[p] = v[j] * greatest_other / root[p]
                    j += 1
            return True
        # Run after run the others are drawn to where they were, until the wished coordinates settle.
        change, level = 0.0, 1.0
        for p in range(n):
            if wished[p]:
                change, level = max(change, abs(v[p] - chosen[p])), max(level, abs(v[p]))
            else:
                aim[p] = v[p]
            chosen[p] = v[p]
        if change <= SETTLED * level:
            others = True
            for p in range(n):
                chosen[p] = v[p] / scale[p]
            begin, to, rows = _others(start, index, weight, low, high, root, wished, chosen, normals, least, most)
            aim, v = np.empty(n - n_wished), np.empty(n - n_wished)
            j = 0
            for p in range(n):
                if not wished[p]:
                    aim[j] = target[p] * root[p] / greatest_other
                    j += 1
    return False


@compiled
def _others(
    start: Ints,
    index: Ints,
    weight: Floats,
    low: Floats,
    high: Floats,
    root: Floats,
    wished: Flags,
    chosen: Floats,
    normals: Floats,
    least: Floats,
    most: Floats,
) -> tuple[Ints, Ints, int]:
    """Return the limits that wished coordinates leave to the others: where rows begin, their coordinates, their number.

    Normals and limits are written in place.
    """
    place, others, greatest = np.full(len(root), -1), 0, 0.0
    for p in range(len(root)):
        if not wished[p]:
            place[p] = others
            others += 1
            greatest = max(greatest, root[p])
    begin, to = np.zeros(len(low) + 1, dtype=np.int64), np.empty(len(index), dtype=np.int64)
    j, entry = 0, 0
    for r in range(len(low)):
        rest, square = 0.0, 0.0
        for e in range(start[r], start[r + 1]):
            p = index[e]
            if wished[p]:
                rest += weight[e] * chosen[p]
            else:
                to[entry], normals[entry] = place[p], weight[e] * greatest / root[p]
                square += normals[entry] ** 2
                entry += 1
        if entry == begin[j]:
            continue
        size = np.sqrt(square)
        for e in range(begin[j], entry):
            normals[e] /= size
        least[j], most[j] = (low[r] - rest) / size, (high[r] - rest) / size
        j += 1
        begin[j] = entry
    return begin, to, j
