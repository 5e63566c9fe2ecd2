"""The proof of an answer, computed afresh from the auction's own points in plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.auction import Auction
from fts.models.certificate import Certificate, Status
from fts.models.columns import Floats, floats
from fts.solver.best_response import answers
from fts.solver.compiled import Short, compiled, entries
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
    B, W = entries(part.B), entries(part.W)
    points = auction.point_offsets, auction.point_rates, auction.point_prices
    # Prices never rise: the largest |price| of a curve stands at an end.
    first, last = points[0][part.demands], points[0][part.demands + 1] - 1
    largest_price = np.maximum(np.abs(points[2][first]), np.abs(points[2][last]))

    net, traded, z, zeta, worth, consistency = _trades(*B, *W, x, pi, lam, largest_price)
    could, pi_hat = _reaches(*B, *W, zeta, worth, len(pi))
    imbalance = _ratio(np.abs(net), np.maximum(traded, 1e-6 * could))
    Lambda, floor = _levels(*B, *W, pi, lam, pi_hat)
    domain, fit, missed, turnover, value = answers(*points, part.demands, z, zeta, lam, Lambda, floor, tol)
    gap = float(missed.sum())
    return _Measures(
        imbalance=_most(imbalance),
        domain=domain,
        consistency=_most(consistency),
        gap=gap if gap == 0 or not np.isfinite(gap) else float(np.float64(gap) / turnover.sum()),
        fit=fit,
        welfare=float(value.sum()),
    )


@compiled
def _trades(
    B_start: Short,
    B_product: Short,
    B_weight: Floats,
    W_start: Short,
    W_demand: Short,
    W_weight: Floats,
    x: Floats,
    pi: Floats,
    lam: Floats,
    largest_price: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """What rates and prices add up to.

    Returns
    -------
    net, traded : (P,)
        ``B x`` and ``Σ |B_pi x_i|``.
    z, zeta : (D,)
        ``W x`` and ``Σ |W_di x_i|``.
    worth : (I,)
        ``max(ρ_i, 1e-3 Σ_d |W_di| P_d)``.
    consistency : (I,)
    """
    net, traded = np.zeros(len(pi)), np.zeros(len(pi))
    z, zeta = np.zeros(len(lam)), np.zeros(len(lam))
    worth, consistency = np.empty(len(x)), np.empty(len(x))
    for i in range(len(x)):
        r = rho = 0.0
        for e in range(B_start[i], B_start[i + 1]):
            p, b = B_product[e], B_weight[e]
            net[p] += b * x[i]
            traded[p] += abs(b * x[i])
            r += b * pi[p]
            rho += abs(b * pi[p])
        told = size = offered = 0.0
        for e in range(W_start[i], W_start[i + 1]):
            d, w = W_demand[e], W_weight[e]
            z[d] += w * x[i]
            zeta[d] += abs(w * x[i])
            told += w * lam[d]
            size += abs(w * lam[d])
            offered += abs(w) * largest_price[d]
        worth[i] = max(rho, 1e-3 * offered) if rho == rho else rho
        consistency[i] = 0.0 if r == told else abs(r - told) / (rho + size)
    return net, traded, z, zeta, worth, consistency


@compiled
def _reaches(
    B_start: Short,
    B_product: Short,
    B_weight: Floats,
    W_start: Short,
    W_demand: Short,
    W_weight: Floats,
    zeta: Floats,
    worth: Floats,
    n_products: int,
) -> tuple[Floats, Floats]:
    """How much of each product could be traded, and at which price.

    Returns
    -------
    could : (P,)
        ``Σ_i |B_pi| x̂_i``: x̂ is how far a portfolio would trade if it alone made its demands' rates.
    pi_hat : (P,)
        ``π̂``: the same for prices.
    """
    could, pi_hat = np.zeros(n_products), np.zeros(n_products)
    for i in range(len(worth)):
        x_hat = 0.0
        for e in range(W_start[i], W_start[i + 1]):
            x_hat = max(x_hat, zeta[W_demand[e]] / abs(W_weight[e]))
        for e in range(B_start[i], B_start[i + 1]):
            p, b = B_product[e], abs(B_weight[e])
            could[p] += b * x_hat
            pi_hat[p] = max(pi_hat[p], worth[i] / b)
    return could, pi_hat


@compiled
def _levels(
    B_start: Short,
    B_product: Short,
    B_weight: Floats,
    W_start: Short,
    W_demand: Short,
    W_weight: Floats,
    pi: Floats,
    lam: Floats,
    pi_hat: Floats,
) -> tuple[Floats, Floats]:
    """The size that a demand's price is measured in, and the least one that counts as turnover.

    Returns
    -------
    Lambda : (D,)
    floor : (D,)
        ``1e-6 Σ_p |B_pi| π̂_p / |W_di|``: where nothing is traded, λ may be only the rounding of prices that cancel.
    """
    Lambda, floor = np.abs(lam), np.zeros(len(lam))
    for i in range(len(W_start) - 1):
        rho = known = 0.0
        for e in range(B_start[i], B_start[i + 1]):
            p, b = B_product[e], abs(B_weight[e])
            rho += b * abs(pi[p])
            known += b * pi_hat[p]
        known *= 1e-6
        for e in range(W_start[i], W_start[i + 1]):
            d, w = W_demand[e], abs(W_weight[e])
            Lambda[d] = max(Lambda[d], max(rho, known) / w)
            floor[d] = max(floor[d], known / w)
    return Lambda, floor


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part of a whole; 0/0 is 0."""
    return np.where(part == 0, 0.0, part / whole)


def _most(values: Floats) -> float:
    return float(values.max()) if len(values) else 0.0
