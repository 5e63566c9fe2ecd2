"""Intervals of clearing prices: how far a price may move while every fill stays optimal.

Clearing prices ``π`` and demand prices ``λ`` are those with ``B'π = W'λ`` and every ``λ_d`` on its curve at the fill of
the outcome, ends of domains continued vertically. They form a polyhedron. Its unknowns are moves from the outcome's own
prices, so that 0 is one of its points:

* a portfolio with a private demand keeps ``B_i'π`` within what its curve allows at its fill;
* any other portfolio is an equation between products and shared demands, whose ``λ`` has bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy.sparse import block_array, csc_array, csr_array, eye_array, vstack
from scipy.sparse.csgraph import connected_components

from fts.errors import InvalidInput, InvalidOutcome, NotSolved, UnknownReference
from fts.models.columns import Flags, Floats, Ints, floats
from fts.models.outcome import Outcome
from fts.ports.engine import Answer
from fts.solver.canonical.ties import price_intervals
from fts.solver.compiled import compiled
from fts.solver.linear_program import least_cost, solve_lp
from fts.solver.native.equilibration import scales_of
from fts.solver.program import TradablePart, has_private_demand, program_of, tradable_part

FILL_ROUNDING = 1e-12
"""A fill this near to the end of its segment, as a share of its width and of what its demand trades, is at the end."""
MOVE_ROUNDING = 1e-11
"""A move found by a linear program that is this share of a typical price is rounding of 0."""
EQUILIBRATION_ROUNDS = 8
"""Rounds in which rows and columns are divided by the root of their largest entry."""


def price_interval(outcome: Outcome, products: Sequence[str]) -> pd.DataFrame:
    """Compute the least and the largest clearing price of products.

    An interval that the outcome has is read off, and limits of one product alone need no more. Every other end is one
    linear program over the products and shared demands that are connected with the product.

    Parameters
    ----------
    outcome : Outcome
        Its certificate is exact.
    products : sequence of product ids, or one

    Returns
    -------
    DataFrame
        ``price_low``, ``price_high`` by product [money / quantity]; infinite where unlimited, NaN where the product
        has no price.

    Raises
    ------
    InvalidInput
        These are no ids.
    UnknownReference
        The auction does not hold a product.
    InvalidOutcome
        It is no outcome.
    NotSolved
        The outcome is not exact, or a linear program could not be solved.
    """
    if not isinstance(outcome, Outcome):
        raise InvalidOutcome(f"only an fts.Outcome has price intervals, not {outcome!r}")
    if outcome.certificate.status != "exact":
        raise NotSolved("only an exact outcome has price intervals; solve the auction with the native engine", outcome)
    if isinstance(products, str):
        products = [products]
    if not (isinstance(products, Iterable) and all(isinstance(name, str) for name in products)):
        raise InvalidInput(f"price_interval takes the ids of products, such as ['power'], not {products!r}")
    products = list(products)
    position = {name: p for p, name in enumerate(outcome.auction.product_ids.to_pylist())}
    unknown = [name for name in products if name not in position]
    if unknown:
        raise UnknownReference(f"the auction has no product {unknown[0]!r}; name products that some portfolio holds")
    wanted = np.array([position[name] for name in products], dtype=np.int64)
    low, high = outcome.price_low.copy(), outcome.price_high.copy()
    is_asked = np.zeros(len(low), dtype=bool)
    is_asked[wanted] = True
    is_asked &= ~np.isnan(outcome.prices) & (np.isnan(low) | np.isnan(high))
    if is_asked.any():
        part = tradable_part(outcome.auction)
        asked = np.flatnonzero(is_asked[part.products])
        is_open = (outcome.price_low != outcome.price_high)[part.products]
        down, up = _furthest_moves(_clearing_prices(outcome, part, is_open), asked, outcome)
        names = part.products[asked]
        low[names], high[names] = outcome.prices[names] + down, outcome.prices[names] + up
    index = pd.Index(outcome.auction.product_ids.take(pa.array(wanted)).to_pandas(), name="product")
    return pd.DataFrame({"price_low": low[wanted], "price_high": high[wanted]}, index=index)


@dataclass(frozen=True)
class _Polyhedron:
    """Moves ``u`` with ``low ≤ rows @ u ≤ high`` and ``least ≤ u ≤ most``; all limits contain 0.

    Attributes
    ----------
    rows : (m, n) sparse
    low, high : (m,)
    least, most : (n,)
        Both are 0 where an unknown is determined.
    unit : (n,) [money / quantity]
        A typical price of each unknown.
    """

    rows: csr_array
    low: Floats
    high: Floats
    least: Floats
    most: Floats
    unit: Floats


def _clearing_prices(outcome: Outcome, part: TradablePart, is_open: Flags) -> _Polyhedron:
    """Write down the clearing prices: unknowns are the products, then the shared demands.

    `is_open` (P,) is False where a price is known to be determined.
    """
    program = program_of(outcome.auction, part)
    scales = scales_of(program)
    prices, demand_prices = outcome.prices[part.products], outcome.demand_prices[part.demands]
    fills = _fills(
        program.segment_demand,
        program.lo,
        program.hi,
        outcome.demand_rates[part.demands],
        floats(abs(part.W) @ np.abs(outcome.rates[part.portfolios])),
    )
    answer = Answer(
        x=outcome.rates[part.portfolios],
        y=fills,
        prices=prices,
        demand_prices=demand_prices,
        status="",
        iterations=0,
    )
    curve_low, curve_high = price_intervals(program, answer, scales.demand_price)
    pinned = curve_low == curve_high

    is_private = has_private_demand(part.W)
    private, others = np.flatnonzero(is_private), np.flatnonzero(~is_private)
    entry = part.W.indptr[:-1][private]
    demand, weight = part.W.indices[entry], part.W.data[entry]
    by_portfolio = csr_array(part.W.T)[others]
    shared = np.unique(by_portfolio.indices)
    B = csr_array(part.B.T)
    none = csr_array((len(private), len(shared)))
    rows = csr_array(block_array([[B[private], none], [B[others], -by_portfolio[:, shared]]], format="csr"))

    ends = np.sort(np.vstack([curve_low[demand] * weight, curve_high[demand] * weight]), axis=0) - B[private] @ prices
    ends[:, pinned[demand]] = 0.0
    ends = np.hstack([ends, np.zeros((2, len(others)))])
    bounds = np.vstack([curve_low, curve_high])[:, shared] - demand_prices[shared]
    bounds[:, pinned[shared]] = 0.0
    of_products = np.where(is_open, np.array([[-np.inf], [np.inf]]), 0.0)
    bounds = np.hstack([of_products, bounds])
    return _reduced(
        _Polyhedron(
            rows=rows,
            low=np.minimum(ends[0], 0.0),
            high=np.maximum(ends[1], 0.0),
            least=np.minimum(bounds[0], 0.0),
            most=np.maximum(bounds[1], 0.0),
            unit=np.append(scales.price, scales.demand_price[shared]),
        )
    )


@compiled
def _fills(demand: Ints, lo: Floats, hi: Floats, rates: Floats, traded: Floats) -> Floats:
    """Fill the segments (K,) up to given demand rates (D,), those nearest to 0 first.

    `traded` (D,) is the sum of absolute trades of a demand, which says how exact its rate is.
    """
    fills = np.zeros(len(lo))
    left = np.maximum(rates, 0.0)
    for k in range(len(lo)):
        fills[k] = min(left[demand[k]], hi[k])
        left[demand[k]] -= fills[k]
    left = np.minimum(rates, 0.0)
    for k in range(len(lo) - 1, -1, -1):
        sold = max(left[demand[k]], lo[k])
        left[demand[k]] -= sold
        fills[k] += sold
    for k in range(len(lo)):
        width = hi[k] - lo[k]
        near = FILL_ROUNDING * max(width if width < np.inf else 0.0, traded[demand[k]])
        if fills[k] != 0.0 and hi[k] - fills[k] <= near:
            fills[k] = hi[k]
        elif fills[k] != 0.0 and fills[k] - lo[k] <= near:
            fills[k] = lo[k]
        elif abs(fills[k]) <= near:
            fills[k] = 0.0
    return fills


def _reduced(given: _Polyhedron) -> _Polyhedron:
    """Turn rows of one unknown into its bounds, and leave out unknowns that are determined, as long as there are any.

    Of rows with the same weights, up to a factor, one is left.
    """
    rows, low, high = given.rows, given.low, given.high
    least, most = given.least.copy(), given.most.copy()
    while True:
        is_open = (least != 0) | (most != 0)
        row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        stays = is_open[rows.indices] & (rows.data != 0)
        row, column, value = row[stays], rows.indices[stays], rows.data[stays]
        count = np.bincount(row, minlength=rows.shape[0])
        single = count[row] == 1
        ends = np.sort(np.vstack([low[row[single]], high[row[single]]]) / value[single], axis=0)
        np.maximum.at(least, column[single], ends[0])
        np.minimum.at(most, column[single], ends[1])
        kept = (count > 1) & (np.isfinite(low) | np.isfinite(high))
        place = np.cumsum(kept) - 1
        inside = kept[row]
        rows = csr_array((value[inside], (place[row[inside]], column[inside])), shape=(int(kept.sum()), rows.shape[1]))
        low, high = low[kept], high[kept]
        if not single.any():
            break
    rows, low, high = _merged(rows, low, high)
    return replace(given, rows=rows, low=low, high=high, least=least, most=most)


def _merged(rows: csr_array, low: Floats, high: Floats) -> tuple[csr_array, Floats, Floats]:
    """Divide every row by its first weight, and keep of equal rows one with the limits of all."""
    rows.sort_indices()
    count = np.diff(rows.indptr)
    first = rows.data[rows.indptr[:-1]]
    low, high = np.sort(np.vstack([low, high]) / first, axis=0)
    rows = csr_array((rows.data / np.repeat(first, count), rows.indices, rows.indptr), shape=rows.shape)
    kept, least, most = [], [], []
    for size in np.unique(count).tolist():
        same = np.flatnonzero(count == size)
        entry = rows.indptr[same][:, None] + np.arange(size)
        _, one, group = np.unique(
            np.hstack([rows.indices[entry], rows.data[entry]]), axis=0, return_index=True, return_inverse=True
        )
        tightest = np.full((2, len(one)), np.inf) * np.array([[-1.0], [1.0]])
        np.maximum.at(tightest[0], group, low[same])
        np.minimum.at(tightest[1], group, high[same])
        kept.append(same[one])
        least.append(tightest[0])
        most.append(tightest[1])
    if not kept:
        return rows, low, high
    return csr_array(rows[np.concatenate(kept)]), np.concatenate(least), np.concatenate(most)


def _furthest_moves(polyhedron: _Polyhedron, asked: Ints, outcome: Outcome) -> tuple[Floats, Floats]:
    """Compute the furthest moves of some unknowns down and up, (len(asked),) each."""
    down, up = polyhedron.least[asked].copy(), polyhedron.most[asked].copy()
    position = {int(u): k for k, u in enumerate(asked)}
    for unknowns, rows in _components(polyhedron.rows):
        inside = [u for u in unknowns.tolist() if u in position]
        if inside:
            part = _LinearPrograms(polyhedron, unknowns, rows, outcome)
            for u in inside:
                down[position[u]], up[position[u]] = part.furthest(u, -1.0), part.furthest(u, 1.0)
    return down, up


def _components(rows: csr_array) -> Iterator[tuple[Ints, Ints]]:
    """Unknowns and rows that are connected; unknowns without a row are left out."""
    m, n = rows.shape
    if not m:
        return
    none_rows, none_columns = csr_array((m, m)), csr_array((n, n))
    graph: Any = block_array([[none_rows, abs(rows)], [abs(rows).T, none_columns]], format="csr")
    _, label = connected_components(graph, directed=False)
    order = np.argsort(label, kind="stable")
    for nodes in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        if nodes[0] < m:
            yield nodes[nodes >= m] - m, nodes[nodes < m]


class _LinearPrograms:
    """The linear programs of one component, which differ in their right-hand side alone.

    They are solved in the dual form: the furthest move of an unknown is the least cost of adding up limits, each any
    number of times ``y ≥ 0``, to a limit of this unknown alone. It has as many rows as unknowns, however many bids
    there are, and is infeasible exactly where the move is unlimited (no move at all keeps every limit).
    """

    def __init__(self, polyhedron: _Polyhedron, unknowns: Ints, rows: Ints, outcome: Outcome) -> None:
        self._outcome = outcome
        self._place = {int(u): k for k, u in enumerate(unknowns)}
        A = csr_array(polyhedron.rows[rows][:, unknowns])
        self._typical = polyhedron.unit[unknowns]
        row, self._unit = _equilibration(csc_array(A), self._typical)
        A = csr_array(A.multiply(row[:, None]).multiply(self._unit[None, :]))
        low, high = polyhedron.low[rows] * row, polyhedron.high[rows] * row
        self._least, self._most = polyhedron.least[unknowns], polyhedron.most[unknowns]
        equal = low == high
        own = csr_array(eye_array(len(unknowns)))
        upper = [(A[~equal], high[~equal]), (-A[~equal], -low[~equal])]
        upper += [(own, self._most / self._unit), (-own, -self._least / self._unit)]
        self._limits = csr_array(vstack([limit[np.isfinite(end)] for limit, end in upper]))
        self._ends = np.concatenate([end[np.isfinite(end)] for _, end in upper])
        self._equations = A[equal]
        self._columns = csc_array(vstack([self._equations, self._limits]).T)
        n_equations = self._equations.shape[0]
        self._cost = np.append(np.zeros(n_equations), self._ends)
        self._signs = np.zeros((len(self._cost), 2)) + np.array([0.0, np.inf])
        self._signs[:n_equations, 0] = -np.inf

    def furthest(self, unknown: int, sign: float) -> float:
        """Compute the furthest move of an unknown in the direction of `sign` [money / quantity].

        Raises
        ------
        NotSolved
            HiGHS has no answer.
        """
        k = self._place[unknown]
        bound = float(self._most[k] if sign > 0 else self._least[k])
        if bound == 0.0:
            return bound
        target = np.zeros(len(self._unit))
        target[k] = sign
        cost = least_cost(self._cost, (self._columns, target), self._signs)
        if cost is None:
            if not self._has_ray(k, sign):
                raise NotSolved("the linear program of a price interval has no answer", self._outcome)
            return sign * np.inf
        move = sign * cost * float(self._unit[k])
        rounding = MOVE_ROUNDING * float(self._typical[k])
        if abs(move) <= rounding:
            return 0.0
        return bound if abs(move - bound) <= rounding else move

    def _has_ray(self, k: int, sign: float) -> bool:
        """Return whether some direction with this sign of unknown `k` never leaves the polyhedron."""
        direction = np.zeros(len(self._unit))
        direction[k] = -sign
        bounds = np.full((len(self._unit), 2), np.inf) * np.array([-1.0, 1.0])
        bounds[k] = -1.0, 1.0
        limits = (self._limits, np.zeros(self._limits.shape[0]))
        found = solve_lp(direction, limits, (self._equations, np.zeros(self._equations.shape[0])), bounds)
        return found is not None and float(direction @ found) < -0.5


def _equilibration(A: csc_array, unit: Floats) -> tuple[Floats, Floats]:
    """Find powers of two for rows and columns, from typical units of columns on, that bring all entries near 1."""
    size = np.abs(A.data)
    owner = np.repeat(np.arange(A.shape[1]), np.diff(A.indptr))
    row, column = np.ones(A.shape[0]), unit.copy()
    for _ in range(EQUILIBRATION_ROUNDS):
        for group, scale in ((A.indices, row), (owner, column)):
            largest = np.zeros(len(scale))
            np.maximum.at(largest, group, size * row[A.indices] * column[owner])
            scale /= np.sqrt(largest)
    return np.exp2(np.round(np.log2(row))), np.exp2(np.round(np.log2(column)))
