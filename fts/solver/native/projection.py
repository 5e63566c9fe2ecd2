"""The point nearest to another one within linear limits, by the dual method of Goldfarb and Idnani.

*A numerically stable dual method for solving strictly convex quadratic programs*, 1983. It starts at the point itself
and adds one violated limit after the other; a limit that no longer pushes leaves.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.orthogonal import DOUBTFUL, orthogonalise

VIOLATED = 1e-13
"""A limit missed by this share of the largest coordinate is missed."""
CONTRADICTION = 1e-10
"""A limit that depends on others may miss them by this share: rounding of the fills."""


@compiled
def project(
    start: Ints,
    index: Ints,
    normals: Floats,
    least: Floats,
    most: Floats,
    aim: Floats,
    v: Floats,
    Q: Floats,
    R: Floats,
    A: Floats,
) -> bool:
    """Compute the point nearest to `aim` within ``least ≤ normals ≤ most``, rows of length 1; whether there is one.

    `Q`, `R` and `A` are room: of the active normals an orthonormal basis, their coordinates in it, and themselves.
    """
    n, n_rows = len(aim), len(least)
    active, bound, force = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    state = np.zeros(n_rows, dtype=np.int64)  # 1: active or left out
    vector, part, move = np.empty(n), np.empty(n), np.empty(n)
    for p in range(n):
        v[p] = aim[p]
    q = 0
    for j in range(n_rows):
        if least[j] != most[j]:
            continue
        state[j] = 1
        _dense(start, index, normals, j, 1.0, vector)
        now, level = 0.0, 1.0
        for p in range(n):
            now += vector[p] * v[p]
            level = max(level, abs(v[p]))
        A_row = vector.copy()
        length = orthogonalise(Q, q, vector, part)
        if q == n or length <= DOUBTFUL:
            if abs(now - least[j]) > CONTRADICTION * level:
                return False
            continue
        for p in range(n):
            A[q, p], Q[q, p] = A_row[p], vector[p] / length
            v[p] += vector[p] / length * ((least[j] - now) / length)
            R[p, q] = part[p] if p < q else 0.0
        R[q, q], active[q], bound[q], force[q] = length, j, least[j], np.inf
        q += 1
    fixed = q
    for _ in range(20 * (n + n_rows) + 20):
        level = 1.0
        for p in range(n):
            level = max(level, abs(v[p]))
        worst, at, side = VIOLATED * level, -1, 1.0
        for j in range(n_rows):
            if state[j]:
                continue
            now = 0.0
            for e in range(start[j], start[j + 1]):
                now += normals[e] * v[index[e]]
            if least[j] - now > worst:
                worst, at, side = least[j] - now, j, 1.0
            if now - most[j] > worst:
                worst, at, side = now - most[j], j, -1.0
        if at < 0:
            _polish(q, Q, R, A, bound, aim, v, part)
            return _keeps(start, index, normals, least, most, v)
        _dense(start, index, normals, at, side, vector)
        wanted = least[at] if side > 0 else -most[at]
        pull = 0.0
        A_row = vector.copy()
        while True:
            for p in range(n):
                vector[p] = A_row[p]
            length = orthogonalise(Q, q, vector, part) if q < n else 0.0
            if q == n:
                for k in range(q):
                    part[k] = 0.0
                    for p in range(n):
                        part[k] += Q[k, p] * A_row[p]
            # How the forces of the active rows change with that of the new one.
            for k in range(q - 1, -1, -1):
                total = part[k]
                for j in range(k + 1, q):
                    total -= R[k, j] * move[j]
                move[k] = total / R[k, k]
            longest, leaves = np.inf, -1
            for k in range(fixed, q):
                if move[k] > 0 and force[k] < longest * move[k]:
                    longest, leaves = force[k] / move[k], k
            now = 0.0
            for p in range(n):
                now += A_row[p] * v[p]
            if length > DOUBTFUL:
                full = (wanted - now) / length**2
                step = min(full, longest)
                for p in range(n):
                    v[p] += step * vector[p]
            else:
                full, step = np.inf, longest
                if leaves < 0:
                    if wanted - now > CONTRADICTION * level:
                        return False
                    state[at] = 1
                    break
            for k in range(fixed, q):
                force[k] -= step * move[k]
            pull += step
            if full <= longest:
                for p in range(n):
                    A[q, p], Q[q, p] = A_row[p], vector[p] / length
                    R[p, q] = part[p] if p < q else 0.0
                R[q, q], active[q], bound[q], force[q] = length, at, wanted, pull
                state[at] = 1
                q += 1
                break
            # The row that lost its force leaves; the basis of those after it is made anew.
            state[active[leaves]] = 0
            for k in range(leaves, q - 1):
                active[k], bound[k], force[k] = active[k + 1], bound[k + 1], force[k + 1]
                for p in range(n):
                    A[k, p] = A[k + 1, p]
                    vector[p] = A[k, p]
                length = orthogonalise(Q, k, vector, part)
                for p in range(n):
                    Q[k, p] = vector[p] / length
                    R[p, k] = part[p] if p < k else 0.0
                R[k, k] = length
            q -= 1
    return False


@compiled
def _dense(start: Ints, index: Ints, normals: Floats, j: int, side: float, vector: Floats) -> None:
    vector[:] = 0.0
    for e in range(start[j], start[j + 1]):
        vector[index[e]] += side * normals[e]


@compiled
def _polish(q: int, Q: Floats, R: Floats, A: Floats, bound: Floats, aim: Floats, v: Floats, part: Floats) -> None:
    """Compute the point of the active rows nearest to `aim`, to rounding."""
    n = len(aim)
    for p in range(n):
        v[p] = aim[p]
    for _ in range(3):
        for k in range(q):
            total = bound[k]
            for p in range(n):
                total -= A[k, p] * v[p]
            for j in range(k):
                total -= R[j, k] * part[j]
            part[k] = total / R[k, k]
        for k in range(q):
            for p in range(n):
                v[p] += part[k] * Q[k, p]


@compiled
def _keeps(start: Ints, index: Ints, normals: Floats, least: Floats, most: Floats, v: Floats) -> bool:
    """Check whether a point is within all limits, to rounding."""
    level = 1.0
    for p in range(len(v)):
        level = max(level, abs(v[p]))
    for j in range(len(least)):
        now = 0.0
        for e in range(start[j], start[j + 1]):
            now += normals[e] * v[index[e]]
        if not (now >= least[j] - CONTRADICTION * level and now <= most[j] + CONTRADICTION * level):
            return False
    return True
