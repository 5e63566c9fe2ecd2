"""Products combined into others whose rows in ``B`` are far from dependent, by Gaussian elimination.

If portfolios hold nearly the same products in nearly the same proportion, rows of ``B`` are nearly dependent, and what
tells them apart is lost in the product system, whose condition is the square of that of ``B``. The combinations
``T B x = 0`` have the same solutions. With complete pivoting their rows form an echelon, and each is scaled to about 1.
The elimination is in extended precision where the machine has it. Prices of products are ``T'`` times the prices of
the combinations (Golub and Van Loan, Matrix Computations, 4th ed., sections 3.4 and 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from fts.models.columns import Floats, floats
from fts.ports.engine import Answer, Program

MAX_ECHELON_PRODUCTS, MAX_ECHELON_ENTRIES = 200, 100_000
"""Larger programs are left as they are: the elimination is dense."""
BOUND_IMPORTANCE = 1e-4
"""The importance of a portfolio whose demands are all at a bound or a kink, beside the others."""
NEGLIGIBLE_ROW = 1e-14
"""A row whose largest remaining weight is this share of what it was is a combination of the others, to rounding."""


@dataclass(frozen=True)
class CombinedProducts:
    """A program in combinations of its products.

    Attributes
    ----------
    program : Program
        With `r` combinations instead of `P` products.
    combination : (r, P)
        T: how much of each product is in each combination; in extended precision.
    """

    program: Program
    combination: NDArray[np.longdouble]

    def restored(self, answer: Answer) -> Answer:
        """Return the answer in prices of products, (P,)."""
        return replace(answer, prices=floats(self.combination.T @ answer.prices.astype(np.longdouble)))


def is_small_enough(program: Program) -> bool:
    """Check whether the dense elimination pays."""
    n_products, n_portfolios = program.B.shape
    return n_products <= MAX_ECHELON_PRODUCTS and n_products * n_portfolios <= MAX_ECHELON_ENTRIES


def combined_products(program: Program, price: Floats, importance: Floats) -> CombinedProducts:
    """Combine the products of a program so that their rows are far from dependent.

    Parameters
    ----------
    program : Program
    price : (P,) [money / quantity]
        Units of prices, in which weights of portfolios are about 1.
    importance : (I,)
        Of every portfolio in the choice of pivots: rows are to be independent where portfolios trade.
    """
    unit, column = _power_of_2(price), _power_of_2(importance)
    rest = program.B.toarray().astype(np.longdouble) * unit[:, None] * column
    combination = np.diag(unit.astype(np.longdouble))
    full = np.abs(rest).max(axis=1, initial=0)
    left, chosen = list(np.flatnonzero(full > 0)), []
    while left:
        share = np.abs(rest[left]).max(axis=1) / full[left]
        left = [row for row, kept in zip(left, share > NEGLIGIBLE_ROW, strict=True) if kept]
        if not left:
            break
        row = left.pop(int(np.argmax(np.abs(rest[left]).max(axis=1))))
        pivot = int(np.argmax(np.abs(rest[row])))
        size = rest[row, pivot]
        rest[row] /= size
        combination[row] /= size
        factor = rest[left, pivot][:, None]
        rest[left] -= factor * rest[row]
        rest[left, pivot] = 0
        combination[left] -= factor * combination[row]
        chosen.append(row)
    B = csc_array(floats(rest[chosen] / column))
    return CombinedProducts(replace(program, B=B), combination[chosen])


def importance_of(program: Program, answer: Answer) -> Floats:
    """Compute the importance of portfolios, (I,): 1 where a demand is between its bounds and kinks at an answer."""
    inside = (answer.y > program.lo) & (answer.y < program.hi)
    moving = np.bincount(program.segment_demand, weights=inside, minlength=program.W.shape[0]) > 0
    return np.where(abs(program.W).T @ moving.astype(np.float64) > 0, 1.0, BOUND_IMPORTANCE)


def _power_of_2(values: Floats) -> Floats:
    """Compute the nearest powers of 2: a change of units without rounding."""
    return floats(np.exp2(np.round(np.log2(values))))
