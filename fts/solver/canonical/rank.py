"""Unknowns that equations leave open: some are settled by one equation after the other, the rest form groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpstrf
from scipy.sparse import csc_array, csr_array
from scipy.sparse.linalg import splu

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import Int32s, compiled, csc_arrays

SWEEPS = 100
"""Rounds of settling; what longer chains leave is decided by rank."""
SMALL_SHARE = 1e-8
"""An unknown with a smaller share of its equation is not settled by it."""
RANK_PIVOT = 1e-10
"""Least pivot of a matrix of unit columns that proves its rank."""


def undetermined(equations: csr_array, settled: Flags | None = None) -> Flags:
    """Unknowns that are not settled by equations with one unknown left, (n,)."""
    open_ = np.ones(equations.shape[1], dtype=np.bool_) if settled is None else ~settled
    _settle(*csc_arrays(equations), open_)
    return open_


@compiled
def _settle(start: Int32s, column: Int32s, value: Floats, open_: Flags) -> None:
    """Take the unknowns that one equation after the other settles off the open ones, (n,)."""
    rows = np.arange(len(start) - 1)
    found = np.empty(len(rows), dtype=np.int64)
    for _ in range(SWEEPS):
        n_rows = n_found = 0
        for r in rows:
            n_open, at = 0, 0
            for e in range(start[r], start[r + 1]):
                if open_[column[e]]:
                    n_open, at = n_open + 1, e
            if n_open == 0:
                continue
            rows[n_rows] = r
            n_rows += 1
            if n_open == 1:
                largest = 0.0
                for e in range(start[r], start[r + 1]):
                    largest = max(largest, abs(value[e]))
                if abs(value[at]) > SMALL_SHARE * largest:
                    found[n_found] = column[at]
                    n_found += 1
        if n_found == 0:
            break
        # Only after a whole round, so that the order of the equations does not matter.
        for k in range(n_found):
            open_[found[k]] = False
        rows = rows[:n_rows]


@dataclass(frozen=True)
class OpenGroup:
    """Unknowns that equations and limits tie together, and nobody else.

    Attributes
    ----------
    unknowns, equations, limits : positions
    """

    unknowns: Ints
    equations: Ints
    limits: Ints


def open_groups(equations: csr_array, limits: csr_array, open_: Flags) -> Iterator[OpenGroup]:
    """List the open unknowns in connected groups."""
    unknown, equation, limit = _label(*csc_arrays(equations)[:2], *csc_arrays(limits)[:2], open_)
    of_unknown, of_equation, of_limit = (_by_label(label) for label in (unknown, equation, limit))
    for k in range(len(of_unknown)):
        yield OpenGroup(
            of_unknown[k], *(of[k] if k < len(of) else np.empty(0, np.int64) for of in (of_equation, of_limit))
        )


def _by_label(label: Ints) -> list[Ints]:
    """Positions of each label from 0, in order; those with a negative label are left out."""
    chosen = np.flatnonzero(label >= 0)
    order = chosen[np.argsort(label[chosen], kind="stable")]
    return np.split(order, np.cumsum(np.bincount(label[chosen]))[:-1]) if len(chosen) else []


@compiled
def _label(
    E_start: Int32s, E_column: Int32s, L_start: Int32s, L_column: Int32s, open_: Flags
) -> tuple[Ints, Ints, Ints]:
    """Assign numbers to groups of open unknowns, equations and limits by union of sets (Tarjan); -1 is none."""
    parent = np.arange(len(open_))
    left = np.count_nonzero(open_)
    n_equations, n_limits = len(E_start) - 1, len(L_start) - 1
    of_row = np.full(n_equations + n_limits, -1)
    for r in range(n_equations + n_limits):
        is_equation = r < n_equations
        at = r if is_equation else r - n_equations
        begin, end = (E_start[at], E_start[at + 1]) if is_equation else (L_start[at], L_start[at + 1])
        first = -1
        for e in range(begin, end):
            other = int(E_column[e] if is_equation else L_column[e])
            if not open_[other]:
                continue
            if first >= 0 and left == 1:
                break
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if first < 0:
                first = other
            elif other != first:
                low, high = min(first, other), max(first, other)
                parent[high] = low
                first = low
                left -= 1
        of_row[r] = first
    label = np.full(len(open_), -1)
    count = 0
    for u in range(len(open_)):
        if open_[u]:
            root = u
            while parent[root] != root:
                root = parent[root]
            if root == u:
                label[u] = count
                count += 1
            else:
                label[u] = label[root]
    for r in range(len(of_row)):
        if of_row[r] >= 0:
            of_row[r] = label[of_row[r]]
    return label, of_row[:n_equations], of_row[n_equations:]


def full_rank(matrix: csc_array) -> bool:
    """Check whether the columns are certainly independent."""
    n_rows, n = matrix.shape
    if n == 0:
        return True
    if n > n_rows:
        return False
    matrix = csc_array(matrix)
    row = np.zeros(n_rows)
    np.maximum.at(row, matrix.indices, np.abs(matrix.data))
    matrix = _scaled(matrix, 1.0 / np.where(row > 0, row, 1.0))
    owner = np.repeat(np.arange(n), np.diff(matrix.indptr))
    length = np.sqrt(np.bincount(owner, weights=matrix.data**2, minlength=n))
    if not (length > 0).all():
        return False
    matrix = csc_array((matrix.data / length[owner], matrix.indices, matrix.indptr), shape=matrix.shape)
    gram = csc_array(matrix.T @ matrix)
    if n <= 3000:
        _, _, rank, _ = dpstrf(np.asfortranarray(gram.toarray()), lower=1, tol=RANK_PIVOT)
        return bool(rank == n)
    try:
        factor = splu(gram, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # exactly singular
        return False
    return bool(np.abs(factor.U.diagonal()).min() > RANK_PIVOT)


def _scaled(matrix: csc_array, row: Floats) -> csc_array:
    return csc_array((matrix.data * row[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
