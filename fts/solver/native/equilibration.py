"""Units in which every price deviates by about 1 and every quantity is money."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Floats, Ints
from fts.ports.engine import Program
from fts.solver.compiled import Index, compiled, unsigned_entries
from fts.solver.medians import medians

LEAST_DISPERSION = 1e-6
"""The least unit of a product's price, as a share of its level."""


@dataclass(frozen=True)
class Scales:
    """Typical sizes of a program's variables.

    Attributes
    ----------
    price : (P,) [money / quantity]
        A typical price of each product.
    rate : (I,) [quantity / money]
        Rate of each portfolio that trades one unit of money at typical prices.
    demand_price : (D,) [money / quantity]
        A typical price of each demand's quantity.
    """

    price: Floats
    rate: Floats
    demand_price: Floats


def scales_of(program: Program) -> Scales:
    """Units of a program, from its own prices."""
    return scales_in(program, price_units(program))


def scales_in(program: Program, price: Floats) -> Scales:
    """Units of a program in which prices of products have these units, (P,)."""
    B, W = unsigned_entries(program.B), unsigned_entries(program.W)
    length = np.sqrt(_squares(*B, price))
    rate = 1.0 / np.where(length > 0, length, 1.0)
    return Scales(price, rate, _largest(*W, rate, program.W.shape[0]))


def price_units(program: Program, rounding: Floats | None = None, levels: Floats | None = None) -> Floats:
    """Compute the dispersion of every product's price, (P,): the lower median of what one unit is worth in deviations.

    A portfolio says that one unit of a product is worth what one unit of the portfolio is worth to its demands, and
    what it costs, over the product's weight. A median, because one price cap or one odd portfolio must not move a unit.

    Parameters
    ----------
    program : Program
        In deviations from first prices.
    rounding : (D,) [money / quantity], optional
        Typical prices of curves up to this are rounding of 0.
    levels : (P,) [money / quantity], optional
        The prices that the program's prices deviate from.
    """
    B, W = unsigned_entries(program.B), unsigned_entries(program.W)
    worth = _deviating_worths(program, rounding)
    price = medians(*B, worth, program.B.shape[0])
    known = price > 0
    if not known.all():
        # Where all bids agree, the money in a portfolio tells the proportions of its products' prices.
        money = np.zeros(program.B.shape[1]) if rounding is None else _worths(*W, rounding) / np.finfo(float).eps
        usual = medians(*B, np.where(money > 0, money, 1.0), program.B.shape[0])
        usual = np.where(usual > 0, usual, 1.0)
        ratio = np.median((price / usual)[known]) if known.any() else 1.0
        price = np.where(known, price, usual * ratio)
    # Two bids that nearly agree tell nothing about how far the price of a product may move.
    return price if levels is None else np.maximum(price, LEAST_DISPERSION * np.abs(levels))


def is_any_unit_below(program: Program, rounding: Floats, levels: Floats, limit: Floats) -> bool:
    """Check whether the unit of any product's price, as of :func:`price_units`, is less than its limit, (P,).

    Values below the limit are counted: that takes a fifth of the time of medians.
    """
    counts = _count_below(*unsigned_entries(program.B), _deviating_worths(program, rounding), limit)
    if not counts[0].all():
        return bool((price_units(program, rounding, levels) < limit).any())
    is_below = (counts[1] > (counts[0] - 1) // 2) & (LEAST_DISPERSION * np.abs(levels) < limit)
    return bool(is_below.any())


@compiled
def _count_below(start: Index, product: Index, weight: Floats, worth: Floats, limit: Floats) -> Ints:
    """Count each product's positive ``worth_i / |B_pi|``, and those that are less than its limit, (2, P)."""
    counts = np.zeros((2, len(limit)), dtype=np.int64)
    for i in range(len(worth)):
        if worth[i] > 0:
            for e in range(start[i], start[i + 1]):
                p = product[e]
                counts[0, p] += 1
                counts[1, p] += worth[i] / abs(weight[e]) < limit[p]
    return counts


def _deviating_worths(program: Program, rounding: Floats | None) -> Floats:
    """Compute what one unit of each portfolio is worth to its demands less its cost, in deviations, (I,)."""
    W = unsigned_entries(program.W)
    curve_price = _curve_prices(
        program.segment_demand, program.lo, program.hi, program.c, program.s, program.W.shape[0]
    )
    if rounding is not None:
        curve_price[curve_price <= rounding] = 0.0
    worth = _worths(*W, curve_price)
    if program.cost is not None:
        cost = np.abs(program.cost)
        worth += cost if rounding is None else np.where(cost > _worths(*W, rounding), cost, 0.0)
    return worth


@compiled
def _worths(start: Index, demand: Index, weight: Floats, curve_price: Floats) -> Floats:
    """Value of one unit of each portfolio to its demands, (I,)."""
    worth = np.zeros(len(start) - 1)
    for i in range(len(worth)):
        for e in range(start[i], start[i + 1]):
            worth[i] += abs(weight[e]) * curve_price[demand[e]]
    return worth


@compiled
def _squares(start: Index, product: Index, weight: Floats, price: Floats) -> Floats:
    """``Σ_p (B_pi price_p)²``, (I,)."""
    square = np.zeros(len(start) - 1)
    for i in range(len(square)):
        for e in range(start[i], start[i + 1]):
            square[i] += weight[e] ** 2 * price[product[e]] ** 2
    return square


@compiled
def _largest(start: Index, demand: Index, weight: Floats, rate: Floats, n_demands: int) -> Floats:
    """Compute a typical price of each demand, (D,): the largest ``1/(|W_di| rate_i)``, 1 where there is none."""
    price = np.zeros(n_demands)
    for i in range(len(rate)):
        for e in range(start[i], start[i + 1]):
            price[demand[e]] = max(price[demand[e]], 1.0 / (abs(weight[e]) * rate[i]))
    return np.where(price > 0, price, 1.0)


def scaled(program: Program, scales: Scales) -> Program:
    """Return the same program in the units of its scales."""
    B, W = program.B, program.W
    unit = scales.demand_price[program.segment_demand]
    return Program(
        B=_in_units(B, scales.price, scales.rate),
        W=_in_units(W, scales.demand_price, scales.rate),
        segment_demand=program.segment_demand,
        lo=program.lo * unit,
        hi=program.hi * unit,
        c=program.c / unit,
        s=program.s / unit**2,
        cost=None if program.cost is None else program.cost * scales.rate,
    )


def _in_units(matrix: csc_array, row_unit: Floats, column_unit: Floats) -> csc_array:
    """Return a matrix in other units; short indices, because products with it are bound by memory."""
    start, row, weight = unsigned_entries(matrix)
    return csc_array(
        (_multiplied(start, row, weight, row_unit, column_unit), matrix.indices, matrix.indptr), shape=matrix.shape
    )


@compiled
def _multiplied(start: Index, row: Index, weight: Floats, row_unit: Floats, column_unit: Floats) -> Floats:
    """Entries times the units of their row and column."""
    made = np.empty(len(weight))
    for i in range(len(start) - 1):
        for e in range(start[i], start[i + 1]):
            made[e] = weight[e] * row_unit[row[e]] * column_unit[i]
    return made


def segment_sizes(program: Program) -> Floats:
    """Size of each segment, (K,) [money in scaled units]; unlimited ones take the market's scale."""
    width = program.hi - program.lo
    finite = np.isfinite(width)
    if finite.all():
        return width
    # An unlimited sloped segment has a scale of its own: the rate at which its price has fallen by itself.
    sloped = ~finite & (program.s > 0)
    width = np.where(sloped, np.maximum(np.abs(program.c), 1e-3) / np.where(sloped, program.s, 1.0), width)
    finite |= sloped
    W = program.W
    n_portfolios, n_demands = W.shape[1], W.shape[0]
    limited = np.ones(n_demands, dtype=bool)
    limited[program.segment_demand[~finite]] = False
    offer = np.bincount(program.segment_demand[finite], weights=width[finite], minlength=n_demands)
    column = np.repeat(np.arange(n_portfolios), np.diff(W.indptr))
    room = np.full(n_portfolios, np.inf)
    limit = np.where(limited, offer, np.inf)
    np.minimum.at(room, column, limit[W.indices] / np.abs(W.data))
    # What the limited portfolios can trade of each product is the scale of those that are not limited.
    B = program.B
    entry = np.repeat(np.arange(n_portfolios), np.diff(B.indptr))
    known = np.isfinite(room) & (room > 0)
    if known.any():
        typical = np.zeros(B.shape[0])
        np.maximum.at(typical, B.indices, np.where(known[entry], np.abs(B.data) * np.where(known, room, 0)[entry], 0))
        typical = np.where(typical > 0, typical, np.exp(np.mean(np.log(room[known]))))
    else:
        typical = np.full(B.shape[0], max(1.0, float(width[finite].max(initial=0.0))))
    reach = np.zeros(n_portfolios)
    np.maximum.at(reach, entry, typical[B.indices])
    room = np.where(known, room, reach)
    by_demand = np.zeros(n_demands)
    np.maximum.at(by_demand, W.indices, np.abs(W.data) * room[column])
    size = np.where(finite, width, by_demand[program.segment_demand])
    return np.where(size > 0, size, 1.0)


@compiled
def _curve_prices(demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, n_demands: int) -> Floats:
    """Compute a typical |price| of each curve: at its segments' middles, by what they offer, plus half their drop."""
    offer, total, price = np.zeros(n_demands), np.zeros(n_demands), np.zeros(n_demands)
    for k in range(len(c)):
        if hi[k] - lo[k] < np.inf:
            offer[demand[k]] += hi[k] - lo[k]
    for k in range(len(c)):
        d, width = demand[k], hi[k] - lo[k]
        finite = width < np.inf
        typical = abs(c[k] - s[k] * ((hi[k] + lo[k]) / 2)) + s[k] * width / 2 if finite else abs(c[k])
        share = width if finite else offer[d] if offer[d] > 0 else 1.0
        total[d] += share
        price[d] += share * typical
    return price / np.where(total > 0, total, 1.0)
