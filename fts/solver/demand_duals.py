"""Marginal prices of demands, from the prices of products."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsmr

from fts.models.columns import Flags, Floats, Ints, floats
from fts.solver.compiled import Int32s, compiled, csc_arrays
from fts.solver.program import TradablePart, has_private_demand

MAX_DENSE_COMPONENT = 4_000_000
"""Most entries of a component that is solved as a dense matrix."""
NEGLIGIBLE_PRICE = 1e-14
"""A share of the largest price of a component that is rounding."""


def demand_prices_of(part: TradablePart, prices: Floats, given: Floats | None = None) -> Floats:
    """Marginal price of every demand.

    Where one portfolio has one demand for itself it is ``portfolio price / weight``. Other demands take the given
    price; without one, the least-squares solution of ``B'π = W'λ`` on each connected component of demands and
    portfolios, every portfolio's equation measured by the money in its basis, so that no unit matters.

    Parameters
    ----------
    part : Part
    prices : (P,) [money / quantity]
    given : (D,) [money / quantity], optional

    Returns
    -------
    (D,) [money / quantity]
    """
    lam = np.full(part.W.shape[0], np.nan) if given is None else given.copy()
    single = has_private_demand(part.W)
    _price_private(*csc_arrays(part.B), *csc_arrays(part.W), single, prices, lam)
    if given is None and not single.all():
        r, rho = floats(part.B.T @ prices), floats(abs(part.B).T @ np.abs(prices))
        _fit(part.W, r, rho, np.flatnonzero(~single), lam)
    return lam


@compiled
def _price_private(
    B_start: Int32s,
    B_product: Int32s,
    B_weight: Floats,
    W_start: Int32s,
    W_demand: Int32s,
    W_weight: Floats,
    single: Flags,
    prices: Floats,
    lam: Floats,
) -> None:
    """Write the prices of demands (D,) that one portfolio has for itself (I,): what it costs, over the weight."""
    for i in range(len(single)):
        if single[i]:
            cost = 0.0
            for e in range(B_start[i], B_start[i + 1]):
                cost += B_weight[e] * prices[B_product[e]]
            lam[W_demand[W_start[i]]] = cost / W_weight[W_start[i]]


def _fit(W: csc_array, r: Floats, rho: Floats, shared: Ints, lam: Floats) -> None:
    """Least squares on every component, written into ``lam``."""
    block = W[:, shared]
    demands = np.unique(block.indices)
    block = block[demands, :].tocsc()
    owner = np.repeat(np.arange(block.shape[1]), np.diff(block.indptr))
    unit = _money(block, owner, rho[shared])
    price = r[shared] / unit
    block = csc_array((block.data / unit[owner], block.indices, block.indptr), shape=block.shape)
    joint = np.diff(block.indptr)[owner] > 1
    star = np.bincount(block.indices[joint], minlength=len(demands)) == 0
    # A demand whose portfolios have no other demand is one quotient.
    total = np.bincount(block.indices, weights=block.data * price[owner], minlength=len(demands))
    square = np.bincount(block.indices, weights=block.data**2, minlength=len(demands))
    lam[demands[star]] = total[star] / square[star]
    if star.all():
        return
    # Where they meet, not how much: weights may cancel.
    meets = csc_array((np.ones(block.nnz), block.indices, block.indptr), shape=block.shape)
    count, label = connected_components(meets @ meets.T, directed=False)
    portfolio_label = label[block.indices[block.indptr[:-1]]]
    rows, columns = np.argsort(label, kind="stable"), np.argsort(portfolio_label, kind="stable")
    row_ends = np.searchsorted(label[rows], np.arange(count + 1))
    column_ends = np.searchsorted(portfolio_label[columns], np.arange(count + 1))
    for k in np.unique(label[~star]).tolist():
        d = rows[row_ends[k] : row_ends[k + 1]]
        i = columns[column_ends[k] : column_ends[k + 1]]
        lam[demands[d]] = _least_squares(csr_array(block[:, i][d, :].T), price[i])


def _money(W: csc_array, owner: Ints, rho: Floats) -> Floats:
    """Compute the money in a portfolio's basis; where that is little, a share of its demands' other portfolios'."""
    size = np.abs(W.data)
    known, money = np.zeros(W.shape[0]), rho.copy()
    np.maximum.at(known, W.indices, rho[owner] / size)
    np.maximum.at(money, owner, 1e-3 * size * known[W.indices])
    return np.where(money > 0, money, 1.0)


def _least_squares(A: csr_array, b: Floats) -> Floats:
    column = 1 / np.sqrt((A * A).sum(axis=0))  # no unit of a demand decides what counts as rank
    A = A * column[None, :]
    if A.shape[0] * A.shape[1] <= MAX_DENSE_COMPONENT:
        found = np.linalg.lstsq(A.toarray(), b, rcond=None)[0]
    else:
        found = lsmr(A, b, atol=1e-15, btol=1e-15, maxiter=20 * min(A.shape))[0]
    # A price of 0 comes with the rounding of its neighbours.
    found = np.where(np.abs(found) > NEGLIGIBLE_PRICE * np.abs(found).max(initial=0.0), found, 0.0)
    return floats(column * found)
