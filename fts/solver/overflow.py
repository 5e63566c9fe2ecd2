"""Numbers that float64 cannot hold together in one auction."""

from __future__ import annotations

import numpy as np

from fts.errors import InvalidAuction
from fts.models.auction import Auction
from fts.models.columns import Flags, Floats
from fts.ports.engine import Program
from fts.solver.compiled import compiled
from fts.solver.engine_scaling import scaling_of
from fts.solver.program import TradablePart

MAX_MAGNITUDE = 1e100
"""Largest size, and one over the smallest, that products of numbers leave within float64."""
ORDINARY_MAGNITUDE = 1e20
"""Numbers between this and its inverse need no closer look."""
ADVICE = "write its rates, prices and weights in units that keep them between 1e-100 and 1e100"


def check_range(auction: Auction, part: TradablePart, program: Program) -> None:
    """Refuse an auction whose slopes or sizes are beyond float64, however they are scaled.

    Raises
    ------
    InvalidAuction
        The message names one demand or portfolio that causes it.
    """
    if _is_ordinary(program.B.data, program.W.data, program.lo, program.hi, program.c, program.s):
        return
    # Squares of numbers between 1e-100 and 1e100 are far from the ends of float64.
    for matrix in (program.B, program.W):
        size = np.abs(matrix.data)
        owner = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        _refuse(
            "portfolio",
            auction.portfolio_ids,
            part.portfolios[owner[(size < 1 / MAX_MAGNITUDE) | (size > MAX_MAGNITUDE)]],
        )
    ends = np.where(np.isfinite(program.hi - program.lo), program.hi - program.lo, 0.0)
    slopes = ~((np.abs(program.c) <= MAX_MAGNITUDE) & (np.abs(program.s) <= MAX_MAGNITUDE) & (ends <= MAX_MAGNITUDE))
    _refuse("demand", auction.demand_ids, part.demands[program.segment_demand[slopes]])
    with np.errstate(all="ignore"):
        scaled = scaling_of(program).scaled(program)
    sizes = ~(np.isfinite(scaled.c) & np.isfinite(scaled.s)) | np.isnan(scaled.lo) | np.isnan(scaled.hi)
    sizes |= (np.isinf(scaled.lo) & np.isfinite(program.lo)) | (np.isinf(scaled.hi) & np.isfinite(program.hi))
    for matrix in (scaled.B, scaled.W):
        owner = np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
        lost: Flags = ~np.isfinite(matrix.data) | (matrix.data == 0)
        _refuse("portfolio", auction.portfolio_ids, part.portfolios[owner[lost]])
    _refuse("demand", auction.demand_ids, part.demands[program.segment_demand[sizes]])


@compiled
def _is_ordinary(B: Floats, W: Floats, lo: Floats, hi: Floats, c: Floats, s: Floats) -> bool:
    """Check whether all numbers are so near to 1 that no scale and no square of them leaves float64."""
    for weights in (B, W):
        for e in range(len(weights)):
            if not 1 / ORDINARY_MAGNITUDE <= abs(weights[e]) <= ORDINARY_MAGNITUDE:
                return False
    for k in range(len(c)):
        if abs(c[k]) > ORDINARY_MAGNITUDE or s[k] > ORDINARY_MAGNITUDE or not (c[k] == c[k] and s[k] == s[k]):
            return False
        if (hi[k] > ORDINARY_MAGNITUDE and hi[k] < np.inf) or (lo[k] < -ORDINARY_MAGNITUDE and lo[k] > -np.inf):
            return False
    return True


def _refuse(what: str, names: object, wrong: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    if len(wrong):
        name = names[int(wrong[0])].as_py()  # type: ignore[index]
        raise InvalidAuction(f"the numbers of {what} {name!r} are too large or too small for float64: {ADVICE}")
