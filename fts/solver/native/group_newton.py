"""Newton's method in prices (`dual_newton.py`) for markets in which bids share limits: substitution groups.

Every portfolio has one demand for itself and at most one that it shares with others, and a shared demand is one flat
segment: a limit on what its bids trade together, at a price. Prices of products then determine the price of each
shared demand, group by group, and so every rate (`group_response.py`). The dual, minimised over these prices, is again
convex and piecewise quadratic in the prices of products. Its Hessian is ``Σ B_i B_i'/(s W_i²)`` over bids inside a
segment, less ``v v'/Σ(t_i²/s_i)`` with ``v = Σ t_i B_i/(s_i W_i)`` for each group at its limit: what is left of the
bids' responses when they must trade as much as before together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fts.models.columns import Floats, Ints, floats
from fts.ports.engine import Program
from fts.solver.blas_threads import threads_for
from fts.solver.compiled import Int32s, csc_arrays
from fts.solver.native.bid_response import (
    INSIDE,
    add_bases,
    count_flat,
    deviate,
    divide,
    first_prices,
    is_determined,
    price_demands,
)
from fts.solver.native.curvature import MAX_DENSE_PRODUCTS, Factor, Hessian, KeptHessian
from fts.solver.native.dual_newton import (
    MAX_FLAT,
    Cleared,
    FlatBetween,
    NewtonMethod,
    NewtonPoint,
    Portfolios,
    PrivateMarket,
    State,
    tilt,
)
from fts.solver.native.group_response import (
    add_curvature,
    add_limits,
    begin_proof,
    find_groups,
    find_products,
    respond_groups,
    settle_groups,
    take_bids,
)
from fts.solver.native.independent_products import is_far_wider
from fts.solver.native.normal_matrix import WIDE
from fts.solver.native.profiles import compress


@dataclass(frozen=True)
class GroupedPortfolios:
    """The portfolios of a program with groups, to compare with those of the next one.

    Attributes
    ----------
    start, row, basis, scale
        Entries of ``B``, and the weight of each portfolio in its own demand, (I,).
    weight : (nonzeros of B,)
        Weights of products per unit of the own demand.
    W_start, W_demand, W_value
        Entries of ``W``.
    lone, members : (I - n,), (n,)
        Portfolios without and with a shared demand, the latter in the order of their groups.
    groups : (G,)
        Shared demands.
    first : (G + 1,)
        Group ``g`` has the bids ``first[g] ≤ i < first[g + 1]``.
    alone : Portfolios
        Those without a shared demand.
    bids : start (n + 1,), row (N,), weight (N,), t (n,)
        Those with one, and their weights in it per unit of their own demands.
    limited : start (I + 1,), row, weight
        All bids with the prices of shared demands as further rows; see :func:`group_response.add_limits`.
    product_first, products, local, widest
        See :func:`group_response.find_products`.
    """

    start: Int32s
    row: Int32s
    basis: Floats
    scale: Floats
    weight: Floats
    W_start: Int32s
    W_demand: Int32s
    W_value: Floats
    lone: Ints
    members: Ints
    groups: Int32s
    first: Int32s
    alone: Portfolios
    bids: tuple[Int32s, Int32s, Floats, Floats]
    limited: tuple[Int32s, Int32s, Floats]
    product_first: Int32s
    products: Int32s
    local: Int32s
    widest: int

    def fits(self, program: Program) -> bool:
        """Check whether a program has the same portfolios."""
        B, W = csc_arrays(program.B), csc_arrays(program.W)
        mine: tuple[np.ndarray, ...] = (self.start, self.row, self.basis, self.W_start, self.W_demand, self.W_value)
        given: tuple[np.ndarray, ...] = (*B, *W)
        return program.B.shape[0] == self.alone.n_products and all(
            one is other or np.array_equal(one, other) for one, other in zip(mine, given, strict=True)
        )


@dataclass(frozen=True)
class GroupedState(State):
    """The result of one solve that the next one with the same portfolios may start from; it does not change.

    Attributes
    ----------
    grouped : GroupedPortfolios
    member_curvature, response, limit_prices : (n,), (G,), (G,)
        Of the bids of groups, of groups and of shared demands; see :func:`group_response.respond_groups`.
    """

    grouped: GroupedPortfolios
    member_curvature: Floats
    response: Floats
    limit_prices: Floats


@dataclass(frozen=True)
class GroupedMarket:
    """A program with groups in the form in which it is solved here.

    Attributes
    ----------
    grouped : GroupedPortfolios
    alone : PrivateMarket
        Of the portfolios without a shared demand; its segments are those of the whole program.
    begin, end, demand : (I,)
        Segments of each portfolio's own demand, and that demand.
    segment : (G,)
        The segment of each shared demand.
    """

    grouped: GroupedPortfolios
    alone: PrivateMarket
    begin: Int32s
    end: Int32s
    demand: Int32s
    segment: Int32s


def clear_grouped(program: Program, start: Floats | None = None, earlier: State | None = None) -> Cleared | None:
    """Clear a market of sloped curves, each portfolio with one demand for itself and at most one shared limit.

    Parameters
    ----------
    program : Program
    start : (P,) [money / quantity], optional
        Prices to start from, such as the earlier ones; NaN where there is none. It saves time and never changes the
        answer beyond rounding.
    earlier : State, optional
        Of an earlier solve; used where the portfolios are the same.

    Returns
    -------
    Cleared, or None where the program is not of this kind or the method does not end in rounding.
    """
    before = earlier if isinstance(earlier, GroupedState) else None
    # More threads would sum in another order.
    with threads_for(1), np.errstate(all="ignore"):
        market = _market_of(program, start, None if before is None else before.grouped)
        if market is None:
            return None
        try:
            return _GroupedNewton(market, before if market.alone.is_same else None).solve()
        except FlatBetween:
            return None


def _market_of(program: Program, start: Floats | None, earlier: GroupedPortfolios | None) -> GroupedMarket | None:
    """Lay out a program with groups; None where it is not of this kind."""
    p = program
    (n_products, n_bids), n_demands = p.B.shape, p.W.shape[0]
    if not n_bids or n_products > MAX_DENSE_PRODUCTS or n_demands <= n_bids or len(p.W.indices) > 2 * n_bids:
        return None
    if is_far_wider(n_products, n_bids):  # the Hessian would have no inverse
        return None
    flat, finite = count_flat(p.s, p.lo, p.hi)
    if not finite:
        return None
    begin, end, own, shared = (np.empty(n_bids, dtype=np.int32) for _ in range(4))
    scale, share = np.empty(n_bids), np.empty(n_bids)
    segment_of = np.empty(n_demands, dtype=np.int32)
    W = csc_arrays(p.W)
    if not find_groups(*W, p.segment_demand, n_demands, begin, end, own, scale, shared, share, segment_of):
        return None
    is_same = earlier is not None and earlier.fits(p)
    if is_same and earlier is not None:
        grouped = earlier
    else:
        made = _grouped(p, W, scale, shared, share)
        if made is None:
            return None
        grouped = made
    segment = segment_of[grouped.groups]
    flat -= int(np.count_nonzero(p.s[segment] == 0.0))
    if (p.s[segment] > 0.0).any() or flat > MAX_FLAT * (len(p.s) - len(segment)):
        return None
    base = np.zeros(len(p.s))
    add_bases(begin, end, p.lo, p.hi, base)
    first = np.full(n_products, np.nan) if start is None else floats(start).copy()
    first_prices(grouped.start, grouped.row, grouped.weight, begin, end, p.c, p.s, p.lo, p.hi, first)
    is_flat = np.empty(0, dtype=np.bool_)
    if flat:
        is_flat = p.s == 0.0
        is_flat[segment] = False
    lone = grouped.lone
    alone = PrivateMarket(p, grouped.alone, own[lone], begin[lone], end[lone], False, base, is_flat, first, is_same)
    return GroupedMarket(grouped, alone, begin, end, own, segment)


def _grouped(
    program: Program, W: tuple[Int32s, Int32s, Floats], scale: Floats, shared: Int32s, share: Floats
) -> GroupedPortfolios | None:
    """Lay out the portfolios of a program with groups; None where one has many products, which takes another layout."""
    n_products = program.B.shape[0]
    start, row, basis = csc_arrays(program.B if program.B.has_sorted_indices else program.B.sorted_indices())
    if (np.diff(start) > WIDE).any():
        return None
    weight = basis if np.all(scale == 1.0) else divide(start, basis, scale)
    is_member = shared >= 0
    lone, members = np.flatnonzero(~is_member), np.flatnonzero(is_member)
    members = members[np.argsort(shared[members], kind="stable")]
    groups, sizes = np.unique(shared[members], return_counts=True)
    first = np.append(0, np.cumsum(sizes)).astype(np.int32)
    lone_start, lone_row, lone_weight = _taken(lone, start, row, weight)
    alone_bids = compress(lone_start, lone_row, lone_weight, n_products)
    alone = Portfolios(lone_start, lone_row, lone_weight, scale[lone], n_products, alone_bids)
    member_start, member_row, member_weight = _taken(members, start, row, weight)
    product_first, local = np.empty(len(groups) + 1, dtype=np.int32), np.empty(len(member_row), dtype=np.int32)
    products = np.empty(len(member_row), dtype=np.int32)
    widest = find_products(first, member_start, member_row, n_products, product_first, products, local)
    t, n = share[members] / scale[members], len(row) + len(members)
    limited = np.empty(len(start), dtype=np.int32), np.empty(n, dtype=np.int32), np.empty(n)
    add_limits(first, members, start, row, weight, t, n_products, *limited)
    return GroupedPortfolios(
        start, row, basis, scale, weight, *W, lone, members, groups, first, alone,
        (member_start, member_row, member_weight, t), limited, product_first, products, local, widest,
    )  # fmt: skip


def _taken(chosen: Ints, start: Int32s, row: Int32s, weight: Floats) -> tuple[Int32s, Int32s, Floats]:
    """Entries of some bids."""
    n = int((start[chosen + 1] - start[chosen]).sum())
    made = np.empty(len(chosen) + 1, dtype=np.int32), np.empty(n, dtype=np.int32), np.empty(n)
    take_bids(chosen.astype(np.int32), start, row, weight, *made)
    return made


class _GroupedHessian:
    """The Hessian of bids and groups: that of the bids without a group is kept, the others' is added to it.

    Parameters
    ----------
    alone : KeptHessian
    grouped : GroupedPortfolios
    curvature, response : (n,), (G,)
        Of the bids of groups and of the groups, as they are at each use; see :func:`group_response.respond_groups`.
    """

    def __init__(self, alone: KeptHessian, grouped: GroupedPortfolios, curvature: Floats, response: Floats) -> None:
        self.alone, self.patience, self.tolerances = alone, alone.patience, alone.tolerances
        self._grouped, self._curvature, self._response = grouped, curvature, response
        self._sum, self.is_formed = KeptHessian(alone.n_products), False
        self.cells = alone.cells

    def _formed(self) -> KeptHessian:
        """Form the whole matrix."""
        if not self.is_formed:
            g, cells = self._grouped, self._sum.cells
            np.copyto(cells, self.alone.cells)
            add_curvature(
                g.first, *g.bids, self._curvature, self._response, g.product_first, g.products, g.local, g.widest,
                self.alone.n_products, cells,
            )  # fmt: skip
            self.is_formed = True
        return self._sum

    def of_diagonal(self, curvature: Floats) -> Floats:
        """Compute the diagonal, (P,)."""
        return self._formed().of_diagonal(curvature)

    def factor(self, curvature: Floats, extra: Floats | None) -> Factor | None:
        """Factor the matrix with a diagonal added, (P,); None where it is not positive definite."""
        return self._formed().factor(curvature, extra)

    def times(self, curvature: Floats, step: Floats) -> Floats:
        """Multiply the matrix and a step, (P,)."""
        return self._formed().times(curvature, step)

    def copy(self) -> Hessian:
        """Make an independent copy of that of the bids without a group."""
        return self.alone.copy()


@dataclass(frozen=True)
class _GroupedPoint(NewtonPoint):
    """A point with the prices of shared demands, (G,), and the segments at which bids of groups are, (n,)."""

    limit_prices: Floats
    segments: Int32s


class _GroupedNewton(NewtonMethod):
    """The rounds of the method on one market with groups."""

    def __init__(self, market: GroupedMarket, earlier: GroupedState | None) -> None:
        self.grouped, self.whole = market.grouped, market
        g, n = market.grouped, len(market.grouped.members)
        self._begin, self._end = market.begin[g.members], market.end[g.members]
        super().__init__(market.alone, earlier)
        self._at = self._begin.copy()
        if earlier is None:
            self._lam = self.c[market.segment]
            self._response, self._curvature = np.zeros(len(market.segment)), np.zeros(n)
        else:
            self._lam = earlier.limit_prices.copy()
            self._response, self._curvature = earlier.response.copy(), earlier.member_curvature.copy()
        self._own, self._fill, self._active = np.empty(n), np.empty(n), np.empty(n)
        assert isinstance(self.hessian, KeptHessian)
        self._alone = self.hessian
        self._joint = _GroupedHessian(self.hessian, g, self._curvature, self._response)
        self.hessian = self._joint

    def deviations(self, first: Floats) -> tuple[Floats, Floats]:
        """Compute prices of segments as deviations from first prices, and their slopes, (K,) each.

        Those of shared demands are as they are.
        """
        m, g, p = self.whole, self.grouped, self.whole.alone.program
        c = p.c.copy()
        deviate(g.start, g.row, g.basis, g.scale, m.begin, m.end, p.c, first, c)
        return tilt(p, m.alone.is_flat, c)

    def all_bids(self) -> Floats:
        """Compute the Hessian's diagonal (P,) if every bid were inside its first segment and no group at its limit."""
        if not len(self.capacity):
            start, row, weight = self.grouped.bids[:3]
            owner = np.repeat(np.arange(len(self._begin)), np.diff(start))
            curvature = 1.0 / self.s[self._begin]
            capacity = self.bids.diagonal(1.0 / self.s[self.market.begin])
            capacity += np.bincount(row, weights=curvature[owner] * weight * weight, minlength=len(capacity))
            self.capacity = np.where(capacity > 0, capacity, 1.0)
        return self.capacity

    def respond(self, deviation: Floats) -> tuple[Floats, int]:
        """Compute the net trade (P,) at a deviation of prices, and count bids and groups that changed their state."""
        net, changes = super().respond(deviation)
        p, g = self.whole.alone.program, self.grouped
        changes += respond_groups(
            g.first, self.whole.segment, *g.bids, self._begin, self._end, self.c, self.s, p.lo, p.hi, self.market.base,
            deviation, self._at, self._lam, self._response, self._curvature, self._own, self._fill, self._active, net,
        )  # fmt: skip
        self._joint.is_formed &= changes == 0
        self.is_fresh &= changes == 0
        return net, changes

    def point(self, deviation: Floats) -> _GroupedPoint:
        """Compute fills and rates at a deviation of prices, (P,)."""
        m, p, g = self.market, self.whole.alone.program, self.grouped
        bids = super().point(deviation)
        x = np.empty(p.B.shape[1])
        x[g.lone] = bids.x
        at_bound, missing = settle_groups(
            g.first, self.whole.segment, *g.bids, self._begin, self._end, self.c, self.s, p.lo, p.hi, m.base,
            deviation, self._at, self._lam, m.is_flat, g.members.astype(np.int32), g.scale[g.members], self._own,
            self._fill, self._active, x, bids.y, bids.net, bids.traded,
        )  # fmt: skip
        share = np.abs(bids.net) / np.where(bids.traded > 0, bids.traded, 1.0)
        imbalance = max(float(share.max()), missing)
        return _GroupedPoint(
            deviation, bids.net, bids.traded, imbalance, bids.at_bound and at_bound, x, bids.y, self._lam.copy(),
            self._at.copy(),
        )  # fmt: skip

    def demand_prices(self, prices: Floats, at: NewtonPoint) -> Floats:
        """Prices of demands (D,) at prices of products (P,), those of a point."""
        assert isinstance(at, _GroupedPoint)
        g, p = self.grouped, self.whole.alone.program
        demand_prices = np.empty(p.W.shape[0])
        price_demands(g.start, g.row, g.basis, g.scale, self.whole.demand, prices, demand_prices)
        demand_prices[g.groups] = at.limit_prices
        own = self.whole.demand[g.members]
        demand_prices[own] -= g.bids[3] * np.repeat(at.limit_prices, np.diff(g.first))
        return demand_prices

    def is_determined(self, at: NewtonPoint) -> bool:
        """Check whether it is proved, for the fills of a point, that bids inside a segment determine every price.

        Prices of shared demands count as further prices; those of groups strictly within their limit are known.
        """
        g, p = self.grouped, self.whole.alone.program
        assert isinstance(at, _GroupedPoint)
        segments, curvature = np.empty(len(g.scale), dtype=np.int32), np.empty(len(g.scale))
        segments[g.lone], segments[g.members] = self.at, at.segments
        curvature[g.lone], curvature[g.members] = self.curvature, self._curvature
        n = p.B.shape[0] + len(g.groups)
        diagonal, amplification = np.empty(n), np.empty(n)
        begin_proof(self.whole.segment, *g.limited, p.lo, p.hi, at.y, INSIDE, curvature, diagonal, amplification)
        return is_determined(*g.limited, False, p.lo, p.hi, segments, at.y, curvature, diagonal, amplification)

    def state(self, solves: int) -> State:
        """Make the state that the next solve may start from."""
        return GroupedState(
            self.market.portfolios, self._alone, self.curvature, solves, self.grouped, self._curvature,
            self._response, self._lam,
        )  # fmt: skip
