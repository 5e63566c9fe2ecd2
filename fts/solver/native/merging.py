"""Products that every portfolio holds in one proportion, such as the hours of a month that nobody has split, as one.

If row ``q`` of ``B`` is ``κ_q`` times row ``p``, both say the same about the rates, and portfolios see only
``π_p + κ_q π_q``. One row is kept for all of them. Its price is split again in equal parts of money; which of the many
splits is meant, the canonical step decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, csr_array

from fts.models.columns import Floats, Ints, floats
from fts.solver.compiled import Short, compiled, entries

SAME = 4 * np.finfo(float).eps
"""Weights in the same proportion differ by at most this share."""


@dataclass(frozen=True)
class Merging:
    """Which products are one.

    Attributes
    ----------
    B : (M, I) sparse, by column
        One row for each set of proportional products.
    row : (P,)
        The row of each product.
    ratio : (P,)
        ``κ``: the product's weights over those of its row.
    """

    B: csc_array
    row: Ints
    ratio: Floats

    @property
    def merged(self) -> bool:
        """Whether any products are one."""
        return bool(self.B.shape[0] < len(self.row))

    def joined(self, prices: Floats) -> Floats:
        """Prices of rows from those of products, (M,)."""
        return floats(np.bincount(self.row, weights=self.ratio * prices, minlength=self.B.shape[0]))

    def joined_units(self, units: Floats) -> Floats:
        """Units of rows from those of products, (M,)."""
        return floats(np.bincount(self.row, weights=np.abs(self.ratio) * units, minlength=self.B.shape[0]))

    def split(self, prices: Floats) -> Floats:
        """Prices of products from those of rows, (P,): an equal share of each row's money."""
        return prices[self.row] / (np.bincount(self.row)[self.row] * self.ratio)


def merge(B: csc_array) -> Merging:
    """Find the products that are held in one proportion."""
    P: int = B.shape[0]
    row, ratio = np.arange(P), np.ones(P)
    for products in _held_alike(B):
        weights = csr_array(B[products, :])
        n = len(products)
        data = weights.data.reshape(n, -1)
        factor = data[:, 0] / data[0, 0] if data.shape[1] else np.ones(n)
        left = np.arange(n)
        while len(left) > 1:
            first = left[0]
            kappa = factor[left] / factor[first]
            with np.errstate(over="ignore", invalid="ignore"):
                off = np.abs(data[left] - kappa[:, None] * data[first]) > SAME * np.abs(data[left])
            alike = ~off.any(axis=1) & np.isfinite(kappa) & (kappa != 0)
            alike[0] = True
            row[products[left[alike]]], ratio[products[left[alike]]] = products[first], kappa[alike]
            left = left[~alike]
    kept, position = np.unique(row, return_inverse=True)
    if len(kept) == P:
        return Merging(B, row, ratio)
    return Merging(csc_array(B[kept, :]), position.astype(np.int64), ratio)


def _held_alike(B: csc_array) -> list[Ints]:
    """Sets of products held by the same portfolios."""
    # Sums of random numbers in the order of the portfolios: equal to the last bit for equal sets.
    mark = np.random.default_rng(0).random(B.shape[1])
    start, product, _ = entries(B)
    key, holders = _marks(start, product, mark, B.shape[0])
    order = np.lexsort((holders, key))
    ends = np.flatnonzero(np.append(np.diff(key[order]) != 0, True)) + 1
    sets = [order[start:end] for start, end in zip(np.append(0, ends[:-1]), ends, strict=True) if end - start > 1]
    return [np.sort(one) for one in sets if _same_pattern(csr_array(B[one, :]))]


@compiled
def _marks(start: Short, product: Short, mark: Floats, n_products: int) -> tuple[Floats, Ints]:
    """The sum of the marks of each product's portfolios, and how many these are, (P,) each."""
    key, holders = np.zeros(n_products), np.zeros(n_products, dtype=np.int64)
    for i in range(len(mark)):
        for e in range(start[i], start[i + 1]):
            key[product[e]] += mark[i]
            holders[product[e]] += 1
    return key, holders


def _same_pattern(rows: csr_array) -> bool:
    count = np.diff(rows.indptr)
    if (count != count[0]).any():
        return False
    rows.sort_indices()
    indices = rows.indices.reshape(len(count), -1)
    return bool((indices == indices[0]).all())
