"""Rates that balance each product to rounding of its own trade, however much is traded of other products.

A choice among a thousand million units leaves its rounding in the rates of everybody who took part in it. Of a product
of which ten units are traded that is more than rounding. Here every product is measured by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fts.models.columns import Flags, Floats, floats
from fts.ports.engine import Answer, Program
from fts.solver.canonical.ties import largest_lengths

MAX_BALANCE_ENTRIES = 4_000_000
"""Most entries of the equations that are solved."""
BALANCED_SHARE = 1e-12
"""A net trade of this share of what is traded is rounding."""
MAX_CORRECTIONS = 4
"""Corrections; each one takes out the rounding of the one before."""
BALANCE_RANK = 1e-12
"""Singular values below this share of the largest one are rounding."""
SLOPED_SHARE = 1e-12
"""The share of its response to a typical price that a sloped fill moves, beside flat ones."""

Extended = NDArray[np.longdouble]


def balanced(program: Program, answer: Answer, room: Floats, unit: Floats) -> Answer | None:
    """Change rates by rounding of the fills between bounds, so that no product has a net trade.

    Parameters
    ----------
    program : Program
        Of one connected part.
    answer : Answer
        Its fills say which demands keep their rate.
    room : (I,) [quantity / time]
        How much each portfolio may trade.
    unit : (D,) [money / quantity]
        A typical price of each demand.

    Returns
    -------
    Answer or None
        None where the net trades are rounding already, or the equations are too many.
    """
    P, n_portfolios = program.B.shape
    if n_portfolios * (P + program.W.shape[0]) > MAX_BALANCE_ENTRIES or _imbalance(program, answer.x) <= BALANCED_SHARE:
        return None
    equations = _BalanceEquations.of(program, answer, room, unit)
    x = answer.x.astype(np.longdouble)
    for _ in range(MAX_CORRECTIONS):
        x = x + equations.correction(x)
    return replace(answer, x=floats(x))


def _imbalance(program: Program, x: Floats) -> float:
    """Compute the largest net trade of a product as a share of what is traded of it."""
    with np.errstate(invalid="ignore"):
        net, traded = np.abs(program.B @ x), abs(program.B) @ np.abs(x)
    return float(np.max(net[traded > 0] / traded[traded > 0], initial=0.0))


@dataclass(frozen=True)
class _BalanceEquations:
    """Equations of the rates that may change.

    Attributes
    ----------
    rows, values : (m, I), (m,)
        Net trades of products, and rates of the demands that keep theirs.
    movable : (I,)
        Portfolios without a demand of their own that keeps its rate.
    size : (I,)
        How far each of these moves where there is a choice.
    """

    rows: Extended
    values: Extended
    movable: Flags
    size: Floats

    @staticmethod
    def of(program: Program, answer: Answer, room: Floats, unit: Floats) -> _BalanceEquations:
        """Write the equations around an answer."""
        B, W = program.B.toarray(), program.W.toarray()
        demand, y = program.segment_demand, answer.y
        inside = (y > program.lo) & (y < program.hi)
        free = np.bincount(demand, weights=inside, minlength=len(W)) > 0
        fill = np.zeros(len(W), dtype=np.longdouble)
        np.add.at(fill, demand, y.astype(np.longdouble))
        own = (W != 0).sum(axis=1) == 1
        movable = ~(W[~free & own] != 0).any(axis=0)
        held = np.flatnonzero(~free & ~own)
        rows = np.vstack([B, W[held]]).astype(np.longdouble)
        values = np.append(np.zeros(len(B), dtype=np.longdouble), fill[held])
        return _BalanceEquations(rows, values, movable, _sizes(program, answer, inside, W, room, unit))

    def correction(self, x: Extended) -> Extended:
        """Compute the least change of rates that removes the residual of the equations, (I,)."""
        A = floats(self.rows[:, self.movable]) * self.size[self.movable]
        residual = self.values - self.rows @ x
        length = np.linalg.norm(A, axis=1)
        used = length > 0
        step = np.linalg.lstsq(A[used] / length[used, None], floats(residual[used] / length[used]), rcond=BALANCE_RANK)[
            0
        ]
        change = np.zeros(len(x), dtype=np.longdouble)
        change[self.movable] = self.size[self.movable] * step
        return change


def _sizes(program: Program, answer: Answer, inside: Flags, W: Floats, room: Floats, unit: Floats) -> Floats:
    """Compute the size of each portfolio's move, (I,): for flat fills the root of their offer, as tied bids share."""
    k = np.flatnonzero(inside)
    d = program.segment_demand[k]
    offer = np.where(answer.y[k] > 0, program.hi[k], -program.lo[k])
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = offer / largest_lengths(program.B, program.W)[d]
        reach = np.where(program.s[k] > 0, SLOPED_SHARE * unit[d] / program.s[k], flat)
        least = np.full(len(W), np.inf)
        np.minimum.at(least, d, reach)
        of_portfolio = np.where(W != 0, least[:, None] / W**2, np.inf).min(axis=0)
    usual = np.where(room > 0, room, 1.0)
    return np.sqrt(np.where(np.isfinite(of_portfolio) & (of_portfolio > 0), of_portfolio, usual))
