"""Connected parts that are order books, one product and bids with a demand of their own, cleared all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Program
from fts.solver.compiled import Short, compiled, entries
from fts.solver.connected_parts import ConnectedParts, list_parts
from fts.solver.native.books import clear_books

TIE = 1e-11
"""Prices this near, in shares of their dispersion in the book, are one price."""


@dataclass(frozen=True)
class ClearedBooks:
    """The canonical answers of order books, in the order of their parts.

    Attributes
    ----------
    numbers, products : (n,)
        The part and the product of each book.
    portfolios, demands : (I',), (D',)
        Positions of their bids, and of the bids' demands, in the whole program.
    rates : (I',) [quantity / time]
    prices, price_low, price_high : (n,) [money / quantity]
        NaN where unbounded.
    demand_prices : (D',) [money / quantity]
    unique_price, unique_rate : (n,)
    bounded : (n,)
        False where unlimited bids earn without limit.
    """

    numbers: Ints
    products: Ints
    portfolios: Ints
    demands: Ints
    rates: Floats
    prices: Floats
    price_low: Floats
    price_high: Floats
    demand_prices: Floats
    unique_price: Flags
    unique_rate: Flags
    bounded: Flags


def find_books(B: csc_array, W: csc_array, parts: ConnectedParts) -> Flags:
    """The parts that are order books, (n_parts,)."""
    return _are_books(*entries(W)[:2], parts.portfolio, parts.product, W.shape[0], parts.count)


@compiled
def _are_books(W_start: Short, W_demand: Short, portfolio: Ints, product: Ints, n_demands: int, n_parts: int) -> Flags:
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
) -> ClearedBooks:
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
    numbers = np.flatnonzero(books)
    first_segment = np.append(0, np.cumsum(np.bincount(program.segment_demand, minlength=program.W.shape[0])))
    B, W = entries(program.B), entries(program.W)
    _, products, _, start, bids, demands, _ = list_parts(
        W[0], W[1], parts.product, parts.portfolio, books, len(numbers)
    )
    basis, weight = B[2][B[0][bids]], W[2][W[0][bids]]
    first, last = first_segment[demands], first_segment[demands + 1]
    curves = program.lo, program.hi, program.c, program.s
    tie = TIE * _dispersions(start, basis / weight, first, last, *curves)
    found = clear_books(
        start, basis, weight, first, last, *curves, None if reference is None else reference[products], tie
    )
    rates, demand_prices = _spread(start, basis, weight, first, last, found.fills, found.prices)
    return ClearedBooks(
        numbers=numbers,
        products=products,
        portfolios=bids,
        demands=demands,
        rates=rates,
        prices=found.prices,
        price_low=found.price_low,
        price_high=found.price_high,
        demand_prices=demand_prices,
        unique_price=found.unique_price,
        unique_rate=found.unique_rate,
        bounded=found.bounded,
    )


@compiled
def _dispersions(
    start: Ints, ratio: Floats, first: Ints, last: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats
) -> Floats:
    """The dispersion of the prices in each book, (n_books,) [money / product unit].

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
