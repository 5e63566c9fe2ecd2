"""Writing the outcome of a batch, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

from fts.models.outcome import Outcome
from fts.store.statements import statement


def store_outcome(
    cursor: duckdb.DuckDBPyConnection,
    outcome: Outcome,
    *,
    instant: datetime,
    thru: datetime | None,
    last: datetime | None,
    ends: datetime,
    reference: Mapping[str, float],
) -> None:
    """Store price and rate of every portfolio and product, and end those of the batch before.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Inside a transaction.
    outcome : Outcome
    instant, thru : datetime
        From when until when it holds; None: until the next one.
    last, ends : datetime
        The batch before, and when its outcomes end.
    reference : mapping of product to price
        What the prices were kept near to.
    """
    auction = outcome.auction
    portfolios = {
        "portfolio": auction.portfolio_ids,
        "price": pa.array(outcome.portfolio_prices, from_pandas=True),
        "rate": pa.array(outcome.rates),
    }
    products = {
        "product": auction.product_ids,
        "price": pa.array(outcome.prices, from_pandas=True),
        "rate": pa.array(outcome.volumes),
        "reference": pa.array([reference.get(name) for name in auction.product_ids.to_pylist()], pa.float64()),
        "price_low": pa.array(outcome.price_low, from_pandas=True),
        "price_high": pa.array(outcome.price_high, from_pandas=True),
    }
    for thing, columns in (("portfolio", portfolios), ("product", products)):
        if last is not None:
            cursor.execute(statement(f"close_{thing}_outcome"), {"last": last, "instant": ends})
        cursor.register(f"{thing}_rows", pa.table(columns))
        try:
            cursor.execute(statement(f"insert_{thing}_outcome"), {"instant": instant, "thru": thru})
        finally:
            cursor.unregister(f"{thing}_rows")
