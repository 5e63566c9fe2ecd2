"""Queries of a market: its current state, and its histories in pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from fts.models.auction import Auction
from fts.models.certificate import Certificate
from fts.models.curve import Constant, Curve
from fts.models.records import BatchRecord, DemandRecord, HistoryRow, OutcomeRow, Page, PortfolioRecord, ProductRecord
from fts.store.as_of import auction_as_of
from fts.store.auths import AuthReader
from fts.store.quantities import QuantityReader
from fts.store.queries import Thing, from_utc, optional_from_utc, optional_utc, to_utc
from fts.store.row_mapping import demand_record, make_curve, make_weights, portfolio_record, product_record

Value = TypeVar("Value")


class DuckReader(AuthReader, QuantityReader):
    """Reads a market through one cursor; the port is :class:`fts.ports.store.MarketReader`."""

    def product(self, product: str) -> ProductRecord | None:
        """Look up the product with this id."""
        return self._book().product(product)

    def products(self) -> list[ProductRecord]:
        """List all products, in order of creation."""
        return [product_record(row) for row in self._rows("products")]

    def demand(self, demand: str) -> DemandRecord | None:
        """Look up the demand with this id."""
        return self._book().demand(demand)

    def demands(self, bidders: Collection[str]) -> list[DemandRecord]:
        """List the active demands of these bidders, in order of creation."""
        return [demand_record(row) for row in self._rows("demands", bidders=list(bidders))]

    def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Look up the portfolio with this id."""
        return self._book().portfolio(portfolio)

    def portfolios(self, bidders: Collection[str]) -> list[PortfolioRecord]:
        """List the portfolios of these bidders that have a demand or a basis, in order of creation."""
        return [portfolio_record(row) for row in self._rows("portfolios", bidders=list(bidders))]

    def expanded_basis(self, portfolio: str) -> tuple[dict[str, float], datetime | None]:
        """Read the basis of a portfolio in the products that trade now, and the instant of its last change."""
        found = self._rows("expanded_basis", id=portfolio)
        since = max((from_utc(instant) for _, _, instant in found), default=None)
        return {name: weight for name, weight, _ in found}, since

    def owner_of_demand(self, demand: str) -> tuple[str, Any] | None:
        """Look up bidder and app_data of the demand with this id."""
        entry = self._book().demand_state(demand)
        return None if entry is None else (entry.bidder, entry.app_data)

    def owner_of_portfolio(self, portfolio: str) -> tuple[str, Any] | None:
        """Look up bidder and app_data of the portfolio with this id."""
        record = self._book().portfolio(portfolio)
        return None if record is None else (record.bidder_id, record.app_data)

    def portfolios_of(self, demand: str) -> dict[str, float]:
        """Return the weights of a demand in the portfolios that refer to it, by portfolio id."""
        return self._book().portfolios_of(demand)

    def missing_products(self, products: Collection[str]) -> list[str]:
        """Return the ids of this list that no product has."""
        return self._book().missing_products(products)

    def missing_demands(self, demands: Collection[str], bidder: str | None = None) -> list[str]:
        """Return the ids of this list that no demand, or no demand of this bidder, has."""
        return self._book().missing_demands(demands, bidder)

    def missing_portfolios(self, portfolios: Collection[str]) -> list[str]:
        """Return the ids of this list that no portfolio has."""
        return self._book().missing_portfolios(portfolios)

    def curve_history(
        self, demand: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[Curve | Constant]]:
        """List the curves of a demand, newest first."""
        return self._page("curve_history", None, demand, before, after, limit, lambda found: make_curve(*found))

    def demand_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """List the demand weights of a portfolio, newest first."""
        return self._weights("demand", portfolio, before, after, limit)

    def basis_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """List the bases of a portfolio, newest first."""
        return self._weights("product", portfolio, before, after, limit)

    def product_outcomes(
        self, product: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """List price and rate of a product per batch, newest first."""
        return self._page("outcomes", "product", product, before, after, limit, _price_and_rate)

    def portfolio_outcomes(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """List price and rate of a portfolio per batch, newest first."""
        return self._page("outcomes", "portfolio", portfolio, before, after, limit, _price_and_rate)

    def product_outcomes_since(self, product: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """List price and rate of a product in the batches after that of an instant, in order."""
        return self._outcomes_since("product", product, since, limit)

    def portfolio_outcomes_since(self, portfolio: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """List price and rate of a portfolio in the batches after that of an instant, in order."""
        return self._outcomes_since("portfolio", portfolio, since, limit)

    def product_outcomes_of(self, instant: datetime, products: Collection[str]) -> dict[str, OutcomeRow]:
        """Read price and rate of these products in the batch of an instant; those without an outcome are left out."""
        return self._outcomes_of("product", instant, products)

    def portfolio_outcomes_of(self, instant: datetime, portfolios: Collection[str]) -> dict[str, OutcomeRow]:
        """Read price and rate of these portfolios in the batch of an instant; those without an outcome are left out."""
        return self._outcomes_of("portfolio", instant, portfolios)

    def batches_since(self, since: datetime, limit: int) -> list[BatchRecord]:
        """List the batches after that of an instant, in order."""
        return [_batch(row) for row in self._rows("batches_since", since=to_utc(since), limit=limit)]

    def batches(self, before: datetime | None, after: datetime | None, limit: int) -> Page[BatchRecord]:
        """List the batches, newest first."""
        found = self._batches(before, after, limit + 1)
        return _page(found, limit, [batch.instant for batch in found], after)

    def batch(self, instant: datetime) -> BatchRecord | None:
        """Read the batch of an instant."""
        latest = self._batches(_next(instant), instant, 1)
        return latest[0] if latest else None

    def last_cleared(self, before: datetime | None = None) -> BatchRecord | None:
        """Read the last batch with an outcome before an instant."""
        latest = self._batches(before, None, 1, cleared=True)
        return latest[0] if latest else None

    def batch_in_force(self, instant: datetime) -> BatchRecord | None:
        """Read the batch whose outcomes are in force at an instant."""
        batch = self.last_cleared(_next(instant))
        return None if batch is None or (batch.thru is not None and batch.thru <= instant) else batch

    def batch_prices(self, instant: datetime) -> pd.DataFrame:
        """Read the columns product, price, rate, reference, price_low, price_high of one batch, by product id."""
        return self._frame("batch_prices", instant=to_utc(instant))

    def positions(self, bidder: str, at: datetime) -> pd.DataFrame:
        """Read the columns product, quantity, cost of a bidder until an instant, in the products that trade then."""
        return self._frame("positions", bidder=bidder, at=to_utc(at))

    def auction_as_of(self, instant: datetime) -> Auction:
        """Build the auction of an instant."""
        with self._reading():
            return auction_as_of(self._cursor, to_utc(instant), in_transaction=self._in_transaction)

    def counts(self) -> dict[str, int]:
        """Count all stored products, demands, portfolios, curves and weights."""
        (counts,) = self._rows("counts")
        return dict(zip(("products", "demands", "portfolios", "curves", "weights"), counts, strict=True))

    def _frame(self, name: str, **values: Any) -> pd.DataFrame:
        found = self._table(name, **values)
        columns = {
            column: found[column].to_pylist() if column == "product" else np.asarray(found[column], dtype=np.float64)
            for column in found.column_names
        }
        return pd.DataFrame(columns).astype({"product": "str"})

    def _page(
        self,
        name: str,
        thing: Thing | None,
        key: str,
        before: datetime | None,
        after: datetime | None,
        limit: int,
        value_of: Callable[[Sequence[Any]], Value],
    ) -> Page[HistoryRow[Value]]:
        found = self._rows(
            name, thing=thing, id=key, before=optional_utc(before), after=optional_utc(after), limit=limit + 1
        )
        results = [HistoryRow(from_utc(row[0]), optional_from_utc(row[1]), value_of(row[2:])) for row in found]
        return _page(results, limit, [row.valid_from for row in results], after)

    def _weights(
        self, thing: Thing, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        return self._page("weight_history", thing, portfolio, before, after, limit, lambda found: make_weights(*found))

    def _outcomes_since(self, thing: Thing, key: str, since: datetime, limit: int) -> list[OutcomeRow]:
        found = self._rows("outcomes_since", thing=thing, id=key, since=to_utc(since), limit=limit)
        return [_outcome(row) for row in found]

    def _outcomes_of(self, thing: Thing, instant: datetime, ids: Collection[str]) -> dict[str, OutcomeRow]:
        if not ids:
            return {}
        found = self._rows("outcomes_of", thing=thing, instant=to_utc(instant), ids=list(ids))
        return {key: _outcome(row) for key, *row in found}

    def _batches(
        self, before: datetime | None, after: datetime | None, limit: int, *, cleared: bool = False
    ) -> list[BatchRecord]:
        found = self._rows(
            "batches", before=optional_utc(before), after=optional_utc(after), limit=limit, cleared=cleared
        )
        return [_batch(row) for row in found]


def _page(results: list[Value], limit: int, instants: list[datetime], after: datetime | None) -> Page[Value]:
    if len(results) <= limit:
        return Page(results)
    more = {"before": instants[limit - 1]}
    return Page(results[:limit], more if after is None else {**more, "after": after})


def _next(instant: datetime) -> datetime | None:
    # The last instant of the calendar has no next one.
    return None if instant.replace(tzinfo=None) == datetime.max else instant + instant.resolution


def _outcome(row: Sequence[Any]) -> OutcomeRow:
    return HistoryRow(from_utc(row[0]), optional_from_utc(row[1]), _price_and_rate(row[2:]))


def _price_and_rate(found: Sequence[Any]) -> dict[str, float | None]:
    price, rate = found
    return {"price": price, "rate": rate}


def _batch(row: Sequence[Any]) -> BatchRecord:
    instant, solved_at, thru, status, reason, solver, *measures, seconds, products, demands, portfolios, duration = row
    imbalance, domain, consistency, gap, fit, welfare, tol, iterations, engine_seconds = measures
    certificate = None
    if imbalance is not None:
        certificate = Certificate(
            status=status,
            imbalance=imbalance,
            domain=domain,
            consistency=consistency,
            gap=gap,
            fit=fit,
            welfare=welfare,
            tol=tol,
            iterations=iterations,
            seconds=engine_seconds,
        )
    return BatchRecord(
        instant=from_utc(instant),
        solved_at=from_utc(solved_at),
        thru=optional_from_utc(thru),
        status=status,
        reason=reason,
        solver=solver,
        certificate=certificate,
        seconds=seconds,
        products=products,
        demands=demands,
        portfolios=portfolios,
        duration=duration,
    )
