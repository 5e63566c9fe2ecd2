"""Connected parts: portfolios link all their products and demands; parts share nothing and clear each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.columns import Flags, Ints
from fts.ports.engine import Program
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.program import columns_of


@dataclass(frozen=True)
class ConnectedParts:
    """The number of the part that each product, portfolio and demand belongs to.

    Attributes
    ----------
    count : int
    product : (P,)
    portfolio : (I,)
    demand : (D,)
    """

    count: int
    product: Ints
    portfolio: Ints
    demand: Ints


@dataclass(frozen=True)
class ProgramPart:
    """One connected part of a program, as a program of its own.

    Attributes
    ----------
    number : int
    program : Program
    products, portfolios, demands, segments : positions in the whole program
    """

    number: int
    program: Program
    products: Ints
    portfolios: Ints
    demands: Ints
    segments: Ints


def connected_parts(B: csc_array, W: csc_array) -> ConnectedParts:
    """Find the connected parts of portfolios with basis weights `B` (P, I) and demand weights `W` (D, I), by column."""
    count, product, portfolio, demand = _label(*csc_arrays(B)[:2], *csc_arrays(W)[:2], B.shape[0], W.shape[0])
    return ConnectedParts(count, product, portfolio, demand)


@compiled
def _label(
    B_start: Int32s, B_product: Int32s, W_start: Int32s, W_demand: Int32s, n_products: int, n_demands: int
) -> tuple[int, Ints, Ints, Ints]:
    """Labels by union of sets (Tarjan), numbered in the order of the products."""
    parent = np.arange(n_products)
    # A demand is represented by the first product of the first portfolio that uses it.
    holder = np.full(n_demands, -1)
    left = n_products
    for i in range(len(B_start) - 1):
        if left == 1:
            break
        first = B_product[B_start[i]]
        while parent[first] != first:
            parent[first] = parent[parent[first]]
            first = parent[first]
        n_links = B_start[i + 1] - B_start[i]
        for link in range(n_links + W_start[i + 1] - W_start[i]):
            if link < n_links:
                other = np.int64(B_product[B_start[i] + link])
            else:
                d = W_demand[W_start[i] + link - n_links]
                if holder[d] < 0:
                    holder[d] = first
                other = holder[d]
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = parent[other]
            if other != first:
                low, high = min(first, other), max(first, other)
                parent[high] = low
                first = low
                left -= 1
    product = np.zeros(n_products, dtype=np.int64)
    count = 0
    for p in range(n_products):
        root = p
        while parent[root] != root:
            root = parent[root]
        if root == p:
            product[p] = count
            count += 1
        else:
            product[p] = product[root]
    portfolio, demand = np.zeros(len(B_start) - 1, dtype=np.int64), np.zeros(n_demands, dtype=np.int64)
    if count > 1:
        for i in range(len(portfolio)):
            portfolio[i] = product[B_product[B_start[i]]]
            for e in range(W_start[i], W_start[i + 1]):
                demand[W_demand[e]] = portfolio[i]
    return count, product, portfolio, demand


@compiled
def list_parts(
    W_start: Int32s, W_demand: Int32s, product: Ints, portfolio: Ints, chosen: Flags, n_chosen: int
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]:
    """List the products, portfolios and demands of chosen parts whose bids have one demand each, part by part.

    Parameters
    ----------
    W_start, W_demand
        Columns of ``W``.
    product, portfolio : (P,), (I,)
        The number of the part of each.
    chosen : (n_parts,)
    n_chosen : int

    Returns
    -------
    P_start, products, label : (n_chosen + 1,), (P',), (P',)
        Where each part begins; positions in the whole program; which of the chosen parts each belongs to.
    I_start, portfolios, demands, portfolio_label : (n_chosen + 1,), (I',), (I',), (I',)
    """
    place, n = np.full(len(chosen), -1), 0
    for b in range(len(chosen)):
        if chosen[b]:
            place[b] = n
            n += 1
    P_start, I_start = np.zeros(n_chosen + 1, dtype=np.int64), np.zeros(n_chosen + 1, dtype=np.int64)
    for p in range(len(product)):
        if chosen[product[p]]:
            P_start[place[product[p]] + 1] += 1
    for i in range(len(portfolio)):
        if chosen[portfolio[i]]:
            I_start[place[portfolio[i]] + 1] += 1
    for b in range(n_chosen):
        P_start[b + 1] += P_start[b]
        I_start[b + 1] += I_start[b]
    products, label = np.empty(P_start[-1], dtype=np.int64), np.empty(P_start[-1], dtype=np.int64)
    portfolios, demands = np.empty(I_start[-1], dtype=np.int64), np.empty(I_start[-1], dtype=np.int64)
    portfolio_label = np.empty(I_start[-1], dtype=np.int64)
    to = P_start[:-1].copy()
    for p in range(len(product)):
        if chosen[product[p]]:
            b = place[product[p]]
            products[to[b]], label[to[b]] = p, b
            to[b] += 1
    to[:] = I_start[:-1]
    for i in range(len(portfolio)):
        if chosen[portfolio[i]]:
            b = place[portfolio[i]]
            portfolios[to[b]], demands[to[b]], portfolio_label[to[b]] = i, W_demand[W_start[i]], b
            to[b] += 1
    return P_start, products, label, I_start, portfolios, demands, portfolio_label


def programs_of(program: Program, parts: ConnectedParts, chosen: Flags | None = None) -> Iterator[ProgramPart]:
    """Every chosen part (n_parts,), or all, as a program of its own, in the order of their numbers."""
    if parts.count == 1:
        if chosen is None or chosen[0]:
            sizes = (*program.B.shape, program.W.shape[0], len(program.c))
            yield ProgramPart(0, program, *(np.arange(n) for n in sizes))
        return
    labels = parts.product, parts.portfolio, parts.demand, parts.demand[program.segment_demand]
    products, portfolios, demands, segments = (_grouped(label, parts.count) for label in labels)
    for number in range(parts.count) if chosen is None else np.flatnonzero(chosen).tolist():
        p, i, d, k = products[number], portfolios[number], demands[number], segments[number]
        made = Program(
            B=columns_of(program.B, i, p),
            W=columns_of(program.W, i, d),
            segment_demand=np.searchsorted(d, program.segment_demand[k]),
            lo=program.lo[k],
            hi=program.hi[k],
            c=program.c[k],
            s=program.s[k],
            cost=None if program.cost is None else program.cost[i],
        )
        yield ProgramPart(number, made, p, i, d, k)


def _grouped(label: Ints, count: int) -> list[Ints]:
    """Positions by label, each group in order."""
    return np.split(np.argsort(label, kind="stable"), np.cumsum(np.bincount(label, minlength=count))[:-1])
