"""The Newton system of a program: segments, demands and portfolios are eliminated, the products are left.

With ``h`` the curvature of the segments, ``g_d = Σ 1/h`` over the segments of demand ``d`` and ``ν = Δλ`` of shared
demands, a step solves::

    q Δx + B'Δπ - S'ν = a        stationarity of portfolio rates; q_i = Σ W_di²/g_d over its private demands
    B Δx              = b        products
    S Δx + g ν        = t        shared demands, S = their rows of W

``Δx = (a - B'Δπ + S'ν)/q`` leaves one symmetric positive definite system in ``(Δπ, ν)``. It is factored with a little
added to its diagonals (proximal terms) and refined on the residual of the three equations above, which do not have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from fts.models.columns import Flags, Floats, floats
from fts.solver.native.normal import NormalMatrix


@dataclass(frozen=True)
class Step:
    """A solution of the reduced system.

    Attributes
    ----------
    x : (I,)
    prices : (P,)
    shared : (S,)
    """

    x: Floats
    prices: Floats
    shared: Floats


class Elimination:
    """The reduced system of one program, whatever the curvatures are.

    Parameters
    ----------
    B : (P, I) sparse, by column
    W : (D, I) sparse, by column
    rate_scale : (I,)
        How much each column may trade; sets its proximal term.
    fixed : (D,)
        Demands without a segment: their rate is 0.
    """

    def __init__(self, B: csc_array, W: csc_array, rate_scale: Floats, fixed: Flags) -> None:
        self.n_products, self.n_portfolios = B.shape
        self.n_demands = W.shape[0]
        users = np.bincount(W.indices, minlength=self.n_demands)
        column = np.repeat(np.arange(self.n_portfolios), np.diff(W.indptr))
        private = users[W.indices] == 1
        self.private_demand = W.indices[private].astype(np.int64)
        self.private_portfolio = column[private]
        self.private_weight = W.data[private]
        self._square = self.private_weight**2
        self.shared_demand = np.flatnonzero(users > 1)
        self.S = csr_array(W)[self.shared_demand]
        self.B, self.B_rows = B, csr_array(B)
        self.magnitude = abs(self.B_rows)
        self._W_rows = csr_array(W)
        self._B_across, self._S_across = B.T, csc_array(self.S).T
        # The usual market: portfolio i has demand i, for itself.
        self._one_each = self.n_portfolios == self.n_demands == len(W.indices) and bool(
            np.array_equal(self.private_demand, self.private_portfolio)
        )
        self._nought = np.zeros(self.n_portfolios)
        C = B if not len(self.shared_demand) else csc_array(vstack([B, -self.S]))
        C.sort_indices()
        self._normal = NormalMatrix(C)
        self.rate_scale = rate_scale
        # A fixed rate has no response; a tiny one keeps the step defined and costs a round of refinement.
        reach = np.zeros(self.n_demands)
        np.maximum.at(reach, W.indices, np.abs(W.data) * rate_scale[column])
        self.reach = reach
        self._fixed_response = np.where(fixed, 1e-10 * reach, 0.0)
        self.proximal = 1e-9 / rate_scale

    def factor(self, g: Floats) -> None:
        """Factor the system for the given response ``g_d = Σ 1/h`` of every demand, (D,)."""
        g = g + self._fixed_response
        if self._one_each:
            self.q = self.proximal + self._square / g
        else:
            share = self._square / g[self.private_demand]
            self.q = self.proximal + np.bincount(self.private_portfolio, weights=share, minlength=self.n_portfolios)
        self.g = g
        self.omega = 1.0 / self.q
        own = np.zeros(self.n_products + len(self.shared_demand))
        own[self.n_products :] = g[self.shared_demand]
        self._factor = self._normal.factor(self.omega, own)

    def worth(self, prices: Floats) -> Floats:
        """What portfolios are worth at prices ``(P,)``, ``B'π (I,)``."""
        worth: Floats = self._B_across @ prices
        return worth

    def demand_rates(self, x: Floats) -> Floats:
        """Rates of demands at rates of portfolios, ``W x (D,)``."""
        rates: Floats = self.private_weight * x if self._one_each else self._W_rows @ x
        return rates

    def by_portfolio(self, values: Floats) -> Floats:
        """Sums over the private demands of each portfolio of their values ``(D,)``, weighted, (I,)."""
        if self._one_each:
            return self.private_weight * values
        weighted = self.private_weight * values[self.private_demand]
        return floats(np.bincount(self.private_portfolio, weights=weighted, minlength=self.n_portfolios))

    def _products(self, a: Floats, right: Floats) -> tuple[Floats, Floats, Floats]:
        """Rates, prices and shared multipliers that solve the factored system for a right-hand side (P + S,)."""
        solution = self._factor.solve(right)
        prices, shared = solution[: self.n_products], solution[self.n_products :]
        across = self._B_across @ prices
        if len(shared):
            across -= self._S_across @ shared
        np.subtract(a, across, out=across)
        across *= self.omega
        return across, prices, shared

    def solve(self, a: Floats, b: Floats, t: Floats, rounds: int = 1) -> Step:
        """Solve for right-hand sides ``a (I,)``, ``b (P,)``, ``t (S,)``, refined against the true operator.

        The first equation holds by the way ``Δx`` is recovered; what is refined is the residual of the other two.
        """
        n = self.n_products
        scaled = self.omega * a
        right = np.empty(n + len(t))
        right[:n] = self.B_rows @ scaled - b
        if len(t):
            right[n:] = t - self.S @ scaled
        x, prices, shared = self._products(a, right)
        for _ in range(rounds):
            right[:n] = self.B_rows @ x - b
            if len(t):
                right[n:] = t - self.S @ x - self.g[self.shared_demand] * shared
            more_x, more_prices, more_shared = self._products(self._nought, right)
            x += more_x
            prices, shared = prices + more_prices, shared + more_shared
        return Step(x, prices, shared)
