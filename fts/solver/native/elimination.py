"""The Newton system of a program: segments, demands and portfolios are eliminated, the products are left.

With ``h`` the curvature of the segments, ``g_d = Σ 1/h`` over the segments of demand ``d`` and ``ν = Δλ`` of shared
demands, a step solves::

    q Δx + B'Δπ - S'ν = a        stationarity of portfolio rates; q_i = Σ W_di²/g_d over its private demands
    B Δx              = b        products
    S Δx + g ν        = t        shared demands, S = their rows of W

With ``C = [B; -S]``, ``Δx = (a - C'(Δπ, ν))/q`` leaves one symmetric positive definite system in ``(Δπ, ν)``
(:mod:`fts.solver.native.reduced_system`). It is factored with a little added to its diagonals (proximal terms) and
refined on the residual of the equations above, which do not have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from fts.models.columns import Flags, Floats, floats
from fts.solver.compiled import Index, compiled, unsigned, unsigned_entries
from fts.solver.native.reduced_system import ReducedSystem


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

    Loops over portfolios are fastest where neighbours have as many entries (:mod:`fts.solver.native.order`).

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
        private = users[W.indices] == 1
        self.private_demand = W.indices[private].astype(np.int64)
        self.private_weight = floats(W.data[private])
        self._own = np.append(0, np.cumsum(private))[W.indptr]
        self.private_portfolio = np.repeat(np.arange(self.n_portfolios), np.diff(self._own))
        self._private = (unsigned(self._own), unsigned(self.private_demand), self.private_weight)
        self.shared_demand = np.flatnonzero(users > 1)
        self._unused = np.flatnonzero(users == 0)
        B.sort_indices()
        C = B
        if len(self.shared_demand):
            self.S = csr_array(csr_array(W)[self.shared_demand])
            C = csc_array(vstack([B, -self.S]))
            C.sort_indices()
        else:
            self.S = csr_array((0, self.n_portfolios))
        self._columns = unsigned_entries(C)
        self._system = ReducedSystem(C, self.n_products, np.diff(self._own) > 0)
        self._nought = np.zeros(self.n_portfolios)
        self.rate_scale = rate_scale
        # A fixed rate has no response; a tiny one keeps the step defined and costs a round of refinement.
        self.max_demand_rates = _reaches(*unsigned_entries(W), rate_scale, self.n_demands)
        self._fixed_response = np.where(fixed, 1e-10 * self.max_demand_rates, 0.0)
        self.proximal = 1e-9 / rate_scale
        self.least_flow = 1e-6 * self.traded(rate_scale)[2]

    def factor(self, g: Floats) -> None:
        """Factor the system for the given response ``g_d = Σ 1/h`` of every demand, (D,)."""
        self.g = g + self._fixed_response
        self._omega = _weigh(*self._private, self.g, self.proximal)
        self._system.factor(self._omega, self.g[self.shared_demand])

    def basis_values(self, prices: Floats) -> Floats:
        """Values of portfolios at prices ``(P,)``: ``B'π (I,)``."""
        return _worth(*self._columns, prices)

    def traded(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Compute sums of portfolios' rates: ``W x (D,)``, ``B x (P,)``, ``|B||x| (P,)``."""
        rates, net, flow = _traded(*self._columns, *self._private, x, self.n_products, self._n_rows, self.n_demands)
        rates[self.shared_demand] = -net[self.n_products :]
        return rates, net[: self.n_products], flow

    @property
    def _n_rows(self) -> int:
        return self.n_products + len(self.shared_demand)

    def remainder(self, x: Floats, prices: Floats, demand_prices: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Residuals of the equations at a point.

        Returns
        -------
        portfolio : (I,)
            ``B'π - W'λ``.
        rates, net, flow
            :meth:`traded`.
        """
        n, z = self.n_products, self._joined(prices, demand_prices[self.shared_demand])
        portfolio, rates, net, flow = _compare(*self._columns, *self._private, x, z, demand_prices, n)
        rates[self.shared_demand] = -net[n:]
        return portfolio, rates, net[:n], flow

    def _joined(self, prices: Floats, shared: Floats) -> Floats:
        return np.concatenate([prices, shared]) if len(shared) else prices

    def solve_newton(self, t: Floats, portfolio: Floats, product: Floats, rounds: int = 1) -> tuple[Step, Floats]:
        """Solve for what segments ask, ``t (D,)``, less the residual; the step, and that of all demand prices (D,).

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
        a, right = _pull(*self._columns, *self._private, t, self.g, portfolio, self._omega, self._n_rows)
        x, z = self._solved(a, right, product, t[self.shared_demand], rounds)
        shared = z[self.n_products :]
        demand_prices = _price(*self._private, t, self.g, x)
        demand_prices[self.shared_demand] = shared
        demand_prices[self._unused] = t[self._unused] / self.g[self._unused]
        return Step(x, z[: self.n_products], shared), demand_prices

    def solve(self, a: Floats, b: Floats, t: Floats, rounds: int = 1) -> Step:
        """Solve for right-hand sides ``a (I,)``, ``b (P,)``, ``t (S,)``, refined against the true operator.

        The first equation holds by the way ``Δx`` is recovered; what is refined is the residual of the other two.
        """
        right = np.zeros(self._n_rows)
        _recover(*self._columns, self._nought, self._omega, a, np.zeros(self._n_rows), right)
        x, z = self._solved(a, right, b, t, rounds)
        return Step(x, z[: self.n_products], z[self.n_products :])

    def _solved(self, a: Floats, right: Floats, b: Floats, t: Floats, rounds: int) -> tuple[Floats, Floats]:
        """Rates and ``(Δπ, ν)``; ``right`` is ``C (a/q)``."""
        n, g = self.n_products, self.g[self.shared_demand]
        right[:n] -= b
        right[n:] += t
        z = self._system.solve(right)
        base, pull, more = self._nought, a, z
        for _ in range(rounds):
            rest = np.zeros(len(right))
            x = _recover(*self._columns, base, self._omega, pull, more, rest)
            rest[:n] -= b
            rest[n:] += t - g * z[n:]
            more = self._system.solve(rest)
            # Added to the rates, whose own rounding it answers.
            base, pull, z = x, self._nought, z + more
        return _move(*self._columns, base, self._omega, pull, more), z


@compiled
def _reaches(start: Index, demand: Index, weight: Floats, rate_scale: Floats, n_demands: int) -> Floats:
    """Largest rate of each demand, (D,): the largest ``|W_di| rate_scale_i``."""
    reach = np.zeros(n_demands)
    for i in range(len(rate_scale)):
        for e in range(start[i], start[i + 1]):
            reach[demand[e]] = max(reach[demand[e]], abs(weight[e]) * rate_scale[i])
    return reach


@compiled
def _weigh(own: Index, demand: Index, weight: Floats, g: Floats, proximal: Floats) -> Floats:
    """``1/q`` of every portfolio, ``q = ρ + Σ W²/g`` over its private demands, (I,)."""
    omega = np.empty(len(proximal))
    for i in range(len(omega)):
        q = proximal[i]
        for e in range(own[i], own[i + 1]):
            q += weight[e] * weight[e] / g[demand[e]]
        omega[i] = 1.0 / q
    return omega


@compiled
def _worth(start: Index, row: Index, value: Floats, prices: Floats) -> Floats:
    """``B'π (I,)``, whatever other rows follow those of products."""
    worth, n_products = np.empty(len(start) - 1), len(prices)
    for i in range(len(worth)):
        total = 0.0
        for e in range(start[i], start[i + 1]):
            if row[e] < n_products:
                total += value[e] * prices[row[e]]
        worth[i] = total
    return worth


@compiled
def _traded(
    start: Index,
    row: Index,
    value: Floats,
    own: Index,
    demand: Index,
    weight: Floats,
    x: Floats,
    n_products: int,
    n_rows: int,
    n_demands: int,
) -> tuple[Floats, Floats, Floats]:
    """Rates of private demands (D,), ``C x`` (P + S,) and ``|B||x|`` (P,)."""
    rates, net, flow = np.zeros(n_demands), np.zeros(n_rows), np.zeros(n_rows)
    for i in range(len(x)):
        for e in range(start[i], start[i + 1]):
            amount = value[e] * x[i]
            net[row[e]] += amount
            flow[row[e]] += abs(amount)
        for e in range(own[i], own[i + 1]):
            rates[demand[e]] = weight[e] * x[i]
    return rates, net, flow[:n_products]


@compiled
def _compare(
    start: Index,
    row: Index,
    value: Floats,
    own: Index,
    demand: Index,
    weight: Floats,
    x: Floats,
    z: Floats,
    lam: Floats,
    n_products: int,
) -> tuple[Floats, Floats, Floats, Floats]:
    """``C'z - W'λ`` of private demands (I,), and what :func:`_traded` gives."""
    rest = np.empty(len(x))
    rates, net, flow = np.zeros(len(lam)), np.zeros(len(z)), np.zeros(len(z))
    for i in range(len(x)):
        total = 0.0
        for e in range(start[i], start[i + 1]):
            amount = value[e] * x[i]
            total += value[e] * z[row[e]]
            net[row[e]] += amount
            flow[row[e]] += abs(amount)
        for e in range(own[i], own[i + 1]):
            total -= weight[e] * lam[demand[e]]
            rates[demand[e]] = weight[e] * x[i]
        rest[i] = total
    return rest, rates, net, flow[:n_products]


@compiled
def _pull(
    start: Index,
    row: Index,
    value: Floats,
    own: Index,
    demand: Index,
    weight: Floats,
    t: Floats,
    g: Floats,
    portfolio: Floats,
    omega: Floats,
    n_rows: int,
) -> tuple[Floats, Floats]:
    """Compute ``a = Σ W t/g - portfolio`` over private demands (I,), and ``C (a/q)`` (P + S,)."""
    a, right = np.empty(len(omega)), np.zeros(n_rows)
    for i in range(len(omega)):
        total = -portfolio[i]
        for e in range(own[i], own[i + 1]):
            total += weight[e] * t[demand[e]] / g[demand[e]]
        a[i] = total
        rate = omega[i] * total
        for e in range(start[i], start[i + 1]):
            right[row[e]] += value[e] * rate
    return a, right


@compiled
def _recover(
    start: Index, row: Index, value: Floats, base: Floats, omega: Floats, a: Floats, z: Floats, net: Floats
) -> Floats:
    """Rates ``base + (a - C'z)/q``, (I,); ``C`` times these is added to `net`."""
    x = np.empty(len(omega))
    for i in range(len(omega)):
        total = a[i]
        for e in range(start[i], start[i + 1]):
            total -= value[e] * z[row[e]]
        x[i] = base[i] + omega[i] * total
        for e in range(start[i], start[i + 1]):
            net[row[e]] += value[e] * x[i]
    return x


@compiled
def _move(start: Index, row: Index, value: Floats, base: Floats, omega: Floats, a: Floats, z: Floats) -> Floats:
    """Rates ``base + (a - C'z)/q``, (I,)."""
    x = np.empty(len(omega))
    for i in range(len(omega)):
        total = a[i]
        for e in range(start[i], start[i + 1]):
            total -= value[e] * z[row[e]]
        x[i] = base[i] + omega[i] * total
    return x


@compiled
def _price(own: Index, demand: Index, weight: Floats, t: Floats, g: Floats, x: Floats) -> Floats:
    """``(t - W x)/g`` of private demands, (D,)."""
    price = np.zeros(len(t))
    for i in range(len(x)):
        for e in range(own[i], own[i + 1]):
            price[demand[e]] = (t[demand[e]] - weight[e] * x[i]) / g[demand[e]]
    return price
