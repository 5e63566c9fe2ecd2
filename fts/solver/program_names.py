"""Names of the rows and columns of a program file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fts.errors import ConfigurationError
from fts.models.auction import Auction
from fts.solver.segments import Segments

Naming = Literal["safe", "verbatim"]

READABLE_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""Every LP and MPS reader accepts an id of this form as a part of a name."""
MAX_COMMENT_CHARACTERS = 120
"""Some readers stop at 500 bytes of a line; a character has up to 4."""
MAX_NAME_CHARACTERS = 255
"""CPLEX and Gurobi read names of at most this length."""


@dataclass(frozen=True)
class ProgramNames:
    """Names of the rows and columns, and what the file says about them.

    Attributes
    ----------
    products, demands : list of str
        Rows, in the order of the auction.
    portfolios, segments : list of str
        Columns, in the order of the auction and of its segments.
    comments : list of str
        Which name stands for which id, as lines without the comment sign of the format; empty if the names contain
        the ids.
    """

    products: list[str]
    demands: list[str]
    portfolios: list[str]
    segments: list[str]
    comments: list[str]


def name_rows_and_columns(auction: Auction, segments: Segments, names: Naming | None) -> ProgramNames:
    """Name products, demands, portfolios and segments.

    Parameters
    ----------
    auction : Auction
    segments : Segments
        Those of the auction.
    names : {"safe", "verbatim"}, optional
        ``"verbatim"`` puts the ids into the names, ``"safe"`` counts from 0 and lists the ids in comments. None is
        verbatim if every id can be read back from a file, else safe.

    Raises
    ------
    ConfigurationError
        ``names`` is something else.
    """
    if names not in (None, "safe", "verbatim"):
        raise ConfigurationError(f"names of a program file are 'safe', 'verbatim' or None, not {names!r}")
    products, demands, portfolios = (
        ids.to_pylist() for ids in (auction.product_ids, auction.demand_ids, auction.portfolio_ids)
    )
    verbatim = _named(products, demands, portfolios, segments, [])
    if names == "verbatim" or (names is None and _is_readable(verbatim, [*products, *demands, *portfolios])):
        return verbatim
    comments = [
        "row or column, and the id that it stands for, as a JSON string; two spaces continue the line before",
        "y_<k>_<n> is segment n of demand d_<k>, from left to right",
    ]
    for letter, ids in (("p", products), ("d", demands), ("x", portfolios)):
        for k, name in enumerate(ids):
            comments += _folded(f"{letter}_{k} {_quoted(name)}")
    return _named(_numbers(products), _numbers(demands), _numbers(portfolios), segments, comments)


def _named(
    products: Sequence[str],
    demands: Sequence[str],
    portfolios: Sequence[str],
    segments: Segments,
    comments: list[str],
) -> ProgramNames:
    # Segments count from 0 within their demand.
    count = np.arange(len(segments.demand)) - np.searchsorted(segments.demand, segments.demand)
    return ProgramNames(
        products=[f"p_{name}" for name in products],
        demands=[f"d_{name}" for name in demands],
        portfolios=[f"x_{name}" for name in portfolios],
        segments=[f"y_{demands[d]}_{k}" for d, k in zip(segments.demand.tolist(), count.tolist(), strict=True)],
        comments=comments,
    )


def _numbers(ids: Sequence[str]) -> list[str]:
    return [str(k) for k in range(len(ids))]


def _is_readable(named: ProgramNames, ids: Sequence[str]) -> bool:
    longest = max(map(len, [*named.products, *named.demands, *named.portfolios, *named.segments]), default=0)
    return longest <= MAX_NAME_CHARACTERS and all(READABLE_ID.fullmatch(name) for name in ids)


def _quoted(name: str) -> str:
    """Write an id as a JSON string on one line: what is not printable, line separators included, is escaped."""
    text = json.dumps(name, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def _folded(text: str) -> list[str]:
    """Cut a text into lines; two spaces begin each line but the first."""
    cuts = range(0, len(text), MAX_COMMENT_CHARACTERS)
    return [f"{'  ' if start else ''}{text[start : start + MAX_COMMENT_CHARACTERS]}" for start in cuts]
