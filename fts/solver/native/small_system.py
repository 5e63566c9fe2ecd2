"""The equations of one small part in its prices: ``Σ_i response_i a_i a_i'δ = wanted``, formed and solved."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compiled import Index, compiled

NO_PIVOT = 1e-15
"""A diagonal reduced to this share by elimination is rounding of 0."""


@compiled
def compute_worths(start: Index, index: Index, weight: Floats, prices: Floats, worth: Floats) -> None:
    """``a_i'δ`` of every bid."""
    for i in range(len(worth)):
        total = 0.0
        for e in range(start[i], start[i + 1]):
            total += weight[e] * prices[index[e]]
        worth[i] = total


@compiled
def add_trade(start: Index, index: Index, weight: Floats, rate: Floats, sign: float, total: Floats) -> None:
    """Add ``sign Σ_i a_i rate_i`` to a total, (m,)."""
    for i in range(len(rate)):
        for e in range(start[i], start[i + 1]):
            total[index[e]] += sign * (weight[e] * rate[i])


@compiled
def compute_factor(m: int, start: Index, index: Index, weight: Floats, response: Floats, U: Floats) -> None:
    """``U'U = Σ_i response_i a_i a_i'``; a product without an equation of its own does not move."""
    for p in range(m):
        for q in range(m):
            U[p, q] = 0.0
    for i in range(len(response)):
        for e in range(start[i], start[i + 1]):
            one = response[i] * weight[e]
            for f in range(start[i], start[i + 1]):
                if index[f] >= index[e]:
                    U[index[e], index[f]] += one * weight[f]
    diagonal = np.empty(m)
    for p in range(m):
        diagonal[p] = U[p, p]
    for p in range(m):
        if not U[p, p] > NO_PIVOT * diagonal[p]:
            for q in range(p + 1, m):
                U[p, q] = 0.0
            U[p, p] = np.inf
            continue
        root = np.sqrt(U[p, p])
        U[p, p] = root
        inverse = 1.0 / root
        for q in range(p + 1, m):
            U[p, q] *= inverse
        for q in range(p + 1, m):
            factor = U[p, q]
            if factor != 0.0:
                for r in range(q, m):
                    U[q, r] -= factor * U[p, r]


@compiled
def _divide(m: int, U: Floats, b: Floats) -> None:
    """Solve ``U'U x = b`` in place."""
    for p in range(m):
        b[p] /= U[p, p]
        for q in range(p + 1, m):
            b[q] -= U[p, q] * b[p]
    for p in range(m - 1, -1, -1):
        total = b[p]
        for q in range(p + 1, m):
            total -= U[p, q] * b[q]
        b[p] = total / U[p, p]


@compiled
def solve_prices(
    m: int, start: Index, index: Index, weight: Floats, response: Floats, U: Floats, wanted: Floats, rounds: int
) -> Floats:
    """Prices with ``Σ_i response_i a_i a_i'δ = wanted``, refined."""
    prices = wanted.copy()
    _divide(m, U, prices)
    answer, more = np.empty(len(response)), np.empty(m)
    for _ in range(rounds):
        compute_worths(start, index, weight, prices, answer)
        for i in range(len(response)):
            answer[i] *= response[i]
        for p in range(m):
            more[p] = wanted[p]
        add_trade(start, index, weight, answer, -1.0, more)
        _divide(m, U, more)
        for p in range(m):
            prices[p] += more[p]
    return prices
