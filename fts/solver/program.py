"""An auction as a program in arrays, and an engine's answer as rates and prices of the auction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.segments import require_auction, segments_of


@dataclass(frozen=True)
class TradablePart:
    """The auction without idle portfolios, the products only they hold and the demands only they use.

    Attributes
    ----------
    portfolios, products, demands : (I,), (P,), (D,)
        Positions in the auction.
    B : (P, I) sparse, by column
    W : (D, I) sparse, by column
    """

    portfolios: Ints
    products: Ints
    demands: Ints
    B: csc_array
    W: csc_array


def tradable_part(auction: Auction) -> TradablePart:
    """Find the part of an auction that can trade."""
    require_auction(auction)
    B, W = auction.basis, auction.weights
    if not auction.idle.any():
        return TradablePart(np.arange(B.shape[1]), np.arange(B.shape[0]), np.arange(W.shape[0]), B, W)
    active, priced = ~auction.idle, ~auction.unpriced
    B, W = B[:, active], W[:, active]
    used = np.bincount(W.indices, minlength=W.shape[0]) > 0
    return TradablePart(
        portfolios=np.flatnonzero(active),
        products=np.flatnonzero(priced),
        demands=np.flatnonzero(used),
        B=_rows(B, priced),
        W=_rows(W, used),
    )


def restricted(
    part: TradablePart,
    products: Ints,
    portfolios: Ints,
    demands: Ints,
    B: csc_array | None = None,
    W: csc_array | None = None,
) -> TradablePart:
    """Return some connected parts of what can trade, given by their positions in it, in this order.

    `B` and `W` are the matrices of these, if they are known.
    """
    if B is part.B and W is part.W:
        return part
    return TradablePart(
        part.portfolios[portfolios],
        part.products[products],
        part.demands[demands],
        columns_of(part.B, portfolios, products) if B is None else B,
        columns_of(part.W, portfolios, demands) if W is None else W,
    )


def columns_of(matrix: csc_array, columns: Ints, rows: Ints) -> csc_array:
    """Return some columns of a matrix, whose entries all stand in some rows, which become its rows in their order."""
    place = np.zeros(matrix.shape[0], dtype=np.int32)
    place[rows] = np.arange(len(rows))
    start, index, value = _chosen(*csc_arrays(matrix), columns, place)
    return csc_array((value, index, start), shape=(len(rows), len(columns)))


@compiled
def _chosen(start: Int32s, index: Int32s, value: Floats, columns: Ints, row: Int32s) -> tuple[Int32s, Int32s, Floats]:
    begins, n = np.zeros(len(columns) + 1, dtype=np.int32), 0
    for j in range(len(columns)):
        n += start[columns[j] + 1] - start[columns[j]]
        begins[j + 1] = n
    rows, values = np.empty(n, dtype=np.int32), np.empty(n)
    for j in range(len(columns)):
        at = begins[j]
        for e in range(start[columns[j]], start[columns[j] + 1]):
            rows[at], values[at] = row[index[e]], value[e]
            at += 1
    return begins, rows, values


def program_of(auction: Auction, part: TradablePart | None = None) -> Program:
    """Write the program of the part of an auction that can trade."""
    part = tradable_part(auction) if part is None else part
    segments = segments_of(auction)
    if len(part.demands) == len(auction.demand_ids):
        return Program(
            part.B, part.W, segments.demand, segments.lo, segments.hi, segments.price, np.negative(segments.slope)
        )
    position = np.full(len(auction.demand_ids), -1, dtype=np.int64)
    position[part.demands] = np.arange(len(part.demands))
    demand = position[segments.demand]
    kept = demand >= 0
    return Program(
        B=part.B,
        W=part.W,
        segment_demand=demand[kept],
        lo=segments.lo[kept],
        hi=segments.hi[kept],
        c=segments.price[kept],
        s=-segments.slope[kept],
    )


def has_private_demand(W: csc_array) -> Flags:
    """Portfolios with one demand that nobody else uses, (I,); most bids are of this kind."""
    start, demand, _ = csc_arrays(W)
    return _alone(start, demand, W.shape[0])


@compiled
def _alone(start: Int32s, demand: Int32s, n_demands: int) -> Flags:
    users, single = np.zeros(n_demands, dtype=np.int32), np.empty(len(start) - 1, dtype=np.bool_)
    for e in range(len(demand)):
        users[demand[e]] += 1
    for i in range(len(single)):
        single[i] = start[i + 1] - start[i] == 1 and users[demand[start[i]]] == 1
    return single


def expand_solution(auction: Auction, part: TradablePart, answer: Answer) -> tuple[Floats, Floats, Floats]:
    """Rates, prices and demand prices of the whole auction.

    Idle portfolios have rate 0; products and demands that only they use have no price (NaN).
    """
    rates = np.zeros(len(auction.portfolio_ids))
    prices = np.full(len(auction.product_ids), np.nan)
    demand_prices = np.full(len(auction.demand_ids), np.nan)
    rates[part.portfolios] = answer.x + 0.0  # no -0
    prices[part.products] = answer.prices + 0.0
    demand_prices[part.demands] = answer.demand_prices + 0.0
    return rates, prices, demand_prices


def _rows(matrix: csc_array, kept: Flags) -> csc_array:
    """Return the matrix with some rows left out; they are known to be empty."""
    row = np.cumsum(kept) - 1
    return csc_array((matrix.data, row[matrix.indices], matrix.indptr), shape=(int(kept.sum()), matrix.shape[1]))
