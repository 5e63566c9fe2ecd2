"""The auction's program as an LP file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.columns import Flags
from fts.solver.format_float import format_float
from fts.solver.program_names import Naming, name_rows_and_columns
from fts.solver.segments import segments_of

MAX_LINE_CHARACTERS = 500
"""CPLEX cuts longer lines off."""


def write_lp(auction: Auction, names: Naming | None = None) -> str:
    """Write the program that clears an auction as an LP file; it maximises.

    Columns are ``x_<portfolio>`` (rates) and ``y_<demand>_<k>`` (fills of segments), rows ``p_<product>`` (net trade)
    and ``d_<demand>`` (a demand's rate).

    Parameters
    ----------
    auction : Auction
    names : {"safe", "verbatim"}, optional
        ``"safe"`` numbers products, demands and portfolios (``x_0``) and lists their ids in comments. ``"verbatim"``
        puts the ids into the names whatever they contain, and writes the file byte for byte as the Rust implementation
        does; other solvers may refuse it or misread a bound. None, the default, puts the ids into the names if each is
        made of ASCII letters, digits and ``_``, does not begin with a digit, and is not too long; else it is
        ``"safe"``.

    Raises
    ------
    ConfigurationError
        ``names`` is something else.
    """
    segments = segments_of(auction)
    named = name_rows_and_columns(auction, segments, names)
    portable = names != "verbatim"
    x, y = named.portfolios, named.segments
    fills: list[list[str]] = [[] for _ in named.demands]
    for d, name in zip(segments.demand.tolist(), y, strict=True):
        fills[d].append(name)

    gain = [*zip(segments.price.tolist(), y, strict=True)]
    if portable:
        gain += [(0.0, name) for name in _columns_to_mention(auction, x, is_objective_empty=not gain)]
    objective = _sum(gain, portable) or ["0"]
    if np.any(segments.slope != 0):
        # SCIP does not read "^ 2".
        square = "^2" if portable else "^ 2"
        squares = _sum(((m, f"{name} {square}") for m, name in zip(segments.slope.tolist(), y, strict=True)), portable)
        objective += ["+ [", *squares, "] / 2"]

    most = MAX_LINE_CHARACTERS if portable else None
    lines = [f"\\ {comment}" for comment in named.comments]
    lines += ["Maximize", *_lines("gft", objective, most), "Subject To"]
    for name, terms in zip(named.products, _rows(auction.basis, x), strict=True):
        lines += _lines(name, [*_sum(terms, portable), "= 0"], most)
    for name, terms, own in zip(named.demands, _rows(auction.weights, x), fills, strict=True):
        lines += _lines(name, [*_sum(terms, portable), *(f"- {fill}" for fill in own), "= 0"], most)
    lines.append("Bounds")
    lines += [
        f"  {name} {'= 0' if fixed else 'free'}"
        for name, fixed in zip(x, is_without_basis_or_demand(auction).tolist(), strict=True)
    ]
    lines += [
        f"  {_bounds(name, lo, hi, portable)}"
        for name, lo, hi in zip(y, segments.lo.tolist(), segments.hi.tolist(), strict=True)
    ]
    lines.append("End")
    return "\n".join(lines) + "\n"


def is_without_basis_or_demand(auction: Auction) -> Flags:
    """Portfolios without a basis or without a demand, (n_portfolios,); a program file fixes their rates at 0."""
    empty: Flags = (np.diff(auction.basis.indptr) == 0) | (np.diff(auction.weights.indptr) == 0)
    return empty


def is_without_entry(auction: Auction) -> Flags:
    """Portfolios with neither basis nor demand, (n_portfolios,); no row of the program contains their rates."""
    empty: Flags = (np.diff(auction.basis.indptr) == 0) & (np.diff(auction.weights.indptr) == 0)
    return empty


def _columns_to_mention(auction: Auction, x: Sequence[str], is_objective_empty: bool) -> list[str]:
    """Columns that the objective must name, times 0.

    Some readers refuse the bounds of a column that no row contains, and some an objective without any column.
    """
    found = [x[i] for i in np.flatnonzero(is_without_entry(auction)).tolist()]
    return found or list(x[: int(is_objective_empty)])


def _sum(terms: Iterable[tuple[float, str]], portable: bool) -> list[str]:
    """Write the terms of a sum, each with the sign that joins it to the one before."""
    parts: list[str] = []
    for value, name in terms:
        text, sign = format_float(value), "+ "
        # GLPK and SCIP do not read two signs in a row.
        if portable and parts and text.startswith("-"):
            text, sign = text[1:], "- "
        parts.append(f"{sign if parts else ''}{text} {name}")
    return parts


def _lines(name: str, parts: Sequence[str], most: int | None) -> list[str]:
    """Write a row in lines of at most `most` characters, broken between its parts; None is one line."""
    lines: list[str] = []
    line = f"  {name}:"
    if most is None:
        return [" ".join([line, *parts])]
    for part in parts:
        if len(line) + 1 + len(part) > most:
            lines.append(line)
            line = "   "
        line += f" {part}"
    return [*lines, line]


def _rows(matrix: csc_array, x: Sequence[str]) -> list[list[tuple[float, str]]]:
    """Weight and column of every entry, row by row."""
    rows = matrix.tocsr()
    rows.sort_indices()
    starts, columns, values = rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
    return [
        [(values[k], x[columns[k]]) for k in range(start, end)]
        for start, end in zip(starts[:-1], starts[1:], strict=True)
    ]


def _bounds(name: str, lo: float, hi: float, portable: bool) -> str:
    if lo == -np.inf and hi == np.inf:
        return f"{name} free"
    if lo == -np.inf:
        # A column without a lower bound of its own is at least 0 in this format.
        return f"{'-inf <= ' if portable else ''}{name} <= {format_float(hi)}"
    return f"{name} >= {format_float(lo)}" if hi == np.inf else f"{format_float(lo)} <= {name} <= {format_float(hi)}"
