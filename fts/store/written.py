"""Records from the rows that SQL gives."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, PortfolioRecord, ProductRecord
from fts.store.statements import from_utc


def product_record(row: Sequence[Any]) -> ProductRecord:
    """A product of ``products.sql``."""
    name, app_data, parent, ratio, basis, created = row
    return ProductRecord(name, json.loads(app_data), (parent, ratio), weights(basis), from_utc(created))


def demand_record(row: Sequence[Any]) -> DemandRecord:
    """A demand of ``demands.sql``."""
    name, valid_from, bidder, app_data, rates, prices, constant, portfolios = row
    return DemandRecord(
        id=name,
        valid_from=from_utc(valid_from),
        valid_until=None,
        bidder_id=bidder,
        app_data=json.loads(app_data),
        curve=None if rates is None else curve(rates, prices, constant),
        portfolios=weights(portfolios),
    )


def portfolio_record(row: Sequence[Any]) -> PortfolioRecord:
    """A portfolio of ``portfolios.sql``."""
    name, valid_from, bidder, app_data, demand, basis = row
    return PortfolioRecord(
        id=name,
        valid_from=from_utc(valid_from),
        valid_until=None,
        bidder_id=bidder,
        app_data=json.loads(app_data),
        demand=weights(demand),
        basis=weights(basis),
    )


def curve(rates: list[float], prices: list[float], constant: bool) -> Curve | Constant:
    """A curve as table ``curve`` keeps it."""
    if constant:
        return Constant(prices[0], rates[0], rates[-1])
    return Curve(zip(rates, prices, strict=True))


def weights(entries: Sequence[Mapping[str, Any]] | None) -> dict[str, float]:
    """Weights from a list of ``{id, weight}``; null: none."""
    return {entry["id"]: entry["weight"] for entry in entries or ()}
