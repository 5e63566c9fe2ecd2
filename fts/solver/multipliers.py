"""Marginal prices of demands, from the prices of products."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsmr

from fts.models.columns import Floats, Ints, floats
from fts.solver.program import Part, alone

DENSE = 4_000_000
"""Most entries of a component that is solved as a dense matrix."""


def demand_prices_of(part: Part, prices: Floats, given: Floats | None = None) -> Floats:
    """Marginal price of every demand.

    Where one portfolio has one demand for itself it is ``portfolio price / weight``. Other demands take the given
    price; without one, the least-squares solution of ``B'π = W'λ`` on each connected component of demands and
    portfolios.

    Parameters
    ----------
    part : Part
    prices : (P,) [money / quantity]
    given : (D,) [money / quantity], optional

    Returns
    -------
    (D,) [money / quantity]
    """
    r = floats(part.B.T @ prices)
    lam = np.full(part.W.shape[0], np.nan) if given is None else given.copy()
    single = alone(part.W)
    entry = part.W.indptr[:-1][single]
    lam[part.W.indices[entry]] = r[single] / part.W.data[entry]
    if given is None and not single.all():
        _fit(part.W, r, np.flatnonzero(~single), lam)
    return lam


def _fit(W: csc_array, r: Floats, shared: Ints, lam: Floats) -> None:
    """Least squares on every component, written into ``lam``."""
    block = W[:, shared]
    demands = np.unique(block.indices)
    block = block[demands, :].tocsc()
    price = r[shared]
    star = np.bincount(block.indices[np.diff(block.indptr)[_owner(block)] > 1], minlength=len(demands)) == 0
    # A demand whose portfolios have no other demand is one quotient.
    weight = block.data * price[_owner(block)]
    quotient = np.bincount(block.indices, weights=weight, minlength=len(demands)) / np.bincount(
        block.indices, weights=block.data**2, minlength=len(demands)
    )
    lam[demands[star]] = quotient[star]
    if star.all():
        return
    count, label = connected_components(block @ block.T, directed=False)
    portfolio_label = label[block.indices[block.indptr[:-1]]]
    rows, columns = np.argsort(label, kind="stable"), np.argsort(portfolio_label, kind="stable")
    row_ends = np.searchsorted(label[rows], np.arange(count + 1))
    column_ends = np.searchsorted(portfolio_label[columns], np.arange(count + 1))
    for k in np.unique(label[~star]).tolist():
        d = rows[row_ends[k] : row_ends[k + 1]]
        i = columns[column_ends[k] : column_ends[k + 1]]
        lam[demands[d]] = _least_squares(block[:, i][d, :].T.tocsr(), price[i])


def _least_squares(A: csc_array, b: Floats) -> Floats:
    # Units of portfolios and of demands first, so that neither decides what counts as rank.
    row = 1 / abs(A).max(axis=1).toarray().ravel()
    A = A * row[:, None]
    column = 1 / np.sqrt((A * A).sum(axis=0))
    A = A * column[None, :]
    if A.shape[0] * A.shape[1] <= DENSE:
        return column * np.linalg.lstsq(A.toarray(), row * b, rcond=None)[0]
    return column * lsmr(A, row * b, atol=1e-15, btol=1e-15, maxiter=20 * min(A.shape))[0]


def _owner(matrix: csc_array) -> Ints:
    return np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
