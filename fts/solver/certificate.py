"""The proof of an answer, computed afresh from the auction's own points in plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.errors import InvalidOutcome
from fts.models.auction import Auction
from fts.models.certificate import Certificate, Status
from fts.models.columns import Flags, Floats, Ints
from fts.models.parse_number import parse_numbers, parse_tolerance
from fts.solver.best_response import respond
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.connected_parts import ConnectedParts, connected_parts
from fts.solver.demand_duals import demand_prices_of
from fts.solver.medians import medians
from fts.solver.program import TradablePart, tradable_part

TOL = 1e-9
"""Tolerance of answers whose maker states none."""
LEAST_SCALE = 1e-6
"""The share of a product's usual price, and of what its portfolios could trade, below which a deviation is rounding."""
MEASURES = ("imbalance", "domain", "consistency", "gap", "fit")
IMBALANCE, DOMAIN, CONSISTENCY, GAP, FIT, WELFARE = range(6)
"""Rows of the table of measures, in the order of the fields of `Measures`."""


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

    Raises
    ------
    InvalidOutcome
        There are more or fewer rates or prices than the auction has portfolios, products or demands, or no numbers.
    ConfigurationError
        The tolerance is no positive number.
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
    """Compute the demand prices an answer is judged with, NaN where null, and its certificate; see :func:`certify`."""
    tol = TOL if tol is None else parse_tolerance(tol)
    part = tradable_part(auction)
    rates = parse_numbers(rates, len(auction.portfolio_ids), "rates", InvalidOutcome)
    prices = parse_numbers(prices, len(auction.product_ids), "prices", InvalidOutcome)
    given = None
    if demand_prices is not None:
        given = parse_numbers(demand_prices, len(auction.demand_ids), "demand_prices", InvalidOutcome)[part.demands]
    with np.errstate(all="ignore"):
        x, pi = rates[part.portfolios], prices[part.products]
        lam = demand_prices_of(part, pi, given)
        measures = measure(auction, part, connected_parts(part.B, part.W), x, pi, lam, tol)
    everywhere = np.full(len(auction.demand_ids), np.nan)
    everywhere[part.demands] = lam
    return everywhere, measures.certificate(tol, "other rule" if other_rule else None)


@dataclass(frozen=True)
class Measures:
    """The measures of a certificate for each connected part, (n_parts,) each; `welfare` in money per time."""

    imbalance: Floats
    domain: Floats
    consistency: Floats
    gap: Floats
    fit: Floats
    welfare: Floats

    @classmethod
    def together(cls, all_measures: list[Measures], numbers: list[Ints]) -> Measures:
        """Return the measures of several sets of parts, in the order of the parts' numbers."""
        if len(all_measures) == 1:
            return all_measures[0]
        order = np.argsort(np.concatenate([np.zeros(0, dtype=np.int64), *numbers]), kind="stable")
        names = (*MEASURES, "welfare")
        columns = {name: [np.zeros(0), *(getattr(one, name) for one in all_measures)] for name in names}
        return cls(**{name: np.concatenate(column)[order] for name, column in columns.items()})

    def only(self, kept: Flags) -> Measures:
        """Return the measures of some of the parts."""
        return Measures(**{name: getattr(self, name)[kept] for name in (*MEASURES, "welfare")})

    def are_exact(self, tol: float) -> Flags:
        """Parts all measures of which are within a tolerance, (n_parts,)."""
        worst = np.maximum.reduce([getattr(self, name) for name in MEASURES])
        exact: Flags = worst <= tol
        return exact

    def statuses(self, tol: float) -> list[Status]:
        """Return the status of every part at a tolerance."""
        with np.errstate(invalid="ignore"):
            clears = np.logical_and.reduce([getattr(self, name) <= tol for name in MEASURES[:-1]])
            fits = self.fit <= tol
        return ["not solved" if not ok else "exact" if fit else "solved" for ok, fit in zip(clears, fits, strict=True)]

    def certificate(self, tol: float, status: Status | None = None) -> Certificate:
        """Return the certificate of the whole auction: the largest of each measure, the sum of the welfare."""
        largest = {name: _largest(getattr(self, name)) for name in MEASURES}
        if status is None:
            with np.errstate(invalid="ignore"):
                status = "not solved"
                if all(largest[name] <= tol for name in MEASURES[:-1]):
                    status = "exact" if largest["fit"] <= tol else "solved"
        return Certificate(
            status=status,
            imbalance=largest["imbalance"],
            domain=largest["domain"],
            consistency=largest["consistency"],
            gap=largest["gap"],
            fit=largest["fit"],
            welfare=float(self.welfare.sum()),
            tol=tol,
        )


def _largest(values: Floats) -> float:
    return float(values.max()) if len(values) else 0.0


def measure(
    auction: Auction, part: TradablePart, parts: ConnectedParts, x: Floats, pi: Floats, lam: Floats, tol: float
) -> Measures:
    """Compute the measures of rates `x (I,)`, prices `pi (P,)` and demand prices `lam (D,)` of what can trade.

    Parameters
    ----------
    auction : Auction
    part : Part
        What can trade, or some of its connected parts.
    parts : ConnectedParts
        Of `part`. Numbers of -1 belong to parts that are not measured.
    x, pi, lam
        In the order of `part`.
    tol : float
        Decides where an unlimited end counts as tied.
    """
    table = _measure(
        *csc_arrays(part.B), *csc_arrays(part.W), auction.point_offsets, auction.point_rates, auction.point_prices,
        part.demands, parts.product, parts.portfolio, parts.demand, parts.count if len(x) else 0, x, pi, lam, tol,
    )  # fmt: skip
    return Measures(*table)


@compiled
def _measure(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    offsets: Ints,
    q: Floats,
    p: Floats,
    demands: Ints,
    product_part: Ints,
    portfolio_part: Ints,
    demand_part: Ints,
    n_parts: int,
    x: Floats,
    pi: Floats,
    lam: Floats,
    tol: float,
) -> Floats:
    """Compute the fields of `Measures` as rows, (6, n_parts)."""
    largest_price, bound = _ends(offsets, q, p, demands)
    net, traded, z, zeta, worth, consistency, highest = _trades(
        B_start, B_product, B_weight, W_start, W_demand, W_weight, portfolio_part, x, pi, lam, largest_price
    )
    for d in range(len(lam)):
        if demand_part[d] < 0:
            z[d] = np.nan
    could, Z, Lambda, floored = _units(
        B_start, B_product, B_weight, W_start, W_demand, W_weight, portfolio_part, zeta, traded, bound, pi, lam, highest
    )
    if floored:
        # Only where a price is a millionth of the highest one may the usual price matter.
        usual = medians(B_start.view(np.uint32), B_product.view(np.uint32), B_weight, worth, len(pi))
        Lambda = _units(
            B_start, B_product, B_weight, W_start, W_demand, W_weight, portfolio_part, zeta, traded, bound, pi, lam,
            usual,
        )[2]  # fmt: skip
    domain, fit, missed, turnover, value = respond(offsets, q, p, demands, z, Z, lam, Lambda, tol)
    table, money = np.zeros((6, n_parts)), np.zeros(n_parts)
    for d in range(len(lam)):
        b = demand_part[d]
        if b >= 0:
            table[GAP, b] += missed[d]
            money[b] += turnover[d]
            table[WELFARE, b] += value[d]
    for b in range(n_parts):
        if table[GAP, b] != 0:
            table[GAP, b] /= money[b]
    for k in range(len(pi)):
        net[k] = 0.0 if net[k] == 0 else abs(net[k]) / max(traded[k], LEAST_SCALE * could[k])
    _set_largest(product_part, net, table[IMBALANCE])
    _set_largest(demand_part, domain, table[DOMAIN])
    _set_largest(portfolio_part, consistency, table[CONSISTENCY])
    _set_largest(demand_part, fit, table[FIT])
    return table


@compiled
def _set_largest(label: Ints, values: Floats, largest: Floats) -> None:
    """Set the largest value of every part, NaN where one is NaN."""
    for k in range(len(values)):
        if label[k] < 0:
            continue
        at = largest[label[k]]
        if values[k] > at or values[k] != values[k]:
            largest[label[k]] = values[k] if at == at else at


@compiled
def _ends(offsets: Ints, q: Floats, p: Floats, demands: Ints) -> tuple[Floats, Floats]:
    """Compute the largest |price| of every curve and its largest finite |rate|, infinite where both ends are unlimited.

    Prices never rise and rates never fall, so both stand at an end.
    """
    price, bound = np.empty(len(demands)), np.empty(len(demands))
    for d in range(len(demands)):
        first, last = offsets[demands[d]], offsets[demands[d] + 1] - 1
        price[d] = max(abs(p[first]), abs(p[last]))
        low, high = abs(q[first]), abs(q[last])
        bound[d] = low if high == np.inf else high if low == np.inf else max(low, high)
    return price, bound


@compiled
def _trades(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    part: Ints,
    x: Floats,
    pi: Floats,
    lam: Floats,
    largest_price: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
    """Compute sums of rates over demands and products, and of prices over portfolios.

    Returns
    -------
    net, traded : (P,)
        ``B x`` and ``T = Σ |B_pi x_i|``.
    z, zeta : (D,)
        ``W x`` and ``Σ |W_di x_i|``.
    worth : (I,)
        ``max(ρ_i, Σ_d |W_di| P_d)``.
    consistency : (I,)
    highest : (P,)
        The largest ``worth_i / |B_pi|``.
    """
    net, traded, highest = np.zeros(len(pi)), np.zeros(len(pi)), np.zeros(len(pi))
    z, zeta = np.zeros(len(lam)), np.zeros(len(lam))
    worth, consistency = np.zeros(len(x)), np.zeros(len(x))
    for i in range(len(x)):
        if part[i] < 0:
            continue
        r = rho = 0.0
        for e in range(B_start[i], B_start[i + 1]):
            p, b = B_product[e], B_weight[e]
            net[p] += b * x[i]
            traded[p] += abs(b * x[i])
            r += b * pi[p]
            rho += abs(b * pi[p])
        sum_of_demands = size = offered = 0.0
        for e in range(W_start[i], W_start[i + 1]):
            d, w = W_demand[e], W_weight[e]
            z[d] += w * x[i]
            zeta[d] += abs(w * x[i])
            sum_of_demands += w * lam[d]
            size += abs(w * lam[d])
            offered += abs(w) * largest_price[d]
        worth[i] = max(rho, offered) if rho == rho else rho
        consistency[i] = 0.0 if r == sum_of_demands else abs(r - sum_of_demands) / (rho + size)
        for e in range(B_start[i], B_start[i + 1]):
            highest[B_product[e]] = max(highest[B_product[e]], worth[i] / abs(B_weight[e]))
    return net, traded, z, zeta, worth, consistency, highest


@compiled
def _units(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    part: Ints,
    zeta: Floats,
    traded: Floats,
    bound: Floats,
    pi: Floats,
    lam: Floats,
    usual: Floats,
) -> tuple[Floats, Floats, Floats, bool]:
    """Amount of each product that could be traded, and the sizes that a demand's rate and price are measured in.

    Parameters
    ----------
    usual : (P,)
        Usual prices of products.

    Returns
    -------
    could : (P,)
        ``Σ_i |B_pi| x̂_i``: x̂ is how far a portfolio would trade if it alone made its demands' rates.
    Z : (D,)
        ``max(ζ_d, min(bound_d, max_i |W_di| V_i))``: nobody trades more of a product than the others do.
    Lambda : (D,)
        The largest of ``|λ_d|, ρ_i/|W_di|, 1e-6 Σ_p |B_pi| π̂_p / |W_di|`` over its portfolios.
    floored : bool
        Whether the usual prices mattered.
    """
    could, reach, Lambda, floored = np.zeros(len(traded)), np.zeros(len(zeta)), np.abs(lam), False
    for i in range(len(part)):
        if part[i] < 0:
            continue
        x_hat, V, rho, known = 0.0, np.inf, 0.0, 0.0
        for e in range(W_start[i], W_start[i + 1]):
            x_hat = max(x_hat, zeta[W_demand[e]] / abs(W_weight[e]))
        for e in range(B_start[i], B_start[i + 1]):
            p, b = B_product[e], abs(B_weight[e])
            could[p] += b * x_hat
            V = min(V, traded[p] / b)
            rho += b * abs(pi[p])
            known += b * usual[p]
        known *= LEAST_SCALE
        floored |= known > rho
        for e in range(W_start[i], W_start[i + 1]):
            d, w = W_demand[e], abs(W_weight[e])
            reach[d] = max(reach[d], w * V)
            Lambda[d] = max(Lambda[d], max(rho, known) / w)
    return could, np.maximum(zeta, np.minimum(bound, reach)), Lambda, floored
