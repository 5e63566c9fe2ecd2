"""What equations leave open: unknowns that one equation after the other settles, and the groups that stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dpstrf
from scipy.sparse import coo_array, csc_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from fts.models.columns import Flags, Floats, Ints

SWEEPS = 100
"""Rounds of settling; what longer chains leave is decided by rank."""
SMALL = 1e-8
"""An unknown with a smaller share of its equation is not settled by it."""
RANK = 1e-10
"""Least pivot of a matrix of unit columns that proves its rank."""


def open_unknowns(equations: csr_array, settled: Flags | None = None) -> Flags:
    """Unknowns that are not settled by equations with one unknown left, (n,)."""
    n_rows, n = equations.shape
    row = np.repeat(np.arange(n_rows), np.diff(equations.indptr))
    column, value = equations.indices, np.abs(equations.data)
    largest = np.zeros(n_rows)
    np.maximum.at(largest, row, value)
    able = value > SMALL * largest[row]
    open_ = np.ones(n, dtype=bool) if settled is None else ~settled
    for _ in range(SWEEPS):
        left = open_[column]
        row, column, able = row[left], column[left], able[left]
        found = (np.bincount(row, minlength=n_rows)[row] == 1) & able
        if not found.any():
            break
        open_[column[found]] = False
    return open_


@dataclass(frozen=True)
class Group:
    """Unknowns that equations and limits tie together, and nobody else.

    Attributes
    ----------
    unknowns, equations, limits : positions
    """

    unknowns: Ints
    equations: Ints
    limits: Ints


def groups(equations: csr_array, limits: csr_array, open_: Flags) -> Iterator[Group]:
    """The open unknowns in connected groups."""
    places = np.flatnonzero(open_)
    n = len(places)
    if not n:
        return
    E, L = csr_array(equations[:, places]), csr_array(limits[:, places])
    n_rows = E.shape[0] + L.shape[0]
    row = np.repeat(np.arange(n_rows), np.append(np.diff(E.indptr), np.diff(L.indptr)))
    column = np.concatenate([E.indices, L.indices])
    graph = coo_array((np.ones(len(row)), (row, n_rows + column)), shape=(n_rows + n, n_rows + n))
    _, label = connected_components(graph.tocsr(), directed=False)
    of_unknown = label[n_rows:]
    rows = np.unique(row)
    of_row = label[rows]
    unknowns, rows_in_order = np.argsort(of_unknown, kind="stable"), np.argsort(of_row, kind="stable")
    names, first = np.unique(of_unknown[unknowns], return_index=True)
    ends = np.append(first[1:], n)
    starts_of_rows = np.searchsorted(of_row[rows_in_order], names)
    ends_of_rows = np.searchsorted(of_row[rows_in_order], names, side="right")
    for k in range(len(names)):
        own = rows[rows_in_order[starts_of_rows[k] : ends_of_rows[k]]]
        yield Group(places[unknowns[first[k] : ends[k]]], own[own < E.shape[0]], own[own >= E.shape[0]] - E.shape[0])


def full_rank(matrix: csc_array) -> bool:
    """Whether the columns are certainly independent."""
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
        _, _, rank, _ = dpstrf(np.asfortranarray(gram.toarray()), lower=1, tol=RANK)
        return bool(rank == n)
    try:
        factor = splu(gram, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # exactly singular
        return False
    return bool(np.abs(factor.U.diagonal()).min() > RANK)


def _scaled(matrix: csc_array, row: Floats) -> csc_array:
    return csc_array((matrix.data * row[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
