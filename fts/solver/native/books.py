"""Order books cleared without iteration: one product, and bids with a private demand each.

In a connected part of this kind every bid is a supply or demand curve of the one product, so the clearing price is
where net demand, which never rises with the price, crosses 0. A segment of fill ``y`` and price ``c - s y`` trades
``q = (B/W) y`` of the product at the price ``(c - s y) W/B``. It is split at ``y = 0`` into a *buying piece* and a
*selling piece*. In this file the *signed price* is the price for buying pieces and its negative for selling pieces,
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

PRICE_ROUNDING = 4 * 2.0**-52
"""Two prices are one when they differ by at most this share of their size, since c·W/B is rounded."""
QUANTITY_ROUNDING = 4 * 2.0**-52
"""Supply and demand balance when they differ by at most this share of the larger one, since B·y/W is rounded."""
PROFIT_ROUNDING = 1e-12
"""A profit of two unlimited bids below this share of the money that changes hands is none, as in `unbounded`."""
INSERTION_SORT_LENGTH = 32
"""Runs of this many numbers are sorted by insertion; longer lists are merged from such runs."""
NEAR, FAR, GAIN, EXTENT, BOUND, FILL_GAIN, RATIO = range(7)
"""Rows of the table of pieces of one book; see `_cut_pieces`."""
SEGMENT, BID = range(2)
"""Rows of the table of the owners of pieces."""


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
    prices, low, high, fills, unique_price, unique_rate, bounded = _clear(
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
def _clear(
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
    pieces, owners = np.empty((7, size)), np.empty((2, size), dtype=np.int64)
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
            pieces, owners = np.empty((7, size)), np.empty((2, size), dtype=np.int64)
            kinks, scratch = np.empty(2 * size), np.empty(2 * size)
        # The first round finds the crossing in plain prices. Where a sloped piece is partly filled there, the second
        # one repeats it in deviations from the kink next to it.
        centre, left, right, inside, tolerance = 0.0, -np.inf, np.inf, False, 0.0
        buyers, sellers, sloped = 0, size, False
        for again in range(2):
            buyers, sellers, sloped = _cut_pieces(
                basis, weight, first, last, lo, hi, c, s, start[b], start[b + 1], tie[b], centre, pieces, owners
            )
            bounded[b] = _limit_profit(pieces, buyers, sellers, centre)
            n = _list_kinks(pieces, buyers, sellers, kinks, scratch)
            if n == 0 or not bounded[b]:
                break
            left, right, inside = _find_crossing(pieces, buyers, sellers, kinks, n)
            anchor = left if np.isfinite(left) else right
            tolerance = max(tie[b], PRICE_ROUNDING * abs(centre + anchor))
            if not inside and right - left <= tolerance:
                right = left
            if again or not (inside or (sloped and left == right and _has_partial(pieces, buyers, sellers, left))):
                break
            if inside:
                anchor = _choose_kink(pieces, buyers, sellers, left, right)[0]
            if anchor == 0:
                break
            centre = anchor
        if not bounded[b]:
            continue

        if inside or left == right:
            if inside:
                price = _solve_sloped(pieces, buyers, sellers, left, right)
                unique_rate[b] = True
                _fill(pieces, owners, 0, buyers, price, False, -1.0, fills)
                _fill(pieces, owners, sellers, size, -price, True, -1.0, fills)
            else:
                price, unique_rate[b] = _clear_tied(pieces, owners, buyers, sellers, left, tolerance, fills, traded)
            if sloped:
                _balance(pieces, owners, buyers, sellers, tolerance, fills)
            prices[b] = low[b] = high[b] = centre + price
            unique_price[b] = True
        else:
            low[b], high[b], unique_rate[b] = centre + left, centre + right, True
            prices[b] = price = _choose_price(low[b], high[b], reference[b])
            # At the ends of the interval the flat pieces priced there stay as they are inside it.
            _fill(pieces, owners, 0, buyers, price - centre, price == high[b], -1.0, fills)
            _fill(pieces, owners, sellers, size, centre - price, price < high[b], -1.0, fills)
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


@compiled
def _cut_pieces(
    basis: Floats,
    weight: Floats,
    first: Ints,
    last: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    begin: int,
    end: int,
    tie: float,
    centre: float,
    pieces: Floats,
    owners: Ints,
) -> tuple[int, int, bool]:
    """Split the segments of a book at fill 0: buying pieces from the front of the table, selling ones from the back.

    Returns the end of the buying pieces, the beginning of the selling pieces, and True if a piece is sloped. A column
    of the table has

    * NEAR, FAR: signed price at which the piece begins to trade, and at which it is full, as deviations from the
      centre. They are equal for a flat piece. A piece between them by no more than the tolerance of prices is flat.
    * GAIN, FILL_GAIN: quantity, and fill, per unit of price in between
    * EXTENT, BOUND: quantity, and fill with its sign, when full
    * RATIO: quantity per unit of fill, |B/W|
    """
    buyers, sellers, sloped = 0, pieces.shape[1], False
    for i in range(begin, end):
        B, W = basis[i], weight[i]
        ratio = abs(B / W)
        positive = (B > 0) == (W > 0)
        begin_buying, dearest, cheapest = buyers, -np.inf, np.inf
        for k in range(first[i], last[i]):
            price = _subtract_centre(c[k], W, B, centre)
            tolerance = max(tie, PRICE_ROUNDING * abs(c[k] * W / B))
            for side in range(2):
                bound = hi[k] if side == 0 else lo[k]
                if bound == 0:
                    continue
                drop = s[k] * abs(bound) / ratio if s[k] > 0 else 0.0
                if drop <= tolerance:
                    drop = 0.0
                sloped = sloped or drop > 0
                if (bound > 0) == positive:
                    j, signed = buyers, price
                    buyers += 1
                    dearest = max(dearest, price)
                else:
                    sellers -= 1
                    j, signed = sellers, -price
                    cheapest = min(cheapest, price)
                pieces[NEAR, j], pieces[FAR, j] = signed, signed - drop
                pieces[EXTENT, j], pieces[BOUND, j], pieces[RATIO, j] = abs(B * bound / W), bound, ratio
                pieces[FILL_GAIN, j] = ratio / s[k] if drop > 0 else 0.0
                pieces[GAIN, j] = pieces[FILL_GAIN, j] * ratio
                owners[SEGMENT, j], owners[BID, j] = k, i
        if dearest > cheapest:
            # The prices of neighbouring segments are rounded: without this the bid would trade with itself.
            for j in range(begin_buying, buyers):
                excess = max(pieces[NEAR, j] - cheapest, 0.0)
                pieces[NEAR, j] -= excess
                pieces[FAR, j] -= excess
    return buyers, sellers, sloped


@compiled
def _subtract_centre(c: float, W: float, B: float, centre: float) -> float:
    """Price ``c·W/B`` less the centre, with the products formed exactly."""
    if centre == 0:
        return c * W / B
    product, rest = _multiply(c, W)
    level, level_rest = _multiply(centre, B)
    exact = ((product - level) + (rest - level_rest)) / B
    return exact if np.isfinite(exact) else c * W / B - centre


@compiled
def _multiply(a: float, b: float) -> tuple[float, float]:
    """Rounded product and its rounding error (Dekker 1971)."""
    p = a * b
    t = 134217729.0 * a
    a1 = t - (t - a)
    t = 134217729.0 * b
    b1 = t - (t - b)
    a2, b2 = a - a1, b - b1
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


@compiled
def _add(total: float, carry: float, x: float) -> tuple[float, float]:
    """Add a number to a compensated sum ``total + carry`` (Knuth's two-sum)."""
    t = total + x
    z = t - total
    return t, carry + ((total - (t - z)) + (x - z))


@compiled
def _limit_profit(pieces: Floats, buyers: int, sellers: int, centre: float) -> bool:
    """False if unlimited bids profit from each other; a profit that is only rounding is taken from the buyers."""
    dearest, cheapest = -np.inf, np.inf
    for j in range(buyers):
        if np.isinf(pieces[BOUND, j]):
            dearest = max(dearest, pieces[NEAR, j])
    for j in range(sellers, pieces.shape[1]):
        if np.isinf(pieces[BOUND, j]):
            cheapest = min(cheapest, -pieces[NEAR, j])
    if not dearest > cheapest:
        return True
    if dearest - cheapest > PROFIT_ROUNDING * (abs(centre + dearest) + abs(centre + cheapest)):
        return False
    for j in range(buyers):
        if np.isinf(pieces[BOUND, j]) and pieces[NEAR, j] > cheapest:
            pieces[NEAR, j] = pieces[FAR, j] = cheapest
    return True


@compiled
def _list_kinks(pieces: Floats, buyers: int, sellers: int, kinks: Floats, scratch: Floats) -> int:
    """Write the prices at which net demand jumps or bends, sorted, each once; returns their number."""
    n = 0
    for j in range(pieces.shape[1]):
        if buyers <= j < sellers:
            continue
        near, far, sign = pieces[NEAR, j], pieces[FAR, j], 1.0 if j < buyers else -1.0
        kinks[n] = sign * near
        n += 1
        if -np.inf < far < near:
            kinks[n] = sign * far
            n += 1
    _sort(kinks, scratch, n)
    distinct = 0
    for j in range(n):
        if j == 0 or kinks[j] > kinks[distinct - 1]:
            kinks[distinct] = kinks[j]
            distinct += 1
    return distinct


@compiled
def _sort(values: Floats, scratch: Floats, n: int) -> None:
    """Sort the first n numbers in place: insertion in short runs, then merges of neighbouring runs."""
    for begin in range(0, n, INSERTION_SORT_LENGTH):
        for j in range(begin + 1, min(begin + INSERTION_SORT_LENGTH, n)):
            value, at = values[j], j
            while at > begin and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
    run = INSERTION_SORT_LENGTH
    while run < n:
        for begin in range(0, n, 2 * run):
            middle, end = min(begin + run, n), min(begin + 2 * run, n)
            a, b = begin, middle
            for at in range(begin, end):
                if a < middle and (b >= end or values[a] <= values[b]):
                    scratch[at] = values[a]
                    a += 1
                else:
                    scratch[at] = values[b]
                    b += 1
        for at in range(n):
            values[at] = scratch[at]
        run *= 2


@compiled
def _is_tied(near: float, far: float, at: float, tolerance: float) -> bool:
    """True if a piece is flat and its signed price is within the tolerance of another (negative: never)."""
    return (near == far) & (abs(near - at) <= tolerance)


@compiled
def _sum_side(pieces: Floats, begin: int, end: int, at: float, tied_full: bool, left_out: float) -> tuple[float, float]:
    """Quantity that some pieces trade at a signed price, as a compensated sum; infinite if one is unlimited.

    `tied_full` says if flat pieces priced exactly there count as full or as empty. Flat pieces within `left_out` of
    it are left out (negative: none).
    """
    total, carry = 0.0, 0.0
    for j in range(begin, end):
        near, far, extent = pieces[NEAR, j], pieces[FAR, j], pieces[EXTENT, j]
        # Without branches: which pieces trade at a price is not predictable.
        full = (at < far) | ((at == far) & (tied_full | (far < near)))
        quantity = extent if full else max(min(extent, pieces[GAIN, j] * (near - at)), 0.0)
        total, carry = _add(total, carry, 0.0 if _is_tied(near, far, at, left_out) else quantity)
    if np.isfinite(total):
        return total, carry
    return np.inf, 0.0


@compiled
def _compute_net(
    pieces: Floats, buyers: int, sellers: int, price: float, above: bool, left_out: float
) -> tuple[float, float]:
    """Net demand just above or just below a price, exactly 0 where it is rounding; and the volume of the larger side.

    `left_out`: as in `_sum_side`.
    """
    demand, more = _sum_side(pieces, 0, buyers, price, not above, left_out)
    supply, rest = _sum_side(pieces, sellers, pieces.shape[1], -price, above, left_out)
    volume = max(demand, supply)
    if np.isinf(volume):
        if demand == supply:
            return 0.0, volume
        return (np.inf if demand > supply else -np.inf), volume
    net = (demand - supply) + (more - rest)
    return (0.0 if abs(net) <= QUANTITY_ROUNDING * volume else net), volume


@compiled
def _find_crossing(pieces: Floats, buyers: int, sellers: int, kinks: Floats, n: int) -> tuple[float, float, bool]:
    """Find where net demand is 0: the interval of clearing prices and False, or two neighbouring kinks and True.

    In the second case there is one clearing price, strictly between the kinks.
    """
    a, b = 0, n - 1
    while a < b:
        k = (a + b) // 2
        if _compute_net(pieces, buyers, sellers, kinks[k], True, -1.0)[0] <= 0:
            b = k
        else:
            a = k + 1
    left = kinks[a]
    below = _compute_net(pieces, buyers, sellers, left, False, -1.0)[0]
    if below < 0:
        return kinks[a - 1], left, True
    if a == 0 and below == 0:
        left = -np.inf
    above = _compute_net(pieces, buyers, sellers, kinks[a], True, -1.0)[0]
    if above < 0:
        return left, kinks[a], False
    b = n - 1
    while a < b:
        k = (a + b + 1) // 2
        if _compute_net(pieces, buyers, sellers, kinks[k], False, -1.0)[0] >= 0:
            a = k
        else:
            b = k - 1
    if a == n - 1 and _compute_net(pieces, buyers, sellers, kinks[a], True, -1.0)[0] == 0:
        return left, np.inf, False
    return left, kinks[a], False


@compiled
def _has_partial(pieces: Floats, buyers: int, sellers: int, price: float) -> bool:
    """True if a sloped piece is partly filled at the price."""
    for j in range(pieces.shape[1]):
        signed = price if j < buyers else -price
        if not buyers <= j < sellers and pieces[FAR, j] < signed < pieces[NEAR, j]:
            return True
    return False


@compiled
def _choose_kink(pieces: Floats, buyers: int, sellers: int, left: float, right: float) -> tuple[float, float]:
    """Of two neighbouring kinks around the price, the nearer one, and net demand on its inner side."""
    more = _compute_net(pieces, buyers, sellers, left, True, -1.0)[0]
    less = _compute_net(pieces, buyers, sellers, right, False, -1.0)[0]
    return (left, more) if more <= -less else (right, less)


@compiled
def _solve_sloped(pieces: Floats, buyers: int, sellers: int, left: float, right: float) -> float:
    """The price between two neighbouring kinks at which net demand, linear there, is 0."""
    kink, net = _choose_kink(pieces, buyers, sellers, left, right)
    slope, carry = 0.0, 0.0
    for j in range(pieces.shape[1]):
        if buyers <= j < sellers:
            continue
        begin, end = (left, right) if j < buyers else (-right, -left)
        if pieces[FAR, j] <= begin and pieces[NEAR, j] >= end:
            slope, carry = _add(slope, carry, pieces[GAIN, j])
    return min(max(kink + net / (slope + carry), left), right)


@compiled
def _fill(
    pieces: Floats, owners: Ints, begin: int, end: int, at: float, tied_full: bool, left_out: float, fills: Floats
) -> None:
    """Write the fills of some pieces at a signed price, by the rules of `_sum_side`."""
    for j in range(begin, end):
        near, far, bound = pieces[NEAR, j], pieces[FAR, j], pieces[BOUND, j]
        if at > near or _is_tied(near, far, at, left_out):
            continue
        if at < far or (at == far and (tied_full or far < near)):
            fills[owners[SEGMENT, j]] = bound
        elif at < near:
            fill = min(pieces[FILL_GAIN, j] * (near - at), abs(bound))
            fills[owners[SEGMENT, j]] = fill if bound > 0 else -fill


@compiled
def _clear_tied(
    pieces: Floats,
    owners: Ints,
    buyers: int,
    sellers: int,
    price: float,
    tolerance: float,
    fills: Floats,
    traded: Floats,
) -> tuple[float, bool]:
    """Fill all pieces of a book at its only price; returns that price as flat curves set it, and `unique_rate`."""
    end = pieces.shape[1]
    net, volume = _compute_net(pieces, buyers, sellers, price, True, tolerance)
    _fill(pieces, owners, 0, buyers, price, False, tolerance, fills)
    _fill(pieces, owners, sellers, end, -price, True, tolerance, fills)
    nearest, n_tied, buying, selling = np.inf, 0, 0.0, 0.0
    one_segment, last_tied = True, -1
    for j in range(end):
        sign = 1.0 if j < buyers else -1.0
        if buyers <= j < sellers or not _is_tied(pieces[NEAR, j], pieces[FAR, j], sign * price, tolerance):
            continue
        flat = sign * pieces[NEAR, j]
        if j < buyers:
            buying += pieces[EXTENT, j]
        else:
            selling += pieces[EXTENT, j]
        n_tied += 1
        one_segment = one_segment and (n_tied == 1 or owners[SEGMENT, j] == last_tied)
        last_tied = owners[SEGMENT, j]
        distance = abs(flat - price)
        if distance < abs(nearest - price) or (distance == abs(nearest - price) and flat < nearest):
            nearest = flat
    if n_tied == 0:
        return price, True
    if net < 0 and buying > 0:
        _share(pieces, owners, 0, buyers, price, tolerance, -net, fills, traded)
    elif net > 0 and selling > 0:
        _share(pieces, owners, sellers, end, -price, tolerance, net, fills, traded)
    slack = QUANTITY_ROUNDING * volume
    return nearest, one_segment or -net >= buying - slack or net >= selling - slack


@compiled
def _share(
    pieces: Floats,
    owners: Ints,
    begin: int,
    end: int,
    at: float,
    tolerance: float,
    need: float,
    fills: Floats,
    traded: Floats,
) -> None:
    """Divide a quantity among the tied pieces of one side: the same share each, or equal rates of unlimited bids."""
    offer, carry, unlimited = 0.0, 0.0, 0
    for j in range(begin, end):
        if _is_tied(pieces[NEAR, j], pieces[FAR, j], at, tolerance):
            if np.isinf(pieces[EXTENT, j]):
                unlimited += 1
            else:
                offer, carry = _add(offer, carry, pieces[EXTENT, j])
    if unlimited == 0:
        share = need / (offer + carry)
        if share > 1 - QUANTITY_ROUNDING:
            share = 1.0
        for j in range(begin, end):
            if _is_tied(pieces[NEAR, j], pieces[FAR, j], at, tolerance):
                fills[owners[SEGMENT, j]] = pieces[BOUND, j] * share
        return

    # What a bid trades on better segments counts in its rate. The common rate falls from round to round, because bids
    # that trade more leave.
    for j in range(begin, end):
        traded[owners[BID, j]] = 0.0
    for j in range(begin, end):
        traded[owners[BID, j]] += _compute_quantity(pieces, owners, j, fills)
    rate, sharing = np.inf, unlimited + 1
    while True:
        total, carry, count = need, 0.0, 0
        for j in range(begin, end):
            if _is_tied(pieces[NEAR, j], pieces[FAR, j], at, tolerance) and np.isinf(pieces[EXTENT, j]):
                if traded[owners[BID, j]] < rate:
                    total, carry = _add(total, carry, traded[owners[BID, j]])
                    count += 1
        if count == sharing:
            break
        rate, sharing = (total + carry) / count, count
    for j in range(begin, end):
        if _is_tied(pieces[NEAR, j], pieces[FAR, j], at, tolerance) and np.isinf(pieces[EXTENT, j]):
            fill = max(rate - traded[owners[BID, j]], 0.0) / pieces[RATIO, j]
            fills[owners[SEGMENT, j]] = fill if pieces[BOUND, j] > 0 else -fill


@compiled
def _compute_quantity(pieces: Floats, owners: Ints, j: int, fills: Floats) -> float:
    """Quantity that a piece trades at the fill of its segment, 0 if the segment's other piece trades."""
    fill, bound = fills[owners[SEGMENT, j]], pieces[BOUND, j]
    if fill == bound:
        return float(pieces[EXTENT, j])
    return float(abs(fill) * pieces[RATIO, j]) if (fill > 0) == (bound > 0) else 0.0


@compiled
def _balance(pieces: Floats, owners: Ints, buyers: int, sellers: int, tolerance: float, fills: Floats) -> None:
    """Put the rounding that is left of net trade into the partly filled sloped pieces, as a change of price would.

    A change of price above the tolerance of prices is not made: small bids are not moved away from their curves to
    make up for the rounding of large ones.
    """
    net, carry, slope = 0.0, 0.0, 0.0
    for j in range(pieces.shape[1]):
        if buyers <= j < sellers:
            continue
        quantity = _compute_quantity(pieces, owners, j, fills)
        net, carry = _add(net, carry, quantity if j < buyers else -quantity)
        if pieces[FAR, j] < pieces[NEAR, j] and 0 < quantity < pieces[EXTENT, j]:
            slope += pieces[GAIN, j]
    if slope == 0 or abs(net + carry) > tolerance * slope:
        return
    change = (net + carry) / slope
    for j in range(pieces.shape[1]):
        if buyers <= j < sellers or pieces[FAR, j] == pieces[NEAR, j]:
            continue
        if 0 < _compute_quantity(pieces, owners, j, fills) < pieces[EXTENT, j]:
            k, bound = owners[SEGMENT, j], pieces[BOUND, j]
            less = change * pieces[FILL_GAIN, j] if j < buyers else -change * pieces[FILL_GAIN, j]
            fill = min(max(abs(fills[k]) - less, 0.0), abs(bound))
            fills[k] = fill if bound > 0 else -fill
