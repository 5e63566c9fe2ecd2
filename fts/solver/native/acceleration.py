"""Anderson's acceleration of an iteration that converges slowly towards the solution of linear equations.

The last points and steps of the iteration are combined so that the combined step is shortest; where the equations are
linear this is GMRES. Sources: Anderson, *Iterative procedures for nonlinear integral equations*, J. ACM 1965; Walker
and Ni, *Anderson acceleration for fixed-point iterations*, SIAM J. Numer. Anal. 2011.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats, floats

DEPTH = 6
"""At most so many points are combined."""
MIN_POINTS = 3
"""Fewer points than this are not combined: most iterations end before."""
DIFFERENCE_RANK = 1e-10
"""Singular values of the differences of steps below this share of the largest one are rounding."""


class Acceleration:
    """The last points of an iteration, as vectors of any length, and their steps.

    Parameters
    ----------
    weight : vector
        Of each unknown in the length of a step.
    """

    def __init__(self, weight: Floats) -> None:
        self._weight = weight
        self._points: list[Floats] = []
        self._steps: list[Floats] = []

    def restart(self) -> None:
        """Forget all points: the equations have changed."""
        self._points, self._steps = [], []

    def next_point(self, point: Floats, step: Floats) -> Floats:
        """Compute the point to go on from, where the iteration itself would go to ``point + step``."""
        self._points = [*self._points[1 - DEPTH :], point]
        self._steps = [*self._steps[1 - DEPTH :], step]
        if len(self._points) < MIN_POINTS:
            return point + step
        points, steps = (floats(np.diff(np.array(kept), axis=0).T) for kept in (self._points, self._steps))
        share = np.linalg.lstsq(self._weight[:, None] * steps, self._weight * step, rcond=DIFFERENCE_RANK)[0]
        return floats(point + step - (points + steps) @ share)
