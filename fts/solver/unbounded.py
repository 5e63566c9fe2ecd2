"""Auctions without a largest gain: found before the solve, and named."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.sparse import csc_array, csr_array, hstack, vstack

from fts.errors import UnboundedAuction
from fts.models.auction import Auction
from fts.models.columns import Flags, Floats, Ids, Ints
from fts.ports.engine import Program
from fts.solver.linear_program import solve_lp
from fts.solver.program import TradablePart

PROFIT = 1e-12
"""A profit below this share of the money that changes hands is rounding, not a profit."""
RUNNING = 1e-9
"""A rate below this share of the largest one is none."""
MAX_DENSE_CYCLES = 1_500
"""Most portfolios of cycles, or rules, whose rates are refined as a dense matrix."""


def check_bounded(auction: Auction, part: TradablePart, program: Program) -> None:
    """Raise where trading some portfolios against each other earns a profit at any size.

    Such a cycle has ``B x = 0``, no rate on any demand with a bound on that side, and ``Σ price_d (W x)_d > 0``; only
    demands with an unlimited end can earn in it.

    Raises
    ------
    UnboundedAuction
        Names the products, demands and portfolios of one cycle.
    """
    # Without an unlimited curve there is no profit without limit: the common case ends here.
    if not (np.isinf(program.lo).any() or np.isinf(program.hi).any()):
        return
    ends = _ends(program)
    candidates = np.flatnonzero(_candidates(program, ends))
    if not len(candidates):
        return
    cycle = _profitable_cycle(program.B[:, candidates], program.W[:, candidates], ends)
    if cycle is None:
        return
    portfolios = candidates[cycle]
    B, W = part.B[:, portfolios], part.W[:, portfolios]
    raise UnboundedAuction(
        products=_names(auction.product_ids, part.products[np.unique(B.indices)]),
        demands=_names(auction.demand_ids, part.demands[np.unique(W.indices)]),
        portfolios=_names(auction.portfolio_ids, part.portfolios[portfolios]),
    )


@dataclass(frozen=True)
class _Ends:
    """Of every demand: whether it may sell or buy without limit, and its price where it may."""

    sells: Flags
    buys: Flags
    price: Floats


def _ends(program: Program) -> _Ends:
    D = program.W.shape[0]
    sells, buys, price = np.zeros(D, dtype=bool), np.zeros(D, dtype=bool), np.zeros(D)
    left, right = np.isinf(program.lo), np.isinf(program.hi)
    sells[program.segment_demand[left]] = True
    buys[program.segment_demand[right]] = True
    # Only constants are unlimited, and a constant has one segment.
    price[program.segment_demand[left | right]] = program.c[left | right]
    return _Ends(sells, buys, price)


def _candidates(program: Program, ends: _Ends) -> Flags:
    """Portfolios that can take part in a cycle: all but those with a bounded demand of their own."""
    W = program.W
    private = np.bincount(W.indices, minlength=W.shape[0]) == 1
    stuck = private & ~ends.sells & ~ends.buys
    owner = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    able = np.ones(W.shape[1], dtype=bool)
    able[owner[stuck[W.indices]]] = False
    return able


def _profitable_cycle(B: csc_array, W: csc_array, ends: _Ends) -> Ints | None:
    """Find the portfolios of one cycle that earns a profit, or None."""
    used = np.unique(W.indices)
    W, sells, buys, price = W[used, :], ends.sells[used], ends.buys[used], ends.price[used]
    B = B[np.unique(B.indices), :]
    B, W, price = _equilibrated(B, W, price)
    market = _Market(B, W, sells, buys, price)
    rates = _most_profitable(market)
    if rates is None:
        return None
    running = np.flatnonzero(np.abs(rates) > RUNNING)
    if not market.of(running).earns(rates[running]):
        return None
    # Several cycles may be running; the cheapest way to earn one unit of profit is a single one.
    alone_rates = _one_cycle(market.of(running))
    if alone_rates is None:
        return running
    cycle: Ints = np.flatnonzero(np.abs(alone_rates) > RUNNING * np.abs(alone_rates).max())
    return running[cycle] if market.of(running[cycle]).earns(alone_rates[cycle]) else running


@dataclass(frozen=True)
class _Market:
    """Portfolios that may run in a cycle, in units in which all weights are near 1."""

    B: csc_array
    W: csc_array
    sells: Flags
    buys: Flags
    price: Floats

    def of(self, portfolios: Ints) -> _Market:
        """Return the market of some of the portfolios."""
        return replace(self, B=self.B[:, portfolios], W=self.W[:, portfolios])

    @property
    def rules(self) -> tuple[csr_array, csr_array]:
        """Rows that must be 0, and rows that must not be positive."""
        rows = self.W.tocsr()
        fixed = ~self.sells & ~self.buys
        equal = vstack([self.B.tocsr(), rows[fixed]], format="csr")
        at_most = vstack([rows[self.sells & ~self.buys], -rows[self.buys & ~self.sells]], format="csr")
        return equal, at_most

    def earns(self, rates: Floats) -> bool:
        """Check whether rates near these keep all rules to rounding and earn more than that."""
        equal, at_most = self.rules
        still = np.abs(at_most @ rates) <= RUNNING * (abs(at_most) @ np.abs(rates))
        kept = csr_array(vstack([equal, at_most[still]]))
        # A linear program keeps its rules to a tolerance, and profits are looked for below it.
        if min(kept.shape) <= MAX_DENSE_CYCLES:
            for _ in range(2):
                rates = rates - np.linalg.lstsq(kept.toarray(), kept @ rates, rcond=PROFIT)[0]
        if (np.abs(kept @ rates) > PROFIT * (abs(kept) @ np.abs(rates))).any():
            return False
        through = self.W @ rates
        # What cancels in a demand leaves rounding, which earns nothing.
        through[np.abs(through) <= PROFIT * (abs(self.W) @ np.abs(rates))] = 0.0
        flows = self.price * through
        return bool(flows.sum() > PROFIT * np.abs(flows).sum())


def _most_profitable(market: _Market) -> Floats | None:
    """Rates in [-1, 1] with the largest profit."""
    profit = market.W.T @ market.price
    scale = np.abs(profit).max(initial=0.0)
    if scale == 0:
        return None
    equal, at_most = market.rules
    # The cost is enlarged because the tolerance on it is absolute, and a profit of 1e-12 must be seen.
    return solve_lp(
        -1e3 / scale * profit,
        at_most=(at_most, np.zeros(at_most.shape[0])),
        equal=(equal, np.zeros(equal.shape[0])),
        bounds=(-1, 1),
    )


def _one_cycle(market: _Market) -> Floats | None:
    """Compute the smallest rates (sum of sizes) with a profit of 1: a vertex, so one cycle."""
    n = market.B.shape[1]
    profit = market.W.T @ market.price
    scale = np.abs(profit).max(initial=0.0)
    if scale == 0:
        return None
    equal, at_most = market.rules
    earned = csr_array(np.append(profit, -profit)[None, :] / scale)
    found = solve_lp(
        np.ones(2 * n),
        at_most=(_mirrored(at_most), np.zeros(at_most.shape[0])),
        equal=(vstack([_mirrored(equal), earned], format="csr"), np.append(np.zeros(equal.shape[0]), 1.0)),
        bounds=(0, None),
    )
    return None if found is None else found[:n] - found[n:]


def _mirrored(matrix: csr_array) -> csr_array:
    """Return the rows for rates split into what they rise and what they fall."""
    return csr_array(hstack([matrix, -matrix]))


def _names(ids: Ids, positions: Ints) -> tuple[str, ...]:
    return tuple(ids.take(pa.array(positions)).to_pylist())


def _equilibrated(B: csc_array, W: csc_array, price: Floats) -> tuple[csc_array, csc_array, Floats]:
    """Write the same cycles in units in which all weights are near 1."""
    matrix = vstack([B, W], format="csc")
    owner = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    data, row = np.abs(matrix.data), np.ones(matrix.shape[0])
    column = np.ones(matrix.shape[1])
    for _ in range(8):
        now = data * row[matrix.indices] * column[owner]
        row /= np.sqrt(_largest(matrix.indices, now, len(row)))
        column /= np.sqrt(_largest(owner, now, len(column)))
    scaled = csc_array((matrix.data * row[matrix.indices] * column[owner], matrix.indices, matrix.indptr), matrix.shape)
    P = B.shape[0]
    return scaled[:P, :], scaled[P:, :], price / row[P:]


def _largest(group: Ints, values: Floats, size: int) -> Floats:
    result = np.zeros(size)
    np.maximum.at(result, group, values)
    return np.where(result > 0, result, 1.0)
