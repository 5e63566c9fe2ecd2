"""The proof of an answer, computed afresh from the auction's own points in plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.certificate import Certificate, Status
from fts.models.columns import Floats, Ints, floats, ints
from fts.models.utility import utilities
from fts.solver.best_response import curves_of
from fts.solver.multipliers import demand_prices_of
from fts.solver.program import Part, part_of

TOL = 1e-9
"""Tolerance of answers whose maker states none."""


def certify(
    auction: Auction,
    rates: Floats,
    prices: Floats,
    demand_prices: Floats | None = None,
    tol: float | None = None,
    *,
    other_rule: bool = False,
) -> Certificate:
    """Judge rates and prices, whoever found them.

    Parameters
    ----------
    auction : Auction
    rates : (n_portfolios,) [quantity / time]
    prices : (n_products,) [money / quantity]
        NaN where a product has none.
    demand_prices : (n_demands,) [money / quantity], optional
        Marginal prices of demands; those of demands that one portfolio has for itself follow from the prices anyway.
        None: the least-squares solution of "every portfolio's price is its demands' marginal prices, weighted".
    tol : float, optional
        None is 1e-9.
    other_rule : bool
        The answer was made by another rule of clearing: measured, not judged.

    Returns
    -------
    Certificate
        See the README of ``fts.solver`` for the formulas.
    """
    return certified(auction, rates, prices, demand_prices, tol, other_rule=other_rule)[1]


def certified(
    auction: Auction,
    rates: Floats,
    prices: Floats,
    demand_prices: Floats | None = None,
    tol: float | None = None,
    *,
    other_rule: bool = False,
) -> tuple[Floats, Certificate]:
    """The demand prices an answer is judged with, NaN where null, and its certificate; see :func:`certify`."""
    tol = TOL if tol is None else tol
    part = part_of(auction)
    given = None if demand_prices is None else floats(demand_prices)[part.demands]
    with np.errstate(all="ignore"):
        x, pi = floats(rates)[part.portfolios], floats(prices)[part.products]
        lam = demand_prices_of(part, pi, given)
        measures = _measure(auction, part, x, pi, lam, tol)
    names = ("imbalance", "domain", "consistency", "gap")
    status: Status = "not solved"
    if other_rule:
        status = "other rule"
    elif all(getattr(measures, name) <= tol for name in names):
        status = "exact" if measures.fit <= tol else "solved"
    everywhere = np.full(len(auction.demand_ids), np.nan)
    everywhere[part.demands] = lam
    certificate = Certificate(
        status=status,
        imbalance=measures.imbalance,
        domain=measures.domain,
        consistency=measures.consistency,
        gap=measures.gap,
        fit=measures.fit,
        welfare=measures.welfare,
        tol=tol,
    )
    return everywhere, certificate


@dataclass(frozen=True)
class _Measures:
    imbalance: float
    domain: float
    consistency: float
    gap: float
    fit: float
    welfare: float


def _measure(auction: Auction, part: Part, x: Floats, pi: Floats, lam: Floats, tol: float) -> _Measures:
    B, W = part.B, part.W
    size_B, size_W = abs(B), abs(W)
    curves = curves_of(auction, part.demands)
    owner_B, owner_W = _owners(B), _owners(W)

    r, rho = B.T @ pi, size_B.T @ np.abs(pi)
    z, zeta = W @ x, size_W @ np.abs(x)
    traded, net = size_B @ np.abs(x), B @ x
    # x̂: how far a portfolio would trade if it alone made its demands' rates; π̂ the same for prices.
    x_hat = _largest(owner_W, zeta[W.indices] / size_W.data, len(x))
    worth = np.maximum(rho, 1e-3 * (size_W.T @ curves.largest_price))
    pi_hat = _largest(ints(B.indices), worth[owner_B] / size_B.data, len(pi))

    imbalance = _ratio(np.abs(net), np.maximum(traded, 1e-6 * (size_B @ x_hat)))
    clamped = np.clip(z, curves.first, curves.last)
    domain = _ratio(np.abs(z - clamped), np.maximum(zeta, curves.reach))
    consistency = _ratio(np.abs(r - W.T @ lam), rho + size_W.T @ np.abs(lam))

    known = np.maximum(rho, 1e-6 * (size_B.T @ pi_hat))
    Lambda = np.maximum(np.abs(lam), _largest(ints(W.indices), known[owner_W] / size_W.data, len(lam)))
    Z = np.maximum(zeta, curves.reach)

    response = curves.best_response(clamped, lam, tol * Lambda)
    missed = curves.area(clamped, response, lam)
    value = _utilities(auction, part, clamped)
    # Where nothing is traded, λ may be only the rounding of portfolio prices that cancel.
    floor = _largest(ints(W.indices), (1e-6 * (size_B.T @ pi_hat))[owner_W] / size_W.data, len(lam))
    turnover = np.maximum(np.abs(lam), floor) * (np.abs(clamped) + np.abs(response)) + np.abs(value)
    gap = float(missed.sum())
    return _Measures(
        imbalance=_most(imbalance),
        domain=_most(domain),
        consistency=_most(consistency),
        gap=gap if gap == 0 or not np.isfinite(gap) else float(np.float64(gap) / turnover.sum()),
        fit=_most(curves.distance(z, lam, Z, Lambda)),
        welfare=float(value.sum()),
    )


def _utilities(auction: Auction, part: Part, z: Floats) -> Floats:
    everywhere = np.zeros(len(auction.demand_ids))
    everywhere[part.demands] = z
    return utilities(auction, everywhere)[part.demands]


def _owners(matrix: csc_array) -> Ints:
    """The column of every entry."""
    return np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))


def _largest(group: Ints, values: Floats, size: int) -> Floats:
    """The largest value of every group, 0 for an empty one; NaN stays NaN."""
    result = np.zeros(size)
    np.maximum.at(result, group, values)
    return result


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part of a whole; 0/0 is 0."""
    return np.where(part == 0, 0.0, part / whole)


def _most(values: Floats) -> float:
    return float(values.max()) if len(values) else 0.0
