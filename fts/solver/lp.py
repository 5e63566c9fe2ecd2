"""The auction's program as an LP file."""

from __future__ import annotations

import numpy as np

from fts.models.auction import Auction
from fts.solver.number import written
from fts.solver.segments import segments_of


def write_lp(auction: Auction) -> str:
    """The program that clears an auction, in the LP format (it maximises).

    Columns are ``x_<portfolio>`` (rates) and ``y_<demand>_<k>`` (fills of segments), rows ``p_<product>`` (net trade)
    and ``d_<demand>`` (a demand's rate).
    """
    segments = segments_of(auction)
    y = segment_names(auction)
    x = [f"x_{name}" for name in auction.portfolio_ids.to_pylist()]
    fills: list[list[str]] = [[] for _ in range(len(auction.demand_ids))]
    for d, name in zip(segments.demand.tolist(), y, strict=True):
        fills[d].append(name)
    linear = " + ".join(f"{written(b)} {name}" for b, name in zip(segments.price.tolist(), y, strict=True))
    objective = linear or "0"
    if np.any(segments.slope != 0):
        square = " + ".join(f"{written(m)} {name} ^ 2" for m, name in zip(segments.slope.tolist(), y, strict=True))
        objective += f" + [ {square} ] / 2"
    lines = ["Maximize", f"  gft: {objective}", "Subject To"]
    for name, terms in zip(auction.product_ids.to_pylist(), _rows(auction.basis, x), strict=True):
        lines.append(f"  p_{name}: {terms} = 0")
    for name, terms, own in zip(auction.demand_ids.to_pylist(), _rows(auction.weights, x), fills, strict=True):
        lines.append(f"  d_{name}: {terms}{''.join(f' - {fill}' for fill in own)} = 0")
    lines.append("Bounds")
    lines += [f"  {name} {'= 0' if fixed else 'free'}" for name, fixed in zip(x, unable(auction), strict=True)]
    lines += [
        f"  {_bounded(name, lo, hi)}"
        for name, lo, hi in zip(y, segments.lo.tolist(), segments.hi.tolist(), strict=True)
    ]
    lines.append("End")
    return "\n".join(lines) + "\n"


def segment_names(auction: Auction) -> list[str]:
    """The column name of every segment, ``y_<demand>_<k>``, k counted from 0 within its demand."""
    demand = segments_of(auction).demand
    count = np.arange(len(demand)) - np.searchsorted(demand, demand)
    names = auction.demand_ids.to_pylist()
    return [f"y_{names[d]}_{k}" for d, k in zip(demand.tolist(), count.tolist(), strict=True)]


def unable(auction: Auction) -> list[bool]:
    """Whether a portfolio has no basis or no demand, so that the file fixes its rate at 0."""
    empty = (np.diff(auction.basis.indptr) == 0) | (np.diff(auction.weights.indptr) == 0)
    return [bool(e) for e in empty]


def _rows(matrix: object, x: list[str]) -> list[str]:
    rows = matrix.tocsr()  # type: ignore[attr-defined]
    rows.sort_indices()
    starts, columns, values = rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
    return [
        " + ".join(f"{written(values[k])} {x[columns[k]]}" for k in range(start, end))
        for start, end in zip(starts[:-1], starts[1:], strict=True)
    ]


def _bounded(name: str, lo: float, hi: float) -> str:
    if lo == -np.inf:
        return f"{name} free" if hi == np.inf else f"{name} <= {written(hi)}"
    return f"{name} >= {written(lo)}" if hi == np.inf else f"{written(lo)} <= {name} <= {written(hi)}"
