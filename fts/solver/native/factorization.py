"""Factorisations of the product system: dense, or sparse where little fills in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpotrf, dpotrs
from scipy.sparse import csc_array
from scipy.sparse.linalg import SuperLU, splu

from fts.models.columns import Floats, Ints

DIAGONAL = 1e-13
"""Share added to the diagonal of the matrix; refinement takes it out of the solution."""


class DenseFactor:
    """Cholesky factor of a symmetric positive semidefinite matrix.

    Its rounding does not depend on the units of the rows, so the matrix is factored as it is.

    Parameters
    ----------
    form : callable
        Makes the matrix (n, n) in Fortran order afresh. Its lower triangle counts; it is overwritten.
    """

    def __init__(self, form: Callable[[], NDArray[np.float64]]) -> None:
        extra = DIAGONAL
        while True:
            matrix = form()
            at = np.arange(len(matrix))
            diagonal = matrix[at, at]
            matrix[at, at] = np.where(diagonal > 0, diagonal * (1.0 + extra), extra)
            self._factor, failed = dpotrf(matrix, lower=1, clean=0, overwrite_a=1)
            if not failed:
                return
            extra *= 100

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (n,)."""
        solved: Floats = dpotrs(self._factor, right, lower=1)[0]
        return solved


class LowRankFactor:
    """Factor of ``diag(d) + V diag(ω) V'`` with few columns ``V``, in the space of these columns.

    ``V' diag(1/d) V + diag(1/ω)`` is factored; that loses digits where `d` is small beside the whole diagonal.

    Parameters
    ----------
    V : (n, k)
    weights : (k,)
    diagonal : (n,)
    """

    def __init__(self, V: NDArray[np.float64], weights: Floats, diagonal: Floats) -> None:
        self._V, self._diagonal = V, diagonal
        inner = dsyrk(1.0, V / np.sqrt(diagonal)[:, None], trans=1, lower=1)
        at = np.arange(len(inner))
        inner[at, at] += 1.0 / weights
        self._inner = DenseFactor(lambda: np.asfortranarray(inner))

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (n,)."""
        scaled = right / self._diagonal
        solved: Floats = scaled - (self._V @ self._inner.solve(self._V.T @ scaled)) / self._diagonal
        return solved


class SparsePattern:
    """Pattern of a sparse symmetric matrix, and the order in which its rows are eliminated.

    Parameters
    ----------
    n : int
    cells : (m,)
        Entries ``column * n + row`` of the lower triangle, increasing.
    """

    def __init__(self, n: int, cells: Ints) -> None:
        column, row = np.divmod(cells, n)
        off = np.flatnonzero(row != column)
        rows, columns = np.append(row, column[off]), np.append(column, row[off])
        self._source = np.append(np.arange(len(cells)), off)
        self.n, self.nnz = n, len(rows)
        self._lay(rows, columns)
        self._rows, self._columns = rows, columns
        self.order = np.arange(n)

    def _lay(self, rows: Ints, columns: Ints) -> None:
        order = np.lexsort((rows, columns))
        self._take = self._source[order]
        self._row = rows[order].astype(np.int32)
        self._start = np.append(0, np.cumsum(np.bincount(columns, minlength=self.n))).astype(np.int32)
        self._diagonal = np.flatnonzero(self._row == np.repeat(np.arange(self.n), np.diff(self._start)))

    def fill(self, values: Floats) -> int:
        """Entries of the factor, found by factoring once; the order found is kept."""
        factor = splu(
            self._matrix(values, DIAGONAL)[0],
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        position = factor.perm_c.astype(np.int64)
        self.order = np.argsort(position)
        self._lay(position[self._rows], position[self._columns])
        return int(factor.nnz)

    def _matrix(self, values: Floats, extra: float) -> tuple[csc_array, Floats]:
        data = values[self._take]
        diagonal = np.zeros(self.n)
        diagonal[self._row[self._diagonal]] = data[self._diagonal]
        unit = _unit(diagonal)
        data *= unit[self._row]
        data *= np.repeat(unit, np.diff(self._start))
        data[self._diagonal] = np.where(diagonal[self._row[self._diagonal]] > 0, 1.0, 0.0) + extra
        return csc_array((data, self._row, self._start), shape=(self.n, self.n)), unit

    def factor(self, values: Floats) -> SparseFactor:
        """Factor the matrix with these entries, (m,)."""
        matrix, unit = self._matrix(values, DIAGONAL)
        factor = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        return SparseFactor(factor, unit, self.order)


class SparseFactor:
    """Factor of a sparse matrix, eliminated in an order that keeps it sparse."""

    def __init__(self, factor: SuperLU, unit: Floats, order: Ints) -> None:
        self._factor, self._unit, self._order = factor, unit, order

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (n,)."""
        solution = np.empty_like(right)
        solution[self._order] = self._unit * self._factor.solve(self._unit * right[self._order])
        return solution


def _unit(diagonal: Floats) -> Floats:
    return 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
