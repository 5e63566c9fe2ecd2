"""The matrix ``C diag(ω) C'`` of the product system, formed once per step in one pass over the bids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints, ints
from fts.solver.compiled import Short, compiled, entries
from fts.solver.native.factor import DenseFactor, SparseFactor, SparsePattern

SMALL = 400
"""Systems up to this size are always dense."""
COUNTED = 10_000
"""Up to this size the cells in use are counted in a map of all cells, before the pairs are listed."""
SPARSE = 0.05
"""Share of entries in the factor below which sparse elimination is faster than dense."""
WIDE = 48
"""Columns with more entries than this are multiplied as dense blocks."""
OVERHEAD = 64
"""Adding a dense block to the matrix takes as long as multiplying so many of its columns."""
NONE = np.empty(0, dtype=np.int64)
NONE_WEIGHT = np.empty(0)


class NormalMatrix:
    """``C diag(ω) C' + Σ ω_ij (C_i C_j' + C_j C_i')`` for changing weights ω of columns and of pairs of columns.

    Narrow columns are added entry by entry, in one pass over the bids. Columns that are wide are multiplied as dense
    blocks, those in the same proportion as one column. (For narrow columns the products of all pairs of entries are
    fewer than a search for proportions would look at.) Where the matrix is sparse, the pairs are listed once, and a
    step is one sparse product.

    Parameters
    ----------
    C : (n, m) sparse, by column, rows in order
    one, other : (pairs,)
        Pairs of narrow columns.
    """

    def __init__(self, C: csc_array, one: Ints = NONE, other: Ints = NONE) -> None:
        self.size = C.shape[0]
        counts = np.diff(C.indptr)
        self._columns, self._one, self._other = entries(C), one, other
        self._profiles = _profiles(C, np.flatnonzero(counts > WIDE))
        self._diagonal = np.arange(self.size) * (self.size + 1)
        self._pattern = self._sparse_pattern(C, counts)
        if self._pattern is None:
            # Fresh memory would cost as much as filling it; so a factor holds only until the next one is made.
            self._flat = np.empty(self.size * self.size)

    def _sparse_pattern(self, C: csc_array, counts: Ints) -> SparsePattern | None:
        """The pattern for sparse elimination, where that pays."""
        n = self.size
        if n <= SMALL or self._profiles.blocks:
            return None
        if n <= COUNTED and 2 * _cells_in_use(n, *self._columns, self._one, self._other) > SPARSE * n * n:
            return None
        self._pairs, self._cells = _pairs(C, counts, self._one, self._other)
        cells = np.union1d(self._cells, self._diagonal)
        pattern = SparsePattern(n, cells)
        self._at, self._diagonal_at = np.searchsorted(cells, self._cells), np.searchsorted(cells, self._diagonal)
        self._n_cells = len(cells)
        # Any weights show what fills in.
        values = np.zeros(len(cells))
        values[self._at] = self._pairs @ np.ones(self._pairs.shape[1])
        return pattern if pattern.fill(values) <= SPARSE * n * n else None

    @property
    def is_dense(self) -> bool:
        """Whether the matrix is factored as a dense one."""
        return self._pattern is None

    def dense(self, weights: Floats, diagonal: Floats) -> NDArray[np.float64]:
        """The matrix (n, n) without pairs of columns, for one of which :attr:`is_dense`.

        Only its lower triangle counts. It is in Fortran order, and it holds until the next one is made.
        """
        return self._dense(weights, NONE_WEIGHT, diagonal)

    def factor(self, weights: Floats, between: Floats, diagonal: Floats) -> DenseFactor | SparseFactor:
        """The factor of the matrix, ``diag(d)`` added.

        Parameters
        ----------
        weights : (m,)
            Of columns.
        between : (pairs,)
            Of pairs of columns.
        diagonal : (n,)
        """
        if self._pattern is None:
            return DenseFactor(lambda: self._dense(weights, between, diagonal))
        all_weights = np.append(weights, between) if len(between) else weights
        values = np.zeros(self._n_cells)
        values[self._at] = self._pairs @ all_weights
        values[self._diagonal_at] += diagonal
        return self._pattern.factor(values)

    def _dense(self, weights: Floats, between: Floats, diagonal: Floats) -> NDArray[np.float64]:
        """The lower triangle, in Fortran order."""
        n, flat = self.size, self._flat
        flat.fill(0.0)
        flat[self._diagonal] = diagonal
        _add_columns(n, *self._columns, weights, flat)
        if len(between):
            _add_pairs(n, *self._columns, self._one, self._other, between, flat)
        matrix: NDArray[np.float64] = flat.reshape((n, n), order="F")
        self._profiles.add_to(matrix, weights)
        return matrix


@compiled
def _add_columns(n: int, start: Short, row: Short, value: Floats, weights: Floats, flat: Floats) -> None:
    """Add ``Σ ω_i C_i C_i'`` over the narrow columns to the cells ``column·n + row`` of the lower triangle."""
    for i in range(len(start) - 1):
        if start[i + 1] - start[i] > WIDE:
            continue
        for k in range(start[i], start[i + 1]):
            at, weighted = row[k] * n, weights[i] * value[k]
            for j in range(k, start[i + 1]):
                flat[at + row[j]] += weighted * value[j]


@compiled
def _add_pairs(
    n: int, start: Short, row: Short, value: Floats, one: Ints, other: Ints, weights: Floats, flat: Floats
) -> None:
    """Add ``Σ ω_ij (C_i C_j' + C_j C_i')`` over pairs of columns to the cells of the lower triangle."""
    for pair in range(len(one)):
        for k in range(start[one[pair]], start[one[pair] + 1]):
            for j in range(start[other[pair]], start[other[pair] + 1]):
                weighted = weights[pair] * value[k] * value[j]
                low, high = min(row[k], row[j]), max(row[k], row[j])
                flat[low * n + high] += 2.0 * weighted if low == high else weighted


@compiled
def _cells_in_use(n: int, start: Short, row: Short, value: Floats, one: Ints, other: Ints) -> int:
    """How many cells of the lower triangle the columns and the pairs of columns touch."""
    used = np.zeros(n * n, dtype=np.bool_)
    for i in range(len(start) - 1):
        for k in range(start[i], start[i + 1]):
            for j in range(k, start[i + 1]):
                used[row[k] * n + row[j]] = True
    for pair in range(len(one)):
        for k in range(start[one[pair]], start[one[pair] + 1]):
            for j in range(start[other[pair]], start[other[pair] + 1]):
                used[min(row[k], row[j]) * n + max(row[k], row[j])] = True
    return int(used.sum())


def _pairs(C: csc_array, counts: Ints, one: Ints, other: Ints) -> tuple[csr_array, Ints]:
    """Products of two entries of one column or of a pair of columns, by cell ``column·n + row`` of the lower triangle.

    Parameters
    ----------
    C : (n, m) sparse, by column
    counts : (m,)
        How many entries each column has.
    one, other : (pairs,)

    Returns
    -------
    sparse (cells, m + pairs)
    (cells,)
        The cells in use.
    """
    n, m = C.shape
    short = np.int32 if n * n < 2**31 else np.int64
    starts = np.append(0, np.cumsum(np.append(counts * (counts + 1) // 2, counts[one] * counts[other])))
    cell: Ints = np.empty(starts[-1], dtype=short)
    value = np.empty(starts[-1])
    for count in np.unique(counts[counts > 0]).tolist():
        group = np.flatnonzero(counts == count)
        at, to = C.indptr[group], starts[group]
        rows = [C.indices[at + k].astype(cell.dtype) for k in range(count)]
        data = [C.data[at + k] for k in range(count)]
        for i in range(count):
            for j in range(i + 1):
                cell[to], value[to] = rows[j] * n + rows[i], data[i] * data[j]
                to = to + 1
    shape = counts[one] * WIDE * 2 + counts[other]
    for kind in np.unique(shape).tolist():
        group = np.flatnonzero(shape == kind)
        to = starts[m + group]
        for i in range(kind // (WIDE * 2)):
            for j in range(kind % (WIDE * 2)):
                left, right = C.indptr[one[group]] + i, C.indptr[other[group]] + j
                a, b = C.indices[left].astype(cell.dtype), C.indices[right].astype(cell.dtype)
                cell[to] = np.minimum(a, b) * n + np.maximum(a, b)
                value[to] = C.data[left] * C.data[right] * np.where(a == b, 2.0, 1.0)
                to = to + 1
    used, row = _compress(cell, n * n)
    by_column = csc_array((value, row, starts.astype(row.dtype)), shape=(len(used), m + len(one)))
    return csr_array(by_column), used


def _compress(cell: Ints, n_cells: int) -> tuple[Ints, NDArray[np.int32]]:
    """The cells in use, and where each entry is among them."""
    if n_cells <= 20_000_000:
        seen = np.zeros(n_cells, dtype=bool)
        seen[cell] = True
        used = ints(np.flatnonzero(seen))
        position = np.empty(n_cells, dtype=np.int32)
        position[used] = np.arange(len(used), dtype=np.int32)
        return used, position[cell]
    used, row = np.unique(cell, return_inverse=True)
    return ints(used), row.astype(np.int32)


@dataclass(frozen=True)
class _Block:
    """Profiles that stand in neighbouring rows: ``dense`` (end - start, k) are rows from `start` of `profiles`."""

    start: int
    end: int
    dense: NDArray[np.float64]
    profiles: Ints


@dataclass(frozen=True)
class _Profiles:
    """Wide columns as multiples of different profiles.

    Attributes
    ----------
    columns, profile, factor : (wide,)
        Column ``columns`` is ``factor`` times the profile.
    n : int
        How many profiles.
    blocks : list
    """

    columns: Ints
    profile: Ints
    factor: Floats
    n: int
    blocks: list[_Block]

    def add_to(self, matrix: NDArray[np.float64], weights: Floats) -> None:
        """Add every profile's outer product, weighted by the sum of its columns' weights, to the lower triangle."""
        if not self.blocks:
            return
        share = np.bincount(self.profile, weights=weights[self.columns] * self.factor**2, minlength=self.n)
        for block in self.blocks:
            root = block.dense * np.sqrt(share[block.profiles])
            if block.end - block.start == len(matrix):
                dsyrk(1.0, root, 1.0, matrix, lower=1, overwrite_c=1)
            else:
                matrix[block.start : block.end, block.start : block.end] += dsyrk(1.0, root, lower=1)


def _profiles(C: csc_array, wide: Ints) -> _Profiles:
    profiles: dict[bytes, int] = {}
    kept: list[int] = []
    of, factor = np.empty(len(wide), dtype=np.int64), np.empty(len(wide))
    for k, i in enumerate(wide.tolist()):
        indices, data = C.indices[C.indptr[i] : C.indptr[i + 1]], C.data[C.indptr[i] : C.indptr[i + 1]]
        top = data[np.abs(data).argmax()]
        # Twelve digits: a profile that differs by less is the same profile, and the refinement sees the difference.
        key = indices.tobytes() + (data / top).round(12).tobytes()
        of[k] = profiles.setdefault(key, len(profiles))
        if of[k] == len(kept):
            kept.append(k)
        factor[k] = top
    first = wide[kept]
    starts, ends = ints(C.indices[C.indptr[first]]), ints(C.indices[C.indptr[first + 1] - 1] + 1)
    # Profiles over the same rows side by side: those over many rows last, the others by where they begin.
    far = ends - starts > C.shape[0] // 2
    order = np.lexsort((starts, far))
    blocks = []
    for chosen in _runs(starts[order], ends[order], order):
        start, end = int(starts[chosen].min()), int(ends[chosen].max())
        dense = C[:, first[chosen]].toarray()[start:end] / factor[kept][chosen]
        blocks.append(_Block(start, end, np.asfortranarray(dense), chosen))
    return _Profiles(wide, of, factor, len(kept), blocks)


def _runs(starts: Ints, ends: Ints, order: Ints) -> list[Ints]:
    """Profiles in their order, cut where a block of its own is less work than a longer window."""
    cuts = [0]
    low = high = work = 0
    for k, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        columns = k - cuts[-1]
        grown = (max(high, end) - min(low, start)) ** 2 * (columns + 1 + OVERHEAD) if columns else 0
        if not columns or grown <= work + (end - start) ** 2 * (1 + OVERHEAD):
            low, high = (min(low, start), max(high, end)) if columns else (start, end)
            work = (high - low) ** 2 * (columns + 1 + OVERHEAD)
        else:
            cuts.append(k)
            low, high, work = start, end, (end - start) ** 2 * (1 + OVERHEAD)
    return np.split(order, cuts[1:]) if len(order) else []
