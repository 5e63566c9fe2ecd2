"""The auction's program as an MPS file."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.solver.lp import segment_names, unable
from fts.solver.number import written
from fts.solver.segments import segments_of


def write_mps(auction: Auction) -> str:
    """The program that clears an auction, in the free MPS format with QUADOBJ (it minimises).

    Columns and rows are named as in the LP file.
    """
    segments = segments_of(auction)
    y = segment_names(auction)
    products, demands = auction.product_ids.to_pylist(), auction.demand_ids.to_pylist()
    lines = ["NAME flow_trade_qp", "ROWS", " N    gft"]
    lines += [f" E    p_{name}" for name in products]
    lines += [f" E    d_{name}" for name in demands]
    lines.append("COLUMNS")
    in_products = _entries(auction.basis, [f"p_{name}" for name in products])
    in_demands = _entries(auction.weights, [f"d_{name}" for name in demands])
    x = [f"x_{name}" for name in auction.portfolio_ids.to_pylist()]
    for name, basis, weights in zip(x, in_products, in_demands, strict=True):
        lines += [f"    {name}    {entry}" for entry in basis + weights]
    lines += [
        f"    {name}    gft    {written(-price)}    d_{demands[d]}    -1"
        for name, price, d in zip(y, segments.price.tolist(), segments.demand.tolist(), strict=True)
    ]
    lines.append("BOUNDS")
    lines += [
        f" FX BND    {name} 0" if fixed else f" FR BND    {name}"
        for name, fixed in zip(x, unable(auction), strict=True)
    ]
    for name, lo, hi in zip(y, segments.lo.tolist(), segments.hi.tolist(), strict=True):
        lines.append(f" MI BND    {name}" if lo == -np.inf else f" LO BND    {name}    {written(lo)}")
        lines.append(f" PL BND    {name}" if hi == np.inf else f" UP BND    {name}    {written(hi)}")
    lines.append("QUADOBJ")
    lines += [
        f"    {name}    {name}    {written(-slope)}" for name, slope in zip(y, segments.slope.tolist(), strict=True)
    ]
    lines.append("ENDATA")
    return "\n".join(lines) + "\n"


def _entries(matrix: csc_array, rows: list[str]) -> list[list[str]]:
    """Row and weight of every entry, column by column."""
    indices, values, starts = matrix.indices.tolist(), matrix.data.tolist(), matrix.indptr.tolist()
    return [
        [f"{rows[indices[k]]}    {written(values[k])}" for k in range(start, end)]
        for start, end in zip(starts[:-1], starts[1:], strict=True)
    ]
