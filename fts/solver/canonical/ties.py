"""Choices that an optimum leaves: flat bids tied with the price, and the prices that keep every fill."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import Index, compiled, unsigned, unsigned_entries
from fts.solver.program import has_private_demand

FLAT = 1e-12
"""A segment is flat when its price falls by at most this share of the dispersion of prices."""
TIE = 1e-11
"""A flat segment is tied when its price and the demand's are this near, in shares of the dispersion."""


def tied_segments(program: Program, answer: Answer, unit: Floats, rounding: Floats) -> Flags:
    """Flat segments whose price is the demand's.

    Parameters
    ----------
    program : Program
        In deviations from first prices.
    answer : Answer
    unit : (D,) [money / quantity]
        The dispersion of prices as each demand sees it.
    rounding : (D,) [money / quantity]
        What float64 cannot tell from 0 in a price of each demand.
    """
    p = program
    near = np.maximum(TIE * unit, rounding)
    return _tied(unsigned(p.segment_demand), p.lo, p.hi, p.c, p.s, answer.demand_prices, unit, near)


@compiled
def _tied(
    demand: Index, lo: Floats, hi: Floats, c: Floats, s: Floats, lam: Floats, unit: Floats, near: Floats
) -> Flags:
    tied = np.zeros(len(c), dtype=np.bool_)
    for k in range(len(c)):
        d = demand[k]
        if abs(c[k] - lam[d]) <= near[d]:
            width = hi[k] - lo[k]
            tied[k] = s[k] == 0 or (s[k] * width if np.isfinite(width) else 0.0) <= FLAT * unit[d]
    return tied


def price_intervals(
    program: Program, answer: Answer, unit: Floats, rounding: Floats | None = None
) -> tuple[Floats, Floats]:
    """Least and largest price at which each curve stands where its fills are, (D,) each.

    An interval that is only rounding, see :func:`tied_segments`, is one price.
    """
    p = program
    near = TIE * unit if rounding is None else np.maximum(TIE * unit, rounding)
    return _intervals(unsigned(p.segment_demand), p.lo, p.hi, p.c, p.s, answer.y, near)


@compiled
def _intervals(
    demand: Index, lo: Floats, hi: Floats, c: Floats, s: Floats, y: Floats, near: Floats
) -> tuple[Floats, Floats]:
    low, high = np.full(len(near), -np.inf), np.full(len(near), np.inf)
    for k in range(len(y)):
        d, at = demand[k], c[k] - s[k] * y[k]
        low[d] = max(low[d], at if y[k] < hi[k] else -np.inf)
        high[d] = min(high[d], at if y[k] > lo[k] else np.inf)
    for d in range(len(near)):
        middle = low[d] / 2 + high[d] / 2
        if high[d] - low[d] <= near[d] and np.isfinite(middle):
            low[d] = high[d] = middle
    return low, high


def quotes(program: Program, low: Floats, high: Floats) -> tuple[Floats, Floats, Flags]:
    """Compute the interval that portfolios of one product and one private demand leave each product, (P,) each.

    The third result says where no other portfolio holds the product, so that the interval is all there is.
    """
    B, W = unsigned_entries(program.B), unsigned_entries(program.W)
    return _quotes(*B, *W, has_private_demand(program.W), low, high, program.B.shape[0])


@compiled
def _quotes(
    B_start: Index,
    product: Index,
    B_weight: Floats,
    W_start: Index,
    demand: Index,
    W_weight: Floats,
    lone: Flags,
    low: Floats,
    high: Floats,
    n_products: int,
) -> tuple[Floats, Floats, Flags]:
    least, most = np.full(n_products, -np.inf), np.full(n_products, np.inf)
    only = np.ones(n_products, dtype=np.bool_)
    for i in range(len(B_start) - 1):
        at = B_start[i]
        if lone[i] and B_start[i + 1] == at + 1:
            p, d, ratio = product[at], demand[W_start[i]], W_weight[W_start[i]] / B_weight[at]
            a, b = low[d] * ratio, high[d] * ratio
            least[p] = max(least[p], min(a, b))
            most[p] = min(most[p], max(a, b))
        else:
            for e in range(at, B_start[i + 1]):
                only[product[e]] = False
    return least, most, only


def pinned_products(program: Program, pinned: Flags) -> Ints:
    """Products whose price a portfolio of that product alone tells, with a private demand of known price (D,)."""
    B, W = program.B, program.W
    i = np.flatnonzero(has_private_demand(W) & (np.diff(B.indptr) == 1))
    known = np.zeros(B.shape[0], dtype=bool)
    known[B.indices[B.indptr[i[pinned[W.indices[W.indptr[i]]]]]]] = True
    return np.flatnonzero(known)


def lengths(B: csc_array) -> Floats:
    """Euclidean length of every column."""
    start, _, weight = unsigned_entries(B)
    return _lengths(start, weight)


@compiled
def _lengths(start: Index, weight: Floats) -> Floats:
    length = np.empty(len(start) - 1)
    for i in range(len(length)):
        square = 0.0
        for e in range(start[i], start[i + 1]):
            square += weight[e] * weight[e]
        length[i] = np.sqrt(square)
    return length


def largest_lengths(B: csc_array, W: csc_array) -> Floats:
    """Compute the largest ``|B_i| / |W_di|`` of each demand's portfolios, (D,); 0 where it has none."""
    return _largest_lengths(lengths(B), *unsigned_entries(W), W.shape[0])


@compiled
def _largest_lengths(length: Floats, start: Index, demand: Index, weight: Floats, n_demands: int) -> Floats:
    largest = np.zeros(n_demands)
    for i in range(len(length)):
        for e in range(start[i], start[i + 1]):
            largest[demand[e]] = max(largest[demand[e]], length[i] / abs(weight[e]))
    return largest
