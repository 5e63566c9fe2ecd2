"""The market as it is now, in memory: products, demands and portfolios by id."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import duckdb

from fts.models.curve import Constant, Curve
from fts.models.records import DemandRecord, PortfolioRecord, ProductRecord
from fts.store.statements import from_utc, rows
from fts.store.written import curve as read_curve
from fts.store.written import portfolio_record, product_record


class Entry(NamedTuple):
    """A demand without the portfolios that refer to it, which may be many.

    Attributes
    ----------
    bidder : str
    app_data : JSON value
    curve : Curve, Constant or None
    changed : datetime
        The last change of it, or of a portfolio that refers to it.
    """

    bidder: str
    app_data: Any
    curve: Curve | Constant | None
    changed: datetime


@dataclass
class Sheet:
    """What is written on this sheet hides what the one below it says of the same thing.

    Attributes
    ----------
    below : Sheet or None
        None: this is the bottom, which has everything.
    products, demands, portfolios : dict
        By id.
    references : dict of str to dict
        By demand, its weight in each portfolio that refers to it; on a sheet above the bottom, None where it no longer
        does.
    """

    below: Sheet | None
    products: dict[str, ProductRecord]
    demands: dict[str, Entry]
    portfolios: dict[str, PortfolioRecord]
    references: dict[str, dict[str, float | None]]

    @classmethod
    def blank(cls, below: Sheet | None = None) -> Sheet:
        """A sheet with nothing on it."""
        return cls(below, {}, {}, {}, {})

    def product(self, product: str) -> ProductRecord | None:
        """The product with this id."""
        found = self.products.get(product)
        return found if found is not None or self.below is None else self.below.product(product)

    def entry(self, demand: str) -> Entry | None:
        """The demand with this id, without the portfolios that refer to it."""
        found = self.demands.get(demand)
        return found if found is not None or self.below is None else self.below.entry(demand)

    def demand(self, demand: str) -> DemandRecord | None:
        """The demand with this id."""
        entry = self.entry(demand)
        if entry is None:
            return None
        portfolios = self.portfolios_of(demand)
        return DemandRecord(demand, entry.changed, None, entry.bidder, entry.app_data, entry.curve, portfolios)

    def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """The portfolio with this id."""
        found = self.portfolios.get(portfolio)
        return found if found is not None or self.below is None else self.below.portfolio(portfolio)

    def portfolios_of(self, demand: str) -> dict[str, float]:
        """The weights of a demand in the portfolios that refer to it, by portfolio id."""
        sheets: list[Sheet] = [self]
        while sheets[-1].below is not None:
            sheets.append(sheets[-1].below)
        written = [sheet.references[demand] for sheet in reversed(sheets) if demand in sheet.references]
        found: dict[str, float | None] = {}
        for weights in written:
            # Copied at once: another thread may write on the sheet at the bottom.
            found |= weights
        return {name: weight for name, weight in sorted(found.items()) if weight is not None}

    def missing_products(self, products: Collection[str]) -> list[str]:
        """Those of these ids that no product has."""
        return [name for name in products if self.product(name) is None]

    def missing_demands(self, demands: Collection[str], bidder: str | None) -> list[str]:
        """Those of these ids that no demand, or no demand of this bidder, has."""
        found = ((name, self.entry(name)) for name in demands)
        return [name for name, entry in found if entry is None or (bidder is not None and entry.bidder != bidder)]

    def missing_portfolios(self, portfolios: Collection[str]) -> list[str]:
        """Those of these ids that no portfolio has."""
        return [name for name in portfolios if self.portfolio(name) is None]

    def lineage(self, product: str) -> list[tuple[str, float, int]]:
        """A product and all it was split from: id, units of the product in one unit of it, and levels between them."""
        found, units, name = [(product, 1.0, 0)], 1.0, product
        while (record := self.product(name)) is not None and record.parent[0] != name:
            units *= record.parent[1]
            name = record.parent[0]
            found.append((name, units, len(found)))
        return found

    def split(self, parent: str, children: Sequence[ProductRecord]) -> None:
        """Add parts of a product, in whose terms all it was split from are written from now on."""
        self.products.update({child.id: child for child in children})
        for name, units, _ in self.lineage(parent):
            record = self.product(name)
            if record is not None:
                basis = {leaf: ratio for leaf, ratio in record.basis.items() if leaf != parent}
                basis |= {child.id: units * child.parent[1] for child in children}
                self.products[name] = replace(record, basis=dict(sorted(basis.items())))

    def replace_curve(self, demand: str, curve: Curve | Constant | None, instant: datetime) -> None:
        """From this instant the demand has this curve."""
        entry = self.entry(demand)
        if entry is not None:
            self.demands[demand] = entry._replace(curve=curve, changed=instant)

    def replace_demand(self, portfolio: str, weights: Mapping[str, float], instant: datetime) -> None:
        """From this instant the portfolio refers to these demands."""
        record = self.portfolio(portfolio)
        if record is None:
            return
        for demand in record.demand:
            self._refer(demand, portfolio, None, instant)
        for demand, weight in weights.items():
            self._refer(demand, portfolio, weight, instant)
        self.portfolios[portfolio] = replace(record, demand=dict(sorted(weights.items())), valid_from=instant)

    def replace_basis(self, portfolio: str, weights: Mapping[str, float], instant: datetime) -> None:
        """From this instant the portfolio trades these products."""
        record = self.portfolio(portfolio)
        if record is not None:
            self.portfolios[portfolio] = replace(record, basis=dict(sorted(weights.items())), valid_from=instant)

    def settle(self) -> None:
        """Write everything here on the sheet below."""
        below = self.below
        if below is None:
            return
        below.products.update(self.products)
        below.demands.update(self.demands)
        below.portfolios.update(self.portfolios)
        for demand, weights in self.references.items():
            kept = below.references.setdefault(demand, {})
            for portfolio, weight in weights.items():
                if weight is None and below.below is None:
                    kept.pop(portfolio, None)
                else:
                    kept[portfolio] = weight

    def _refer(self, demand: str, portfolio: str, weight: float | None, instant: datetime) -> None:
        self.references.setdefault(demand, {})[portfolio] = weight
        entry = self.entry(demand)
        if entry is not None:
            self.demands[demand] = entry._replace(changed=instant)


def read_book(cursor: duckdb.DuckDBPyConnection) -> Sheet:
    """The bottom sheet: everything the file says of now.

    Raises
    ------
    StoreError
    """
    book = Sheet.blank()
    for record in map(product_record, rows(cursor, "products")):
        book.products[record.id] = record
    for name, bidder, app_data, changed, rates, prices, constant in rows(cursor, "book_demands"):
        curve = None if rates is None else read_curve(rates, prices, constant)
        book.demands[name] = Entry(bidder, json.loads(app_data), curve, from_utc(changed))
    for portfolio in map(portfolio_record, rows(cursor, "book_portfolios")):
        book.portfolios[portfolio.id] = portfolio
        for demand, weight in portfolio.demand.items():
            book.references.setdefault(demand, {})[portfolio.id] = weight
    return book
