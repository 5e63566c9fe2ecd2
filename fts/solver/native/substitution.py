"""Portfolios that share a demand, rewritten: one carries the demand's rate, the others are conversions.

If portfolio ``p`` has no other demand than ``d``, then ``x_p = (z_d - Σ_j W_dj x_j) / W_dp``: the demand's rate trades
``B_p / W_dp``, and every other portfolio of the demand trades ``B_j - (W_dj / W_dp) B_p`` without that demand.
Prices do not change. What is left are demands used by one column, and those shared by portfolios that each have
another demand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, diags_array

from fts.models.columns import Floats, Ints, floats


@dataclass(frozen=True)
class Substitution:
    """Columns in which at most one carries each demand that could be separated.

    Attributes
    ----------
    B : (P, I) sparse, by column
    W : (D, I) sparse, by column
    pivot : (n,)
        Portfolios that carry the rate of `demand`.
    demand : (n,)
    weight : (n,)
        Their weights.
    shares : (n, I) sparse or None
        What the other columns take of each pivot's rate, in units of demand.
    """

    B: csc_array
    W: csc_array
    pivot: Ints
    demand: Ints
    weight: Floats
    shares: csc_array | None

    def rates(self, columns: Floats) -> Floats:
        """Rates of the portfolios from the rates of the columns."""
        if self.shares is None:
            return columns
        rates = columns.copy()
        rates[self.pivot] = (columns[self.pivot] - self.shares @ columns) / self.weight
        return rates

    def costs(self, rates: Floats) -> Floats:
        """Costs of the columns from those of the portfolios."""
        if self.shares is None:
            return rates
        costs = rates.copy()
        costs[self.pivot] = rates[self.pivot] / self.weight
        return floats(costs - self.shares.T @ costs[self.pivot])

    def columns(self, rates: Floats) -> Floats:
        """Rates of the columns from the rates of the portfolios."""
        if self.shares is None:
            return rates
        columns = rates.copy()
        columns[self.pivot] = self.weight * rates[self.pivot] + self.shares @ rates
        return columns


def substitute(B: csc_array, W: csc_array) -> Substitution:
    """Separate shared demands wherever one of their portfolios has no other demand."""
    n_portfolios = W.shape[1]
    per_column = np.diff(W.indptr)
    users = np.bincount(W.indices, minlength=W.shape[0])
    column = np.repeat(np.arange(n_portfolios), per_column)
    pure = (per_column[column] == 1) & (users[W.indices] > 1)
    if not pure.any():
        none = np.empty(0, dtype=np.int64)
        return Substitution(B, W, none, none, np.empty(0), None)
    entry = np.flatnonzero(pure)
    # The largest weight keeps the shares at or below 1; among equals the fewest products.
    order = entry[
        np.lexsort((np.diff(B.indptr)[column[entry]], -np.round(np.log2(np.abs(W.data[entry]))), W.indices[entry]))
    ]
    first = np.append(True, W.indices[order][1:] != W.indices[order][:-1])
    chosen = order[first]
    pivot, demand, weight = column[chosen], W.indices[chosen].astype(np.int64), W.data[chosen]

    position = np.full(W.shape[0], -1, dtype=np.int64)
    position[demand] = np.arange(len(demand))
    is_pivot = np.zeros(n_portfolios, dtype=bool)
    is_pivot[pivot] = True
    taken = (position[W.indices] >= 0) & ~is_pivot[column]
    shares = csc_array((W.data[taken], (position[W.indices[taken]], column[taken])), shape=(len(pivot), n_portfolios))
    rest = ~taken
    new_W = csc_array(
        (np.where(is_pivot[column[rest]], 1.0, W.data[rest]), (W.indices[rest], column[rest])), shape=W.shape
    )
    own = np.ones(n_portfolios)
    own[pivot] = 1.0 / weight
    bundle = csc_array(B[:, pivot] @ diags_array(1.0 / weight))
    straight = csc_array(B @ diags_array(own))
    crossed = csc_array(bundle @ shares)
    new_B = csc_array(straight - crossed)
    size = csc_array(abs(straight) + abs(crossed))
    new_B.sort_indices()
    size.sort_indices()
    _drop_rounding(new_B, size)
    new_W.sort_indices()
    return Substitution(new_B, new_W, pivot, demand, weight, shares)


def _drop_rounding(difference: csc_array, size: csc_array) -> None:
    """Entries that are only rounding error of what was subtracted are no trade."""
    difference.eliminate_zeros()
    difference.sort_indices()
    pattern = csc_array((np.ones(difference.nnz), difference.indices, difference.indptr), shape=difference.shape)
    lookup = csc_array(size.multiply(pattern))
    lookup.sort_indices()
    difference.data[np.abs(difference.data) <= 1e-13 * lookup.data] = 0.0
    difference.eliminate_zeros()
