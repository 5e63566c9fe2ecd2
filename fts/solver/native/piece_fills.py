"""The canonical fills of one order book at its price."""

from __future__ import annotations

import numpy as np

from fts.models.columns import Floats
from fts.solver.compensated import add_compensated
from fts.solver.compiled import compiled
from fts.solver.native.crossing import QUANTITY_ROUNDING, compute_net
from fts.solver.native.pieces import Pieces, is_tied


@compiled
def fill_pieces(
    pieces: Pieces, begin: int, end: int, at: float, tied_full: bool, left_out: float, fills: Floats
) -> None:
    """Write the fills of some pieces at a signed price, by the rules of `_sum_side`."""
    for j in range(begin, end):
        near, far, bound = pieces.near[j], pieces.far[j], pieces.bound[j]
        if at > near or is_tied(near, far, at, left_out):
            continue
        if at < far or (at == far and (tied_full or far < near)):
            fills[pieces.segment[j]] = bound
        elif at < near:
            fill = min(pieces.fill_gain[j] * (near - at), abs(bound))
            fills[pieces.segment[j]] = fill if bound > 0 else -fill


@compiled
def clear_tied(
    pieces: Pieces,
    buyers: int,
    sellers: int,
    price: float,
    tolerance: float,
    fills: Floats,
    traded: Floats,
) -> tuple[float, bool]:
    """Fill all pieces of a book at its only price; returns that price as flat curves set it, and `unique_rate`."""
    end = len(pieces.near)
    net, volume = compute_net(pieces, buyers, sellers, price, True, tolerance)
    fill_pieces(pieces, 0, buyers, price, False, tolerance, fills)
    fill_pieces(pieces, sellers, end, -price, True, tolerance, fills)
    nearest, n_tied, buying, selling = np.inf, 0, 0.0, 0.0
    one_segment, last_tied = True, -1
    for j in range(end):
        sign = 1.0 if j < buyers else -1.0
        if buyers <= j < sellers or not is_tied(pieces.near[j], pieces.far[j], sign * price, tolerance):
            continue
        flat = sign * pieces.near[j]
        if j < buyers:
            buying += pieces.extent[j]
        else:
            selling += pieces.extent[j]
        n_tied += 1
        one_segment = one_segment and (n_tied == 1 or pieces.segment[j] == last_tied)
        last_tied = pieces.segment[j]
        distance = abs(flat - price)
        if distance < abs(nearest - price) or (distance == abs(nearest - price) and flat < nearest):
            nearest = flat
    if n_tied == 0:
        return price, True
    if net < 0 and buying > 0:
        _share(pieces, 0, buyers, price, tolerance, -net, QUANTITY_ROUNDING, fills, traded)
    elif net > 0 and selling > 0:
        _share(pieces, sellers, end, -price, tolerance, net, QUANTITY_ROUNDING, fills, traded)
    slack = QUANTITY_ROUNDING * volume
    return nearest, one_segment or -net >= buying - slack or net >= selling - slack


@compiled
def _share(
    pieces: Pieces,
    begin: int,
    end: int,
    at: float,
    tolerance: float,
    need: float,
    rounding: float,
    fills: Floats,
    traded: Floats,
) -> None:
    """Divide a quantity among the tied pieces of one side: the same share each, or equal rates of unlimited bids.

    A share of all but `rounding` is the whole.
    """
    offer, carry, unlimited = 0.0, 0.0, 0
    for j in range(begin, end):
        if is_tied(pieces.near[j], pieces.far[j], at, tolerance):
            if np.isinf(pieces.extent[j]):
                unlimited += 1
            else:
                offer, carry = add_compensated(offer, carry, pieces.extent[j])
    if unlimited == 0:
        share = need / (offer + carry)
        if share > 1 - rounding:
            share = 1.0
        for j in range(begin, end):
            if is_tied(pieces.near[j], pieces.far[j], at, tolerance):
                fills[pieces.segment[j]] = pieces.bound[j] * share
        return

    # What a bid trades on better segments counts in its rate. The common rate falls from round to round, because bids
    # that trade more leave.
    for j in range(begin, end):
        traded[pieces.bid[j]] = 0.0
    for j in range(begin, end):
        traded[pieces.bid[j]] += _compute_quantity(pieces, j, fills)
    rate, sharing = np.inf, unlimited + 1
    while True:
        total, carry, count = need, 0.0, 0
        for j in range(begin, end):
            if is_tied(pieces.near[j], pieces.far[j], at, tolerance) and np.isinf(pieces.extent[j]):
                if traded[pieces.bid[j]] < rate:
                    total, carry = add_compensated(total, carry, traded[pieces.bid[j]])
                    count += 1
        if count == sharing:
            break
        rate, sharing = (total + carry) / count, count
    for j in range(begin, end):
        if is_tied(pieces.near[j], pieces.far[j], at, tolerance) and np.isinf(pieces.extent[j]):
            fill = max(rate - traded[pieces.bid[j]], 0.0) / pieces.ratio[j]
            fills[pieces.segment[j]] = fill if pieces.bound[j] > 0 else -fill


@compiled
def _compute_quantity(pieces: Pieces, j: int, fills: Floats) -> float:
    """Quantity that a piece trades at the fill of its segment, 0 if the segment's other piece trades."""
    fill, bound = fills[pieces.segment[j]], pieces.bound[j]
    if fill == bound:
        return float(pieces.extent[j])
    return float(abs(fill) * pieces.ratio[j]) if (fill > 0) == (bound > 0) else 0.0


@compiled
def balance(pieces: Pieces, buyers: int, sellers: int, tolerance: float, fills: Floats) -> None:
    """Put the rounding that is left of net trade into the partly filled sloped pieces, as a change of price would.

    A change of price above the tolerance of prices is not made: small bids are not moved away from their curves to
    make up for the rounding of large ones.
    """
    net, carry, slope = 0.0, 0.0, 0.0
    for j in range(len(pieces.near)):
        if buyers <= j < sellers:
            continue
        quantity = _compute_quantity(pieces, j, fills)
        net, carry = add_compensated(net, carry, quantity if j < buyers else -quantity)
        if pieces.far[j] < pieces.near[j] and 0 < quantity < pieces.extent[j]:
            slope += pieces.gain[j]
    if slope == 0 or abs(net + carry) > tolerance * slope:
        return
    change = (net + carry) / slope
    for j in range(len(pieces.near)):
        if buyers <= j < sellers or pieces.far[j] == pieces.near[j]:
            continue
        if 0 < _compute_quantity(pieces, j, fills) < pieces.extent[j]:
            k, bound = pieces.segment[j], pieces.bound[j]
            less = change * pieces.fill_gain[j] if j < buyers else -change * pieces.fill_gain[j]
            fill = min(max(abs(fills[k]) - less, 0.0), abs(bound))
            fills[k] = fill if bound > 0 else -fill
