"""Small connected parts, cleared completely in a few compiled calls for all of them.

Of parts in which every bid has a demand of its own and there are at most `MOST_PRODUCTS` products, `MOST_BIDS` bids and
`MOST_SEGMENTS` segments. One call arranges them, one finds optimal fills (:mod:`fts.solver.native.small_optimum`), one
chooses the canonical fills and prices (:mod:`fts.solver.native.small_choice`), one puts them back into the units of the
auction. A part for which no exact or no canonical answer is found is left to the general method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Program
from fts.solver.compiled import Short, compiled, entries
from fts.solver.connected_parts import ConnectedParts
from fts.solver.deviations import deviations_from, first_prices
from fts.solver.native.small_choice import choose
from fts.solver.native.small_optimum import find_optima

MOST_PRODUCTS, MOST_BIDS, MOST_SEGMENTS = 100, 1_500, 6_000
"""The largest part that is cleared here."""
TIE = 1e-11
"""Prices this near, in shares of their dispersion, are one price."""
HUGE = 1e4
"""A segment this many times as large as what is usual for its products counts as unlimited while it is solved."""
EVEN = 1e4
"""Largest ratio of two basis weights of a part that is solved here."""
LEAST_DISPERSION = 1e-6
"""The least unit of a product's price, as a share of its level."""
NUMBER = 1e-13
"""A price this near to a quote that determines it, in shares of the dispersion of prices, is the quote."""
ROUNDING = 4 * 2.0**-52
"""A share of the level of prices that is rounding."""
FEW = 32
"""Up to so many numbers are sorted by insertion."""
NOISE = 1e-14
"""Rates and prices up to this share of usual ones are rounding of 0."""


@dataclass(frozen=True)
class ClearedParts:
    """The canonical answers of small connected parts, in the order of their numbers.

    Attributes
    ----------
    numbers : (n,)
        Of the parts.
    products, portfolios, demands : (P',), (I',), (I',)
        Positions in the whole program, part by part; portfolio ``i`` has the demand ``i`` for itself.
    label : (P',)
        Which of the parts each product belongs to: 0 to n - 1.
    portfolio_label : (I',)
    rates : (I',) [quantity / time]
    prices, price_low, price_high : (P',) [money / quantity]
        NaN where an end of the interval was not computed.
    demand_prices : (I',) [money / quantity]
    unique_price, unique_rate : (n,)
        Whether it is proved that there was no choice.
    found : (n,)
        Whether a canonical answer was found; otherwise the numbers of the part mean nothing.
    """

    numbers: Ints
    products: Ints
    portfolios: Ints
    demands: Ints
    label: Ints
    portfolio_label: Ints
    rates: Floats
    prices: Floats
    price_low: Floats
    price_high: Floats
    demand_prices: Floats
    unique_price: Flags
    unique_rate: Flags
    found: Flags

    def only(self, kept: Flags) -> ClearedParts:
        """The answers of some of the parts, (n,)."""
        place = np.cumsum(kept) - 1
        p, i = kept[self.label], kept[self.portfolio_label]
        return ClearedParts(
            numbers=self.numbers[kept],
            products=self.products[p],
            portfolios=self.portfolios[i],
            demands=self.demands[i],
            label=place[self.label[p]],
            portfolio_label=place[self.portfolio_label[i]],
            rates=self.rates[i],
            prices=self.prices[p],
            price_low=self.price_low[p],
            price_high=self.price_high[p],
            demand_prices=self.demand_prices[i],
            unique_price=self.unique_price[kept],
            unique_rate=self.unique_rate[kept],
            found=self.found[kept],
        )


def find_small(program: Program, parts: ConnectedParts) -> Flags:
    """The parts that :func:`clear_small_of` takes, (n_parts,)."""
    small = _are_small(
        *entries(program.W)[:2], parts.portfolio, parts.product, program.segment_demand, program.W.shape[0], parts.count
    )
    return small & _are_even(*entries(program.B), parts.portfolio, parts.count)


@compiled
def _are_even(start: Short, product: Short, weight: Floats, portfolio: Ints, n_parts: int) -> Flags:
    """The parts whose basis weights are within a factor of each other, (n_parts,): others need the general units."""
    least, most = np.full(n_parts, np.inf), np.zeros(n_parts)
    for i in range(len(portfolio)):
        for e in range(start[i], start[i + 1]):
            size = abs(weight[e])
            least[portfolio[i]] = min(least[portfolio[i]], size)
            most[portfolio[i]] = max(most[portfolio[i]], size)
    return most <= EVEN * least


def clear_small_of(
    program: Program, parts: ConnectedParts, small: Flags, reference: Floats | None = None
) -> ClearedParts:
    """Clear the small parts of a program.

    Parameters
    ----------
    program : Program
    parts : ConnectedParts
    small : (n_parts,)
        See :func:`find_small`.
    reference : (P,) [money / quantity], optional
        Prices to stay near to where there is a choice; NaN where there is none.
    """
    first = first_prices(program)
    deviations = deviations_from(program, first)
    numbers = np.flatnonzero(small)
    B, W = entries(program.B), entries(program.W)
    P_start, products, label, I_start, portfolios, demands, portfolio_label = _list(
        W[0], W[1], parts.product, parts.portfolio, small, len(numbers)
    )
    segment_start, B_start, row, a, K_start, unit, dual_unit, rate, near, norm, lo, hi, c, s, size = _arrange(
        *B, *W, program.segment_demand, program.lo, program.hi, deviations.program.c, program.s, deviations.rounding,
        first, P_start, products, I_start, portfolios, demands,
    )  # fmt: skip
    y, prices, able, found = find_optima(P_start, I_start, B_start, row, a, K_start, lo, hi, c, s, size)
    known = first[products]
    wished = np.full(len(products), np.nan) if reference is None else (reference[products] - known) / unit
    moves, unique_price, unique_rate, least, most = choose(
        P_start, I_start, B_start, row, a, K_start, lo, hi, c, s, near, norm, unit, wished, -known / unit, able, y,
        prices, found,
    )  # fmt: skip
    rates, prices, low, high, demand_prices = _restore(
        *B, *W, program.lo, program.hi, program.c, program.s,
        products, P_start, I_start, portfolios, segment_start, B_start, row, a, K_start, unit, dual_unit, near,
        lo, hi, size, y, prices, known, moves, least, most,
    )  # fmt: skip
    return ClearedParts(
        numbers=numbers,
        products=products,
        portfolios=portfolios,
        demands=demands,
        label=label,
        portfolio_label=portfolio_label,
        rates=rates,
        prices=prices,
        price_low=low,
        price_high=high,
        demand_prices=demand_prices,
        unique_price=unique_price,
        unique_rate=unique_rate,
        found=found,
    )


@compiled
def _are_small(
    W_start: Short, W_demand: Short, portfolio: Ints, product: Ints, segment_demand: Ints, n_demands: int, n_parts: int
) -> Flags:
    """Parts with few products, bids and segments, in which every bid has a demand of its own with a segment."""
    small = np.ones(n_parts, dtype=np.bool_)
    users, segments = np.zeros(n_demands, dtype=np.int64), np.zeros(n_demands, dtype=np.int64)
    counts = np.zeros((3, n_parts), dtype=np.int64)
    for e in range(len(W_demand)):
        users[W_demand[e]] += 1
    for k in range(len(segment_demand)):
        segments[segment_demand[k]] += 1
    for p in range(len(product)):
        counts[0, product[p]] += 1
    for i in range(len(portfolio)):
        b = portfolio[i]
        d = W_demand[W_start[i]]
        counts[1, b] += 1
        counts[2, b] += segments[d]
        small[b] &= W_start[i + 1] - W_start[i] == 1 and users[d] == 1 and segments[d] > 0
    for b in range(n_parts):
        small[b] &= counts[0, b] <= MOST_PRODUCTS and 0 < counts[1, b] <= MOST_BIDS and counts[2, b] <= MOST_SEGMENTS
    return small


@compiled
def _list(
    W_start: Short, W_demand: Short, product: Ints, portfolio: Ints, small: Flags, n_parts: int
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]:
    """Products, portfolios and demands of the chosen parts, part by part: where each part begins, positions, labels."""
    place, n = np.full(len(small), -1), 0
    for b in range(len(small)):
        if small[b]:
            place[b] = n
            n += 1
    P_start, I_start = np.zeros(n_parts + 1, dtype=np.int64), np.zeros(n_parts + 1, dtype=np.int64)
    for p in range(len(product)):
        if small[product[p]]:
            P_start[place[product[p]] + 1] += 1
    for i in range(len(portfolio)):
        if small[portfolio[i]]:
            I_start[place[portfolio[i]] + 1] += 1
    for b in range(n_parts):
        P_start[b + 1] += P_start[b]
        I_start[b + 1] += I_start[b]
    products, label = np.empty(P_start[-1], dtype=np.int64), np.empty(P_start[-1], dtype=np.int64)
    portfolios, demands = np.empty(I_start[-1], dtype=np.int64), np.empty(I_start[-1], dtype=np.int64)
    portfolio_label = np.empty(I_start[-1], dtype=np.int64)
    to = P_start[:-1].copy()
    for p in range(len(product)):
        if small[product[p]]:
            b = place[product[p]]
            products[to[b]], label[to[b]] = p, b
            to[b] += 1
    to[:] = I_start[:-1]
    for i in range(len(portfolio)):
        if small[portfolio[i]]:
            b = place[portfolio[i]]
            portfolios[to[b]], demands[to[b]], portfolio_label[to[b]] = i, W_demand[W_start[i]], b
            to[b] += 1
    return P_start, products, label, I_start, portfolios, demands, portfolio_label


@compiled
def _arrange(
    B_start: Short,
    B_product: Short,
    B_weight: Floats,
    W_start: Short,
    W_demand: Short,
    W_weight: Floats,
    segment_demand: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    rounding: Floats,
    level: Floats,
    P_start: Ints,
    products: Ints,
    I_start: Ints,
    portfolios: Ints,
    demands: Ints,
) -> tuple[
    Ints, Ints, Ints, Floats, Ints, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats
]:
    """The chosen parts in their own units: prices deviate by about 1, rates are money, demands are their portfolios.

    Returns
    -------
    segment_start : (I',)
        The first segment of each portfolio's demand in the whole program.
    start, row, a, segments : (I' + 1,), (E,), (E,), (I' + 1,)
    unit, dual_unit, rate : (P',), (I',), (I',)
        Of prices, of demands' prices (with the sign of the demand weight), of rates.
    near, norm : (I',)
    lo, hi, c, s, size : (K',)
    """
    n, n_products = len(portfolios), len(products)
    greatest = 0
    for p in range(n_products):
        greatest = max(greatest, products[p])
    place = np.empty(greatest + 1, dtype=np.int64)
    first = np.full(len(rounding), -1)
    last = np.zeros(len(rounding), dtype=np.int64)
    for k in range(len(segment_demand)):
        if first[segment_demand[k]] < 0:
            first[segment_demand[k]] = k
        last[segment_demand[k]] = k + 1
    start, segments = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    for j in range(n):
        start[j + 1] = start[j] + B_start[portfolios[j] + 1] - B_start[portfolios[j]]
        segments[j + 1] = segments[j] + last[demands[j]] - first[demands[j]]
    row, a = np.empty(start[n], dtype=np.int64), np.empty(start[n])
    segment_start = np.empty(n, dtype=np.int64)
    unit, dual_unit, rate = np.zeros(n_products), np.empty(n), np.empty(n)
    near, norm, value, usual = np.empty(n), np.empty(n), np.empty(start[n]), np.empty(n_products)
    new_lo, new_hi, new_c, new_s = (
        np.empty(segments[n]), np.empty(segments[n]), np.empty(segments[n]), np.empty(segments[n])
    )  # fmt: skip
    size = np.empty(segments[n])
    for b in range(len(P_start) - 1):
        p0, p1, i0, i1 = P_start[b], P_start[b + 1], I_start[b], I_start[b + 1]
        for p in range(p0, p1):
            place[products[p]] = p - p0
        for j in range(i0, i1):
            i, d = portfolios[j], demands[j]
            segment_start[j] = first[d]
            w = abs(W_weight[W_start[i]])
            price = _curve_price(first[d], last[d], lo, hi, c, s)
            worth = w * price if price > rounding[d] else 0.0
            for e in range(B_start[i], B_start[i + 1]):
                at = start[j] + e - B_start[i]
                row[at], value[at] = place[B_product[e]], worth / abs(B_weight[e])
        _set_medians(p1 - p0, i0, i1, start, row, value, unit[p0:p1])
        for p in range(p0, p1):
            unit[p] = max(unit[p], LEAST_DISPERSION * abs(level[products[p]]))
        for j in range(i0, i1):
            i, d = portfolios[j], demands[j]
            square, length = 0.0, 0.0
            for e in range(start[j], start[j + 1]):
                weight = B_weight[B_start[i] + e - start[j]]
                square += (weight * unit[p0 + row[e]]) ** 2
                length += weight**2
            rate[j] = 1.0 / np.sqrt(square)
            norm[j] = np.sqrt(length) * rate[j]
            for e in range(start[j], start[j + 1]):
                a[e] = B_weight[B_start[i] + e - start[j]] * unit[p0 + row[e]] * rate[j]
            w = W_weight[W_start[i]]
            u = 1.0 / (w * rate[j])
            dual_unit[j] = u
            near[j] = max(TIE, rounding[d] / abs(u))
            for k in range(first[d], last[d]):
                at = segments[j] + k - first[d]
                one, other = lo[k] * u, hi[k] * u
                new_lo[at], new_hi[at] = (one, other) if u > 0 else (other, one)
                new_c[at], new_s[at] = c[k] / u, s[k] / u**2
        _set_sizes(
            p1 - p0, i0, i1, start, row, a, segments, new_lo, new_hi, new_c, new_s, value, usual, size
        )  # fmt: skip
    return segment_start, start, row, a, segments, unit, dual_unit, rate, near, norm, new_lo, new_hi, new_c, new_s, size


@compiled
def _curve_price(first: int, last: int, lo: Floats, hi: Floats, c: Floats, s: Floats) -> float:
    """A typical |price| of a curve: at the middle of its segments, by what they offer, with half of their drop."""
    offer, total, price = 0.0, 0.0, 0.0
    for k in range(first, last):
        if hi[k] - lo[k] < np.inf:
            offer += hi[k] - lo[k]
    for k in range(first, last):
        width = hi[k] - lo[k]
        finite = width < np.inf
        typical = abs(c[k] - s[k] * ((hi[k] + lo[k]) / 2)) + s[k] * width / 2 if finite else abs(c[k])
        share = width if finite else offer if offer > 0 else 1.0
        total += share
        price += share * typical
    return price / total if total > 0 else 0.0


@compiled
def _lower_median(values: Floats, first: int, last: int) -> float:
    """The lower median of ``values[first:last]``, whose order is lost."""
    middle = (last - first - 1) // 2
    if last - first > FEW:
        return float(np.partition(values[first:last], middle)[middle])
    for k in range(first + 1, last):
        value, at = values[k], k
        while at > first and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value
    return float(values[first + middle])


@compiled
def _set_medians(m: int, first: int, last: int, start: Ints, row: Ints, value: Floats, median: Floats) -> None:
    """The lower median of the positive values of each product's entries; where there is none, the median of these."""
    begin = np.zeros(m + 1, dtype=np.int64)
    for e in range(start[first], start[last]):
        begin[row[e] + 1] += value[e] > 0
    for p in range(m):
        begin[p + 1] += begin[p]
    said, to = np.empty(begin[m]), begin[:m].copy()
    for e in range(start[first], start[last]):
        if value[e] > 0:
            said[to[row[e]]] = value[e]
            to[row[e]] += 1
    known, n_known = np.empty(m), 0
    for p in range(m):
        n = begin[p + 1] - begin[p]
        median[p] = 0.0
        if n > 0:
            median[p] = _lower_median(said, begin[p], begin[p + 1])
            known[n_known] = median[p]
            n_known += 1
    if n_known < m:
        usual = np.median(known[:n_known]) if n_known > 0 else 1.0
        for p in range(m):
            if median[p] == 0:
                median[p] = usual


@compiled
def _set_sizes(
    m: int,
    first: int,
    last: int,
    start: Ints,
    row: Ints,
    a: Floats,
    segments: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    value: Floats,
    usual: Floats,
    size: Floats,
) -> None:
    """How much each segment of a part may trade; unlimited and huge ones take what is usual for their products."""
    for j in range(first, last):
        below, above = 0.0, 0.0
        for k in range(segments[j], segments[j + 1]):
            below -= lo[k]
            above += hi[k]
        room = max(below, above)
        for e in range(start[j], start[j + 1]):
            value[e] = room * abs(a[e]) if room < np.inf else 0.0
    _set_medians(m, first, last, start, row, value, usual)
    for j in range(first, last):
        mine = np.inf
        for e in range(start[j], start[j + 1]):
            mine = min(mine, usual[row[e]] / abs(a[e]))
        for k in range(segments[j], segments[j + 1]):
            size[k] = hi[k] - lo[k]
            if not size[k] <= HUGE * mine:
                size[k] = mine


@compiled
def _restore(
    B_start: Short,
    B_product: Short,
    B_weight: Floats,
    W_start: Short,
    W_demand: Short,
    W_weight: Floats,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    products: Ints,
    P_start: Ints,
    I_start: Ints,
    portfolios: Ints,
    segment_start: Ints,
    start: Ints,
    row: Ints,
    a: Floats,
    segments: Ints,
    unit: Floats,
    dual_unit: Floats,
    near: Floats,
    own_lo: Floats,
    own_hi: Floats,
    size: Floats,
    y: Floats,
    deviation: Floats,
    first_price: Floats,
    moves: Flags,
    least: Floats,
    most: Floats,
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Rates, prices, their intervals and prices of demands in the units of the auction.

    What is at a bound is exactly there, a price that a bid for the product alone determines is its number, and what is
    only rounding is 0.
    """
    n, n_products = len(portfolios), len(products)
    rates, demand_prices = np.zeros(n), np.zeros(n)
    prices, low, high = np.empty(n_products), np.empty(n_products), np.empty(n_products)
    quoted_low, quoted_high = np.full(n_products, -np.inf), np.full(n_products, np.inf)
    number_low, number_high = np.full(n_products, -np.inf), np.full(n_products, np.inf)
    only = np.ones(n_products, dtype=np.bool_)
    for b in range(len(P_start) - 1):
        p0 = P_start[b]
        for j in range(I_start[b], I_start[b + 1]):
            i, u = portfolios[j], dual_unit[j]
            w = W_weight[W_start[i]]
            total, traded, room, below, above, inside = 0.0, 0.0, 0.0, -np.inf, np.inf, False
            for k in range(segments[j], segments[j + 1]):
                source = segment_start[j] + k - segments[j]
                at_low, at_high = y[k] <= own_lo[k], y[k] >= own_hi[k]
                if u < 0:
                    at_low, at_high = at_high, at_low
                fill = lo[source] if at_low else hi[source] if at_high else y[k] / u
                total += fill
                traded += y[k]
                room += size[k]
                inside |= not (at_low or at_high)
                price = c[source] - s[source] * fill
                if not at_high:
                    below = max(below, price)
                if not at_low:
                    above = min(above, price)
            rates[j] = 0.0 if inside and abs(traded) <= NOISE * room else total / w
            if start[j + 1] - start[j] > 1:
                for e in range(start[j], start[j + 1]):
                    only[p0 + row[e]] = False
                continue
            middle = below / 2 + above / 2
            if above - below <= near[j] * abs(u) and np.isfinite(middle):
                below = above = middle
            e = start[j]
            p, ratio = p0 + row[e], w / B_weight[B_start[i]]
            one, other = below * ratio, above * ratio
            number_low[p], number_high[p] = max(number_low[p], min(one, other)), min(number_high[p], max(one, other))
            one, other = least[j] / a[e], most[j] / a[e]
            quoted_low[p], quoted_high[p] = max(quoted_low[p], min(one, other)), min(quoted_high[p], max(one, other))
    for p in range(n_products):
        price = first_price[p] + deviation[p] * unit[p]
        level = abs(first_price[p]) + abs(deviation[p]) * unit[p]
        rounding = max(NUMBER * unit[p], ROUNDING * level)
        if np.isfinite(quoted_low[p]) and abs(deviation[p] - quoted_low[p]) * unit[p] <= rounding:
            price = number_low[p]
        if np.isfinite(quoted_high[p]) and abs(deviation[p] - quoted_high[p]) * unit[p] <= rounding:
            price = number_high[p]
        if abs(price) <= NOISE * (unit[p] + abs(first_price[p])):
            price = 0.0
        prices[p] = price
        low[p] = high[p] = price
        if moves[p] and not only[p]:
            low[p] = high[p] = np.nan
        elif moves[p] and not quoted_low[p] > quoted_high[p]:
            low[p], high[p] = number_low[p], number_high[p]
    for b in range(len(P_start) - 1):
        for j in range(I_start[b], I_start[b + 1]):
            worth = 0.0
            for e in range(start[j], start[j + 1]):
                worth += B_weight[B_start[portfolios[j]] + e - start[j]] * prices[P_start[b] + row[e]]
            demand_prices[j] = worth / W_weight[W_start[portfolios[j]]]
    return rates, prices, low, high, demand_prices
