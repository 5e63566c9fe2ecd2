"""The auction of any instant, from rows to arrays without an object per bid."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fts.models.auction import Auction
from fts.store.statements import failures, table

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


def auction_as_of(cursor: duckdb.DuckDBPyConnection, instant: datetime, *, inside: bool = False) -> Auction:
    """The auction of every curve and every portfolio with both groups that held at an instant.

    Parameters
    ----------
    cursor : DuckDBPyConnection
    instant : datetime
        UTC, naive.
    inside : bool
        Whether the cursor is inside a transaction.

    Notes
    -----
    Demands and portfolios stand in order of creation; a basis is written in the products that traded then.
    """
    with failures("read the auction"):
        # One snapshot for all five tables; inside a transaction it is there already.
        if not inside:
            cursor.execute("BEGIN")
        try:
            demands, portfolios, weights, basis = (
                table(cursor, f"as_of_{name}", t=instant) for name in ("demands", "portfolios", "weights", "basis")
            )
            products = table(cursor, "as_of_products")
        finally:
            if not inside:
                cursor.execute("ROLLBACK")
    portfolio_at, demand_at, product_at = _places(portfolios), _places(demands), _places(products)
    offsets, rates, prices = _points(demands)
    weight_portfolio = _at(portfolio_at, _ints(weights["portfolio"]))
    both = weight_portfolio >= 0
    basis_portfolio = _at(portfolio_at, _ints(basis["portfolio"]))
    basis_product = _at(product_at, _ints(basis["product"]))
    held = basis_portfolio >= 0
    basis_portfolio, basis_product, basis_value = _summed(
        basis_portfolio[held], basis_product[held], _floats(basis["weight"])[held]
    )
    return Auction.from_columns(
        demand_ids=_ids(demands),
        point_offsets=offsets,
        point_rates=rates,
        point_prices=prices,
        constant=np.asarray(demands["constant"], dtype=bool),
        portfolio_ids=_ids(portfolios),
        weight_portfolio=weight_portfolio[both],
        weight_demand=_at(demand_at, _ints(weights["demand"]))[both],
        weight_value=_floats(weights["weight"])[both],
        product_ids=_ids(products),
        basis_portfolio=basis_portfolio,
        basis_product=basis_product,
        basis_value=basis_value,
    )


def _points(demands: pa.Table) -> tuple[Ints, Floats, Floats]:
    rates, prices = demands["rates"].combine_chunks(), demands["prices"].combine_chunks()
    counts = _ints(pc.list_value_length(rates))
    return np.append(0, np.cumsum(counts)).astype(np.int64), _floats(rates.flatten()), _floats(prices.flatten())


def _summed(portfolio: Ints, product: Ints, weight: Floats) -> tuple[Ints, Ints, Floats]:
    """One entry for each portfolio and product; the rows come sorted by both."""
    if not len(portfolio):
        return portfolio, product, weight
    starts = np.flatnonzero(np.append(True, (np.diff(portfolio) != 0) | (np.diff(product) != 0)))
    return portfolio[starts], product[starts], np.add.reduceat(weight, starts)


def _places(things: pa.Table) -> Ints:
    """Where each number stands among the rows, -1 where it does not."""
    numbers = _ints(things["number"])
    places = np.full(int(numbers.max()) + 1 if len(numbers) else 0, -1, dtype=np.int64)
    places[numbers] = np.arange(len(numbers))
    return places


def _at(places: Ints, numbers: Ints) -> Ints:
    if not len(places):
        return np.full(len(numbers), -1, dtype=np.int64)
    found: Ints = np.where(numbers < len(places), places[np.minimum(numbers, len(places) - 1)], -1)
    return found


def _ids(things: pa.Table) -> Any:
    return things["id"].combine_chunks().cast(pa.string())


def _ints(column: Any) -> Ints:
    return np.asarray(column, dtype=np.int64)


def _floats(column: Any) -> Floats:
    return np.asarray(column, dtype=np.float64)
