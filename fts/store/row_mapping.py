"""Conversion of rows of SQL to records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, PortfolioRecord, ProductRecord
from fts.store.queries import from_utc


def product_record(row: Sequence[Any]) -> ProductRecord:
    """Convert a row of ``products.sql``."""
    name, app_data, parent, ratio, basis, created = row
    return ProductRecord(name, json.loads(app_data), (parent, ratio), make_weights(basis), from_utc(created))


def demand_record(row: Sequence[Any]) -> DemandRecord:
    """Convert a row of ``demands.sql``."""
    name, valid_from, bidder, app_data, rates, prices, constant, portfolios = row
    return DemandRecord(
        id=name,
        valid_from=from_utc(valid_from),
        valid_until=None,
        bidder_id=bidder,
        app_data=json.loads(app_data),
        curve=None if rates is None else make_curve(rates, prices, constant),
        portfolios=make_weights(portfolios),
    )


def portfolio_record(row: Sequence[Any]) -> PortfolioRecord:
    """Convert a row of ``portfolios.sql``."""
    name, valid_from, bidder, app_data, demand, basis = row
    return PortfolioRecord(
        id=name,
        valid_from=from_utc(valid_from),
        valid_until=None,
        bidder_id=bidder,
        app_data=json.loads(app_data),
        demand=make_weights(demand),
        basis=make_weights(basis),
    )


def make_curve(rates: list[float], prices: list[float], constant: bool) -> Curve | Constant:
    """Convert the columns of table ``curve``."""
    if constant:
        return Constant(prices[0], rates[0], rates[-1])
    return Curve(zip(rates, prices, strict=True))


def make_weights(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, float]:
    """Convert a list of ``{id, weight}``; null is empty."""
    return {entry["id"]: entry["weight"] for entry in entries or ()}
