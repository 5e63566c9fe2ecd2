"""The arrays of an auction, assembled from columns: only what counts, in the order of an auction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csc_array

from fts.models.columns import Columns, Flags, Floats, Ids, Ints, ints
from fts.models.dropped import Dropped, dropped_of


@dataclass
class AuctionData:
    """The arrays of :class:`fts.models.auction.Auction`, under the names of its attributes."""

    demand_ids: Ids
    point_offsets: Ints
    point_rates: Floats
    point_prices: Floats
    constant: Flags
    portfolio_ids: Ids
    product_ids: Ids
    basis: csc_array
    weights: csc_array
    dropped: Dropped


def assemble(columns: Columns) -> AuctionData:
    """Check columns, drop what cannot count, and sort the products by id.

    Raises
    ------
    InvalidCurve, InvalidWeights, InvalidAuction
    """
    columns.check()
    entries = columns.basis_value != 0
    counts = np.diff(columns.point_offsets)
    active = counts > 0
    defined = columns.weight_demand >= 0
    defined[defined] = active[columns.weight_demand[defined]]
    counted = defined & (columns.weight_value != 0)
    used = np.zeros(len(columns.demand_ids), dtype=bool)
    used[columns.weight_demand[counted]] = True
    points = np.repeat(used, counts)

    product = columns.basis_product[entries]
    traded = np.flatnonzero(np.bincount(product, minlength=len(columns.product_ids)))
    names = columns.product_ids.take(pa.array(traded))
    order = ints(pc.sort_indices(names))
    row = np.empty(len(columns.product_ids), dtype=np.int64)
    row[traded[order]] = np.arange(len(order))
    position = np.cumsum(used) - 1
    n_portfolios = len(columns.portfolio_ids)
    return AuctionData(
        demand_ids=columns.demand_ids.filter(pa.array(used)),
        point_offsets=np.append(0, np.cumsum(counts[used])).astype(np.int64),
        point_rates=columns.point_rates[points],
        point_prices=columns.point_prices[points],
        constant=columns.constant[used],
        portfolio_ids=columns.portfolio_ids,
        product_ids=names.take(pa.array(order)),
        basis=_matrix(
            row[product], columns.basis_portfolio[entries], columns.basis_value[entries], (len(order), n_portfolios)
        ),
        weights=_matrix(
            position[columns.weight_demand[counted]],
            columns.weight_portfolio[counted],
            columns.weight_value[counted],
            (int(used.sum()), n_portfolios),
        ),
        dropped=dropped_of(columns, active, used, entries, defined),
    )


def _matrix(row: Ints, column: Ints, value: Floats, shape: tuple[int, int]) -> csc_array:
    """Sparse matrix of triplets, each pair of row and column at most once."""
    if np.any(column[1:] < column[:-1]):
        order = np.argsort(column, kind="stable")
        row, column, value = row[order], column[order], value[order]
    ends = np.cumsum(np.bincount(column, minlength=shape[1]))
    matrix = csc_array((value, row, np.append(0, ends)), shape=shape)
    matrix.sort_indices()
    return matrix
