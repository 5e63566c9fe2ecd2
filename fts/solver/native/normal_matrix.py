"""The matrix ``C diag(ω) C'`` of the product system, formed once per step in one pass over the bids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints, ints
from fts.solver.compiled import Index, compiled, unsigned_entries
from fts.solver.native.factorization import DenseFactor, LowRankFactor, SparseFactor, SparsePattern

MAX_ALWAYS_DENSE = 400
"""Systems up to this size are always dense."""
COUNTED = 10_000
"""Up to this size the cells in use are counted in a map of all cells, before the pairs are listed."""
SPARSE = 0.05
"""Share of entries in the factor below which sparse elimination is faster than dense."""
WIDE = 48
"""Columns with more entries than this are multiplied as dense blocks."""
OVERHEAD = 64
"""Adding a dense block to the matrix takes as long as multiplying so many of its columns."""
FEW_COLUMNS = 4
"""So many times fewer columns of several entries than rows, and the system is solved in the space of these columns."""
LEAST_OWN = 1e-6
"""Least share of the diagonal that columns of one entry must have for that."""
LONG = 4
"""Blocks over more than this part of the rows (1 / LONG) are multiplied as dense columns."""
NONE = np.empty(0, dtype=np.int64)
NONE_WEIGHT = np.empty(0)


@dataclass(frozen=True)
class Outer:
    """Cells of outer products ``N N'`` of small blocks of columns ``N``.

    Attributes
    ----------
    start : (n_blocks + 1,)
        Block `b` has the rows ``rows[start[b]:start[b + 1]]``.
    rows : (Σ rows,)
        Increasing within a block.
    width : (n_blocks,)
        Columns of each block.
    at : (n_blocks + 1,)
        Its values begin here, row by row.
    """

    start: Ints
    rows: Ints
    width: Ints
    at: Ints


class NormalMatrix:
    """``C diag(ω) C' - Σ N N'`` for changing weights ω of columns and changing blocks ``N`` of a few rows each.

    Narrow columns are added entry by entry, in one pass over the bids. Columns that are wide are multiplied as dense
    blocks, those in the same proportion as one column. (For narrow columns the products of all pairs of entries are
    fewer than a search for proportions would look at.) Where the matrix is sparse, the pairs are listed once, and a
    step is one sparse product.

    Parameters
    ----------
    C : (n, m) sparse, by column, rows in order
    outer : Outer, optional
        Where the blocks stand.
    """

    def __init__(self, C: csc_array, outer: Outer | None = None) -> None:
        self.size = C.shape[0]
        counts = np.diff(C.indptr)
        self._columns, self._outer = unsigned_entries(C), outer
        self._profiles = _profiles(C, np.flatnonzero(counts > WIDE))
        self._diagonal = np.arange(self.size) * (self.size + 1)
        self._pattern = self._sparse_pattern(C, counts)
        self._few = self._few_columns(C, counts)
        if self._pattern is None:
            # Fresh memory would cost as much as filling it; so a factor holds only until the next one is made.
            self._flat = np.empty(self.size * self.size)
            self._long, self._short = self._divided(outer)

    def _few_columns(self, C: csc_array, counts: Ints) -> tuple[Ints, NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the columns of several entries as a dense matrix, and its squares, where they are few."""
        joint = np.flatnonzero(counts > 1)
        if self.size <= MAX_ALWAYS_DENSE // 2 or FEW_COLUMNS * len(joint) > self.size or self._outer is not None:
            return None
        V = np.asfortranarray(C[:, joint].toarray())
        return joint, V, V**2

    def _low_rank(self, weights: Floats, diagonal: Floats) -> LowRankFactor | None:
        """Factor the matrix in the space of the few columns, where the others add enough to the diagonal."""
        if self._few is None:
            return None
        joint, V, squares = self._few
        start, row, value = self._columns
        own = diagonal + _squares_of_single(start, row, value, weights, self.size)
        whole = own + squares @ weights[joint]
        if not (own >= LEAST_OWN * whole).all() or not (own > 0).all():
            return None
        return LowRankFactor(V, weights[joint], own)

    def _divided(self, outer: Outer | None) -> tuple[Ints, Ints]:
        """Blocks over many rows, which are multiplied together as dense columns, and the others."""
        if outer is None:
            return NONE, NONE
        is_long = LONG * np.diff(outer.start) > self.size
        return np.flatnonzero(is_long), np.flatnonzero(~is_long)

    @property
    def is_dense(self) -> bool:
        """True if the matrix is factored as a dense one."""
        return self._pattern is None

    def _sparse_pattern(self, C: csc_array, counts: Ints) -> SparsePattern | None:
        """Compute the pattern for sparse elimination, where that pays."""
        n = self.size
        if n <= MAX_ALWAYS_DENSE or self._profiles.blocks:
            return None
        cells_of_blocks = NONE if self._outer is None else _cells_of_blocks(n, self._outer.start, self._outer.rows)
        if n <= COUNTED and 2 * _cells_in_use(n, *self._columns, cells_of_blocks) > SPARSE * n * n:
            return None
        self._pairs, self._cells = _pairs(C, counts)
        cells = np.unique(np.concatenate([self._cells, self._diagonal, cells_of_blocks]))
        pattern = SparsePattern(n, cells)
        self._at, self._diagonal_at = np.searchsorted(cells, self._cells), np.searchsorted(cells, self._diagonal)
        self._blocks_at = np.searchsorted(cells, cells_of_blocks)
        self._n_cells = len(cells)
        # Any weights show what fills in.
        values = np.zeros(len(cells))
        values[self._at] = self._pairs @ np.ones(self._pairs.shape[1])
        values[self._diagonal_at] += 1.0
        return pattern if pattern.fill(values) <= SPARSE * n * n else None

    def dense(self, weights: Floats, diagonal: Floats) -> NDArray[np.float64]:
        """Return the matrix (n, n) without blocks, where :attr:`is_dense`.

        Only its lower triangle counts. It is in Fortran order, and it holds until the next one is made.
        """
        return self._dense(weights, NONE_WEIGHT, diagonal)

    def factor(self, weights: Floats, blocks: Floats, diagonal: Floats) -> DenseFactor | SparseFactor | LowRankFactor:
        """Compute the factor of the matrix, ``diag(d)`` added.

        Parameters
        ----------
        weights : (m,)
            Of columns.
        blocks : (Σ rows · width,)
            Values of the blocks ``N``; none without any.
        diagonal : (n,)
        """
        low_rank = self._low_rank(weights, diagonal)
        if low_rank is not None:
            return low_rank
        if self._pattern is None:
            return DenseFactor(lambda: self._dense(weights, blocks, diagonal))
        values = np.zeros(self._n_cells)
        values[self._at] = self._pairs @ weights
        values[self._diagonal_at] += diagonal
        if self._outer is not None and len(blocks):
            _subtract_at(self._outer.start, self._outer.width, self._outer.at, blocks, self._blocks_at, values)
        return self._pattern.factor(values)

    def _dense(self, weights: Floats, blocks: Floats, diagonal: Floats) -> NDArray[np.float64]:
        """Compute the lower triangle, in Fortran order."""
        n, flat = self.size, self._flat
        flat.fill(0.0)
        flat[self._diagonal] = diagonal
        _add_columns(n, *self._columns, weights, flat)
        matrix: NDArray[np.float64] = flat.reshape((n, n), order="F")
        self._profiles.add_to(matrix, weights)
        if self._outer is not None and len(blocks):
            o = self._outer
            _subtract(n, o.start, o.rows, o.width, o.at, blocks, self._short, flat)
            if len(self._long):
                columns = np.zeros((n, int(o.width[self._long].sum())), order="F")
                _spread_products(o.start, o.rows, o.width, o.at, blocks, self._long, columns)
                dsyrk(-1.0, columns, 1.0, matrix, lower=1, overwrite_c=1)
        return matrix


@compiled
def _add_columns(n: int, start: Index, row: Index, value: Floats, weights: Floats, flat: Floats) -> None:
    """Add ``Σ ω_i C_i C_i'`` over the narrow columns to the cells ``column·n + row`` of the lower triangle."""
    for i in range(len(start) - 1):
        if start[i + 1] - start[i] > WIDE:
            continue
        for k in range(start[i], start[i + 1]):
            at, weighted = row[k] * n, weights[i] * value[k]
            for j in range(k, start[i + 1]):
                flat[at + row[j]] += weighted * value[j]


@compiled
def _squares_of_single(start: Index, row: Index, value: Floats, weights: Floats, n: int) -> Floats:
    """``Σ ω_i C_i²`` over the columns of one entry, (n,)."""
    squares = np.zeros(n)
    for i in range(len(weights)):
        if start[i + 1] - start[i] == 1:
            squares[row[start[i]]] += weights[i] * value[start[i]] * value[start[i]]
    return squares


@compiled
def _subtract(
    n: int, start: Ints, rows: Ints, width: Ints, at: Ints, values: Floats, chosen: Ints, flat: Floats
) -> None:
    """Subtract ``N N'`` of the chosen blocks from the cells of the lower triangle."""
    for b in chosen:
        k, first = width[b], at[b]
        for i in range(start[b + 1] - start[b]):
            column = rows[start[b] + i] * n
            for j in range(i, start[b + 1] - start[b]):
                total = 0.0
                for c in range(k):
                    total += values[first + i * k + c] * values[first + j * k + c]
                flat[column + rows[start[b] + j]] -= total


@compiled
def _spread_products(
    start: Ints, rows: Ints, width: Ints, at: Ints, values: Floats, chosen: Ints, columns: NDArray[np.float64]
) -> None:
    """Write the chosen blocks as dense columns, side by side."""
    left = 0
    for b in chosen:
        k = width[b]
        for i in range(start[b + 1] - start[b]):
            for c in range(k):
                columns[rows[start[b] + i], left + c] = values[at[b] + i * k + c]
        left += k


@compiled
def _subtract_at(start: Ints, width: Ints, at: Ints, values: Floats, place: Ints, cells: Floats) -> None:
    """Subtract ``N N'`` of all blocks; the pairs of rows of each, in order, stand at `place`."""
    to = 0
    for b in range(len(width)):
        k, first = width[b], at[b]
        for i in range(start[b + 1] - start[b]):
            for j in range(i, start[b + 1] - start[b]):
                total = 0.0
                for c in range(k):
                    total += values[first + i * k + c] * values[first + j * k + c]
                cells[place[to]] -= total
                to += 1


@compiled
def _cells_of_blocks(n: int, start: Ints, rows: Ints) -> Ints:
    """Cells ``column·n + row`` of the pairs of rows of every block, (Σ rows (rows + 1)/2,)."""
    count = 0
    for b in range(len(start) - 1):
        count += (start[b + 1] - start[b]) * (start[b + 1] - start[b] + 1) // 2
    cells, to = np.empty(count, dtype=np.int64), 0
    for b in range(len(start) - 1):
        for i in range(start[b], start[b + 1]):
            for j in range(i, start[b + 1]):
                cells[to] = rows[i] * n + rows[j]
                to += 1
    return cells


@compiled
def _cells_in_use(n: int, start: Index, row: Index, value: Floats, others: Ints) -> int:
    """Count the cells of the lower triangle that the columns and the other cells take."""
    used = np.zeros(n * n, dtype=np.bool_)
    for i in range(len(start) - 1):
        for k in range(start[i], start[i + 1]):
            for j in range(k, start[i + 1]):
                used[row[k] * n + row[j]] = True
    for cell in others:
        used[cell] = True
    return int(used.sum())


def _pairs(C: csc_array, counts: Ints) -> tuple[csr_array, Ints]:
    """Products of two entries of one column, by cell ``column·n + row`` of the lower triangle.

    Parameters
    ----------
    C : (n, m) sparse, by column
    counts : (m,)
        How many entries each column has.

    Returns
    -------
    sparse (cells, m)
    (cells,)
        The cells in use.
    """
    n, m = C.shape
    short = np.int32 if n * n < 2**31 else np.int64
    starts = np.append(0, np.cumsum(counts * (counts + 1) // 2))
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
    used, row = _compress(cell, n * n)
    by_column = csc_array((value, row, starts.astype(row.dtype)), shape=(len(used), m))
    return csr_array(by_column), used


def _compress(cell: Ints, n_cells: int) -> tuple[Ints, NDArray[np.int32]]:
    """Return the cells in use, and where each entry is among them."""
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
