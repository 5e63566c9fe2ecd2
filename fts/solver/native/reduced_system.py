"""The system of products and shared demands: components of shared demands are eliminated, the rest is factored.

With the columns ``C = [B; -S]`` of portfolios, their weights ω and the responses ``g`` of shared demands it is
``M = C diag(ω) C' + diag(0, g)``. Shared demands with a portfolio in common form components. With the rows ``E`` of one
component and its products ``P``, ``M_EE = L L'`` and ``N = M_PE L'^-1``, it leaves ``M_PP - N N'`` of the products.
A component is eliminated where that is less work than its own rows in the system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components

from fts.models.columns import Flags, Floats, Ints
from fts.solver.compiled import Index, compiled, unsigned_entries
from fts.solver.native.normal_matrix import MAX_ALWAYS_DENSE, NormalMatrix, Outer

MAX_ELIMINATED_DEMANDS = 32
"""Most shared demands of a component that is eliminated; its own factor is made by a plain loop."""
MAX_ELIMINATED_PRODUCTS = 24
"""Most products of a component that is eliminated from a sparse system, which it fills."""
NOTHING = np.empty(0)
LEAST_PIVOT = 1e-14
"""Share of the diagonal below which a pivot is rounding."""


@dataclass(frozen=True)
class Components:
    """Components of shared demands that are eliminated.

    Attributes
    ----------
    demand_start : (n + 1,)
        Component `c` has the shared demands ``demands[demand_start[c]:demand_start[c + 1]]``.
    demands : (E,)
        Rows of the system, from the number of products on.
    member_start, members
        The same of their portfolios.
    entry_start : (members + 1,)
        Entries of each member.
    local : (entries,)
        Row of each entry of a member: a product's within its component, or ``-1 - `` a demand's.
    products : Outer
        Their products.
    square_at : (n + 1,)
        Where the factor ``L`` of each begins.
    """

    demand_start: Ints
    demands: Ints
    member_start: Ints
    members: Ints
    entry_start: Ints
    local: Ints
    products: Outer
    square_at: Ints


class ReducedSystem:
    """The system in products and shared demands, for changing weights.

    Parameters
    ----------
    C : (P + S, I) sparse, by column, rows in order
    n_products : int
    has_own : (I,)
        Portfolios that have a demand for themselves, and so a curvature of their own.
    """

    def __init__(self, C: csc_array, n_products: int, has_own: Flags) -> None:
        self.n_products, self._columns = n_products, unsigned_entries(C)
        n_shared = C.shape[0] - n_products
        self._left = np.arange(n_products, C.shape[0])
        self._components: Components | None = None
        if not n_shared:
            self._normal = NormalMatrix(C)
            return
        label, able = _components_of(C, n_products, has_own)
        # A small system is dense whatever it holds.
        self._normal = self._lay_out(
            C, label, able, n_products if n_products <= MAX_ALWAYS_DENSE else MAX_ELIMINATED_PRODUCTS
        )
        if n_products > MAX_ALWAYS_DENSE and self._normal.is_dense and len(self._left):
            self._normal = self._lay_out(C, label, able, n_products)

    def _lay_out(self, C: csc_array, label: Ints, able: Flags, most_products: int) -> NormalMatrix:
        """Compute the system that is left when the components of at most so many products are eliminated."""
        P = self.n_products
        components = _gathered(C, P, label, able)
        few = np.diff(components.products.start) <= most_products
        if not few.all():
            chosen = np.zeros(len(able), dtype=bool)
            chosen[np.flatnonzero(able)[few]] = True
            components = _gathered(C, P, label, chosen)
        self._components = components if len(components.demands) else None
        left = np.ones(C.shape[0], dtype=bool)
        left[components.demands] = False
        self._left = np.flatnonzero(left[P:]) + P
        return NormalMatrix(_rows(C, left), None if self._components is None else components.products)

    def factor(self, weights: Floats, g: Floats) -> None:
        """Factor the system for weights of portfolios (I,) and responses of shared demands (S,)."""
        P, c = self.n_products, self._components
        diagonal = np.zeros(P + len(self._left))
        diagonal[P:] = g[self._left - P]
        blocks = NOTHING
        if c is not None:
            blocks, self._squares = _eliminate(
                *self._columns, c.demand_start, c.demands, c.member_start, c.members, c.entry_start, c.local,
                c.products.start, c.products.at, c.square_at, weights, g, P,
            )  # fmt: skip
            self._blocks = blocks
        self._factor = self._normal.factor(weights, blocks, diagonal)

    def solve(self, right: Floats) -> Floats:
        """Solve for one right-hand side of products and shared demands, (P + S,)."""
        c, P = self._components, self.n_products
        if c is None:
            return self._factor.solve(right)
        layout = (c.demand_start, c.demands, c.products.start, c.products.rows, c.products.at, c.square_at)
        reduced, own = right.copy(), np.empty(len(c.demands))
        _forward(*layout, self._blocks, self._squares, reduced, own)
        rest = reduced if not len(self._left) else np.concatenate([reduced[:P], reduced[self._left]])
        found = self._factor.solve(rest[: P + len(self._left)])
        solution = np.empty(len(right))
        solution[:P], solution[self._left] = found[:P], found[P:]
        _backward(*layout, self._blocks, self._squares, own, solution)
        return solution


def _components_of(C: csc_array, n_products: int, has_own: Flags) -> tuple[Ints, Flags]:
    """Compute the component of each shared demand, (S,), and whether each component may be eliminated."""
    n_rows, n_columns = C.shape
    n_shared = n_rows - n_products
    shared = n_products <= C.indices
    demand = C.indices[shared].astype(np.int64) - n_products
    portfolio = np.repeat(np.arange(n_columns), np.diff(C.indptr))[shared]
    label = np.arange(n_shared)
    if len(np.unique(portfolio)) < len(portfolio):
        nodes = n_shared + n_columns
        graph = coo_array((np.ones(len(demand)), (demand, n_shared + portfolio)), shape=(nodes, nodes))
        _, found = connected_components(graph.tocsr(), directed=False)
        _, label = np.unique(found[:n_shared], return_inverse=True)
    able = np.bincount(label) <= MAX_ELIMINATED_DEMANDS
    able[label[demand[~has_own[portfolio]]]] = False
    return label, able


def _gathered(C: csc_array, n_products: int, label: Ints, chosen: Flags) -> Components:
    """Compute the chosen components of shared demands with their portfolios and products."""
    number = np.cumsum(chosen) - 1
    n = int(chosen.sum())
    own = np.flatnonzero(chosen[label])
    of_demand = number[label[own]]
    order = np.argsort(of_demand, kind="stable")
    demands = own[order] + n_products
    demand_start = np.append(0, np.cumsum(np.bincount(of_demand, minlength=n)))
    position = np.full(len(label), -1)
    position[own[order]] = np.arange(len(own)) - demand_start[of_demand[order]]
    start, row, _ = unsigned_entries(C)
    of_portfolio = _component_of_portfolios(start, row, n_products, np.where(chosen, number, -1)[label])
    members = np.flatnonzero(of_portfolio >= 0)
    members = members[np.argsort(of_portfolio[members], kind="stable")]
    member_start = np.append(0, np.cumsum(np.bincount(of_portfolio[members], minlength=n)))
    product_start, products, entry_start, local = _located(start, row, n_products, member_start, members, position)
    width = np.diff(demand_start)
    at = np.append(0, np.cumsum(np.diff(product_start) * width))
    square_at = np.append(0, np.cumsum(width * width))
    outer = Outer(product_start, products, width, at)
    return Components(demand_start, demands, member_start, members, entry_start, local, outer, square_at)


@compiled
def _component_of_portfolios(start: Index, row: Index, n_products: int, component: Ints) -> Ints:
    """Compute the component of the shared demands of each portfolio, (I,); -1 where it has none that is chosen."""
    found = np.full(len(start) - 1, -1, dtype=np.int64)
    for i in range(len(found)):
        # Rows are in order, so that shared demands come last.
        if start[i + 1] > start[i] and row[start[i + 1] - 1] >= n_products:
            found[i] = component[row[start[i + 1] - 1] - n_products]
    return found


@compiled
def _located(
    start: Index, row: Index, n_products: int, member_start: Ints, members: Ints, position: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Compute the products of each component, in order, and the place of every member's entry in its component."""
    n = len(member_start) - 1
    entry_start = np.zeros(len(members) + 1, dtype=np.int64)
    for m in range(len(members)):
        entry_start[m + 1] = entry_start[m] + start[members[m] + 1] - start[members[m]]
    local = np.empty(entry_start[-1], dtype=np.int64)
    products = np.empty(entry_start[-1], dtype=np.int64)
    product_start = np.zeros(n + 1, dtype=np.int64)
    place, seen = np.empty(n_products, dtype=np.int64), np.full(n_products, -1, dtype=np.int64)
    for c in range(n):
        to = product_start[c]
        for m in range(member_start[c], member_start[c + 1]):
            for e in range(start[members[m]], start[members[m] + 1]):
                if row[e] < n_products and seen[row[e]] != c:
                    seen[row[e]] = c
                    products[to] = row[e]
                    to += 1
        product_start[c + 1] = to
        products[product_start[c] : to].sort()
        for k in range(product_start[c], to):
            place[products[k]] = k - product_start[c]
        for m in range(member_start[c], member_start[c + 1]):
            for e in range(start[members[m]], start[members[m] + 1]):
                at = entry_start[m] + e - start[members[m]]
                local[at] = place[row[e]] if row[e] < n_products else -1 - position[row[e] - n_products]
    return product_start, products[: product_start[n]].copy(), entry_start, local


def _rows(C: csc_array, left: Flags) -> csc_array:
    """Return the rows of a matrix that are left, renumbered."""
    if left.all():
        return C
    kept = left[C.indices]
    ends = np.append(0, np.cumsum(kept))[C.indptr]
    rows = (np.cumsum(left) - 1)[C.indices[kept]]
    return csc_array((C.data[kept], rows, ends), shape=(int(left.sum()), C.shape[1]))


@compiled
def _eliminate(
    start: Index,
    row: Index,
    value: Floats,
    demand_start: Ints,
    demands: Ints,
    member_start: Ints,
    members: Ints,
    entry_start: Ints,
    local: Ints,
    product_start: Ints,
    block_at: Ints,
    square_at: Ints,
    weights: Floats,
    g: Floats,
    n_products: int,
) -> tuple[Floats, Floats]:
    """Compute the blocks ``N`` and the factors ``L`` of all components, row by row."""
    blocks, squares = np.zeros(block_at[-1]), np.zeros(square_at[-1])
    for c in range(len(demand_start) - 1):
        k = demand_start[c + 1] - demand_start[c]
        block, square = block_at[c], square_at[c]
        for m in range(member_start[c], member_start[c + 1]):
            i = members[m]
            n = start[i + 1] - start[i]
            for e in range(n):
                if local[entry_start[m] + e] >= 0:
                    continue
                j = -1 - local[entry_start[m] + e]
                weighted = weights[i] * value[start[i] + e]
                for f in range(n):
                    to = local[entry_start[m] + f]
                    if to >= 0:
                        blocks[block + to * k + j] += weighted * value[start[i] + f]
                    else:
                        squares[square + j * k - 1 - to] += weighted * value[start[i] + f]
        for j in range(k):
            squares[square + j * k + j] += g[demands[demand_start[c] + j] - n_products]
        for j in range(k):
            at = square + j * k
            pivot = squares[at + j]
            least = LEAST_PIVOT * pivot
            for b in range(j):
                pivot -= squares[at + b] * squares[at + b]
            pivot = np.sqrt(pivot if pivot > least else least)
            squares[at + j] = pivot
            for a in range(j + 1, k):
                total = squares[square + a * k + j]
                for b in range(j):
                    total -= squares[square + a * k + b] * squares[at + b]
                squares[square + a * k + j] = total / pivot
        for r in range(product_start[c + 1] - product_start[c]):
            at = block + r * k
            for j in range(k):
                total = blocks[at + j]
                for b in range(j):
                    total -= blocks[at + b] * squares[square + j * k + b]
                blocks[at + j] = total / squares[square + j * k + j]
    return blocks, squares


@compiled
def _forward(
    demand_start: Ints,
    demands: Ints,
    product_start: Ints,
    products: Ints,
    block_at: Ints,
    square_at: Ints,
    blocks: Floats,
    squares: Floats,
    right: Floats,
    own: Floats,
) -> None:
    """Eliminate the demands from the right-hand side, in place; `own` is ``L^-1`` of theirs."""
    for c in range(len(demand_start) - 1):
        first, k = demand_start[c], demand_start[c + 1] - demand_start[c]
        for j in range(k):
            total = right[demands[first + j]]
            for b in range(j):
                total -= squares[square_at[c] + j * k + b] * own[first + b]
            own[first + j] = total / squares[square_at[c] + j * k + j]
        for r in range(product_start[c + 1] - product_start[c]):
            total = 0.0
            for j in range(k):
                total += blocks[block_at[c] + r * k + j] * own[first + j]
            right[products[product_start[c] + r]] -= total


@compiled
def _backward(
    demand_start: Ints,
    demands: Ints,
    product_start: Ints,
    products: Ints,
    block_at: Ints,
    square_at: Ints,
    blocks: Floats,
    squares: Floats,
    own: Floats,
    solution: Floats,
) -> None:
    """Compute the multipliers of the demands from the prices of their products, in place."""
    for c in range(len(demand_start) - 1):
        first, k = demand_start[c], demand_start[c + 1] - demand_start[c]
        for r in range(product_start[c + 1] - product_start[c]):
            price = solution[products[product_start[c] + r]]
            for j in range(k):
                own[first + j] -= blocks[block_at[c] + r * k + j] * price
        for j in range(k - 1, -1, -1):
            total = own[first + j]
            for a in range(j + 1, k):
                total -= squares[square_at[c] + a * k + j] * own[first + a]
            own[first + j] = total / squares[square_at[c] + j * k + j]
            solution[demands[first + j]] = own[first + j]
