"""Where an optimum leaves a choice: flat bids tied with the price, and the prices that keep every fill."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import compiled
from fts.solver.program import alone

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
    lam = answer.demand_prices[p.segment_demand]
    width = p.hi - p.lo
    drop = np.where(p.s == 0, 0.0, p.s * np.where(np.isfinite(width), width, 0.0))
    near = np.maximum(TIE * unit, rounding)[p.segment_demand]
    tied: Flags = (drop <= FLAT * unit[p.segment_demand]) & (np.abs(p.c - lam) <= near)
    return tied


def price_intervals(
    program: Program, answer: Answer, unit: Floats, rounding: Floats | None = None
) -> tuple[Floats, Floats]:
    """Least and largest price at which each curve stands where its fills are, (D,) each.

    An interval that is only rounding, see :func:`tied_segments`, is one price.
    """
    p = program
    near = TIE * unit if rounding is None else np.maximum(TIE * unit, rounding)
    return _intervals(p.segment_demand, p.lo, p.hi, p.c, p.s, answer.y, near)


@compiled
def _intervals(
    demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, y: Floats, near: Floats
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
    """The interval that portfolios of one product and one private demand leave each product, (P,) each.

    The third result says where no other portfolio holds the product, so that the interval is all there is.
    """
    B, W = program.B, program.W
    P = B.shape[0]
    lone = alone(W)
    single = lone & (np.diff(B.indptr) == 1)
    i = np.flatnonzero(single)
    product, ratio = B.indices[B.indptr[i]], W.data[W.indptr[i]] / B.data[B.indptr[i]]
    d = W.indices[W.indptr[i]]
    a, b = low[d] * ratio, high[d] * ratio
    least, most = np.full(P, -np.inf), np.full(P, np.inf)
    np.maximum.at(least, product, np.minimum(a, b))
    np.minimum.at(most, product, np.maximum(a, b))
    column = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    only = np.ones(P, dtype=bool)
    only[B.indices[~single[column]]] = False
    return least, most, only


def told_products(program: Program, pinned: Flags) -> Ints:
    """Products whose price a portfolio of that product alone tells, with a private demand of known price (D,)."""
    B, W = program.B, program.W
    i = np.flatnonzero(alone(W) & (np.diff(B.indptr) == 1))
    known = np.zeros(B.shape[0], dtype=bool)
    known[B.indices[B.indptr[i[pinned[W.indices[W.indptr[i]]]]]]] = True
    return np.flatnonzero(known)


def lengths(B: csc_array) -> Floats:
    """Euclidean length of every column."""
    owner = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    return np.sqrt(np.bincount(owner, weights=B.data**2, minlength=B.shape[1]))


def owners(matrix: csc_array) -> Ints:
    """The column of every entry."""
    return np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
