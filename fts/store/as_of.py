"""Auction of any instant: arrays from the rows of the file, without an object per bid."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from fts.models.auction import Auction
from fts.store.queries import fetch_table, translate_errors

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


def auction_as_of(cursor: duckdb.DuckDBPyConnection, instant: datetime, *, in_transaction: bool = False) -> Auction:
    """Build the auction of an instant, from its curves and the portfolios with both groups.

    Parameters
    ----------
    cursor : DuckDBPyConnection
    instant : datetime
        UTC, naive.
    in_transaction : bool
        True if the cursor is inside a transaction.

    Notes
    -----
    Demands and portfolios are in order of creation; a basis is in the products that traded at the instant.
    """
    with translate_errors("read the auction"):
        # One snapshot for all five tables; a transaction already has one.
        if not in_transaction:
            cursor.execute("BEGIN")
        try:
            demands, portfolios, weights, basis = (
                fetch_table(cursor, f"as_of_{name}", t=instant)
                for name in ("demands", "portfolios", "weights", "basis")
            )
            products = fetch_table(cursor, "as_of_products")
        finally:
            if not in_transaction:
                cursor.execute("ROLLBACK")
    portfolio_at, demand_at, product_at = _row_numbers(portfolios), _row_numbers(demands), _row_numbers(products)
    offsets, rates, prices = _points(demands)
    weight_portfolio = _lookup(portfolio_at, _ints(weights["portfolio"]))
    present_weights = weight_portfolio >= 0
    basis_portfolio = _lookup(portfolio_at, _ints(basis["portfolio"]))
    basis_product = _lookup(product_at, _ints(basis["product"]))
    present = basis_portfolio >= 0
    basis_portfolio, basis_product, basis_value = _sum_duplicates(
        basis_portfolio[present], basis_product[present], _floats(basis["weight"])[present]
    )
    return Auction.from_columns(
        demand_ids=_ids(demands),
        point_offsets=offsets,
        point_rates=rates,
        point_prices=prices,
        constant=np.asarray(demands["constant"], dtype=bool),
        portfolio_ids=_ids(portfolios),
        weight_portfolio=weight_portfolio[present_weights],
        weight_demand=_lookup(demand_at, _ints(weights["demand"]))[present_weights],
        weight_value=_floats(weights["weight"])[present_weights],
        product_ids=_ids(products),
        basis_portfolio=basis_portfolio,
        basis_product=basis_product,
        basis_value=basis_value,
    )


def _points(demands: pa.Table) -> tuple[Ints, Floats, Floats]:
    rates, prices = demands["rates"].combine_chunks(), demands["prices"].combine_chunks()
    counts = _ints(pc.list_value_length(rates))
    return np.append(0, np.cumsum(counts)).astype(np.int64), _floats(rates.flatten()), _floats(prices.flatten())


def _sum_duplicates(portfolio: Ints, product: Ints, weight: Floats) -> tuple[Ints, Ints, Floats]:
    """Sum the entries of the same portfolio and product; the rows are sorted by both."""
    if not len(portfolio):
        return portfolio, product, weight
    starts = np.flatnonzero(np.append(True, (np.diff(portfolio) != 0) | (np.diff(product) != 0)))
    return portfolio[starts], product[starts], np.add.reduceat(weight, starts)


def _row_numbers(records: pa.Table) -> Ints:
    """Compute the row index of each number; -1 if no row has it."""
    numbers = _ints(records["number"])
    positions = np.full(int(numbers.max()) + 1 if len(numbers) else 0, -1, dtype=np.int64)
    positions[numbers] = np.arange(len(numbers))
    return positions


def _lookup(positions: Ints, numbers: Ints) -> Ints:
    if not len(positions):
        return np.full(len(numbers), -1, dtype=np.int64)
    found: Ints = np.where(numbers < len(positions), positions[np.minimum(numbers, len(positions) - 1)], -1)
    return found


def _ids(records: pa.Table) -> Any:
    return records["id"].combine_chunks().cast(pa.string())


def _ints(column: Any) -> Ints:
    return np.asarray(column, dtype=np.int64)


def _floats(column: Any) -> Floats:
    return np.asarray(column, dtype=np.float64)
