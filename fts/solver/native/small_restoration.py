"""The answers of small connected parts in the units of the auction."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import Int32s, compiled

NUMBER = 1e-13
"""A price this near to a quote that determines it, in shares of the dispersion of prices, is the quote."""
LEVEL_ROUNDING = 4 * 2.0**-52
"""A share of the level of prices that is rounding."""
SMALL_NOISE = 1e-14
"""Rates and prices up to this share of usual ones are rounding of 0."""


@compiled
def restore_units(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
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
            rates[j] = 0.0 if inside and abs(traded) <= SMALL_NOISE * room else total / w
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
        rounding = max(NUMBER * unit[p], LEVEL_ROUNDING * level)
        if np.isfinite(quoted_low[p]) and abs(deviation[p] - quoted_low[p]) * unit[p] <= rounding:
            price = number_low[p]
        if np.isfinite(quoted_high[p]) and abs(deviation[p] - quoted_high[p]) * unit[p] <= rounding:
            price = number_high[p]
        if abs(price) <= SMALL_NOISE * (unit[p] + abs(first_price[p])):
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
