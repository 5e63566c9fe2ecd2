"""Small connected parts, cleared completely in a few compiled calls for all of them.

Of parts in which every bid has a demand of its own and there are at most `MOST_PRODUCTS` products, `MOST_BIDS` bids and
`MOST_SEGMENTS` segments. One call lists them, one scales them (:mod:`fts.solver.native.small_units`), one finds optimal
fills (:mod:`fts.solver.native.small_optimum`), one chooses the canonical fills and prices
(:mod:`fts.solver.native.small_choice`), one puts them back into the units of the auction
(:mod:`fts.solver.native.small_restoration`). A part for which no exact or no canonical answer is found is left to the
general method.
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Program
from fts.solver.cleared_parts import ClearedParts
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.connected_parts import ConnectedParts, list_parts
from fts.solver.deviations import deviations_from, first_prices
from fts.solver.native.small_choice import choose
from fts.solver.native.small_optimum import find_optima
from fts.solver.native.small_restoration import restore_units
from fts.solver.native.small_units import scale_parts

MAX_SMALL_PRODUCTS, MAX_SMALL_BIDS, MAX_SMALL_SEGMENTS = 100, 1_500, 6_000
"""The largest part that is cleared here."""
MAX_WEIGHT_RATIO = 1e4
"""Largest ratio of two basis weights of a part that is solved here."""


def find_small(program: Program, parts: ConnectedParts) -> Flags:
    """Find the parts that :func:`clear_small_of` takes, (n_parts,)."""
    if parts.count == 1 and (len(parts.product) > MAX_SMALL_PRODUCTS or len(parts.portfolio) > MAX_SMALL_BIDS):
        return np.zeros(1, dtype=np.bool_)
    small = _are_small(
        *csc_arrays(program.W)[:2],
        parts.portfolio,
        parts.product,
        program.segment_demand,
        program.W.shape[0],
        parts.count,
    )
    return small & _are_even(*csc_arrays(program.B), parts.portfolio, parts.count)


@compiled
def _are_even(start: Int32s, product: Int32s, weight: Floats, portfolio: Ints, n_parts: int) -> Flags:
    """Find the parts whose basis weights are within a factor of each other, (n_parts,)."""
    least, most = np.full(n_parts, np.inf), np.zeros(n_parts)
    for i in range(len(portfolio)):
        for e in range(start[i], start[i + 1]):
            size = abs(weight[e])
            least[portfolio[i]] = min(least[portfolio[i]], size)
            most[portfolio[i]] = max(most[portfolio[i]], size)
    return most <= MAX_WEIGHT_RATIO * least


def clear_small_of(
    program: Program,
    parts: ConnectedParts,
    small: Flags,
    reference: Floats | None = None,
    earlier: Floats | None = None,
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
    earlier : (P,) [money / quantity], optional
        Prices of a similar market to start from; NaN where there is none.
    """
    first = first_prices(program)
    deviations = deviations_from(program, first)
    numbers = np.flatnonzero(small)
    B, W = csc_arrays(program.B), csc_arrays(program.W)
    P_start, products, label, I_start, portfolios, demands, portfolio_label = list_parts(
        W[0], W[1], parts.product, parts.portfolio, small, len(numbers)
    )
    segment_start, B_start, row, a, K_start, unit, dual_unit, rate, near, norm, lo, hi, c, s, size = scale_parts(
        *B, *W, program.segment_demand, program.lo, program.hi, deviations.program.c, program.s, deviations.rounding,
        first, P_start, products, I_start, portfolios, demands,
    )  # fmt: skip
    known, none = first[products], np.full(len(products), np.nan)
    guess = none if earlier is None else (earlier[products] - known) / unit
    y, prices, able, found = find_optima(P_start, I_start, B_start, row, a, K_start, lo, hi, c, s, size, guess)
    wished = none if reference is None else (reference[products] - known) / unit
    moves, unique_price, unique_rate, least, most = choose(
        P_start, I_start, B_start, row, a, K_start, lo, hi, c, s, near, norm, unit, wished, -known / unit, able, y,
        prices, found,
    )  # fmt: skip
    rates, prices, low, high, demand_prices = restore_units(
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
    W_start: Int32s,
    W_demand: Int32s,
    portfolio: Ints,
    product: Ints,
    segment_demand: Ints,
    n_demands: int,
    n_parts: int,
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
        small[b] &= (
            counts[0, b] <= MAX_SMALL_PRODUCTS
            and 0 < counts[1, b] <= MAX_SMALL_BIDS
            and counts[2, b] <= MAX_SMALL_SEGMENTS
        )
    return small
