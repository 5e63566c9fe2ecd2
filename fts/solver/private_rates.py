"""Rates of private demands at prices that bids determine: exactly the response to the numbers of these prices.

A price at which a flat bid trades is that bid's number, but an engine works with the price that its own equations give,
which differs by rounding. On a nearly flat curve this rounding is a rate: a spread whose two prices are both at a cap
costs exactly 0, and responds to 1e-10.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fts.models.columns import Floats, Ints, floats
from fts.ports.engine import Answer, Program
from fts.solver.canonical.balance import balanced
from fts.solver.cleared_parts import ClearedParts
from fts.solver.compensated import two_product, two_sum
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.connected_parts import ConnectedParts, programs_of
from fts.solver.native.equilibration import scales_of

NOTICED = 1e-11
"""A rate this far from the response to its price, in shares of what is traded of its products, is off."""
AMPLIFIED = 1e-4
"""A rate further off than this share is not off by rounding."""
SLOPED_DROP = 1e-11
"""A segment whose price falls by at most this share of the level of prices counts as flat."""
EPSILON = 2.0**-52
"""The distance from 1 to the next number."""


def settled(program: Program, answer: Answer) -> Answer | None:
    """Give private demands their responses, and tied flat bids what this leaves; None where nothing is off.

    Parameters
    ----------
    program : Program
        Of one connected part.
    answer : Answer
        In prices.
    """
    if not (program.s == 0).any():
        return None  # only flat bids make a price their number
    x = _responses(program, answer.x, answer.prices)
    if np.array_equal(x, answer.x):
        return None
    y = _fills(program.segment_demand, program.lo, program.hi, floats(program.W @ x))
    scales = scales_of(program)
    return balanced(program, replace(answer, x=x, y=y), scales.rate, scales.demand_price)


def settled_parts(program: Program, parts: ConnectedParts, cleared: list[ClearedParts]) -> list[ClearedParts] | None:
    """Do the same in parts that were cleared together; None where nothing is off."""
    if not (program.s == 0).any():
        return None
    x, prices, lam = np.zeros(program.B.shape[1]), np.zeros(program.B.shape[0]), np.zeros(program.W.shape[0])
    found = np.zeros(parts.count, dtype=np.bool_)
    for one in cleared:
        x[one.portfolios], prices[one.products], lam[one.demands] = one.rates, one.prices, one.demand_prices
        found[one.numbers] = one.found
    off = np.zeros(parts.count, dtype=np.bool_)
    off[parts.portfolio[_responses(program, x, prices) != x]] = True
    if not (off & found).any():
        return None
    for piece in programs_of(program, parts, off & found):
        z = floats(piece.program.W @ x[piece.portfolios])
        y = _fills(piece.program.segment_demand, piece.program.lo, piece.program.hi, z)
        answer = Answer(x[piece.portfolios], y, prices[piece.products], lam[piece.demands], "solved", 0)
        x[piece.portfolios] = (settled(piece.program, answer) or answer).x
    return [replace(one, rates=x[one.portfolios]) for one in cleared]


def _responses(program: Program, x: Floats, prices: Floats) -> Floats:
    """Compute rates (I,) [quantity / time], those that are off replaced by responses to the prices (P,)."""
    n_demands = program.W.shape[0]
    users = np.bincount(program.W.indices, minlength=n_demands)
    start = np.append(0, np.cumsum(np.bincount(program.segment_demand, minlength=n_demands)))
    return _respond(
        *csc_arrays(program.B), *csc_arrays(program.W), users, start, program.lo, program.hi, program.c, program.s,
        x, prices,
    )  # fmt: skip


@compiled
def _respond(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    users: Ints,
    start: Ints,
    lo: Floats,
    hi: Floats,
    c: Floats,
    s: Floats,
    x: Floats,
    prices: Floats,
) -> Floats:
    """Compute rates (I,), those of private demands that are off by rounding replaced by their responses."""
    flow, is_number = np.zeros(len(prices)), np.zeros(len(prices), dtype=np.bool_)
    for i in range(len(x)):
        for e in range(B_start[i], B_start[i + 1]):
            flow[B_product[e]] += abs(B_weight[e] * x[i])
        if B_start[i + 1] - B_start[i] == 1 and W_start[i + 1] - W_start[i] == 1 and users[W_demand[W_start[i]]] == 1:
            p, d = B_product[B_start[i]], W_demand[W_start[i]]
            lam = B_weight[B_start[i]] * prices[p] / W_weight[W_start[i]]
            for k in range(start[d], start[d + 1]):
                is_number[p] = is_number[p] or (s[k] == 0 and c[k] == lam)
    rates = x.copy()
    for i in range(len(x)):
        if W_start[i + 1] - W_start[i] != 1 or users[W_demand[W_start[i]]] != 1:
            continue
        d, w = W_demand[W_start[i]], W_weight[W_start[i]]
        total, carry, level, rounding, reach = 0.0, 0.0, 0.0, 0.0, np.inf
        for e in range(B_start[i], B_start[i + 1]):
            p = B_product[e]
            product, error = two_product(B_weight[e], prices[p])
            total, lost = two_sum(total, product)
            carry += error + lost
            level += abs(product)
            if not is_number[p]:
                rounding += 4 * EPSILON * abs(product)
            reach = min(reach, flow[p] / abs(B_weight[e]))
        lam = (total + carry) / w
        rounding = rounding / abs(w) + EPSILON * abs(lam)
        low, high, is_sloped = 0.0, 0.0, True
        for k in range(start[d], start[d + 1]):
            # What may be tied has been given its share.
            is_sloped = is_sloped and s[k] > 0 and s[k] * (hi[k] - lo[k]) > SLOPED_DROP * (level / abs(w) + abs(c[k]))
            low += _filled(lo[k], hi[k], c[k], s[k], lam + rounding, lo[k])
            high += _filled(lo[k], hi[k], c[k], s[k], lam - rounding, hi[k])
        z = w * x[i]
        response = low if z < low else high if z > high else z
        off = abs(response - z)
        if is_sloped and NOTICED * reach * abs(w) < off <= AMPLIFIED * reach * abs(w):
            rates[i] = response / w
    return rates


@compiled
def _filled(lo: float, hi: float, c: float, s: float, lam: float, tied: float) -> float:
    """Compute the fill of a segment at a price; `tied` where it is flat and at this price."""
    if s > 0:
        rounding = 2 * EPSILON * abs(c)
        if c - s * hi >= lam - rounding:
            return hi
        return lo if c - s * lo <= lam + rounding else (c - lam) / s
    return hi if c > lam else lo if c < lam else tied


@compiled
def _fills(demand: Ints, lo: Floats, hi: Floats, z: Floats) -> Floats:
    """Compute the fills of segments (K,) that make the rates of demands (D,): those nearest to 0 are filled first."""
    y, rest = np.empty(len(lo)), z.copy()
    for k in range(len(lo)):
        y[k] = min(max(rest[demand[k]], 0.0), hi[k])
        rest[demand[k]] -= y[k]
    rest[:] = z
    for k in range(len(lo) - 1, -1, -1):
        below = max(min(rest[demand[k]], 0.0), lo[k])
        rest[demand[k]] -= below
        y[k] += below
    return y
