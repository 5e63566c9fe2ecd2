"""Clearing prices for given fills, found by a linear program."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, diags_array, eye_array, hstack, vstack

from fts.errors import NotSolved
from fts.models.columns import Floats
from fts.ports.engine import Answer, Program
from fts.solver.linear_program import solve_lp

MAX_REPAIR_WEIGHTS = 50_000
"""Most weights of an auction that is searched."""

MISFIT = 1e4
"""Cost of a price outside its curve, as a multiple of that of one that moved, each relative."""


def repair_prices(program: Program, answer: Answer) -> Answer:
    """Compute the prices nearest to an answer's for which its fills are best responses.

    A fill leaves its demand's price an interval: at least the segment's price where more could be bought, at most that
    where less could. An engine leaves prices near the ends of such intervals a little outside, which counts where
    hardly anything is traded.
    """
    B, W = program.B, program.W
    P, D = B.shape[0], W.shape[0]
    if B.nnz + W.nnz > MAX_REPAIR_WEIGHTS:
        return answer
    low, high = _intervals(program, answer.y)
    lam0 = answer.demand_prices
    unit = np.maximum(np.abs(lam0), np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (low, high))))
    unit = np.where(unit > 0, unit, 1.0)
    unit_p = np.where(answer.prices != 0, np.abs(answer.prices), 1.0)
    # Every price in its own unit. Columns: moves of prices up and down, λ, its misfit below and above.
    BT, WT = diags_array(unit_p) @ B, diags_array(unit) @ W
    size = (abs(BT).T @ np.ones(P)) + (abs(WT).T @ np.ones(D))
    move = diags_array(1 / size) @ BT.T
    equal = hstack([move, -move, -(diags_array(1 / size) @ WT.T), csr_array((B.shape[1], 2 * D))], format="csr")
    at_least, at_most = np.isfinite(low), np.isfinite(high)
    one, none, nothing = eye_array(D), csr_array((D, 2 * P)), csr_array((D, D))
    lower, upper = hstack([none, -one, -one, nothing]), hstack([none, one, nothing, -one])
    stacked: Any = vstack([lower, upper], format="csr")
    try:
        found = solve_lp(
            np.concatenate([np.ones(2 * P), np.zeros(D), np.full(2 * D, MISFIT)]),
            at_most=(
                stacked[np.concatenate([at_least, at_most])],
                np.concatenate([-(low / unit)[at_least], (high / unit)[at_most]]),
            ),
            equal=(equal, -(B.T @ answer.prices) / size),
            bounds=[(0, None)] * (2 * P) + [(None, None)] * D + [(0, None)] * (2 * D),
        )
    except NotSolved:
        # Then the answer is judged as it is.
        return answer
    if found is None:
        return answer
    moved = unit_p * (found[:P] - found[P : 2 * P])
    return replace(answer, prices=answer.prices + moved, demand_prices=unit * found[2 * P : 2 * P + D])


def _intervals(program: Program, y: Floats) -> tuple[Floats, Floats]:
    """Least and largest price of every demand at which its fills are best responses; infinite where there is none."""
    price = program.c - program.s * y
    low, high = np.full(program.W.shape[0], -np.inf), np.full(program.W.shape[0], np.inf)
    more, less = y < program.hi, y > program.lo
    np.maximum.at(low, program.segment_demand[more], price[more])
    np.minimum.at(high, program.segment_demand[less], price[less])
    return low, high
