"""The Hessian of the dual problem: products with it and solves, with a factor that may be an earlier one."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv
from scipy.linalg.lapack import dpotrf, dpotrs, spotrf, spotrs

from fts.models.columns import Floats, floats
from fts.solver.compiled import compiled
from fts.solver.native.bid_response import multiply
from fts.solver.native.factorization import DIAGONAL, DenseFactor, LowRankFactor, SparseFactor
from fts.solver.native.normal_matrix import NormalMatrix
from fts.solver.native.profiles import CompressedBids

Singles: TypeAlias = NDArray[np.float32]
SHIFT = 1e-5
"""Added to the unit diagonal of a matrix in single precision, so that its rounding leaves it positive definite."""
MAX_DENSE = 4_000
"""Most products of a dense factor; it takes 8 n² bytes to form and 4 n² to keep."""
SMALL_HESSIAN = 150
"""Up to so many products a factor costs less than a few steps of conjugate gradients."""
MAX_DENSE_PRODUCTS = 1_000
"""Up to so many products the Hessian is kept and changed bid by bid, if no portfolio is wide."""


class Factor(Protocol):
    """A factor of a symmetric positive definite matrix."""

    @property
    def is_exact(self) -> bool:
        """True if a solve leaves only rounding; False: it is a preconditioner."""
        ...

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (P,)."""
        ...


class Hessian(Protocol):
    """``Σ_i curvature_i weight_i weight_i'`` over bids, (P, P).

    Attributes
    ----------
    cells : (P·P,) or (0,)
        What :func:`bid_response.respond` keeps up to date.
    patience : int
        Steps of conjugate gradients with the diagonal alone that cost about as much as a factor.
    tolerances : float, float
        Residuals, relative, that a solve by conjugate gradients may leave while many bids change their states, and
        while few do. A step that costs less than a pass over the bids is worth its accuracy.
    """

    cells: Floats
    patience: int
    tolerances: tuple[float, float]

    def of_diagonal(self, curvature: Floats) -> Floats:
        """Compute the diagonal, (P,)."""
        ...

    def factor(self, curvature: Floats, extra: Floats | None) -> Factor | None:
        """Factor the matrix with a diagonal added, (P,); None where it is not positive definite."""
        ...

    def times(self, curvature: Floats, step: Floats) -> Floats:
        """Multiply the matrix and a step, (P,)."""
        ...

    def copy(self) -> Hessian:
        """Return an independent copy."""
        ...


class _Cholesky:
    """Cholesky factor in Fortran order."""

    is_exact = True

    def __init__(self, factor: Floats) -> None:
        self._factor = factor

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (P,)."""
        solution: Floats = dpotrs(self._factor, right, lower=1)[0]
        return solution


@dataclass(frozen=True)
class _SingleCholesky:
    """Cholesky factor in single precision of a matrix in units in which its diagonal is 1."""

    triangle: Singles
    unit: Floats
    is_exact: bool = False

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (P,)."""
        scaled = right * self.unit
        size = float(np.max(np.abs(scaled))) or 1.0
        solution = spotrs(self.triangle, (scaled / size).astype(np.float32), lower=1)[0]
        return floats(solution * (size * self.unit))


@dataclass(frozen=True)
class _Preconditioner:
    """A sparse factor with a little added to the diagonal."""

    factor: DenseFactor | LowRankFactor | SparseFactor
    is_exact: bool = False

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (P,)."""
        return self.factor.solve(right)


class KeptHessian:
    """The Hessian of a market of up to `DENSE` products, kept as a dense matrix and changed bid by bid."""

    tolerances = 1e-3, 1e-12

    def __init__(self, n_products: int) -> None:
        self.n_products, self.patience = n_products, 0 if n_products < SMALL_HESSIAN else 60
        self.cells = np.zeros(n_products * n_products)

    def copy(self) -> KeptHessian:
        """Return an independent copy."""
        made = KeptHessian.__new__(KeptHessian)
        made.n_products, made.patience, made.cells = self.n_products, self.patience, self.cells.copy()
        return made

    def of_diagonal(self, curvature: Floats) -> Floats:
        """Compute the diagonal, (P,)."""
        return self.cells[:: self.n_products + 1]

    def factor(self, curvature: Floats, extra: Floats | None) -> Factor | None:
        """Factor the matrix with a diagonal added, (P,); None where it is not positive definite."""
        matrix = self.cells.copy()
        matrix[:: self.n_products + 1] *= 1.0 + DIAGONAL
        if extra is not None:
            matrix[:: self.n_products + 1] += extra
        shaped = matrix.reshape((self.n_products, self.n_products), order="F")
        factor, failed = dpotrf(shaped, lower=1, clean=0, overwrite_a=1)
        return None if failed else _Cholesky(factor)

    def times(self, curvature: Floats, step: Floats) -> Floats:
        """Multiply the matrix and a step, (P,)."""
        matrix = self.cells.reshape((self.n_products, self.n_products), order="F")
        product: Floats = dsymv(1.0, matrix, step, lower=1)
        return product


class FormedHessian:
    """The Hessian of a market of many products or wide portfolios: formed only to be factored.

    Its factors are preconditioners: first the diagonal alone, then a dense factor in single precision, which takes half
    the time and memory, or a sparse one.

    Parameters
    ----------
    bids : CompressedBids
    """

    tolerances = 1e-1, 1e-9

    def __init__(self, bids: CompressedBids) -> None:
        self.cells, self.patience = np.empty(0), 200
        self._bids, self._lock = bids, Lock()
        self._normal: NormalMatrix | None = None

    def copy(self) -> FormedHessian:
        """Itself: it does not change."""
        return self

    def of_diagonal(self, curvature: Floats) -> Floats:
        """Compute the diagonal, (P,)."""
        return self._bids.diagonal(curvature)

    def factor(self, curvature: Floats, extra: Floats | None) -> Factor | None:
        """Factor the matrix with a diagonal added, (P,); None where it is not positive definite."""
        # Solves that run side by side must not form their matrices in the same memory.
        with self._lock:
            if self._normal is None:
                self._normal = NormalMatrix(self._bids.columns())
            weights = self._bids.column_weights(curvature)
            added = np.zeros(self._bids.n_products) if extra is None else extra
            if self._normal.is_dense and self._bids.n_products > MAX_DENSE:
                return None
            if not self._normal.is_dense:
                return _Preconditioner(self._normal.factor(weights, np.empty(0), added))
            matrix = self._normal.dense(weights, added)
            unit = 1.0 / np.sqrt(matrix.diagonal())
            if not np.isfinite(unit).all():
                return None
            single = np.empty(matrix.shape, dtype=np.float32, order="F")
            _scale(matrix, unit, SHIFT, single)
        factor, failed = spotrf(single, lower=1, clean=0, overwrite_a=1)
        return None if failed else _SingleCholesky(factor, unit)

    def times(self, curvature: Floats, step: Floats) -> Floats:
        """Multiply the matrix and a step, (P,)."""
        bids = self._bids
        product = np.empty(bids.n_rows)
        multiply(*bids.entries, curvature, bids.extended(step), product)
        return bids.gathered(product)


@compiled
def _scale(matrix: Floats, unit: Floats, shift: float, single: Singles) -> None:
    """Write the lower triangle in single precision, in units in which its diagonal is 1, with `shift` added to it."""
    for column in range(len(unit)):
        for row in range(column, len(unit)):
            single[row, column] = matrix[row, column] * unit[row] * unit[column]
        single[column, column] = 1.0 + shift


class Diagonal:
    """A diagonal alone, as a preconditioner.

    Parameters
    ----------
    diagonal : (P,)
    """

    is_exact = False

    def __init__(self, diagonal: Floats) -> None:
        self._inverse = 1.0 / np.where(diagonal > 0, diagonal, np.inf)

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side, (P,)."""
        return self._inverse * right


def conjugate_gradients(
    hessian: Hessian,
    curvature: Floats,
    extra: Floats | None,
    factor: Factor,
    right: Floats,
    tolerance: float,
    max_steps: int,
) -> Floats | None:
    """Solve with the Hessian by conjugate gradients that another factor preconditions.

    Parameters
    ----------
    extra : (P,), optional
        Added to the diagonal.
    right : (P,)
    tolerance : float
        Wanted ratio of the residual to the right-hand side, in the norm of the factor's inverse.

    Returns
    -------
    (P,), or None if `max_steps` are not enough.
    """
    solution, rest = np.zeros(len(right)), right.copy()
    solved = factor.solve(rest)
    direction = solved
    size = float(rest @ solved)
    wanted = tolerance * tolerance * size
    for _ in range(max_steps):
        product = hessian.times(curvature, direction)
        if extra is not None:
            product += extra * direction
        bend = float(direction @ product)
        if not bend > 0:
            return None
        step = size / bend
        solution += step * direction
        rest -= step * product
        solved = factor.solve(rest)
        before, size = size, float(rest @ solved)
        if size <= wanted:
            return solution
        direction = solved + (size / before) * direction
    return None
