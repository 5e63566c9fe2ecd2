"""What is legal in an auction but probably not meant."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.columns import Ids, Ints, ints
from fts.solver.program import Part, part_of


def warnings_of(auction: Auction) -> tuple[str, ...]:
    """Sentences about demands that convert products freely.

    Two portfolios that differ only in how much of a product one unit of the same demands brings, such as ``{A: 1}``
    and ``{A: 2}`` on one demand, turn one unit of A into two at no cost: the price of A is 0 for everybody.
    """
    part = part_of(auction)
    return tuple(_sentence(auction, part, first, second) for first, second in _conversions(part))


def _conversions(part: Part) -> Iterator[tuple[int, int]]:
    """Pairs of portfolios with proportional bases and proportional weights, in different proportions."""
    B, W = part.B, part.W
    users = np.bincount(W.indices, minlength=W.shape[0])
    owner = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    exclusive = np.zeros(W.shape[1], dtype=bool)
    exclusive[owner[users[W.indices] == 1]] = True
    seen: dict[tuple[object, ...], tuple[int, float]] = {}
    told: set[tuple[object, ...]] = set()
    for i in np.flatnonzero(~exclusive).tolist():
        basis, weights = slice(B.indptr[i], B.indptr[i + 1]), slice(W.indptr[i], W.indptr[i + 1])
        unit, weight = B.data[basis][0], W.data[weights][0]
        key = (
            tuple(B.indices[basis].tolist()),
            tuple((B.data[basis] / unit).tolist()),
            tuple(W.indices[weights].tolist()),
            tuple((W.data[weights] / weight).tolist()),
        )
        first, ratio = seen.setdefault(key, (i, unit / weight))
        if ratio != unit / weight and key not in told:
            told.add(key)
            yield first, i


def _sentence(auction: Auction, part: Part, first: int, second: int) -> str:
    demands = _listed(auction.demand_ids, part.demands[_rows(part.W, first)])
    products = part.products[_rows(part.B, first)]
    what = _listed(auction.product_ids, products)
    names = _listed(auction.portfolio_ids, part.portfolios[np.array([first, second])])
    cost = f"the price of {what} is 0" if len(products) == 1 else f"their mix of {what} costs 0"
    return (
        f"demand {demands} converts products freely: portfolios {names} hold different amounts of {what} per unit of "
        f"it, so {cost} for everybody"
    )


def _rows(matrix: csc_array, i: int) -> Ints:
    return ints(matrix.indices[matrix.indptr[i] : matrix.indptr[i + 1]])


def _listed(names: Ids, positions: Ints) -> str:
    return ", ".join(repr(names[int(k)].as_py()) for k in positions)
