"""Prices at which the net demand of an order book is 0. Traded quantities are summed with compensation."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compensated import add_compensated
from fts.solver.compiled import compiled
from fts.solver.native.pieces import Pieces, is_tied

QUANTITY_ROUNDING = 4 * 2.0**-52
"""Supply and demand balance when they differ by at most this share of the larger one, since B·y/W is rounded."""


@compiled
def _sum_side(pieces: Pieces, begin: int, end: int, at: float, tied_full: bool, left_out: float) -> tuple[float, float]:
    """Quantity that some pieces trade at a signed price, as a compensated sum; infinite if one is unlimited.

    `tied_full` says if flat pieces priced exactly there count as full or as empty. Flat pieces within `left_out` of
    it are left out (negative: none).
    """
    total, carry = 0.0, 0.0
    for j in range(begin, end):
        near, far, extent = pieces.near[j], pieces.far[j], pieces.extent[j]
        # Without branches: which pieces trade at a price is not predictable.
        full = (at < far) | ((at == far) & (tied_full | (far < near)))
        quantity = extent if full else max(min(extent, pieces.gain[j] * (near - at)), 0.0)
        total, carry = add_compensated(total, carry, 0.0 if is_tied(near, far, at, left_out) else quantity)
    if np.isfinite(total):
        return total, carry
    return np.inf, 0.0


@compiled
def compute_net(
    pieces: Pieces, buyers: int, sellers: int, price: float, above: bool, left_out: float
) -> tuple[float, float]:
    """Net demand just above or just below a price, exactly 0 where it is rounding; and the volume of the larger side.

    `left_out`: as in `_sum_side`.
    """
    demand, more = _sum_side(pieces, 0, buyers, price, not above, left_out)
    supply, rest = _sum_side(pieces, sellers, len(pieces.near), -price, above, left_out)
    volume = max(demand, supply)
    if np.isinf(volume):
        if demand == supply:
            return 0.0, volume
        return (np.inf if demand > supply else -np.inf), volume
    net = (demand - supply) + (more - rest)
    return (0.0 if abs(net) <= QUANTITY_ROUNDING * volume else net), volume


@compiled
def find_crossing(pieces: Pieces, buyers: int, sellers: int, kinks: Floats, n: int) -> tuple[float, float, bool]:
    """Find where net demand is 0: the interval of clearing prices and False, or two neighbouring kinks and True.

    In the second case there is one clearing price, strictly between the kinks.
    """
    a, b = 0, n - 1
    while a < b:
        k = (a + b) // 2
        if compute_net(pieces, buyers, sellers, kinks[k], True, -1.0)[0] <= 0:
            b = k
        else:
            a = k + 1
    left = kinks[a]
    below = compute_net(pieces, buyers, sellers, left, False, -1.0)[0]
    if below < 0:
        return kinks[a - 1], left, True
    if a == 0 and below == 0:
        left = -np.inf
    above = compute_net(pieces, buyers, sellers, kinks[a], True, -1.0)[0]
    if above < 0:
        return left, kinks[a], False
    b = n - 1
    while a < b:
        k = (a + b + 1) // 2
        if compute_net(pieces, buyers, sellers, kinks[k], False, -1.0)[0] >= 0:
            a = k
        else:
            b = k - 1
    if a == n - 1 and compute_net(pieces, buyers, sellers, kinks[a], True, -1.0)[0] == 0:
        return left, np.inf, False
    return left, kinks[a], False


@compiled
def has_partial(pieces: Pieces, buyers: int, sellers: int, price: float) -> bool:
    """Check whether a sloped piece is partly filled at the price."""
    for j in range(len(pieces.near)):
        signed = price if j < buyers else -price
        if not buyers <= j < sellers and pieces.far[j] < signed < pieces.near[j]:
            return True
    return False


@compiled
def choose_kink(pieces: Pieces, buyers: int, sellers: int, left: float, right: float) -> tuple[float, float]:
    """Of two neighbouring kinks around the price, the nearer one, and net demand on its inner side."""
    more = compute_net(pieces, buyers, sellers, left, True, -1.0)[0]
    less = compute_net(pieces, buyers, sellers, right, False, -1.0)[0]
    return (left, more) if more <= -less else (right, less)


@compiled
def solve_sloped(pieces: Pieces, buyers: int, sellers: int, left: float, right: float) -> float:
    """Compute the price between two neighbouring kinks at which net demand, linear there, is 0."""
    kink, net = choose_kink(pieces, buyers, sellers, left, right)
    slope, carry = 0.0, 0.0
    for j in range(len(pieces.near)):
        if buyers <= j < sellers:
            continue
        begin, end = (left, right) if j < buyers else (-right, -left)
        if pieces.far[j] <= begin and pieces.near[j] >= end:
            slope, carry = add_compensated(slope, carry, pieces.gain[j])
    return min(max(kink + net / (slope + carry), left), right)
