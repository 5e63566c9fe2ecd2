"""Order books cleared without iteration: one product, and bids with a private demand each.

In a connected part of this kind every bid is a supply or demand curve of the one product, so the clearing price is
where net demand, which never rises with the price, crosses 0. A segment of fill ``y`` and price ``c - s y`` trades
``q = (B/W) y`` of the product at the price ``(c - s y) W/B``. It is split at ``y = 0`` into a *buying piece* and a
*selling piece*. The *signed price* is the price for buying pieces and its negative for selling pieces,
so that every piece trades more as its signed price falls.

All kinks of net demand are sorted, and bisection finds the crossing. At each price tried the traded quantities are
summed afresh: a bid that does not trade there enters no sum, whatever its size. Where a sloped piece is partly filled,
the search is repeated in deviations from the kink next to the price, so the price level costs no accuracy.

Rounding: prices within `PRICE_ROUNDING` of their size are one price, and supply equals demand where they differ by
`QUANTITY_ROUNDING` of their size at most. Traded quantities are summed with compensation (Ogita, Rump and Oishi,
Accurate sum and dot product, 2005).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.crossing import choose_kink, find_crossing, has_partial, solve_sloped
from fts.solver.native.piece_fills import balance, clear_tied, fill_pieces
from fts.solver.native.pieces import PRICE_ROUNDING, cut_pieces, limit_profit, list_kinks, make_pieces


@dataclass(frozen=True)
class BookOutcome:
    """The canonical outcome of order books.

    Attributes
    ----------
    prices : (n_books,) [money / product unit]
        Clearing prices; NaN for an unbounded book.
    price_low, price_high : (n_books,) [money / product unit]
        Least and largest clearing price; ∓inf where unlimited, NaN for an unbounded book.
    fills : (K,) [quantity / time]
        Fills of all segments given, 0 for segments of no book and of unbounded books.
    unique_price : (n_books,)
        True iff there is one clearing price.
    unique_rate : (n_books,)
        True iff there is one optimal fill of every segment.
    bounded : (n_books,)
        False where an unlimited buyer pays more than an unlimited seller asks: the gain has no largest value.
    """

    prices: Floats
    price_low: Floats
    price_high: Floats
    fills: Floats
    unique_price: Flags
    unique_rate: Flags
    bounded: Flags


def clear_books(
    start: Ints,
    basis: Floats,
    weight: Floats,
    first: Ints,
    last: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    reference: Floats | None = None,
    tie: Floats | None = None,
) -> BookOutcome:
    """Clear many order books: canonical fills, prices and intervals of prices.

    Flat segments tied with the price fill as ``Σ |B/W| y²/size`` is least: on the side that must trade all fill the
    same share of their size, on the other side none. If some on that side are unlimited, limited ones do not trade and
    the total rates ``B x`` of the unlimited bids are made as equal as possible. The price is the reference clipped to
    the interval of clearing prices; without a reference it is the middle of the interval, or its only finite end.

    Parameters
    ----------
    start : (n_books + 1,)
        Book ``b`` has the bids ``start[b]:start[b + 1]``.
    basis, weight : (n_bids,)
        ``B`` and ``W`` of each bid, finite and not 0: product units, and demand units, per unit of its rate.
    first, last : (n_bids,)
        The bid's demand has the segments ``first:last``, left to right. No two bids share a segment.
    lo, hi : (K,) [quantity / time]
        Bounds of fills, ``lo ≤ 0 ≤ hi``; infinite only where `s` is 0.
    c : (K,) [money / quantity]
        Price at fill 0.
    s : (K,) [money · time / quantity²]
        How fast the price falls, ``s ≥ 0``.
    reference : (n_books,) [money / product unit]
        NaN, or None for all: no reference.
    tie : (n_books,) [money / product unit]
        Prices this near are one price even if they differ by more than rounding; None: 0. A segment whose price falls
        by no more than this on one side of 0 is flat there.

    Notes
    -----
    Indices are not checked. The quantities traded in a book must add up to less than 1e308.
    """
    n_books = len(start) - 1
    prices, low, high, fills, unique_price, unique_rate, bounded = clear_each(
        np.ascontiguousarray(start, dtype=np.int64),
        np.ascontiguousarray(basis, dtype=np.float64),
        np.ascontiguousarray(weight, dtype=np.float64),
        np.ascontiguousarray(first, dtype=np.int64),
        np.ascontiguousarray(last, dtype=np.int64),
        np.ascontiguousarray(lo, dtype=np.float64),
        np.ascontiguousarray(hi, dtype=np.float64),
        np.ascontiguousarray(c, dtype=np.float64),
        np.ascontiguousarray(s, dtype=np.float64),
        np.full(n_books, np.nan) if reference is None else np.ascontiguousarray(reference, dtype=np.float64),
        np.zeros(n_books) if tie is None else np.ascontiguousarray(tie, dtype=np.float64),
    )
    return BookOutcome(prices, low, high, fills, unique_price, unique_rate, bounded)


@compiled
def clear_each(
    start: Ints,
    basis: Floats,
    weight: Floats,
    first: Ints,
    last: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    reference: Floats,
    tie: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Flags, Flags, Flags]:
    """Clear one book after another; the results are the fields of `BookOutcome`."""
    n_books, size = len(start) - 1, 0
    pieces = make_pieces(size)
    kinks, scratch = np.empty(2 * size), np.empty(2 * size)
    fills, traded = np.zeros(len(lo)), np.empty(len(basis))
    prices, low, high = np.full(n_books, np.nan), np.full(n_books, np.nan), np.full(n_books, np.nan)
    unique_price, unique_rate = np.zeros(n_books, dtype=np.bool_), np.zeros(n_books, dtype=np.bool_)
    bounded = np.ones(n_books, dtype=np.bool_)

    for b in range(n_books):
        count = 0
        for i in range(start[b], start[b + 1]):
            count += 2 * (last[i] - first[i])
        if count != size:
            size = count
            pieces = make_pieces(size)
            kinks, scratch = np.empty(2 * size), np.empty(2 * size)
        # The first round finds the crossing in plain prices. Where a sloped piece is partly filled there, the second
        # one repeats it in deviations from the kink next to it.
        centre, left, right, inside, tolerance = 0.0, -np.inf, np.inf, False, 0.0
        buyers, sellers, sloped = 0, size, False
        for again in range(2):
            buyers, sellers, sloped = cut_pieces(
                basis, weight, first, last, lo, hi, c, s, start[b], start[b + 1], tie[b], centre, pieces
            )
            bounded[b] = limit_profit(pieces, buyers, sellers, centre)
            n = list_kinks(pieces, buyers, sellers, kinks, scratch)
            if n == 0 or not bounded[b]:
                break
            left, right, inside = find_crossing(pieces, buyers, sellers, kinks, n)
            anchor = left if np.isfinite(left) else right
            tolerance = max(tie[b], PRICE_ROUNDING * abs(centre + anchor))
            if not inside and right - left <= tolerance:
                right = left
            if again or not (inside or (sloped and left == right and has_partial(pieces, buyers, sellers, left))):
                break
            if inside:
                anchor = choose_kink(pieces, buyers, sellers, left, right)[0]
            if anchor == 0:
                break
            centre = anchor
        if not bounded[b]:
            continue

        if inside or left == right:
            if inside:
                price = solve_sloped(pieces, buyers, sellers, left, right)
                unique_rate[b] = True
                fill_pieces(pieces, 0, buyers, price, False, -1.0, fills)
                fill_pieces(pieces, sellers, size, -price, True, -1.0, fills)
            else:
                price, unique_rate[b] = clear_tied(pieces, buyers, sellers, left, tolerance, fills, traded)
            if sloped:
                balance(pieces, buyers, sellers, tolerance, fills)
            prices[b] = low[b] = high[b] = centre + price
            unique_price[b] = True
        else:
            low[b], high[b], unique_rate[b] = centre + left, centre + right, True
            prices[b] = price = _choose_price(low[b], high[b], reference[b])
            # At the ends of the interval the flat pieces priced there stay as they are inside it.
            fill_pieces(pieces, 0, buyers, price - centre, price == high[b], -1.0, fills)
            fill_pieces(pieces, sellers, size, centre - price, price < high[b], -1.0, fills)
    return prices, low, high, fills, unique_price, unique_rate, bounded


@compiled
def _choose_price(low: float, high: float, reference: float) -> float:
    """Price within an interval: the reference clipped to it, else the middle, the only finite end, or 0."""
    if not np.isnan(reference):
        return min(max(reference, low), high)
    if np.isfinite(low) and np.isfinite(high):
        return low / 2 + high / 2
    if np.isfinite(low):
        return low
    return high if np.isfinite(high) else 0.0
