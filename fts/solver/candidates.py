"""An engine's answer without its rounding: fills at their bounds, prices at zero, products in balance.

An interior point stops a little inside every bound, and any engine leaves noise where nothing is traded. The
certificate measures relative to what is traded, so that noise matters where the answer is zero. Nothing here is
trusted: the certificate judges what comes out, against the auction itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.sparse import csc_array, diags_array, eye_array
from scipy.sparse.linalg import splu

from fts.models.columns import Flags, Floats, floats
from fts.ports.engine import Answer, Program
from fts.solver.price_repair import repair_prices
from fts.solver.program import has_private_demand

BOUND_SHARE = 1e-6
"""A fill within this share of its segment may stand for the bound itself."""


def candidates(program: Program, answer: Answer, tol: float) -> Iterator[Answer]:
    """Candidates for the answer that an engine came near to, the likeliest first; the certificate chooses.

    Parameters
    ----------
    program : Program
        In scaled units.
    answer : Answer
        To that program.
    tol : float
        What the answer will be judged with.
    """
    tidy = set_private_rates(program, snap_fills(program, answer))
    still = np.zeros(len(answer.x), dtype=bool)
    yield from _with_zero_prices(program, tidy, tol)
    yield from _with_zero_prices(program, project_onto_balance(program, tidy, still), tol)
    for share in (tol / 10, tol * 10, tol * 1e3):
        rested, still = zero_small_rates(program, tidy, share)
        yield from _with_zero_prices(program, project_onto_balance(program, rested, still), tol)
    for share in (tol * 1e3, min(1e-3, tol * 1e5)):
        rested, still = zero_small_rates(program, tidy, share)
        yield from _with_zero_prices(program, repair_prices(program, project_onto_balance(program, rested, still)), tol)
    yield answer


def _with_zero_prices(program: Program, answer: Answer, tol: float) -> Iterator[Answer]:
    yield answer
    zeroed = zero_prices(program, answer, tol / 10)
    if np.any(zeroed.prices != answer.prices) or np.any(zeroed.demand_prices != answer.demand_prices):
        yield zeroed


def snap_fills(program: Program, answer: Answer) -> Answer:
    """Put fills on the bounds that prices hold them at.

    Of the two slacks of a bound, distance of the fill and advantage of the price, one is 0 at the optimum; the
    smaller one, each in its own unit, is taken to be the one.
    """
    lo, hi, y = program.lo, program.hi, answer.y
    width = np.where(np.isfinite(hi - lo), hi - lo, 1.0)
    lam = answer.demand_prices[program.segment_demand]
    ends = [_price_at(program, end) for end in (lo, hi)]
    unit = np.maximum.reduce([np.abs(lam), *(np.abs(end) for end in ends)])
    unit = np.where(unit > 0, unit, 1.0)
    for bound, distance, advantage in ((lo, y - lo, lam - ends[0]), (hi, hi - y, ends[1] - lam)):
        held = (distance <= BOUND_SHARE * width) & (distance / width < advantage / unit)
        y = np.where(held, bound, y)
    return replace(answer, y=y)


def set_private_rates(program: Program, answer: Answer) -> Answer:
    """Give every portfolio that has a demand for itself exactly the rate that the demand's segments hold."""
    single = has_private_demand(program.W)
    entry = program.W.indptr[:-1][single]
    z = np.bincount(program.segment_demand, weights=answer.y, minlength=program.W.shape[0])
    x = answer.x.copy()
    x[single] = z[program.W.indices[entry]] / program.W.data[entry]
    return replace(answer, x=x)


def zero_prices(program: Program, answer: Answer, share: float) -> Answer:
    """Put prices at 0 that are a small share of the prices offered for the product."""
    B, W = program.B, program.W
    offered = np.zeros(W.shape[0])
    for end in (program.lo, program.hi):
        np.maximum.at(offered, program.segment_demand, np.abs(_price_at(program, end)))
    worth = abs(W).T @ offered
    owner = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    unit = np.zeros(B.shape[0])
    np.maximum.at(unit, B.indices, worth[owner] / np.abs(B.data))
    # A demand without a segment offers nothing itself: what its portfolios are worth counts.
    np.maximum.at(offered, W.indices, worth[np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))] / np.abs(W.data))
    return replace(
        answer,
        prices=np.where(np.abs(answer.prices) <= np.maximum(share * unit, 1e-14), 0.0, answer.prices),
        demand_prices=np.where(
            np.abs(answer.demand_prices) <= np.maximum(share * offered, 1e-14), 0.0, answer.demand_prices
        ),
    )


def zero_small_rates(program: Program, answer: Answer, share: float) -> tuple[Answer, Flags]:
    """Put portfolios to rest that trade a small share of what they could; which ones, (I,)."""
    W = program.W
    owner = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    reach = np.maximum(*(np.where(np.isfinite(end), np.abs(end), 1.0) for end in (program.lo, program.hi)))
    capacity = np.bincount(program.segment_demand, weights=reach, minlength=W.shape[0])
    capacity = np.where(capacity > 0, capacity, 1.0)
    able = np.full(W.shape[1], np.inf)
    np.minimum.at(able, owner, capacity[W.indices] / np.abs(W.data))
    still = np.abs(answer.x) <= share * able
    moving = np.bincount(W.indices, weights=~still[owner], minlength=W.shape[0]) > 0
    y = np.where(moving[program.segment_demand], answer.y, 0.0)
    return replace(answer, x=np.where(still, 0.0, answer.x), y=y), still


def project_onto_balance(program: Program, answer: Answer, still: Flags) -> Answer:
    """Compute the nearest rates with every product in balance, measured against the room each portfolio has.

    ``x + Δ`` with the least ``Σ (Δ_i / room_i)²`` for which ``B (x + Δ) = 0``; portfolios that are ``still`` stay so.
    """
    B, W = program.B, program.W
    room = np.abs(answer.x)
    single = has_private_demand(W)
    entry = W.indptr[:-1][single]
    slack = np.minimum(answer.y - program.lo, program.hi - answer.y)
    slack = np.where(np.isfinite(slack), slack, np.abs(answer.y))
    of_demand = np.bincount(program.segment_demand, weights=slack, minlength=W.shape[0])
    room[single] = of_demand[W.indices[entry]] / np.abs(W.data[entry])
    room[still] = 0.0
    x = answer.x
    for _ in range(2):
        x = x + _correction(B, room, -(B @ x))
    return replace(answer, x=x)


def _price_at(program: Program, end: Floats) -> Floats:
    """Compute the price at one end of every segment; an unlimited segment is flat."""
    return program.c - program.s * np.where(np.isfinite(end), end, 0.0)


def _correction(B: csc_array, room: Floats, net: Floats) -> Floats:
    R = B @ diags_array(room)
    size = np.sqrt(np.asarray((R * R).sum(axis=1)).ravel())
    size = np.where(size > 0, size, 1.0)
    R = diags_array(1 / size) @ R
    normal = (R @ R.T + 1e-14 * eye_array(B.shape[0])).tocsc()
    return floats(room * (R.T @ splu(normal).solve(net / size)))
