"""An auction as a program in arrays, and an engine's answer as rates and prices of the auction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.columns import Flags, Floats, Ints
from fts.ports.engine import Answer, Program
from fts.solver.compiled import Short, compiled, entries
from fts.solver.segments import segments_of


@dataclass(frozen=True)
class Part:
    """What can trade: the auction without idle portfolios, the products only they hold and the demands only they use.

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


def part_of(auction: Auction) -> Part:
    """The part of an auction that can trade."""
    active = ~auction.idle
    priced = ~auction.unpriced
    B, W = auction.basis, auction.weights
    if active.all():
        return Part(np.arange(B.shape[1]), np.arange(B.shape[0]), np.arange(W.shape[0]), B, W)
    B, W = B[:, active], W[:, active]
    used = np.bincount(W.indices, minlength=W.shape[0]) > 0
    return Part(
        portfolios=np.flatnonzero(active),
        products=np.flatnonzero(priced),
        demands=np.flatnonzero(used),
        B=_rows(B, priced),
        W=_rows(W, used),
    )


def program_of(auction: Auction, part: Part | None = None) -> Program:
    """The program of the part of an auction that can trade."""
    part = part_of(auction) if part is None else part
    segments = segments_of(auction)
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


def alone(W: csc_array) -> Flags:
    """Portfolios with one demand that nobody else uses, (I,); most bids are of this kind."""
    start, demand, _ = entries(W)
    return _alone(start, demand, W.shape[0])


@compiled
def _alone(start: Short, demand: Short, n_demands: int) -> Flags:
    users, single = np.zeros(n_demands, dtype=np.int32), np.empty(len(start) - 1, dtype=np.bool_)
    for e in range(len(demand)):
        users[demand[e]] += 1
    for i in range(len(single)):
        single[i] = start[i + 1] - start[i] == 1 and users[demand[start[i]]] == 1
    return single


def spread(auction: Auction, part: Part, answer: Answer) -> tuple[Floats, Floats, Floats]:
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
    """The matrix with some rows left out; they are known to be empty."""
    row = np.cumsum(kept) - 1
    return csc_array((matrix.data, row[matrix.indices], matrix.indptr), shape=(int(kept.sum()), matrix.shape[1]))
