"""Orthonormal bases of small sets of vectors."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import compiled

DEPENDENT = 1e-11
"""A vector of length 1 this near to the span of others depends on them."""
DOUBTFUL = 1e-5
"""Up to this near nothing is said about the part."""


@compiled
def orthogonalise(Q: Floats, q: int, vector: Floats, part: Floats) -> float:
    """Take off what the first `q` orthonormal rows hold of a vector, in place; returns what is left of its length.

    `part` (at least q) is what each row held.
    """
    n = len(vector)
    before = 0.0
    for p in range(n):
        before += vector[p] ** 2
    part[:q] = 0.0
    left = before
    for _ in range(2):
        for k in range(q):
            total = 0.0
            for p in range(n):
                total += Q[k, p] * vector[p]
            if total != 0.0:
                part[k] += total
                for p in range(n):
                    vector[p] -= total * Q[k, p]
        left = 0.0
        for p in range(n):
            left += vector[p] ** 2
        # Once is enough where little was taken off.
        if left > 0.5 * before:
            break
    return float(np.sqrt(left))
