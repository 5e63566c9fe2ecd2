"""The canonical fills and prices of small connected parts, part after part in one compiled call.

It starts from optimal fills, in the units and the order of :mod:`fts.solver.native.small_optimum`. First the fills of
tied flat segments are chosen (:mod:`fts.solver.native.tied_fills`), then prices that keep all fills
(:mod:`fts.solver.native.small_prices`).
"""

from __future__ import annotations

import numpy as np

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import compiled
from fts.solver.native.small_prices import choose_prices, limit_worths
from fts.solver.native.tied_fills import count_ties, share_ties


@compiled
def choose(
    P_start: Ints,
    I_start: Ints,
    B_start: Ints,
    row: Ints,
    a: Floats,
    K_start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    near: Floats,
    norm: Floats,
    unit: Floats,
    reference: Floats,
    nothing: Floats,
    able: Flags,
    y: Floats,
    prices: Floats,
    found: Flags,
) -> tuple[Flags, Flags, Flags, Floats, Floats]:
    """Choose the canonical fills and prices of every part, in place.

    Parameters
    ----------
    P_start, I_start, B_start, row, a, K_start, lo, hi, c, s
        See :func:`fts.solver.native.small_optimum.find_optima`.
    near : (I,)
        Prices of a bid this near are one price.
    norm : (I,)
        The size of each bid's column in the units in which trade is measured.
    unit : (P,)
        The unit of each price.
    reference, nothing : (P,)
        Wished prices, NaN where there is none; prices of 0.
    able : (I,)
    y : (K,)
    prices : (P,)
    found : (n_parts,)
        Which parts have optimal fills; False is written where the choice was not found.

    Returns
    -------
    moves : (P,)
        Whether the price could be another one.
    unique_price, unique_rate : (n_parts,)
    least, most : (I,)
        Between which prices each bid keeps its fills.
    """
    n_parts = len(P_start) - 1
    moves = np.zeros(len(unit), dtype=np.bool_)
    unique_price, unique_rate = np.ones(n_parts, dtype=np.bool_), np.ones(n_parts, dtype=np.bool_)
    least, most = np.empty(len(B_start) - 1), np.empty(len(B_start) - 1)
    ties = count_ties(P_start, I_start, B_start, row, a, K_start, lo, hi, c, s, near, able, prices)
    for b in range(n_parts):
        if not found[b] or ties[b] == 0:
            continue
        p0, p1, state = P_start[b], P_start[b + 1], 2
        if ties[b] > 0:
            state = share_ties(
                ties[b], I_start[b], I_start[b + 1], p1 - p0, B_start, row, a, K_start, lo, hi, c, s, near, norm, able,
                y, prices[p0:p1],
            )  # fmt: skip
        unique_rate[b] = state == 0
        found[b] = state != 2
    limit_worths(K_start, lo, hi, c, s, y, near, least, most)
    choose_prices(
        P_start, I_start, B_start, row, a, least, most, unit, reference, nothing, prices, moves, found
    )  # fmt: skip
    for b in range(n_parts):
        if found[b]:
            for p in range(P_start[b], P_start[b + 1]):
                unique_price[b] &= not moves[p]
    return moves, unique_price, unique_rate, least, most
