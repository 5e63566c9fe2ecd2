"""The order in which loops pass over a program: portfolios with as many entries side by side, their demands with them.

A processor guesses where a loop ends. Where every portfolio has another number of entries than the one before, the
guess is wrong, and that costs more than the arithmetic. Demands and segments follow their portfolios, so that a loop
reads memory from one end to the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from fts.models.columns import Floats, Ints
from fts.ports.engine import Program
from fts.solver.compiled import Int32s, compiled, csc_arrays

MIN_ORDERED_PORTFOLIOS = 500
"""Programs of fewer portfolios stay as they are."""
MANY = 15
"""Portfolios of at least so many entries, and demands of at least so many segments, count as alike."""


@dataclass(frozen=True)
class Order:
    """Positions in the original program of what stands at each place.

    Attributes
    ----------
    portfolio : (I,)
    demand : (D,)
    segment : (K,)
    """

    portfolio: Ints
    demand: Ints
    segment: Ints


def order_of(program: Program) -> Order | None:
    """Compute the order for a program whose segments stand by demand; None where it is too small to matter."""
    B, W = program.B, program.W
    n_demands, n = W.shape
    if n < MIN_ORDERED_PORTFOLIOS:
        return None
    first = np.append(0, np.cumsum(np.bincount(program.segment_demand, minlength=n_demands)))
    users = np.bincount(W.indices, minlength=n_demands)
    start, demand, _ = csc_arrays(W)
    kind = _kinds(np.diff(B.indptr), start, demand, users, first, MANY)
    portfolio = np.argsort(kind, kind="stable")
    demands, segments = _followed(portfolio, start, demand, users, first)
    return Order(portfolio, demands, segments)


def ordered(program: Program, order: Order) -> Program:
    """Return the program in another order."""
    rank = np.empty(len(order.demand), dtype=np.int32)
    rank[order.demand] = np.arange(len(rank), dtype=np.int32)
    users = np.bincount(program.W.indices, minlength=len(rank))
    segment = order.segment
    return replace(
        program,
        B=_columns(program.B, order.portfolio),
        W=_renumbered(program.W, order.portfolio, rank, users),
        segment_demand=rank[program.segment_demand[segment]].astype(program.segment_demand.dtype),
        lo=program.lo[segment],
        hi=program.hi[segment],
        c=program.c[segment],
        s=program.s[segment],
        cost=None if program.cost is None else program.cost[order.portfolio],
    )


def at_positions(values: Any, positions: Ints) -> Any:
    """Values in the original order from those in the other."""
    original = np.empty_like(values)
    original[positions] = values
    return original


def _columns(matrix: csc_array, order: Ints) -> csc_array:
    start, row, value = _taken(*csc_arrays(matrix), order)
    return csc_array((value, row, start), shape=matrix.shape)


def _renumbered(W: csc_array, order: Ints, rank: Int32s, users: Ints) -> csc_array:
    start, demand, value = _taken_by_use(*csc_arrays(W), order, rank, users)
    return csc_array((value, demand, start), shape=W.shape)


@compiled
def _kinds(n_products: Int32s, start: Int32s, demand: Int32s, users: Ints, first: Ints, many: int) -> NDArray[np.uint8]:
    """Assign a number to every portfolio, equal where loops over it have equal lengths, (I,)."""
    kind = np.empty(len(n_products), dtype=np.uint8)
    for i in range(len(kind)):
        segments = 0
        for e in range(start[i], start[i + 1]):
            if users[demand[e]] == 1:
                segments += int(first[demand[e] + 1] - first[demand[e]])
        kind[i] = min(n_products[i], many) * (many + 1) + min(segments, many)
    return kind


@compiled
def _followed(order: Ints, start: Int32s, demand: Int32s, users: Ints, first: Ints) -> tuple[Ints, Ints]:
    """Demands of one portfolio in the order of these, then the others; and their segments."""
    demands, to = np.empty(len(users), dtype=np.int64), 0
    for i in order:
        for e in range(start[i], start[i + 1]):
            if users[demand[e]] == 1:
                demands[to] = demand[e]
                to += 1
    for d in range(len(users)):
        if users[d] != 1:
            demands[to] = d
            to += 1
    segments, at = np.empty(first[-1], dtype=np.int64), 0
    for owner in demands:
        for k in range(first[owner], first[owner + 1]):
            segments[at] = k
            at += 1
    return demands, segments


@compiled
def _taken(start: Int32s, row: Int32s, value: Floats, order: Ints) -> tuple[Int32s, Int32s, Floats]:
    """Columns in another order."""
    begin, rows, values = np.empty_like(start), np.empty_like(row), np.empty_like(value)
    begin[0], to = 0, 0
    for place in range(len(order)):
        for e in range(start[order[place]], start[order[place] + 1]):
            rows[to], values[to] = row[e], value[e]
            to += 1
        begin[place + 1] = to
    return begin, rows, values


@compiled
def _taken_by_use(
    start: Int32s, row: Int32s, value: Floats, order: Ints, rank: Int32s, users: Ints
) -> tuple[Int32s, Int32s, Floats]:
    """Columns of demands in another order, with new numbers that increase: those of one portfolio come first."""
    begin, rows, values = np.empty_like(start), np.empty_like(row), np.empty_like(value)
    begin[0], to = 0, 0
    for place in range(len(order)):
        i = order[place]
        for alone in (True, False):
            for e in range(start[i], start[i + 1]):
                if (users[row[e]] == 1) == alone:
                    rows[to], values[to] = rank[row[e]], value[e]
                    to += 1
        begin[place + 1] = to
    return begin, rows, values
