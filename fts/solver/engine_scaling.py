"""Units in which a program is well conditioned, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from fts.models.columns import Floats
from fts.ports.engine import Answer, Program


@dataclass(frozen=True)
class Scaling:
    """One unit per product, portfolio, demand, and one for prices.

    A scaled number times its unit is the number: rates of portfolios ``x = portfolio · x̃``, fills and demand rates
    ``y = demand · ỹ``, demand prices ``λ = money / demand · λ̃``, prices ``π = money · product · π̃``
    (``product`` multiplies the rows of ``B``: it is one over the size in which the product is traded).
    """

    product: Floats
    portfolio: Floats
    demand: Floats
    money: float

    def scaled(self, program: Program) -> Program:
        """Return the program in these units."""
        unit = self.demand[program.segment_demand]
        return Program(
            B=_times(program.B, self.product, self.portfolio),
            W=_times(program.W, 1 / self.demand, self.portfolio),
            segment_demand=program.segment_demand,
            lo=program.lo / unit,
            hi=program.hi / unit,
            c=program.c * unit / self.money,
            s=program.s * unit * unit / self.money,
            cost=None if program.cost is None else program.cost * self.portfolio / self.money,
        )

    def measured(self, program: Program, answer: Answer) -> Answer:
        """Return the answer to the program as an answer to the scaled program."""
        return replace(
            answer,
            x=answer.x / self.portfolio,
            y=answer.y / self.demand[program.segment_demand],
            prices=answer.prices / (self.product * self.money),
            demand_prices=answer.demand_prices * self.demand / self.money,
        )

    def restored(self, program: Program, answer: Answer) -> Answer:
        """Return the answer to the scaled program as an answer to the program."""
        return Answer(
            x=answer.x * self.portfolio,
            y=answer.y * self.demand[program.segment_demand],
            prices=answer.prices * self.product * self.money,
            demand_prices=answer.demand_prices * self.money / self.demand,
            status=answer.status,
            iterations=answer.iterations,
        )


def scaling_of(program: Program) -> Scaling:
    """Units that follow the units of the input.

    A portfolio is as large as its demands would make it; a product as large as the (geometric) mean of what its
    portfolios would trade of it; a portfolio's unit is one over the norm of its scaled basis, a demand's the largest
    scaled weight on it; money is measured by the largest scaled price. Writing a product, a portfolio or a demand in
    another unit changes its unit here by the same factor, and the scaled program not at all. Powers of two, so that
    scaling rounds nothing.
    """
    B, W = program.B, program.W
    size_B, size_W = np.abs(B.data), np.abs(W.data)
    owner_B = np.repeat(np.arange(B.shape[1]), np.diff(B.indptr))
    owner_W = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))

    size = _demand_sizes(program)
    reach = np.full(B.shape[1], np.inf)
    np.minimum.at(reach, owner_W, size[W.indices] / size_W)
    logs = np.log(size_B * np.where(np.isfinite(reach), reach, 1.0)[owner_B])
    product = _power_of_two(np.exp(-_mean(B.indices, logs, B.shape[0])))
    norm = np.sqrt(np.bincount(owner_B, weights=(size_B * product[B.indices]) ** 2, minlength=B.shape[1]))
    portfolio = _power_of_two(1 / norm)
    demand = np.zeros(W.shape[0])
    np.maximum.at(demand, W.indices, size_W * portfolio[owner_W])
    demand = _power_of_two(demand)
    money = float(np.max(np.abs(program.c) * demand[program.segment_demand], initial=0.0))
    return Scaling(product, portfolio, demand, money=float(_power_of_two(np.array(money if money > 0 else 1.0))))


def _demand_sizes(program: Program) -> Floats:
    """Largest rate of a demand: its extent, or where unlimited the extent of a typical demand of its own weights."""
    demand, D = program.segment_demand, program.W.shape[0]
    reach = np.maximum(*(np.where(np.isfinite(end), np.abs(end), 0.0) for end in (program.lo, program.hi)))
    size = np.bincount(demand, weights=reach, minlength=D).astype(np.float64)
    return np.where(size > 0, size, np.inf)


def _mean(group: NDArray[np.integer], values: Floats, size: int) -> Floats:
    total = np.bincount(group, weights=values, minlength=size)
    return total / np.maximum(np.bincount(group, minlength=size), 1)


def _power_of_two(values: Floats) -> Floats:
    return np.exp2(np.round(np.log2(values)))


def _times(matrix: csc_array, row: Floats, column: Floats) -> csc_array:
    owner = np.repeat(column, np.diff(matrix.indptr))
    return csc_array((matrix.data * row[matrix.indices] * owner, matrix.indices, matrix.indptr), shape=matrix.shape)
