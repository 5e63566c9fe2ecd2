"""A few products that determine all others, where there are many more products than portfolios.

The rows of ``B (P, I)`` span at most ``I`` dimensions. Some ``r ≤ I`` of them, chosen by a factorisation with pivots,
give every other one as a combination with moderate coefficients. Rates that balance these balance all, and portfolios
see only ``r`` sums of prices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, qr, solve_triangular
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints, floats

FEWER = 4
"""So many times fewer portfolios than products, and it pays to choose products."""
FEWEST_PRODUCTS = 200
"""Fewer products are solved for as they are."""
MOST_PORTFOLIOS = 1_000
"""With more portfolios the choice takes longer than it saves."""
DEPENDENT_PIVOT = 1e-13
"""Share of the largest pivot below which a row is a combination of those before, to rounding."""


@dataclass(frozen=True)
class IndependentProducts:
    """Products that determine the others.

    Attributes
    ----------
    chosen : (r,)
    others : (P - r,)
    combination : (P - r, r)
        Rows of the others as combinations of the chosen ones, in units in which they are about 1.
    unit : (P,)
        These units.
    """

    chosen: Ints
    others: Ints
    combination: NDArray[np.float64]
    unit: Floats

    def joined(self, prices: Floats) -> Floats:
        """Prices of the chosen products (r,) at which portfolios are worth what they are at prices of all, (P,)."""
        money = self.unit * prices
        return floats((money[self.chosen] + self.combination.T @ money[self.others]) / self.unit[self.chosen])

    def split(self, prices: Floats) -> Floats:
        """Compute the least prices of all products (P,) that value portfolios as those of the chosen products do."""
        inner = self.combination.T @ self.combination
        inner[np.diag_indices_from(inner)] += 1.0
        money = cho_solve(cho_factor(inner, lower=True), self.unit[self.chosen] * prices)
        all_money = np.empty(len(self.unit))
        all_money[self.chosen], all_money[self.others] = money, self.combination @ money
        return floats(all_money / self.unit)


def is_far_wider(n_products: int, n_portfolios: int) -> bool:
    """Check whether products are so many more than portfolios that it pays to choose some."""
    return n_products >= max(FEWEST_PRODUCTS, FEWER * n_portfolios) and n_portfolios <= MOST_PORTFOLIOS


def independent_products(B: csc_array) -> IndependentProducts | None:
    """Choose products that determine the others; None where there are too few products for that to pay."""
    P, n = B.shape
    if not is_far_wider(P, n):
        return None
    A = B.toarray()
    unit = np.ones(P)
    for _ in range(2):
        row = np.abs(A).max(axis=1)
        row[row == 0] = 1.0
        A /= row[:, None]
        unit *= row
        column = np.sqrt(np.einsum("ij,ij->j", A, A))
        A /= np.where(column > 0, column, 1.0)
    R, order = qr(A.T, mode="r", pivoting=True, overwrite_a=True, check_finite=False)
    pivot = np.abs(np.diag(R))
    rank = int(np.count_nonzero(pivot > DEPENDENT_PIVOT * pivot[0]))
    if not rank or not np.isfinite(pivot).all():
        return None
    combination = solve_triangular(R[:rank, :rank], R[:rank, rank:], check_finite=False).T
    return IndependentProducts(order[:rank].astype(np.int64), order[rank:].astype(np.int64), combination, unit)


def rows_of(B: csc_array, products: Ints) -> csc_array:
    """Return the rows of some products."""
    rows = csc_array(csr_array(B)[products, :])
    rows.sort_indices()
    return rows
