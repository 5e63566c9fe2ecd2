"""Connected parts that are order books, one product and bids with a demand of their own, cleared all at once."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Program
from fts.solver.cleared_parts import ClearedParts
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.connected_parts import ConnectedParts, list_parts
from fts.solver.native.books import clear_each

TIE = 1e-11
"""Prices this near, in shares of their dispersion in the book, are one price."""


def find_books(B: csc_array, W: csc_array, parts: ConnectedParts) -> Flags:
    """Find the parts that are order books, (n_parts,)."""
    return _are_books(*csc_arrays(W)[:2], parts.portfolio, parts.product, W.shape[0], parts.count)


@compiled
def _are_books(
    W_start: Int32s, W_demand: Int32s, portfolio: Ints, product: Ints, n_demands: int, n_parts: int
) -> Flags:
    users, book = np.zeros(n_demands, dtype=np.int32), np.ones(n_parts, dtype=np.bool_)
    products = np.zeros(n_parts, dtype=np.int32)
    for p in range(len(product)):
        products[product[p]] += 1
        book[product[p]] &= products[product[p]] == 1
    for e in range(len(W_demand)):
        users[W_demand[e]] += 1
    for i in range(len(portfolio)):
        if W_start[i + 1] - W_start[i] != 1 or users[W_demand[W_start[i]]] != 1:
            book[portfolio[i]] = False
    return book


def clear_books_of(
    program: Program, parts: ConnectedParts, books: Flags, reference: Floats | None = None
) -> ClearedParts:
    """Clear the parts of a program that are order books.

    Parameters
    ----------
    program : Program
    parts : ConnectedParts
    books : (n_parts,)
        See :func:`find_books`.
    reference : (P,) [money / quantity], optional
        Prices to stay near to where there is a choice; NaN where there is none.
    """
    wished = np.full(program.B.shape[0], np.nan) if reference is None else reference
    return ClearedParts(
        *_clear(
            *csc_arrays(program.B), *csc_arrays(program.W), parts.product, parts.portfolio, books,
            program.segment_demand, program.lo, program.hi, program.c, program.s, wished,
        )
    )  # fmt: skip


@compiled
def _clear(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    product: Ints,
    portfolio: Ints,
    books: Flags,
    segment_demand: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    reference: Floats,
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Floats, Floats, Floats, Floats, Floats, Flags, Flags, Flags]:
    """Compute the fields of `ClearedParts`; an unbounded book is not found."""
    numbers = np.flatnonzero(books)
    _, products, label, start, bids, demands, bid_label = list_parts(
        W_start, W_demand, product, portfolio, books, len(numbers)
    )
    n_demands = 0
    for j in range(len(demands)):
        n_demands = max(n_demands, demands[j] + 1)
    begin, end = np.zeros(n_demands, dtype=np.int64), np.zeros(n_demands, dtype=np.int64)
    for k in range(len(segment_demand)):
        d = segment_demand[k]
        if d < n_demands:
            if end[d] == 0:
                begin[d] = k
            end[d] = k + 1
    basis, weight = np.empty(len(bids)), np.empty(len(bids))
    first, last = np.empty(len(bids), dtype=np.int64), np.empty(len(bids), dtype=np.int64)
    for j in range(len(bids)):
        basis[j], weight[j] = B_weight[B_start[bids[j]]], W_weight[W_start[bids[j]]]
        first[j], last[j] = begin[demands[j]], end[demands[j]]
    tie = TIE * _dispersions(start, basis / weight, first, last, lo, hi, c, s)
    prices, low, high, fills, unique_price, unique_rate, bounded = clear_each(
        start, basis, weight, first, last, lo, hi, c, s, reference[products], tie
    )
    rates, demand_prices = _spread(start, basis, weight, first, last, fills, prices)
    return (
        numbers, products, bids, demands, label, bid_label, rates, prices, low, high, demand_prices, unique_price,
        unique_rate, bounded,
    )  # fmt: skip


@compiled
def _dispersions(
    start: Ints, ratio: Floats, first: Ints, last: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats
) -> Floats:
    """Compute the dispersion of the prices in each book, (n_books,) [money / product unit].

    The lower median of the positive deviations from the lower median, of the middles of the bids' curves, half of the
    drop of each curve included.
    """
    dispersion = np.zeros(len(start) - 1)
    for b in range(len(dispersion)):
        n = start[b + 1] - start[b]
        middle, drop = np.empty(n), np.empty(n)
        for k in range(n):
            j = start[b] + k
            if first[j] == last[j]:
                middle[k], drop[k] = 0.0, 0.0
                continue
            left, right = first[j], last[j] - 1
            high = c[left] - s[left] * lo[left] if s[left] > 0 else c[left]
            low = c[right] - s[right] * hi[right] if s[right] > 0 else c[right]
            middle[k], drop[k] = (high / 2 + low / 2) / ratio[j], abs((high - low) / 2 / ratio[j])
        centre = np.sort(middle)[(n - 1) // 2]
        deviation = np.abs(middle - centre) + drop
        positive = np.sort(deviation[deviation > 0])
        if len(positive):
            dispersion[b] = positive[(len(positive) - 1) // 2]
    return dispersion


@compiled
def _spread(
    start: Ints, basis: Floats, weight: Floats, first: Ints, last: Ints, fills: Floats, prices: Floats
) -> tuple[Floats, Floats]:
    """Rates of the bids and prices of their demands."""
    rates, demand_prices = np.zeros(len(basis)), np.zeros(len(basis))
    for b in range(len(prices)):
        for j in range(start[b], start[b + 1]):
            total = 0.0
            for k in range(first[j], last[j]):
                total += fills[k]
            rates[j] = total / weight[j]
            demand_prices[j] = basis[j] * prices[b] / weight[j]
    return rates, demand_prices
