"""Choices among many unknowns as auctions of their own, solved by the engine that solved the market.

* fills: tied flat bids offer their fill back at a price that rises with the share of their offer;
* rates: every portfolio offers its own rate back, at a price that rises with its size;
* prices: every product has an unlimited bid of slope one at its reference price, and every curve offers, from its fill,
  only the steps in which it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array, eye_array, hstack, vstack
from scipy.sparse.linalg import splu

from fts.models.columns import Flags, Floats, Ints, floats
from fts.ports.engine import Answer, Program
from fts.solver.canonical.rank import undetermined
from fts.solver.canonical.ties import largest_lengths, lengths
from fts.solver.program import has_private_demand

FLAT = 1e-12
"""An interval of prices this narrow (relative) is one price."""
MAX_DENSE_ENTRIES = 1_000_000
"""Most entries of a system that is solved as a dense matrix."""

Solve = Callable[[Program], Answer | None]
"""Solves an auction exactly; None where it could not."""


def proportional_fills(program: Program, answer: Answer, movable: Ints, tied: Flags, solve: Solve) -> Answer | None:
    """Tied flat fills of movable portfolios in proportion to what is offered; None where the auction is not solved."""
    limited, parts, owner = _shares(program, answer, tied)
    if not limited:
        return answer
    part = _part(program, movable, parts, owner)
    if part is None:
        return answer
    found = solve(part.program)
    if found is None:
        return None
    x, y = answer.x.copy(), answer.y.copy()
    x[movable] += found.x
    np.add.at(y, part.owner, found.y)
    return replace(answer, x=x, y=y)


def _shares(program: Program, answer: Answer, tied: Flags) -> tuple[bool, dict[str, Floats], Ints]:
    """Write the tied segments as curves around their fill: ``price = -v·fill/size``, on either side of 0."""
    p = program
    k = np.flatnonzero(tied)
    y, lo, hi = answer.y[k], p.lo[k], p.hi[k]
    v = largest_lengths(p.B, p.W)
    v = v[p.segment_demand[k]]
    right = y >= 0
    pieces = []
    for side, inner, outer, there in ((1.0, hi, lo, right), (-1.0, -lo, -hi, ~right)):
        # Mirrored for fills below 0: the piece that holds the fill, and the piece beyond 0.
        fill, size, beyond = side * y[there], inner[there], -outer[there]
        slope = np.where(np.isfinite(size) & (size > 0), v[there] / np.where(size > 0, size, 1.0), 0.0)
        pieces.append((side, k[there], -fill, size - fill, -slope * fill, slope))
        slope = np.where(np.isfinite(beyond) & (beyond > 0), v[there] / np.where(beyond > 0, beyond, 1.0), 0.0)
        pieces.append((side, k[there], -beyond, np.zeros(len(fill)), np.zeros(len(fill)), slope))
    owner = np.concatenate([piece[1] for piece in pieces])
    low = np.concatenate([piece[2] if piece[0] > 0 else -piece[3] for piece in pieces])
    high = np.concatenate([piece[3] if piece[0] > 0 else -piece[2] for piece in pieces])
    price = np.concatenate([piece[0] * piece[4] for piece in pieces])
    slope = np.concatenate([piece[5] for piece in pieces])
    wide = high > low
    parts = {"lo": low[wide], "hi": high[wide], "c": price[wide], "s": slope[wide]}
    return bool((parts["s"] > 0).any()), parts, owner[wide]


@dataclass(frozen=True)
class _Part:
    program: Program
    owner: Ints


def _part(program: Program, movable: Ints, parts: dict[str, Floats], owner: Ints) -> _Part | None:
    """Return the program of the movable portfolios with other curves; `owner` is the segment of each piece."""
    B, W = program.B[:, movable], program.W[:, movable]
    products, demands = np.unique(B.indices), np.unique(W.indices)
    position = np.full(W.shape[0], -1, dtype=np.int64)
    position[demands] = np.arange(len(demands))
    demand = position[program.segment_demand[owner]]
    kept = np.flatnonzero(demand >= 0)
    kept = kept[np.argsort(demand[kept], kind="stable")]
    if not len(kept):
        return None
    made = Program(
        B=csc_array(B[products, :]),
        W=csc_array(W[demands, :]),
        segment_demand=demand[kept],
        lo=parts["lo"][kept],
        hi=parts["hi"][kept],
        c=parts["c"][kept],
        s=parts["s"][kept],
    )
    return _Part(made, owner[kept])


def least_rates(program: Program, answer: Answer, movable: Ints, tied: Flags, solve: Solve) -> Answer | None:
    """Compute the least rates of movable portfolios that give these fills; None where the auction is not solved."""
    endless = tied & np.where(answer.y >= 0, np.isinf(program.hi), np.isinf(program.lo))
    B, W = csc_array(program.B[:, movable]), csc_array(program.W[:, movable])
    x, y = answer.x.copy(), answer.y.copy()
    mine = np.zeros(W.shape[0], dtype=bool)
    mine[W.indices] = True
    k = np.flatnonzero(endless & mine[program.segment_demand])
    if not len(k):
        kept = csr_array(vstack([B, W]))
        if undetermined(kept).any():
            x[movable] = _least(csc_array(kept), x[movable], lengths(B))
        return replace(answer, x=x)
    products, demands = np.unique(B.indices), np.flatnonzero(mine)
    position = np.full(W.shape[0], -1, dtype=np.int64)
    position[demands] = np.arange(len(demands))
    up, fill = y[k] >= 0, np.abs(y[k])
    n, length = len(movable), lengths(B) ** 2
    # Every portfolio also has a demand of its own: its rate, offered back at |B_i|² times the rate.
    part = Program(
        B=csc_array(B[products, :]),
        W=csc_array(vstack([W[demands, :], eye_array(n)])),
        segment_demand=np.append(position[program.segment_demand[k]], len(demands) + np.arange(n)),
        lo=np.append(np.where(up, -fill, -np.inf), np.full(n, -np.inf)),
        hi=np.append(np.where(up, np.inf, fill), np.full(n, np.inf)),
        c=np.append(np.zeros(len(k)), -length * x[movable]),
        s=np.append(np.zeros(len(k)), length),
    )
    found = solve(part)
    if found is None:
        return None
    x[movable] += found.x
    y[k] += found.y[: len(k)]
    return replace(answer, x=x, y=y)


def _least(A: csc_array, x: Floats, length: Floats) -> Floats:
    """Compute the rates with the least ``Σ (length_i x_i)²`` that keep ``A x``."""
    A = csc_array(A.multiply(1.0 / length))
    u = length * x
    row = lengths(csc_array(A.T))
    A = csc_array(A.multiply(1.0 / np.where(row > 0, row, 1.0)[:, None]))
    if A.shape[0] * A.shape[1] <= MAX_DENSE_ENTRIES:
        dense = A.toarray()
        least = np.linalg.lstsq(dense, dense @ u, rcond=1e-12)[0]
        return floats(least / length)
    # Proximal steps: each brings the multipliers nearer by a factor of 1e-10 where A has rank, and stays in its range.
    normal = splu(
        csc_array(A @ A.T + 1e-10 * eye_array(A.shape[0])),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    kept = A @ u
    least = np.zeros(len(u))
    for _ in range(4):
        least = least + A.T @ normal.solve(kept - A @ least)
    return floats(least / length)


def prices_near(
    program: Program,
    low: Floats,
    high: Floats,
    portfolios: Ints,
    products: Ints,
    target: Floats,
    answer: Answer,
    solve: Solve,
) -> Answer | None:
    """Compute the clearing prices of some products nearest to their targets, all other prices as they are.

    Parameters
    ----------
    program : Program
    low, high : (D,) [money / quantity]
        Where each curve stands at its fill.
    portfolios, products : positions
        What may move, and every portfolio that is moved by it.
    target : (len(products),) [money / quantity]
    answer : Answer
    solve : callable

    Returns
    -------
    Answer or None
        None where the auction is not solved.
    """
    B, W = csc_array(program.B[:, portfolios]), csc_array(program.W[:, portfolios])
    constant = answer.prices.copy()
    constant[products] = 0.0
    fixed, size = B.T @ constant, abs(B).T @ np.abs(constant)
    if program.cost is not None:
        fixed, size = fixed + program.cost[portfolios], size + np.abs(program.cost[portfolios])
    lone = has_private_demand(program.W)[portfolios]
    i = np.flatnonzero(lone)
    # A portfolio with a demand of its own: what its curve leaves to the open products.
    d, w = W.indices[W.indptr[i]], W.data[W.indptr[i]]
    low, high = low.copy(), high.copy()
    ends = np.sort(np.vstack([low[d] * w, high[d] * w]), axis=0) - fixed[i]
    near = np.isfinite(ends).all(axis=0)
    near[near] = np.abs(ends[1, near] - ends[0, near]) <= FLAT * size[i[near]]
    ends[:, near] = ends[:, near].mean(axis=0)
    low[d], high[d] = np.where(w > 0, ends / w, ends[::-1] / w)
    # Any other portfolio trades its constant part with a bid of its own.
    others = np.flatnonzero(~lone)
    n, D = len(others), W.shape[0]
    own = csc_array((np.ones(n), (np.arange(n), others)), shape=(n, len(portfolios)))
    both = csc_array(vstack([W, own]))
    used = np.flatnonzero(np.bincount(both.indices, minlength=D + n))
    low, high = np.append(low, -fixed[others])[used], np.append(high, -fixed[others])[used]
    found = solve(_projection(csc_array(B[products, :]), csc_array(both[used, :]), low, high, target))
    if found is None:
        return None
    prices, demand_prices = answer.prices.copy(), answer.demand_prices.copy()
    prices[products] = found.prices
    shared = used[used < D]
    demand_prices[shared] = found.demand_prices[: len(shared)]
    demand_prices[d] = (B.T @ prices)[i] / w
    return replace(answer, prices=prices, demand_prices=demand_prices)


def _projection(B: csc_array, W: csc_array, low: Floats, high: Floats, target: Floats) -> Program:
    """Return the auction whose prices clear with the least ``Σ (π_p - target_p)²``, known targets only."""
    (P, n_portfolios), D = B.shape, W.shape[0]
    bids = np.flatnonzero(~np.isnan(target))
    n = len(bids)
    falls, rises = np.flatnonzero(np.isfinite(high)), np.flatnonzero(np.isfinite(low))
    demand = np.concatenate([falls, rises, D + np.arange(n)])
    lo = np.concatenate([np.full(len(falls), -np.inf), np.zeros(len(rises)), np.full(n, -np.inf)])
    hi = np.concatenate([np.zeros(len(falls)), np.full(len(rises), np.inf), np.full(n, np.inf)])
    c = np.concatenate([high[falls], low[rises], target[bids]])
    s = np.concatenate([np.zeros(len(falls) + len(rises)), np.ones(n)])
    order = np.argsort(demand, kind="stable")
    return Program(
        B=csc_array(hstack([B, csc_array(eye_array(P))[:, bids]])),
        W=csc_array(vstack([hstack([W, csc_array((D, n))]), hstack([csc_array((n, n_portfolios)), eye_array(n)])])),
        segment_demand=demand[order],
        lo=lo[order],
        hi=hi[order],
        c=c[order],
        s=s[order],
    )
