"""The matrix ``C diag(ω) C'`` of the product system, formed once per step in one pass over the bids."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints
from fts.solver.native.factor import DenseFactor, SparseFactor, SparsePattern

SMALL = 400
"""Systems up to this size are always dense."""
SPARSE = 0.05
"""Share of entries in the factor below which sparse elimination is faster than dense."""
WIDE = 48
"""Columns with more entries than this are multiplied as dense blocks."""


class NormalMatrix:
    """``C diag(ω) C'`` for changing weights ω.

    The pairs of entries of each narrow column are listed once; a step is then one sparse product. Columns that are
    wide are multiplied as a dense block, those in the same proportion as one column.

    Parameters
    ----------
    C : (n, m) sparse, by column
    """

    def __init__(self, C: csc_array) -> None:
        self.size = C.shape[0]
        counts = np.diff(C.indptr)
        wide = counts > WIDE
        narrow = np.flatnonzero(~wide & (counts > 0))
        self._pairs, self._cells = _pairs(C, counts, narrow)
        self._wide, self._profile, self._factor = _profiles(C, np.flatnonzero(wide))

        self._diagonal = np.arange(self.size) * (self.size + 1)
        self._pattern = self._sparse_pattern()

    def _sparse_pattern(self) -> SparsePattern | None:
        """The pattern for sparse elimination, where that pays."""
        n = self.size
        if n <= SMALL or self._wide is not None or 2 * len(self._cells) > SPARSE * n * n:
            return None
        cells = np.union1d(self._cells, self._diagonal)
        pattern = SparsePattern(n, cells)
        self._at, self._diagonal_at = np.searchsorted(cells, self._cells), np.searchsorted(cells, self._diagonal)
        self._n_cells = len(cells)
        # Any weights show what fills in.
        values = np.zeros(len(cells))
        values[self._at] = self._pairs @ np.ones(self._pairs.shape[1])
        return pattern if pattern.fill(values) <= SPARSE * n * n else None

    def factor(self, weights: Floats, diagonal: Floats) -> DenseFactor | SparseFactor:
        """The factor of ``C diag(ω) C' + diag(d)``.

        Parameters
        ----------
        weights : (m,)
        diagonal : (n,)
        """
        values = self._pairs @ weights
        if self._pattern is not None:
            entries = np.zeros(self._n_cells)
            entries[self._at] = values
            entries[self._diagonal_at] += diagonal
            return self._pattern.factor(entries)
        n = self.size
        flat = np.zeros(n * n)
        flat[self._cells] = values
        flat[self._diagonal] += diagonal
        matrix = flat.reshape((n, n), order="F")
        if self._wide is not None:
            share = np.bincount(
                self._profile, weights=weights[self._factor[0]] * self._factor[1] ** 2, minlength=self._wide.shape[1]
            )
            root = self._wide * np.sqrt(share)
            matrix += root @ root.T
        return DenseFactor(matrix)


def _pairs(C: csc_array, counts: Ints, narrow: Ints) -> tuple[csr_array, Ints]:
    n, m = C.shape
    cells, values, columns = [], [], []
    for count in np.unique(counts[narrow]):
        group = narrow[counts[narrow] == count]
        at = C.indptr[group][:, None] + np.arange(count)
        rows, data = C.indices[at].astype(np.int64), C.data[at]
        i, j = np.tril_indices(int(count))
        cells.append((rows[:, j] * n + rows[:, i]).ravel())
        values.append((data[:, i] * data[:, j]).ravel())
        columns.append(np.repeat(group, len(i)))
    if not cells:
        return csr_array((0, m)), np.empty(0, dtype=np.int64)
    cell, value, column = np.concatenate(cells), np.concatenate(values), np.concatenate(columns)
    used, row = _compress(cell, n * n)
    by_column = csc_array((value, (row, column)), shape=(len(used), m))
    return csr_array(by_column), used


def _compress(cell: Ints, n_cells: int) -> tuple[Ints, Ints]:
    """The cells in use, and where each entry is among them."""
    if n_cells <= 20_000_000:
        seen = np.zeros(n_cells, dtype=bool)
        seen[cell] = True
        used = np.flatnonzero(seen)
        position = np.empty(n_cells, dtype=np.int32)
        position[used] = np.arange(len(used), dtype=np.int32)
        return used, position[cell].astype(np.int64)
    used, row = np.unique(cell, return_inverse=True)
    return used, row


def _profiles(
    C: csc_array, wide: Ints
) -> tuple[NDArray[np.float64] | None, Ints, tuple[Ints, Floats]]:
    """Wide columns as multiples of different profiles: dense (n, k), profile of each, (columns, factors)."""
    if not len(wide):
        return None, np.empty(0, dtype=np.int64), (wide, np.empty(0))
    profiles: dict[bytes, int] = {}
    kept: list[int] = []
    of, factor = np.empty(len(wide), dtype=np.int64), np.empty(len(wide))
    for k, i in enumerate(wide):
        span = slice(C.indptr[i], C.indptr[i + 1])
        data = C.data[span]
        top = data[np.argmax(np.abs(data))]
        # Twelve digits: a profile that differs by less is the same profile, and the refinement sees the difference.
        key = C.indices[span].tobytes() + np.round(data / top, 12).tobytes()
        of[k] = profiles.setdefault(key, len(profiles))
        if of[k] == len(kept):
            kept.append(k)
        factor[k] = top
    first = wide[kept]
    dense = np.asarray(C[:, first].todense()) / factor[kept]
    return np.asfortranarray(dense), of, (wide, factor)
