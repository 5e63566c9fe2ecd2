"""One answer among the optimal ones.

Where curves are flat, prices step or portfolios duplicate each other, many fills and many prices are optimal. The
optimal fills form one polyhedron and the clearing prices another. Each choice between them is an auction of its own,
solved by the same engine:

1. fills: tied flat bids offer their fill back at a price that rises with the share of their offer;
2. rates: every portfolio offers its own rate back, at a price that rises with its size;
3. prices: every product has an unlimited bid of slope one at its reference price, and every curve offers, from its
   fill, only the steps in which it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dpstrf
from scipy.sparse import csc_array, eye_array, hstack, vstack
from scipy.sparse.linalg import splu

from fts.models.columns import Flags, Floats, Ints, floats
from fts.ports.engine import Answer, Program
from fts.solver.native.scaling import scales_of
from fts.solver.program import alone

FLAT = 1e-12
"""A segment is flat when its price falls by at most this share."""
TIE = 1e-11
"""A flat segment is tied when its price and the demand's are this near."""
AT_BOUND = 1e-12
"""A fill this near to a bound, in shares of the segment, stands at it."""
RANK = 1e-10
"""Least pivot of a matrix of unit columns that proves its rank."""

DENSE = 1_000_000
"""Most entries of a system that is solved as a dense matrix."""

Solve = Callable[[Program], Answer]


@dataclass(frozen=True)
class Canonical:
    """The one answer, and where it is known that there was no choice.

    Attributes
    ----------
    answer : Answer
    unique_quantities, unique_prices : bool
        True only when proved by rank.
    price_low, price_high : (P,) [money / quantity]
        Interval of clearing prices; infinite where unlimited, NaN where not computed.
    """

    answer: Answer
    unique_quantities: bool
    unique_prices: bool
    price_low: Floats
    price_high: Floats


def canonical(program: Program, answer: Answer, solve: Solve, reference: Floats | None = None) -> Canonical:
    """The canonical answer.

    Parameters
    ----------
    program : Program
    answer : Answer
        An exact optimum of it.
    solve : callable
        Solves the auctions of the choices exactly.
    reference : (P,) [money / quantity], optional
        Prices to stay near to; NaN where there is none. None: the middle of each product's own quotes.
    """
    unit = scales_of(program).demand_price
    answer, sure = _fills(program, answer, solve, unit)
    answer, also_sure = _rates(program, answer, solve, unit)
    return _prices(program, answer, solve, reference, sure and also_sure, unit)


# 1. Fills


def _fills(program: Program, answer: Answer, solve: Solve, unit: Floats) -> tuple[Answer, bool]:
    """Tied flat fills in proportion to what is offered."""
    tied = _tied(program, answer, unit)
    if not tied.any():
        return answer, True
    movable = _movable(program, tied)
    if not len(movable):
        return answer, True
    if _full_rank(_constraints(program, movable, tied)):
        return answer, True
    limited, parts, owner = _shares(program, answer, tied)
    if not limited:
        return answer, False
    part = _part(program, movable, parts, owner)
    if part is None:
        return answer, False
    found = solve(part.program)
    x, y = answer.x.copy(), answer.y.copy()
    x[movable] += found.x
    np.add.at(y, part.owner, found.y)
    return _settled(program, replace(answer, x=x, y=y)), False


def _tied(program: Program, answer: Answer, unit: Floats) -> Flags:
    """Flat segments whose price is the demand's; `unit` is a typical price of each demand, (D,)."""
    p = program
    lam = answer.demand_prices[p.segment_demand]
    width = p.hi - p.lo
    drop = np.where(p.s == 0, 0.0, p.s * np.where(np.isfinite(width), width, 0.0))
    level = np.maximum.reduce([np.abs(p.c), np.abs(lam), 1e-3 * unit[p.segment_demand]])
    tied: Flags = (drop <= FLAT * np.abs(p.c)) & (np.abs(p.c - lam) <= TIE * level)
    return tied


def _movable(program: Program, tied: Flags) -> Ints:
    """Portfolios that may trade otherwise: not held by a demand of their own that stands still, nor by a product."""
    B, W = program.B, program.W
    moves = np.zeros(W.shape[0], dtype=bool)
    moves[program.segment_demand[tied]] = True
    still = W.data.copy()
    still[moves[W.indices]] = 0.0
    rows = csc_array(vstack([B, csc_array((still, W.indices, W.indptr), shape=W.shape)]))
    rows.eliminate_zeros()
    owner = np.repeat(np.arange(rows.shape[1]), np.diff(rows.indptr))
    able = np.ones(rows.shape[1], dtype=bool)
    while True:
        # A row with one portfolio left holds that portfolio.
        left = able[owner]
        users = np.bincount(rows.indices[left], minlength=rows.shape[0])
        held = left & (users[rows.indices] == 1)
        if not held.any():
            return np.flatnonzero(able)
        able[owner[held]] = False


def _constraints(program: Program, movable: Ints, tied: Flags) -> csc_array:
    """What movable portfolios must keep: products in balance, and the rates of demands without a tie."""
    moves = np.zeros(program.W.shape[0], dtype=bool)
    moves[program.segment_demand[tied]] = True
    W = program.W[:, movable]
    still = np.unique(W.indices[~moves[W.indices]])
    return csc_array(vstack([program.B[:, movable], W[still, :]]))


def _shares(program: Program, answer: Answer, tied: Flags) -> tuple[bool, dict[str, Floats], Ints]:
    """The tied segments as curves around their fill: ``price = -v·fill/size``, on either side of 0."""
    p = program
    k = np.flatnonzero(tied)
    y, lo, hi = answer.y[k], p.lo[k], p.hi[k]
    W = p.W
    column = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    length = _lengths(p.B)
    v = np.zeros(W.shape[0])
    np.maximum.at(v, W.indices, length[column] / np.abs(W.data))
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
    """The program of the movable portfolios with other curves; `owner` says whose segment each piece belongs to."""
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


def _settled(program: Program, answer: Answer) -> Answer:
    """Fills within rounding of a bound stand at it, and rates of portfolios with a demand of their own follow."""
    p = program
    width = np.where(np.isfinite(p.hi - p.lo), p.hi - p.lo, np.maximum(np.abs(answer.y), 1e-300))
    y = np.where(answer.y - p.lo <= AT_BOUND * width, p.lo, answer.y)
    y = np.where(p.hi - y <= AT_BOUND * width, p.hi, y)
    y = np.where(np.isfinite(y), y, answer.y)
    return replace(answer, y=y)


# 2. Rates


def _rates(program: Program, answer: Answer, solve: Solve, unit: Floats) -> tuple[Answer, bool]:
    """The least traded of the rates that give these fills."""
    tied = _tied(program, answer, unit)
    endless = tied & np.where(answer.y >= 0, np.isinf(program.hi), np.isinf(program.lo))
    if not endless.any() and alone(program.W).all():
        return answer, True
    movable = _movable(program, endless)
    if not len(movable) or _full_rank(_constraints(program, movable, endless)):
        return answer, True
    if not endless.any():
        x = answer.x.copy()
        x[movable] = _least(_constraints(program, movable, endless), x[movable], _lengths(program.B[:, movable]))
        return replace(answer, x=x), False
    p = program
    k = np.flatnonzero(endless)
    up = answer.y[k] >= 0
    fill = np.abs(answer.y[k])
    parts = {
        "lo": np.where(up, -fill, -np.inf),
        "hi": np.where(up, np.inf, fill),
        "c": np.zeros(len(k)),
        "s": np.zeros(len(k)),
    }
    B, W = p.B[:, movable], p.W[:, movable]
    products, demands = np.unique(B.indices), np.unique(W.indices)
    position = np.full(W.shape[0], -1, dtype=np.int64)
    position[demands] = np.arange(len(demands))
    demand = position[p.segment_demand[k]]
    kept = np.flatnonzero(demand >= 0)
    kept = kept[np.argsort(demand[kept], kind="stable")]
    n = len(movable)
    length = _lengths(B) ** 2
    # Every portfolio also has a demand of its own: its rate, offered back at ‖B‖² times the rate.
    made = Program(
        B=csc_array(B[products, :]),
        W=csc_array(vstack([W[demands, :], eye_array(n)])),
        segment_demand=np.concatenate([demand[kept], len(demands) + np.arange(n)]),
        lo=np.concatenate([parts["lo"][kept], np.full(n, -np.inf)]),
        hi=np.concatenate([parts["hi"][kept], np.full(n, np.inf)]),
        c=np.concatenate([parts["c"][kept], -length * answer.x[movable]]),
        s=np.concatenate([parts["s"][kept], length]),
    )
    found = solve(made)
    x, y = answer.x.copy(), answer.y.copy()
    x[movable] += found.x
    y[k[kept]] += found.y[: len(kept)]
    return _settled(program, replace(answer, x=x, y=y)), False


def _lengths(B: csc_array) -> Floats:
    """Euclidean length of every column."""
    lengths: Floats = np.sqrt(np.asarray(B.multiply(B).sum(axis=0)).ravel())
    return lengths


def _least(A: csc_array, x: Floats, length: Floats) -> Floats:
    """The rates with the least ``Σ (length_i x_i)²`` that keep ``A x``."""
    A = csc_array(A.multiply(1.0 / length))
    u = length * x
    row = _lengths(csc_array(A.T))
    A = csc_array(A.multiply(1.0 / np.where(row > 0, row, 1.0)[:, None]))
    if A.shape[0] * A.shape[1] <= DENSE:
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


# 3. Prices


def price_intervals(program: Program, answer: Answer, unit: Floats) -> tuple[Floats, Floats]:
    """Least and largest price at which each curve stands where its fills are, (D,) each.

    The answer's own prices are inside: an interval that is only rounding, measured against a typical price `unit` of
    each demand (D,), is the answer's price.
    """
    p, lam = program, answer.demand_prices
    at = p.c - p.s * answer.y
    low, high = np.full(p.W.shape[0], -np.inf), np.full(p.W.shape[0], np.inf)
    np.maximum.at(low, p.segment_demand, np.where(answer.y < p.hi, at, -np.inf))
    np.minimum.at(high, p.segment_demand, np.where(answer.y > p.lo, at, np.inf))
    level = np.maximum(np.abs(lam), 1e-3 * unit)
    with np.errstate(invalid="ignore"):
        pinned = high - low <= TIE * level
    return np.where(pinned, lam, np.minimum(low, lam)), np.where(pinned, lam, np.maximum(high, lam))


def quotes(program: Program, low: Floats, high: Floats) -> tuple[Floats, Floats, Flags]:
    """The interval that portfolios of one product and one private demand leave each product, (P,) each.

    The third result says where no other portfolio holds the product, so that the interval is all there is.
    """
    B, W = program.B, program.W
    P = B.shape[0]
    lone = alone(W)
    single = lone & (np.diff(B.indptr) == 1)
    i = np.flatnonzero(single)
    product, ratio = B.indices[B.indptr[i]], W.data[W.indptr[i]] / B.data[B.indptr[i]]
    d = W.indices[W.indptr[i]]
    a, b = low[d] * ratio, high[d] * ratio
    least, most = np.full(P, -np.inf), np.full(P, np.inf)
    np.maximum.at(least, product, np.minimum(a, b))
    np.minimum.at(most, product, np.maximum(a, b))
    column = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    only = np.ones(P, dtype=bool)
    only[B.indices[~single[column]]] = False
    return least, most, only


def _prices(
    program: Program, answer: Answer, solve: Solve, reference: Floats | None, unique_quantities: bool, unit: Floats
) -> Canonical:
    """The clearing prices nearest to the references."""
    low, high = price_intervals(program, answer, unit)
    pinned = low == high
    nothing = np.full(program.B.shape[0], np.nan)
    if _prices_pinned(program, pinned):
        return Canonical(answer, unique_quantities, True, answer.prices.copy(), answer.prices.copy())
    least, most, only = quotes(program, low, high)
    if reference is None:
        both, one = np.isfinite(least) & np.isfinite(most), np.isfinite(least) | np.isfinite(most)
        middle = (np.where(both, least, 0.0) + np.where(both, most, 0.0)) / 2
        end = np.where(np.isfinite(least), least, np.where(np.isfinite(most), most, 0.0))
        reference = np.where(both, middle, np.where(one, end, np.nan))
    known = ~np.isnan(reference)
    prices, demand_prices = answer.prices, answer.demand_prices
    if known.any():
        found = solve(_projection(program, low, high, np.flatnonzero(known), reference[known]))
        prices, demand_prices = found.prices, found.demand_prices[: len(low)]
    if not known.all():
        prices, demand_prices = _completed(program, low, high, known, prices, demand_prices, solve)
    answer = replace(answer, prices=prices, demand_prices=demand_prices)
    crossed = only & (least > most)
    middle = np.where(crossed, answer.prices, 0.0)
    price_low = np.where(only, np.where(crossed, middle, least), nothing)
    price_high = np.where(only, np.where(crossed, middle, most), nothing)
    return Canonical(answer, unique_quantities, False, price_low, price_high)


def _projection(program: Program, low: Floats, high: Floats, bids: Ints, target: Floats) -> Program:
    """The auction whose prices are the clearing prices with the least ``Σ (π_p - target_p)²`` over `bids`."""
    (P, I), D, n = program.B.shape, program.W.shape[0], len(bids)  # noqa: E741 - the letters of the program
    falls, rises = np.flatnonzero(np.isfinite(high)), np.flatnonzero(np.isfinite(low))
    demand = np.concatenate([falls, rises, D + np.arange(n)])
    lo = np.concatenate([np.full(len(falls), -np.inf), np.zeros(len(rises)), np.full(n, -np.inf)])
    hi = np.concatenate([np.zeros(len(falls)), np.full(len(rises), np.inf), np.full(n, np.inf)])
    c = np.concatenate([high[falls], low[rises], target])
    s = np.concatenate([np.zeros(len(falls) + len(rises)), np.ones(n)])
    order = np.argsort(demand, kind="stable")
    return Program(
        B=csc_array(hstack([program.B, csc_array(eye_array(P))[:, bids]])),
        W=csc_array(vstack([hstack([program.W, csc_array((D, n))]), hstack([csc_array((n, I)), eye_array(n)])])),
        segment_demand=demand[order],
        lo=lo[order],
        hi=hi[order],
        c=c[order],
        s=s[order],
    )


def _completed(
    program: Program, low: Floats, high: Floats, known: Flags, prices: Floats, demand_prices: Floats, solve: Solve
) -> tuple[Floats, Floats]:
    """The prices that the references leave open, nearest 0; the others are constants from here on."""
    B, W = program.B, program.W
    unknown = np.flatnonzero(~known)
    fixed = B.T @ np.where(known, prices, 0.0)
    size = abs(B).T @ np.abs(np.where(known, prices, 0.0))
    B_open = csc_array(B[unknown, :])
    lone = alone(W)
    kept = np.flatnonzero(~lone | (np.diff(B_open.indptr) > 0))
    lone_kept = np.flatnonzero(lone[kept])
    i = kept[lone_kept]
    # A portfolio with a demand of its own: what its curve leaves to the open products.
    d, w = W.indices[W.indptr[i]], W.data[W.indptr[i]]
    low, high = low.copy(), high.copy()
    ends = np.sort(np.vstack([low[d] * w, high[d] * w]), axis=0) - fixed[i]
    near = np.isfinite(ends).all(axis=0)
    near[near] = np.abs(ends[1, near] - ends[0, near]) <= FLAT * size[i[near]]
    ends[:, near] = ends[:, near].mean(axis=0)
    low[d], high[d] = np.where(w > 0, ends / w, ends[::-1] / w)
    # Any other portfolio trades its constant part with a bid of its own.
    others = np.flatnonzero(~lone[kept])
    n, D = len(others), W.shape[0]
    own = csc_array((np.ones(n), (np.arange(n), others)), shape=(n, len(kept)))
    constant = -fixed[kept[others]]
    part = replace(program, B=B_open[:, kept], W=csc_array(vstack([W[:, kept], own])))
    used = np.flatnonzero(np.bincount(part.W.indices, minlength=D + n))
    part = replace(part, W=csc_array(part.W[used, :]))
    both_low, both_high = np.append(low, constant)[used], np.append(high, constant)[used]
    found = solve(_projection(part, both_low, both_high, np.arange(len(unknown)), np.zeros(len(unknown))))
    prices = prices.copy()
    prices[unknown] = found.prices
    demand_prices = demand_prices.copy()
    shared = used[used < D]
    demand_prices[shared] = found.demand_prices[: len(shared)]
    single = np.flatnonzero(lone)
    demand_prices[W.indices[W.indptr[single]]] = (B.T @ prices)[single] / W.data[W.indptr[single]]
    return prices, demand_prices


def _prices_pinned(program: Program, pinned: Flags) -> bool:
    """Whether the portfolios whose marginal prices are known determine every price."""
    B, W = program.B, program.W
    users = np.bincount(W.indices, minlength=W.shape[0])
    column = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    open_alone = ~pinned & (users == 1)
    told = np.ones(W.shape[1], dtype=bool)
    told[column[open_alone[W.indices]]] = False
    telling = np.flatnonzero(told)
    if len(telling) < B.shape[0]:
        return False
    W_told = W[:, telling]
    shared = np.unique(W_told.indices[~pinned[W_told.indices]])
    rows = B[:, telling] if not len(shared) else vstack([B[:, telling], W_told[shared, :]])
    return _full_rank(csc_array(csc_array(rows).T))


def _full_rank(matrix: csc_array) -> bool:
    """Whether the columns are certainly independent."""
    n_rows, n = matrix.shape
    if n == 0:
        return True
    if n > n_rows:
        return False
    matrix = csc_array(matrix)
    row = _lengths(csc_array(matrix.T))
    matrix = csc_array(matrix.multiply(1.0 / np.where(row > 0, row, 1.0)[:, None]))
    length = _lengths(matrix)
    if not (length > 0).all():
        return False
    matrix = csc_array(matrix.multiply(1.0 / length))
    gram = csc_array(matrix.T @ matrix)
    if n <= 3000:
        dense = np.asfortranarray(gram.toarray())
        factor, _, rank, _ = dpstrf(dense, lower=1, tol=RANK)
        return bool(rank == n)
    try:
        factor = splu(gram, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:
        return False
    return bool(np.abs(factor.U.diagonal()).min() > RANK)
