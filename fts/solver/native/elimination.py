"""The Newton system of a program: segments, demands and portfolios are eliminated, the products are left.

With ``h`` the curvature of the segments, ``g_d = Σ 1/h`` over the segments of demand ``d`` and ``ν = Δλ`` of shared
demands, a step solves::

    q Δx + B'Δπ - S'ν = a        stationarity of portfolio rates; q_i = Σ W_di²/g_d over its private demands
    B Δx              = b        products
    S Δx + g ν        = t        shared demands, S = their rows of W

``Δx = (a - B'Δπ + S'ν)/q`` leaves one symmetric positive definite system in ``(Δπ, ν)``. Demands shared by a few
portfolios that share no other (one bidder's substitutes) are eliminated too: with ``D = g + S diag(1/q) S'`` of these
demands, a diagonal, their ``ν = (t - S (a - B'Δπ)/q)/D``; what they leave between two portfolios of a group is
``-1/(q_i q_j)·S_i S_j/D``. The rest is factored with a little added to its diagonals (proximal terms) and refined on
the residual of the equations above, which do not have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from fts.models.columns import Flags, Floats, floats
from fts.solver.compiled import Short, compiled, entries
from fts.solver.native.normal import WIDE, NormalMatrix


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


@compiled
def _reaches(start: Short, demand: Short, weight: Floats, rate_scale: Floats, n_demands: int) -> Floats:
    """How much each demand may trade, (D,): the largest ``|W_di| rate_scale_i``."""
    reach = np.zeros(n_demands)
    for i in range(len(rate_scale)):
        for e in range(start[i], start[i + 1]):
            reach[demand[e]] = max(reach[demand[e]], abs(weight[e]) * rate_scale[i])
    return reach


GROUP = 8
"""Most portfolios of a shared demand that is eliminated."""


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
        self._W_rows = csr_array(W)
        self._W_across = W.T
        self.S = self._W_rows[self.shared_demand]
        # By rows, which are long: a short column is over before the processor has guessed its end.
        self.B_rows = csr_array(B)
        self._B_across = self.B_rows.T
        self.magnitude = csr_array((np.abs(self.B_rows.data), self.B_rows.indices, self.B_rows.indptr), shape=B.shape)
        # The usual market: portfolio i has demand i, for itself.
        self._one_each = self.n_portfolios == self.n_demands == len(W.indices) and bool(
            np.array_equal(self.private_demand, self.private_portfolio)
        )
        self._nought = np.zeros(self.n_portfolios)
        self._lay_out(B)
        self.rate_scale = rate_scale
        # A fixed rate has no response; a tiny one keeps the step defined and costs a round of refinement.
        self.reach = _reaches(*entries(W), rate_scale, self.n_demands)
        self._fixed_response = np.where(fixed, 1e-10 * self.reach, 0.0)
        self.proximal = 1e-9 / rate_scale
        self.least_flow = 1e-6 * (self.magnitude @ rate_scale)

    def _lay_out(self, B: csc_array) -> None:
        """Which shared demands are eliminated, and the matrix that is left."""
        self._grouped = self._left = np.arange(0)
        if not len(self.shared_demand):
            B.sort_indices()
            self._normal = NormalMatrix(B)
            return
        S, Q = self.S, csc_array(self.S)
        joint = np.diff(Q.indptr) > 1
        wide = np.diff(B.indptr) > WIDE
        entry = np.repeat(np.arange(S.shape[0]), np.diff(S.indptr))
        spoilt = np.bincount(entry, weights=(joint | wide)[S.indices], minlength=S.shape[0]) > 0
        grouped = ~spoilt & (np.diff(S.indptr) <= GROUP)
        self._grouped, self._left = np.flatnonzero(grouped), np.flatnonzero(~grouped)
        self._S_grouped, self._S_left = csr_array(S[self._grouped]), csr_array(S[self._left])
        self._S_grouped_across, self._S_left_across = self._S_grouped.T, csc_array(self._S_left).T
        groups = self._S_grouped
        sizes = np.diff(groups.indptr)
        self._member, self._member_weight = groups.indices, groups.data
        self._group = np.repeat(np.arange(len(sizes)), sizes)
        pairs = [
            (groups.indptr[:-1][sizes > j] + i, groups.indptr[:-1][sizes > j] + j)
            for j in range(1, GROUP)
            for i in range(j)
        ]
        # Positions among the members of two portfolios of one group.
        self._one, self._other = (np.concatenate([pair[k] for pair in pairs]) for k in (0, 1))
        C = B if not len(self._left) else csc_array(vstack([B, -self._S_left]))
        C.sort_indices()
        self._normal = NormalMatrix(C, self._member[self._one], self._member[self._other])

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
        own = np.zeros(self.n_products + len(self._left))
        own[self.n_products :] = g[self.shared_demand[self._left]]
        weights, between = self.omega, np.empty(0)
        if len(self._grouped):
            response = self._member_weight * self.omega[self._member]
            self._D = g[self.shared_demand[self._grouped]] + np.bincount(
                self._group, weights=response * self._member_weight, minlength=len(self._grouped)
            )
            weights = weights.copy()
            weights[self._member] -= response**2 / self._D[self._group]
            between = -response[self._one] * response[self._other] / self._D[self._group[self._one]]
        self._factor = self._normal.factor(weights, between, own)

    def worth(self, prices: Floats) -> Floats:
        """What portfolios are worth at prices ``(P,)``, ``B'π (I,)``."""
        worth: Floats = self._B_across @ prices
        return worth

    def told(self, demand_prices: Floats) -> Floats:
        """What portfolios are worth to their demands, ``W'λ (I,)``."""
        return floats(self.private_weight * demand_prices if self._one_each else self._W_across @ demand_prices)

    def demand_rates(self, x: Floats) -> Floats:
        """Rates of demands at rates of portfolios, ``W x (D,)``."""
        return floats(self.private_weight * x if self._one_each else self._W_rows @ x)

    def by_portfolio(self, values: Floats) -> Floats:
        """Sums over the private demands of each portfolio of their values ``(D,)``, weighted, (I,)."""
        if self._one_each:
            return floats(self.private_weight * values)
        weighted = self.private_weight * values[self.private_demand]
        return floats(np.bincount(self.private_portfolio, weights=weighted, minlength=self.n_portfolios))

    def answer(self, t: Floats, portfolio: Floats, product: Floats, rounds: int = 1) -> tuple[Step, Floats]:
        """Solve for what segments ask, ``t (D,)``, less what is missing; the step, and that of all demand prices (D,).

        Parameters
        ----------
        t : (D,)
        portfolio : (I,)
            Missing of the stationarity of rates.
        product : (P,)
            Missing of the balance of products.
        rounds : int
            Of refinement.
        """
        a = self.by_portfolio(t / self.g)
        a -= portfolio
        step = self.solve(a, product, t[self.shared_demand], rounds)
        demand_prices = t - self.demand_rates(step.x)
        demand_prices /= self.g
        demand_prices[self.shared_demand] = step.shared
        return step, demand_prices

    def _rates(self, pull: Floats, t: Floats) -> tuple[Floats, Floats]:
        """Rates ``(I,)`` that answer the pull, and the multipliers of grouped demands whose rest is ``t``."""
        x = self.omega * pull
        if not len(self._grouped):
            return x, t
        grouped = (t - self._S_grouped @ x) / self._D
        x += self.omega * (self._S_grouped_across @ grouped)
        return x, grouped

    def _products(self, a: Floats, right: Floats, t: Floats) -> tuple[Floats, Floats, Floats]:
        """Rates, prices and shared multipliers that solve the factored system.

        Parameters
        ----------
        a : (I,)
        right : (P + left,)
        t : (grouped,)
        """
        solution = self._factor.solve(right)
        prices = solution[: self.n_products]
        shared = np.empty(len(self.shared_demand))
        across = self._B_across @ prices
        if len(self._left):
            shared[self._left] = solution[self.n_products :]
            across -= self._S_left_across @ shared[self._left]
        np.subtract(a, across, out=across)
        x, shared[self._grouped] = self._rates(across, t)
        return x, prices, shared

    def solve(self, a: Floats, b: Floats, t: Floats, rounds: int = 1) -> Step:
        """Solve for right-hand sides ``a (I,)``, ``b (P,)``, ``t (S,)``, refined against the true operator.

        The first equation holds by the way ``Δx`` is recovered; what is refined is the residual of the other two.
        """
        n = self.n_products
        right = np.empty(n + len(self._left))
        scaled, _ = self._rates(a, t[self._grouped])
        right[:n] = self.B_rows @ scaled - b
        if len(self._left):
            right[n:] = t[self._left] - self._S_left @ scaled
        x, prices, shared = self._products(a, right, t[self._grouped])
        for _ in range(rounds):
            if not len(t):
                more_x, more_prices, _ = self._products(self._nought, self.B_rows @ x - b, t)
                x += more_x
                prices = prices + more_prices
                continue
            rest = t - self.S @ x - self.g[self.shared_demand] * shared
            # What is missing of grouped demands is answered by their own portfolios first.
            answered, _ = self._rates(self._nought, rest[self._grouped])
            right[:n] = self.B_rows @ (x + answered) - b
            right[n:] = rest[self._left]
            more_x, more_prices, more_shared = self._products(self._nought, right, rest[self._grouped])
            x += more_x
            prices, shared = prices + more_prices, shared + more_shared
        return Step(x, prices, shared)
