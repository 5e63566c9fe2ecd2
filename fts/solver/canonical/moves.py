"""Least moves of a group of unknowns under its equations and limits: of all unknowns, or of the space of its rows.

A part of a move that no row sees is free, so the best point has none of it: it differs from the targets by combinations
of the rows alone. For each level of wishes these have at most as many coordinates as there are rows. Where there are
many more unknowns than rows, the problem in these coordinates is small, and exact as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import qr

from fts.models.columns import Floats, floats
from fts.solver.canonical.lexicographic_lsq import Objective, by_weight, least_squares, lexicographic_lsq
from fts.solver.canonical.lexicographic_lsq import null_space as directions_of


class Moves:
    """Moves of all ``n`` unknowns that keep the equations.

    Parameters
    ----------
    equations, limits : (e, n), (l, n)
    levels : list of Objective
        The wishes, with the targets as points.
    directions : (n, k)
        An orthonormal basis of the moves that keep the equations.
    """

    def __init__(self, equations: Floats, limits: Floats, levels: Sequence[Objective], directions: Floats) -> None:
        self._equations, self._limits, self._levels, self._directions = equations, limits, levels, directions

    def nearest(self, now: Floats, low: Floats, high: Floats, noise: float, *, is_first: bool) -> Floats | None:
        """Compute the move from a point that satisfies the levels in their order.

        Parameters
        ----------
        now : (n,)
            The point.
        low, high : (l,)
            Bounds of ``limits @ move``.
        noise : float
            What rounding may add to a bound.
        is_first : bool
            The first move from an engine's point; a later one starts near the best point.

        Returns
        -------
        (n,) or None
            None where no point was found that keeps the bounds to rounding.
        """
        levels = [Objective(one.weight, one.target - now) for one in self._levels]
        return lexicographic_lsq(self._directions, self._limits, low, high, levels, noise)

    def restored(self, residual: Floats) -> Floats:
        """Compute the least move that changes the equations by what is missing, (e,)."""
        return least_squares(self._equations, residual)

    def towards_zero(self, now: Floats) -> Floats:
        """Compute the move from a point to the one nearest to 0, whatever the limits."""
        return floats(-self._directions @ (self._directions.T @ now))


class RowMoves:
    """The same in coordinates ``t`` of the space of the rows; the moves are ``basis @ t``.

    Parameters
    ----------
    equations, limits : (e, n), (l, n)
    levels : list of Objective
        The wishes, with the targets as points; each unknown has a weight in one of them.
    """

    def __init__(self, equations: Floats, limits: Floats, levels: Sequence[Objective]) -> None:
        rows = np.vstack([equations, limits])
        n = rows.shape[1]
        self._point, root, bases, owners = np.zeros(n), np.zeros(n), [], []
        for number, level in enumerate(graded for one in levels for graded in by_weight(one)):
            wished = np.flatnonzero(level.weight > 0)
            root[wished], self._point[wished] = np.sqrt(level.weight[wished]), level.target[wished]
            columns = _spanning(rows[:, wished] / root[wished])
            basis = np.zeros((n, columns.shape[1]))
            basis[wished] = columns / root[wished, None]
            bases.append(basis)
            owners.append(np.full(columns.shape[1], number))
        # In the weights of its level, each column has length 1 and is orthogonal to the others.
        self._basis, self._level, self._weight = np.hstack(bases), np.concatenate(owners), root**2
        self._equations, self._limits = equations @ self._basis, limits @ self._basis
        self._directions = directions_of(self._equations)

    def nearest(self, now: Floats, low: Floats, high: Floats, noise: float, *, is_first: bool) -> Floats | None:
        """Compute the move from a point that satisfies the levels in their order; see :meth:`Moves.nearest`."""
        target = self._point - now
        wished = floats(self._basis.T @ (self._weight * target))
        numbers = range(self._level.max(initial=-1) + 1)
        levels = [Objective((self._level == number).astype(np.float64), wished) for number in numbers]
        along = lexicographic_lsq(self._directions, self._limits, low, high, levels, noise)
        if along is None:
            return None
        # The first move brings what no row sees to its target; a later one would only add the rounding of that.
        return floats(target - self._basis @ (wished - along) if is_first else self._basis @ along)

    def restored(self, residual: Floats) -> Floats:
        """Compute the least move that changes the equations by what is missing, (e,)."""
        return floats(self._basis @ least_squares(self._equations, residual))

    def towards_zero(self, now: Floats) -> Floats:
        """Compute the move to 0, from which the equations are to be restored."""
        return -now


def n_coordinates(levels: Sequence[Objective], n_rows: int) -> int:
    """Count the most coordinates of the space that so many rows span."""
    return sum(min(int(np.count_nonzero(graded.weight)), n_rows) for one in levels for graded in by_weight(one))


def _spanning(rows: Floats) -> Floats:
    """Compute an orthonormal basis of a space that holds all rows, (n, k)."""
    n = rows.shape[1]
    if n <= len(rows):
        return np.eye(n)
    return floats(qr(rows.T, mode="economic", check_finite=False)[0])
