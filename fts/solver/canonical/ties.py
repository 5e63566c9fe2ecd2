"""Where an optimum leaves a choice: flat bids tied with the price, and the prices that keep every fill."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import compiled
from fts.solver.program import alone

FLAT = 1e-12
"""A segment is flat when its price falls by at most this share."""
TIE = 1e-11
"""A flat segment is tied when its price and the demand's are this near."""


def tied_segments(program: Program, answer: Answer, unit: Floats) -> Flags:
    """Flat segments whose price is the demand's; `unit` is a typical price of each demand, (D,)."""
    p = program
    lam = answer.demand_prices[p.segment_demand]
    width = p.hi - p.lo
    drop = np.where(p.s == 0, 0.0, p.s * np.where(np.isfinite(width), width, 0.0))
    level = np.maximum.reduce([np.abs(p.c), np.abs(lam), 1e-3 * unit[p.segment_demand]])
    tied: Flags = (drop <= FLAT * np.abs(p.c)) & (np.abs(p.c - lam) <= TIE * level)
    return tied


def price_intervals(program: Program, answer: Answer, unit: Floats) -> tuple[Floats, Floats]:
    """Least and largest price at which each curve stands where its fills are, (D,) each.

    An interval that is only rounding, measured against a typical price `unit` of each demand (D,), is one price.
    """
    p = program
    return _intervals(p.segment_demand, p.lo, p.hi, p.c, p.s, answer.y, unit)


@compiled
def _intervals(
    demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, y: Floats, unit: Floats
) -> tuple[Floats, Floats]:
    low, high = np.full(len(unit), -np.inf), np.full(len(unit), np.inf)
    for k in range(len(y)):
        d, at = demand[k], c[k] - s[k] * y[k]
        low[d] = max(low[d], at if y[k] < hi[k] else -np.inf)
        high[d] = min(high[d], at if y[k] > lo[k] else np.inf)
    for d in range(len(unit)):
        middle = low[d] / 2 + high[d] / 2
        if high[d] - low[d] <= TIE * max(abs(middle), 1e-3 * unit[d]) and np.isfinite(middle):
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
