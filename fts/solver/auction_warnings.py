"""Warnings of what is legal in an auction but probably not meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import csc_array

from fts.models.auction import Auction
from fts.models.columns import Ids, Ints, ints
from fts.models.nearest_id import nearest_id
from fts.solver.program import TradablePart, tradable_part

MAX_SENTENCES = 5
"""Largest number of sentences of one kind; one more gives the count of the rest."""
MAX_NAMES = 5
"""Largest number of ids in one list; the count of the rest follows."""


def warnings_of(auction: Auction) -> tuple[str, ...]:
    """Sentences about what is legal in an auction but probably not meant.

    These are demand ids that nothing defines, portfolios without products or without a demand, and demands that
    convert products freely. Two portfolios that differ only in how much of a product one unit of the same demands
    brings, such as ``{A: 1}`` and ``{A: 2}`` on one demand, turn one unit of A into two at no cost: the price of A is
    0 for everybody.
    """
    part = tradable_part(auction)
    free = (_sentence(auction, part, first, second) for first, second in _conversions(part))
    return (
        *_bounded(_undefined(auction), "demand ids that nothing defines are in auction.dropped.undefined"),
        *_incomplete(auction),
        *_bounded(free, "demands convert products freely"),
    )


def _bounded(sentences: Iterator[str], rest: str) -> Iterator[str]:
    yield from islice(sentences, MAX_SENTENCES)
    more = sum(1 for _ in sentences)
    if more:
        yield f"{more} more {rest}"


def _undefined(auction: Auction) -> Iterator[str]:
    """One sentence for each demand id that portfolios name and nothing defines."""
    users: dict[str, list[str]] = {}
    for portfolio, demand in auction.dropped.undefined:
        users.setdefault(demand, []).append(portfolio)
    if not users:
        return
    unused = pa.array(auction.dropped.unused, pa.string())
    defined = pa.concat_arrays([unused, auction.demand_ids])
    for count, (demand, portfolios) in enumerate(users.items()):
        # The sentences beyond the limit are only counted.
        near = nearest_id(demand, defined) if count < MAX_SENTENCES else None
        question = "" if near is None else f"; did you mean {near!r}?"
        subject = (
            f"portfolio {portfolios[0]!r} names" if len(portfolios) == 1 else f"portfolios {_some(portfolios)} name"
        )
        yield f"{subject} the demand {demand!r}, which nothing defines, so this weight does not count{question}"


def _incomplete(auction: Auction) -> Iterator[str]:
    """Sentences about portfolios that lack products or demands, unless they lack both."""
    has_demand, has_products = np.diff(auction.weights.indptr) > 0, np.diff(auction.basis.indptr) > 0
    names = auction.portfolio_ids
    undefined = pa.array([portfolio for portfolio, _ in auction.dropped.undefined], pa.string())
    is_named = pc.is_in(names, value_set=undefined).to_numpy(zero_copy_only=False)
    for has, other, what, all_of_it in (
        (has_products, has_demand, "products", "products: in frames, the table 'basis' gives them"),
        (has_demand, has_products & ~is_named, "demand", "a demand: in frames, the table 'weights' gives it"),
    ):
        lacking = names.filter(pa.array(other & ~has))
        if len(lacking) and not has.any():
            yield f"nothing can trade, because no portfolio has {all_of_it}"
        elif len(lacking) == 1:
            yield f"portfolio {lacking[0].as_py()!r} has no {what}, so it cannot trade"
        elif len(lacking):
            yield f"portfolios {_listed(lacking, range(len(lacking)))} have no {what}, so they cannot trade"


def _conversions(part: TradablePart) -> Iterator[tuple[int, int]]:
    """Pairs of portfolios with proportional bases and proportional weights, in different proportions."""
    B, W = part.B, part.W
    users = np.bincount(W.indices, minlength=W.shape[0])
    owner = np.repeat(np.arange(W.shape[1]), np.diff(W.indptr))
    exclusive = np.zeros(W.shape[1], dtype=bool)
    exclusive[owner[users[W.indices] == 1]] = True
    seen: dict[tuple[object, ...], tuple[int, float]] = {}
    reported: set[tuple[object, ...]] = set()
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
        if ratio != unit / weight and key not in reported:
            reported.add(key)
            yield first, i


def _sentence(auction: Auction, part: TradablePart, first: int, second: int) -> str:
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


def _listed(names: Ids, positions: Sequence[int] | Ints) -> str:
    return _some([names[int(k)].as_py() for k in positions[:MAX_NAMES]], len(positions))


def _some(names: Sequence[str], count: int | None = None) -> str:
    """List the first names, and the number of the rest."""
    count = len(names) if count is None else count
    more = f" and {count - MAX_NAMES} more" if count > MAX_NAMES else ""
    return ", ".join(map(repr, names[:MAX_NAMES])) + more
