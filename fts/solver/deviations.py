"""A program written in deviations from first prices, so that the level of prices costs no digits.

With ``π = π⁰ + δ`` and ``λ = λ⁰ + μ`` the program keeps its form: segments are priced ``c - λ⁰_d``, and a portfolio
that is not worth to its demands what its products cost has ``B_i'π⁰ - W_i'λ⁰`` as a cost of its own. Both are summed in
twice the working precision (Ogita, Rump, Oishi, *Accurate sum and dot product*, SIAM J. Sci. Comput. 2005, algorithm
5.3), so any first prices leave the program as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fts.models.columns import Flags, Floats, Ints, floats
from fts.ports.engine import Answer, Program
from fts.solver.blas_threads import threads_for
from fts.solver.compensated import two_product, two_sum
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.medians import lower_median
from fts.solver.native.independent_products import is_far_wider

MONEY_ROUNDING = 4 * float(np.finfo(float).eps)
"""A share of the money in a portfolio that its price may be off by."""
FIRST_PRICE_ROUNDS = 100
"""At most so many passes over the portfolios in which products without bids of their own get a first price."""


@dataclass(frozen=True)
class Deviations:
    """A program in deviations, and the way back.

    Attributes
    ----------
    program : Program
        In ``δ`` and ``μ``.
    source : Program
        In ``π`` and ``λ``.
    prices : (P,) [money / quantity]
        ``π⁰``.
    demand_prices : (D,) [money / quantity]
        ``λ⁰``.
    rounding : (D,) [money / quantity]
        A difference between the price of a segment and ``λ`` that float64 cannot tell from 0:
        ``4 ε Σ_p |B_pi π⁰_p| / |W_di|``, the largest of its portfolios.
    own_prices : (P,) [money / quantity], optional
        The first prices that the program's own bids tell; None where they have not been computed.
    """

    program: Program
    source: Program
    prices: Floats
    demand_prices: Floats
    rounding: Floats
    own_prices: Floats | None = None

    def restored(self, answer: Answer) -> Answer:
        """Return an answer in deviations as an answer of the original program."""
        return replace(
            answer, prices=self.prices + answer.prices, demand_prices=self.demand_prices + answer.demand_prices
        )

    def deviating(self, answer: Answer) -> Answer:
        """Return an answer of the original program in deviations."""
        return replace(
            answer, prices=answer.prices - self.prices, demand_prices=answer.demand_prices - self.demand_prices
        )


def deviations_from_first(program: Program, known: Floats | None = None) -> Deviations:
    """Write the program in deviations from its first prices; see :func:`first_prices`."""
    prices = first_prices(program, known)
    made = deviations_from(program, prices)
    return made if known is not None else replace(made, own_prices=prices)


def deviations_from(program: Program, prices: Floats) -> Deviations:
    """Write the program in deviations from these prices, (P,)."""
    segments = program.segment_demand, program.c
    c, cost, demand_prices, rounding, priced = _deviate(
        *csc_arrays(program.B), *csc_arrays(program.W), *segments, prices, program.W.shape[0]
    )
    inner = replace(program, c=c, cost=cost if priced else None)
    return Deviations(inner, program, prices, demand_prices, rounding)


@compiled
def _deviate(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    segment_demand: Ints,
    c: Floats,
    prices: Floats,
    D: int,
) -> tuple[Floats, Floats, Floats, Floats, bool]:
    """Prices of segments, costs of portfolios, ``λ⁰`` and rounding in deviations; whether any portfolio has a cost."""
    I = len(B_start) - 1  # noqa: E741 - the letter of the program
    users = np.zeros(D, dtype=np.int32)
    for e in range(len(W_demand)):
        users[W_demand[e]] += 1
    # λ⁰ of a demand that one portfolio has for itself is what the portfolio costs, kept as a sum of two numbers.
    level, rounding = np.zeros(D), np.zeros(D)
    first, holder = np.full(D, -1), np.full(D, -1)
    for k in range(len(segment_demand)):
        if first[segment_demand[k]] < 0:
            first[segment_demand[k]] = k
    for i in range(I):
        if W_start[i + 1] - W_start[i] == 1 and users[W_demand[W_start[i]]] == 1:
            holder[W_demand[W_start[i]]] = i
    cost, priced = np.zeros(I), False
    made = c.copy()
    high, low = np.zeros(I), np.zeros(I)
    worth = np.full(D, np.inf)
    for i in range(I):
        total, error, size = 0.0, 0.0, 0.0
        for e in range(B_start[i], B_start[i + 1]):
            product, small = two_product(B_weight[e], prices[B_product[e]])
            total, smaller = two_sum(total, product)
            error += small + smaller
            size += abs(product)
        high[i], low[i] = total, error
        for e in range(W_start[i], W_start[i + 1]):
            d = W_demand[e]
            rounding[d] = max(rounding[d], MONEY_ROUNDING * size / abs(W_weight[e]))
        at = W_start[i]
        if W_start[i + 1] - at == 1:
            d, price = W_demand[at], (total + error) / W_weight[at]
            if holder[d] == i:
                level[d] = price
            elif abs(price) < abs(worth[d]):
                worth[d] = price
    for k in range(len(c)):
        # λ⁰ of another demand is what a portfolio of it alone costs, else the price of its curve that is nearest to 0,
        # but no more than the money in its portfolios: a price cap tells nothing.
        d = segment_demand[k]
        if holder[d] < 0 and np.isinf(worth[d]) and (first[d] == k or abs(c[k]) < abs(level[d])):
            level[d] = c[k]
    for d in range(D):
        if holder[d] < 0:
            most = rounding[d] / MONEY_ROUNDING
            level[d] = min(max(level[d], -most), most) if np.isinf(worth[d]) else worth[d]
    for i in range(I):
        at = W_start[i]
        if W_start[i + 1] - at == 1 and holder[W_demand[at]] == i:
            continue
        total, error = high[i], low[i]
        for e in range(at, W_start[i + 1]):
            product, small = two_product(-W_weight[e], level[W_demand[e]])
            total, smaller = two_sum(total, product)
            error += small + smaller
        cost[i] = total + error
        priced |= cost[i] != 0.0
    for k in range(len(c)):
        d = segment_demand[k]
        i = holder[d]
        if i < 0:
            made[k] = c[k] - level[d]
            continue
        w = W_weight[W_start[i]]
        product, small = two_product(c[k], w)
        total, smaller = two_sum(product, -high[i])
        made[k] = (total + ((small + smaller) - low[i])) / w
    return made, cost, level, rounding, priced


def first_prices(program: Program, known: Floats | None = None) -> Floats:
    """Prices to deviate from, (P,) [money / quantity].

    Of each product the median of what portfolios would pay for one unit of it at the middle of their curves:
    first bids for the product alone, then portfolios whose other products have a first price; where there are only
    portfolios of several products without one, one of these is at 0.

    Parameters
    ----------
    program : Program
    known : (P,) [money / quantity], optional
        First prices of some products; NaN where there is none.
    """
    prices = np.full(program.B.shape[0], np.nan) if known is None else known.copy()
    if not np.isnan(prices).any():
        return prices
    middle = middle_prices(program)
    if not _fill_in(*csc_arrays(program.B), *csc_arrays(program.W), middle, prices):
        if is_far_wider(*program.B.shape) and np.isnan(prices).all():
            return _least_prices(program, middle)
        return np.where(np.isnan(prices), 0.0, prices)
    return prices


def _least_prices(program: Program, middle: Floats) -> Floats:
    """Compute the least prices, times largest weights, that value portfolios at the middles of their curves, (P,)."""
    worth = program.W.T @ middle
    known = np.isfinite(worth)
    B = program.B.toarray()[:, known]
    largest = np.abs(B).max(axis=1, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)
    B /= unit[:, None]
    length = np.sqrt(np.einsum("pi,pi->i", B, B))
    B /= np.where(length > 0, length, 1.0)
    with threads_for(len(length)):
        force = np.linalg.lstsq(B.T @ B, worth[known] / np.where(length > 0, length, 1.0), rcond=1e-10)[0]
        return floats(B @ force / unit)


@compiled
def _fill_in(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    middle: Floats,
    prices: Floats,
) -> bool:
    """Fill in unknown prices, round after round; returns False where some stay unknown."""
    holders = np.zeros(len(prices), dtype=np.int64)
    for e in range(len(B_product)):
        holders[B_product[e]] += 1
    for round_number in range(FIRST_PRICE_ROUNDS):
        if _implied(B_start, B_product, B_weight, W_start, W_demand, W_weight, middle, prices):
            continue
        unknown = np.isnan(prices)
        least = _least_unknown(B_start, B_product, unknown)
        if least == np.inf:
            return not unknown.any()
        # A round gives a portfolio at most one price, so in the rounds left none may come to have one unknown.
        if least > FIRST_PRICE_ROUNDS - round_number:
            return False
        # Products that are only traded against each other: the one that most portfolios hold is at 0.
        most = _most_held(B_start, B_product, unknown, holders)
        for p in range(len(prices)):
            if most[p]:
                prices[p] = 0.0
    return not np.isnan(prices).any()


@compiled
def _least_unknown(start: Int32s, product: Int32s, unknown: Flags) -> float:
    """Count the unknown products of the portfolio that has fewest, at least one; infinite where all are known."""
    least = np.inf
    for i in range(len(start) - 1):
        n = 0
        for e in range(start[i], start[i + 1]):
            n += unknown[product[e]]
        if n > 0:
            least = min(least, n)
    return least


@compiled
def _most_held(start: Int32s, product: Int32s, unknown: Flags, holders: Ints) -> Flags:
    """Unknown products that no portfolio holds with an unknown product that more portfolios hold, (P,)."""
    most = unknown.copy()
    for i in range(len(start) - 1):
        best = -1
        for e in range(start[i], start[i + 1]):
            p = int(product[e])
            if unknown[p] and (best < 0 or holders[p] > holders[best] or (holders[p] == holders[best] and p < best)):
                best = p
        for e in range(start[i], start[i + 1]):
            if product[e] != best:
                most[product[e]] = False
    return most


def middle_prices(program: Program) -> Floats:
    """Compute the price in the middle of every demand's curve, (D,); NaN where a demand has no segment."""
    return _middles(program.segment_demand, program.lo, program.hi, program.c, program.s, program.W.shape[0])


@compiled
def _middles(demand: Ints, lo: Floats, hi: Floats, c: Floats, s: Floats, n_demands: int) -> Floats:
    highest, lowest = np.full(n_demands, np.nan), np.full(n_demands, np.nan)
    for k in range(len(c)):
        d = demand[k]
        left = c[k] - s[k] * lo[k] if s[k] > 0 else c[k]
        right = c[k] - s[k] * hi[k] if s[k] > 0 else c[k]
        highest[d] = left if np.isnan(highest[d]) else max(highest[d], left)
        lowest[d] = right if np.isnan(lowest[d]) else min(lowest[d], right)
    for d in range(n_demands):
        # A price cap says nothing about the price: the end that is nearer to 0 does.
        highest[d] = highest[d] / 2 + lowest[d] / 2
    return highest


@compiled
def _implied(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    middle: Floats,
    prices: Floats,
) -> bool:
    """Fill in prices of products that are the only unknown one of some portfolio; whether any was found."""
    I = len(B_start) - 1  # noqa: E741 - the letter of the program
    product, said = np.full(I, -1), np.zeros(I)
    count = np.zeros(len(prices) + 1, dtype=np.int64)
    for i in range(I):
        unknown, at, rest = 0, 0, 0.0
        for e in range(B_start[i], B_start[i + 1]):
            if np.isnan(prices[B_product[e]]):
                unknown += 1
                at = e
            else:
                rest -= B_weight[e] * prices[B_product[e]]
        if unknown != 1:
            continue
        for e in range(W_start[i], W_start[i + 1]):
            rest += W_weight[e] * middle[W_demand[e]]
        if np.isfinite(rest):
            product[i], said[i] = B_product[at], rest / B_weight[at]
            count[B_product[at] + 1] += 1
    for p in range(len(prices)):
        count[p + 1] += count[p]
    place, grouped = count[:-1].copy(), np.empty(count[-1])
    for i in range(I):
        if product[i] >= 0:
            grouped[place[product[i]]] = said[i]
            place[product[i]] += 1
    for p in range(len(prices)):
        n = count[p + 1] - count[p]
        if n:
            low = lower_median(grouped, count[p], count[p + 1])
            if n % 2:
                prices[p] = low
                continue
            # Of the two in the middle the one nearer to 0: a price cap is far away, on either side.
            high = np.inf
            for k in range(count[p] + n // 2, count[p + 1]):
                high = min(high, grouped[k])
            prices[p] = low if abs(low) <= abs(high) else high
    return bool(count[-1] > 0)
