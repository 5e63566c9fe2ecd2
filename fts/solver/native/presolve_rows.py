"""Products that every portfolio holds in one proportion, such as the hours of a month that nobody has split, as one.

If row ``q`` of ``B`` is ``κ_q`` times row ``p``, both say the same about the rates, and portfolios see only
``π_p + κ_q π_q``. One row is kept for all of them. Its price is split again in equal parts of money; which of the many
splits is meant, the canonical step decides.
Where there are many more products than portfolios, a few of them stand for all (``independent_products.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints, floats
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.native.independent_products import IndependentProducts, independent_products, rows_of

PROPORTION_TOLERANCE = 4 * np.finfo(float).eps
"""Weights in the same proportion differ by at most this share."""
SUM_TOLERANCE = 1e-11
"""Sums of weights in the same proportion differ by at most this share."""


@dataclass(frozen=True)
class ProportionalRows:
    """Products that are merged into one.

    Attributes
    ----------
    B : (M, I) sparse, by column
        One row for each set of proportional products.
    row : (P,)
        The row of each product.
    ratio : (P,)
        ``κ``: the product's weights over those of its row.
    independent : IndependentProducts, optional
        Of rows before: those that are left determine the others.
    """

    B: csc_array
    row: Ints
    ratio: Floats
    independent: IndependentProducts | None = None

    def joined(self, prices: Floats) -> Floats:
        """Prices of rows from those of products, (M,)."""
        of_rows = floats(np.bincount(self.row, weights=self.ratio * prices))
        return of_rows if self.independent is None else self.independent.joined(of_rows)

    def joined_units(self, units: Floats) -> Floats:
        """Units of rows from those of products, (M,)."""
        of_rows = floats(np.bincount(self.row, weights=np.abs(self.ratio) * units))
        return of_rows if self.independent is None else of_rows[self.independent.chosen]

    def split(self, prices: Floats) -> Floats:
        """Prices of products from those of rows, (P,): an equal share of each row's money."""
        if self.independent is not None:
            prices = self.independent.split(prices)
        return prices[self.row] / (np.bincount(self.row)[self.row] * self.ratio)


def merge_proportional(B: csc_array) -> ProportionalRows:
    """Find the products that are held in one proportion, then those that determine all others."""
    merging = _merge_proportional(B)
    independent = independent_products(merging.B)
    if independent is None:
        return merging
    return replace(merging, B=rows_of(merging.B, independent.chosen), independent=independent)


def _merge_proportional(B: csc_array) -> ProportionalRows:
    """Find the products that are held in one proportion."""
    P: int = B.shape[0]
    row, ratio = np.arange(P), np.ones(P)
    alike = _candidates(B)
    if alike is None:
        return ProportionalRows(B, row, ratio)
    order, key = alike
    by_row = csr_array(B)
    by_row.sort_indices()
    start, portfolio, weight = csc_arrays(by_row)
    _compare_neighbours(start, portfolio, weight, order, key, row, ratio)
    kept, position = np.unique(row, return_inverse=True)
    if len(kept) == P:
        return ProportionalRows(B, row, ratio)
    return ProportionalRows(csc_array(B[kept, :]), position.astype(np.int64), ratio)


def _candidates(B: csc_array) -> tuple[Ints, Floats] | None:
    """Products in an order in which those in one proportion stand together, and the key that orders their holders.

    None where no two have the same holders and, to rounding, the same proportions.
    """
    # Sums of random numbers in the order of the portfolios: equal to the last bit for equal sets.
    mark = np.random.default_rng(0).random(B.shape[1])
    start, product, weight = csc_arrays(B)
    key, value = _marks(start, product, weight, mark, B.shape[0])
    order = np.argsort(key, kind="stable")
    if not (key[order[1:]] == key[order[:-1]]).any():
        return None
    order = np.lexsort((value, key))
    one, other = order[:-1], order[1:]
    near = np.abs(value[other] - value[one]) <= SUM_TOLERANCE * np.maximum(np.abs(value[other]), 1.0)
    # Sums of terms that cancel, or that are no numbers, tell nothing.
    if not ((key[one] == key[other]) & (near | ~np.isfinite(value[other]))).any():
        return None
    return order, key


@compiled
def _marks(start: Int32s, product: Int32s, weight: Floats, mark: Floats, n_products: int) -> tuple[Floats, Floats]:
    """Sum the marks of each product's portfolios, and marks times weights over the first weight, (P,)."""
    key, value, first = np.zeros(n_products), np.zeros(n_products), np.zeros(n_products)
    for i in range(len(mark)):
        for e in range(start[i], start[i + 1]):
            p = product[e]
            if key[p] == 0.0:
                first[p] = weight[e]
            key[p] += mark[i]
            value[p] += mark[i] * (weight[e] / first[p])
    return key, value


@compiled
def _compare_neighbours(
    start: Int32s, portfolio: Int32s, weight: Floats, order: Ints, key: Floats, row: Ints, ratio: Floats
) -> None:
    """Give products of one proportion the row of the first of them, (P,), and their ratio to it, in place."""
    n = len(order)
    begin = 0
    while begin < n:
        # Products whose sums differ by rounding only are one set, compared with its first.
        leader, end = order[begin], begin + 1
        while end < n and key[order[end]] == key[leader]:
            one, other = start[leader], start[order[end]]
            count = start[leader + 1] - one
            same = count > 0 and start[order[end] + 1] - other == count
            kappa = weight[other] / weight[one] if same else 0.0
            same = same and np.isfinite(kappa) and kappa != 0.0
            e = 0
            while same and e < count:
                held, expected = weight[other + e], kappa * weight[one + e]
                same = portfolio[other + e] == portfolio[one + e] and abs(
                    held - expected
                ) <= PROPORTION_TOLERANCE * abs(held)
                e += 1
            if not same:
                break
            row[order[end]], ratio[order[end]] = leader, kappa
            end += 1
        # The least number stands for the set.
        least = leader
        for k in range(begin, end):
            least = min(least, order[k])
        if least != leader:
            base = ratio[least]
            for k in range(begin, end):
                row[order[k]] = least
                ratio[order[k]] /= base
            ratio[least] = 1.0
        begin = end
