"""Order book: the current products, demands and portfolios in memory, by id."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, PortfolioRecord, ProductRecord
from fts.store.queries import fetch_rows, from_utc
from fts.store.row_mapping import make_curve, portfolio_record, product_record


class DemandState(NamedTuple):
    """State of a demand without the portfolios that refer to it, which may be many.

    Attributes
    ----------
    bidder : str
    app_data : JSON value
    curve : Curve, Constant or None
    changed : datetime
        Last change of the demand, or of a portfolio that refers to it.
    """

    bidder: str
    app_data: Any
    curve: Curve | Constant | None
    changed: datetime


@dataclass
class BookLayer:
    """Copy-on-write layer of the order book: look-ups try this layer, then its parent.

    Each uncommitted change has a layer of its own. It is discarded if the change fails, and merged into the parent if
    the change is committed.

    Attributes
    ----------
    parent_layer : BookLayer or None
        None: this is the base layer, which has all records.
    products, demands, portfolios : dict
        Records of this layer, by id.
    references : dict of str to dict
        Weight of a demand in each portfolio that refers to it, by demand; above the base layer, None if the portfolio
        no longer refers to it.
    """

    parent_layer: BookLayer | None
    products: dict[str, ProductRecord]
    demands: dict[str, DemandState]
    portfolios: dict[str, PortfolioRecord]
    references: dict[str, dict[str, float | None]]

    @classmethod
    def empty(cls, parent_layer: BookLayer | None = None) -> BookLayer:
        """Create an empty layer."""
        return cls(parent_layer, {}, {}, {}, {})

    def product(self, product: str) -> ProductRecord | None:
        """Look up the product with this id."""
        found = self.products.get(product)
        return found if found is not None or self.parent_layer is None else self.parent_layer.product(product)

    def demand_state(self, demand: str) -> DemandState | None:
        """Look up the demand with this id, without the portfolios that refer to it."""
        found = self.demands.get(demand)
        return found if found is not None or self.parent_layer is None else self.parent_layer.demand_state(demand)

    def demand(self, demand: str) -> DemandRecord | None:
        """Look up the demand with this id."""
        state = self.demand_state(demand)
        if state is None:
            return None
        portfolios = self.portfolios_of(demand)
        return DemandRecord(demand, state.changed, None, state.bidder, state.app_data, state.curve, portfolios)

    def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Look up the portfolio with this id."""
        found = self.portfolios.get(portfolio)
        return found if found is not None or self.parent_layer is None else self.parent_layer.portfolio(portfolio)

    def portfolios_of(self, demand: str) -> dict[str, float]:
        """Return the weights of a demand in the portfolios that refer to it, by portfolio id."""
        layers: list[BookLayer] = [self]
        while layers[-1].parent_layer is not None:
            layers.append(layers[-1].parent_layer)
        overrides = [layer.references[demand] for layer in reversed(layers) if demand in layer.references]
        found: dict[str, float | None] = {}
        for weights in overrides:
            # Copied in one step, because another thread may write to the base layer.
            found |= weights
        return {name: weight for name, weight in sorted(found.items()) if weight is not None}

    def missing_products(self, products: Collection[str]) -> list[str]:
        """Return the ids of this list that no product has."""
        return [name for name in products if self.product(name) is None]

    def missing_demands(self, demands: Collection[str], bidder: str | None) -> list[str]:
        """Return the ids of this list that no demand, or no demand of this bidder, has."""
        found = ((name, self.demand_state(name)) for name in demands)
        return [name for name, state in found if state is None or (bidder is not None and state.bidder != bidder)]

    def missing_portfolios(self, portfolios: Collection[str]) -> list[str]:
        """Return the ids of this list that no portfolio has."""
        return [name for name in portfolios if self.portfolio(name) is None]

    def lineage(self, product: str) -> list[tuple[str, float, int]]:
        """List a product and its ancestors: id, units of the product in one unit of the ancestor, and level."""
        found, units, name = [(product, 1.0, 0)], 1.0, product
        while (record := self.product(name)) is not None and record.parent[0] != name:
            units *= record.parent[1]
            name = record.parent[0]
            found.append((name, units, len(found)))
        return found

    def split(self, parent: str, children: Sequence[ProductRecord]) -> None:
        """Add the parts of a product, which replace it in the basis of the product and its ancestors."""
        self.products.update({child.id: child for child in children})
        for name, units, _ in self.lineage(parent):
            record = self.product(name)
            if record is not None:
                basis = {leaf: ratio for leaf, ratio in record.basis.items() if leaf != parent}
                basis |= {child.id: units * child.parent[1] for child in children}
                self.products[name] = replace(record, basis=dict(sorted(basis.items())))

    def replace_curve(self, demand: str, curve: Curve | Constant | None, instant: datetime) -> None:
        """Replace the curve of a demand from an instant on."""
        state = self.demand_state(demand)
        if state is not None:
            self.demands[demand] = state._replace(curve=curve, changed=instant)

    def replace_demand(self, portfolio: str, weights: Mapping[str, float], instant: datetime) -> None:
        """Replace the demand weights of a portfolio from an instant on."""
        record = self.portfolio(portfolio)
        if record is None:
            return
        for demand in record.demand:
            self._set_reference(demand, portfolio, None, instant)
        for demand, weight in weights.items():
            self._set_reference(demand, portfolio, weight, instant)
        self.portfolios[portfolio] = replace(record, demand=dict(sorted(weights.items())), valid_from=instant)

    def replace_basis(self, portfolio: str, weights: Mapping[str, float], instant: datetime) -> None:
        """Replace the basis of a portfolio from an instant on."""
        record = self.portfolio(portfolio)
        if record is not None:
            self.portfolios[portfolio] = replace(record, basis=dict(sorted(weights.items())), valid_from=instant)

    def merge_into_parent(self) -> None:
        """Merge the records of this layer into its parent."""
        parent_layer = self.parent_layer
        if parent_layer is None:
            return
        parent_layer.products.update(self.products)
        parent_layer.demands.update(self.demands)
        parent_layer.portfolios.update(self.portfolios)
        for demand, weights in self.references.items():
            merged = parent_layer.references.setdefault(demand, {})
            for portfolio, weight in weights.items():
                if weight is None and parent_layer.parent_layer is None:
                    merged.pop(portfolio, None)
                else:
                    merged[portfolio] = weight

    def _set_reference(self, demand: str, portfolio: str, weight: float | None, instant: datetime) -> None:
        self.references.setdefault(demand, {})[portfolio] = weight
        state = self.demand_state(demand)
        if state is not None:
            self.demands[demand] = state._replace(changed=instant)


def load_order_book(cursor: duckdb.DuckDBPyConnection) -> BookLayer:
    """Load the base layer: the current state of the file.

    Raises
    ------
    StoreError
    """
    book = BookLayer.empty()
    for record in map(product_record, fetch_rows(cursor, "products")):
        book.products[record.id] = record
    for name, bidder, app_data, changed, rates, prices, constant in fetch_rows(cursor, "book_demands"):
        curve = None if rates is None else make_curve(rates, prices, constant)
        book.demands[name] = DemandState(bidder, json.loads(app_data), curve, from_utc(changed))
    for portfolio in map(portfolio_record, fetch_rows(cursor, "book_portfolios")):
        book.portfolios[portfolio.id] = portfolio
        for demand, weight in portfolio.demand.items():
            book.references.setdefault(demand, {})[portfolio.id] = weight
    return book
