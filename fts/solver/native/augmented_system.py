"""The Newton system of a small program without eliminating the portfolios: slower, and exact where that loses digits.

A portfolio whose demands are all shared has no curvature of its own. Eliminated, it outweighs everything else in the
product system by the inverse of its proximal term; where all bids stand at their bounds, nothing of these is left.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.linalg import LinAlgWarning, lu_factor, lu_solve
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, floats
from fts.solver.native.elimination import Elimination, Step

MAX_AUGMENTED = 1_500
"""Most portfolios, products and shared demands together."""
PROXIMAL = 1e-14
"""Added to the unit rows of the equilibrated matrix; refinement takes it out of the solution."""
REFINEMENT_ROUNDS = 4
"""Rounds of iterative refinement of each solution."""


class AugmentedSystem(Elimination):
    """The system ``(Δx, Δπ, ν)`` of :class:`Elimination`, factored as it is."""

    def __init__(self, B: csc_array, W: csc_array, rate_scale: Floats, fixed: Flags) -> None:
        super().__init__(B, W, rate_scale, fixed)
        n, P = self.n_portfolios, self.n_products
        S = len(self.shared_demand)
        whole = np.zeros((n + P + S, n + P + S))
        dense, shared = B.toarray(), self.S.toarray()
        whole[:n, n : n + P], whole[n : n + P, :n] = dense.T, dense
        whole[:n, n + P :], whole[n + P :, :n] = -shared.T, shared
        self._whole = whole

    def factor(self, g: Floats) -> None:
        """Factor the system for the given response ``g_d = Σ 1/h`` of every demand, (D,)."""
        self.g = g + self._fixed_response
        share = self.private_weight**2 / self.g[self.private_demand]
        # The proximal term keeps rates where they are that nothing determines; refinement does not take it out.
        q = self.proximal + np.bincount(self.private_portfolio, weights=share, minlength=self.n_portfolios)
        n, P = self.n_portfolios, self.n_products
        matrix = self._whole.copy()
        at = np.arange(len(matrix))
        matrix[at[:n], at[:n]] = q
        matrix[at[n + P :], at[n + P :]] = self.g[self.shared_demand]
        self._matrix = matrix
        unit = np.ones(len(matrix))
        size = np.abs(matrix)
        for _ in range(6):
            largest = (size * unit[:, None] * unit).max(axis=0)
            unit /= np.sqrt(np.where(largest > 0, largest, 1.0))
        scaled = matrix * unit[:, None] * unit
        sign = np.ones(len(matrix))
        sign[n : n + P] = -1.0
        scaled[at, at] += PROXIMAL * sign
        self._unit = unit
        with warnings.catch_warnings():
            # An exactly singular system shows in the residual.
            warnings.simplefilter("ignore", LinAlgWarning)
            self._lu = lu_factor(scaled, check_finite=False)

    def solve_newton(self, t: Floats, portfolio: Floats, product: Floats, rounds: int = 1) -> tuple[Step, Floats]:
        """Solve for what segments ask, as :meth:`Elimination.answer`."""
        weighted = self.private_weight * (t / self.g)[self.private_demand]
        a = np.bincount(self.private_portfolio, weights=weighted, minlength=self.n_portfolios) - portfolio
        step = self.solve(floats(a), product, t[self.shared_demand], rounds)
        demand_prices = (t - self.traded(step.x)[0]) / self.g
        demand_prices[self.shared_demand] = step.shared
        return step, demand_prices

    def solve(self, a: Floats, b: Floats, t: Floats, rounds: int = 1) -> Step:
        """Solve for right-hand sides ``a (I,)``, ``b (P,)``, ``t (S,)``, refined against the true operator."""
        right = np.concatenate([a, b, t])
        found = np.zeros(len(right))
        for _ in range(1 + max(rounds, REFINEMENT_ROUNDS)):
            rest = right - self._matrix @ found
            found += self._unit * floats(lu_solve(self._lu, self._unit * rest, check_finite=False))
        n, P = self.n_portfolios, self.n_products
        return Step(found[:n], found[n : n + P], found[n + P :])
