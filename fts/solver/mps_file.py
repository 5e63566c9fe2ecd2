"""The auction's program as an MPS file."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.solver.format_float import format_float
from fts.solver.lp_file import is_without_basis_or_demand, is_without_entry
from fts.solver.program_names import Naming, name_rows_and_columns
from fts.solver.segments import segments_of


def write_mps(auction: Auction, names: Naming | None = None) -> str:
    """Write the program that clears an auction as a free MPS file, with QUADOBJ if a curve falls; it minimises.

    Parameters
    ----------
    auction : Auction
    names : {"safe", "verbatim"}, optional
        As in :func:`fts.solver.write_lp`, and columns and rows have the same names as there. ``"verbatim"`` has a
        QUADOBJ section in any case.

    Raises
    ------
    ConfigurationError
        ``names`` is something else.
    """
    segments = segments_of(auction)
    named = name_rows_and_columns(auction, segments, names)
    portable = names != "verbatim"
    x, y = named.portfolios, named.segments
    lines = [f"* {comment}" for comment in named.comments]
    lines += ["NAME flow_trade_qp", "ROWS", " N    gft"]
    lines += [f" E    {name}" for name in named.products]
    lines += [f" E    {name}" for name in named.demands]
    lines.append("COLUMNS")
    in_products, in_demands = _entries(auction.basis, named.products), _entries(auction.weights, named.demands)
    # Some readers refuse the bounds of a column that is not in this section.
    missing = is_without_entry(auction) & portable
    for name, basis, weights, absent in zip(x, in_products, in_demands, missing.tolist(), strict=True):
        entries = ["gft    0"] if absent else basis + weights
        lines += [f"    {name}    {entry}" for entry in entries]
    lines += [
        f"    {name}    gft    {format_float(-price)}    {named.demands[d]}    -1"
        for name, price, d in zip(y, segments.price.tolist(), segments.demand.tolist(), strict=True)
    ]
    if portable:
        # Every right-hand side is 0, but SCIP expects the section.
        lines.append("RHS")
    lines.append("BOUNDS")
    lines += [
        f" FX BND    {name} 0" if fixed else f" FR BND    {name}"
        for name, fixed in zip(x, is_without_basis_or_demand(auction).tolist(), strict=True)
    ]
    for name, lo, hi in zip(y, segments.lo.tolist(), segments.hi.tolist(), strict=True):
        lines.append(f" MI BND    {name}" if lo == -np.inf else f" LO BND    {name}    {format_float(lo)}")
        lines.append(f" PL BND    {name}" if hi == np.inf else f" UP BND    {name}    {format_float(hi)}")
    if not portable or np.any(segments.slope != 0):
        lines.append("QUADOBJ")
        lines += [
            f"    {name}    {name}    {format_float(-slope)}"
            for name, slope in zip(y, segments.slope.tolist(), strict=True)
        ]
    lines.append("ENDATA")
    return "\n".join(lines) + "\n"


def _entries(matrix: csc_array, rows: list[str]) -> list[list[str]]:
    """Row and weight of every entry, column by column."""
    indices, values, starts = matrix.indices.tolist(), matrix.data.tolist(), matrix.indptr.tolist()
    return [
        [f"{rows[indices[k]]}    {format_float(values[k])}" for k in range(start, end)]
        for start, end in zip(starts[:-1], starts[1:], strict=True)
    ]
