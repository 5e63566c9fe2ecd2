"""Storage of the outcome of a batch, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import duckdb
import pyarrow as pa

from fts.models.outcome import Outcome
from fts.store.queries import sql_text


def write_outcome(
    cursor: duckdb.DuckDBPyConnection,
    outcome: Outcome,
    *,
    instant: datetime,
    thru: datetime | None,
    last: datetime | None,
    ends_at: datetime,
    reference: Mapping[str, float],
) -> None:
    """Store price and rate of all portfolios and products, and end those of the previous batch.

    Parameters
    ----------
    cursor : DuckDBPyConnection
        Cursor inside a transaction.
    outcome : Outcome
    instant, thru : datetime
        First instant and end of the outcome; None: until the next one.
    last, ends_at : datetime
        Instant of the previous batch, and the end of its outcomes.
    reference : mapping of product to price
        Prices to which those of the batch were kept close.
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
            cursor.execute(sql_text("close_outcome", thing=thing), {"last": last, "instant": ends_at})
        cursor.register(f"{thing}_rows", pa.table(columns))
        try:
            cursor.execute(sql_text("insert_outcome", thing=thing), {"instant": instant, "thru": thru})
        finally:
            cursor.unregister(f"{thing}_rows")
