"""The store port: a store in which nothing is ever overwritten or deleted."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import pandas as pd

from fts.models.auction import Auction
from fts.models.curve import Constant, Curve
from fts.models.outcome import Outcome
from fts.models.records import (
    BatchRecord,
    DemandRecord,
    HistoryRow,
    OutcomeRow,
    Page,
    PortfolioRecord,
    ProductRecord,
    Units,
)
from fts.models.trade_limits import RemainingLimits
from fts.models.v0 import AuthData, AuthRecord, CostData, CostRecord, Trade, Version

Result = TypeVar("Result")


class EntityReader(Protocol):
    """The products and bids of the market, as of the last committed change. Ids are UUIDs as text."""

    def product(self, product: str) -> ProductRecord | None:
        """Return the product with this id."""
        ...

    def products(self) -> list[ProductRecord]:
        """Return every product, in order of creation."""
        ...

    def demand(self, demand: str) -> DemandRecord | None:
        """Return the demand with this id."""
        ...

    def demands(self, bidders: Collection[str]) -> list[DemandRecord]:
        """Return the active demands of these bidders, in order of creation."""
        ...

    def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """Return the portfolio with this id."""
        ...

    def portfolios(self, bidders: Collection[str]) -> list[PortfolioRecord]:
        """Return the portfolios of these bidders that have a demand or a basis, in order of creation."""
        ...

    def expanded_basis(self, portfolio: str) -> tuple[dict[str, float], datetime | None]:
        """Return the basis of a portfolio in the products that trade now, and the instant since when it is so."""
        ...

    def owner_of_demand(self, demand: str) -> tuple[str, Any] | None:
        """Return bidder and app_data of the demand with this id."""
        ...

    def owner_of_portfolio(self, portfolio: str) -> tuple[str, Any] | None:
        """Return bidder and app_data of the portfolio with this id."""
        ...

    def portfolios_of(self, demand: str) -> dict[str, float]:
        """Return the weights of a demand in the portfolios that refer to it, by portfolio id."""
        ...

    def missing_products(self, products: Collection[str]) -> list[str]:
        """Return those of these ids that no product has."""
        ...

    def missing_demands(self, demands: Collection[str], bidder: str | None = None) -> list[str]:
        """Return those of these ids that no demand, or no demand of this bidder, has."""
        ...

    def missing_portfolios(self, portfolios: Collection[str]) -> list[str]:
        """Return those of these ids that no portfolio has."""
        ...

    def auth_names(self, bidder: str) -> list[str]:
        """Return the ids of a bidder's auths, stopped ones too, in order of creation."""
        ...

    def cost_names(self, bidder: str) -> list[str]:
        """Return the ids of a bidder's costs, stopped ones too, in order of creation."""
        ...

    def auths(self, auths: Collection[str]) -> list[AuthRecord]:
        """Return the auths with these ids, by version."""
        ...

    def costs(self, costs: Collection[str]) -> list[CostRecord]:
        """Return the costs with these ids, by version."""
        ...

    def active_demands(self, demands: Collection[str]) -> set[str]:
        """Return those of these ids that have a curve."""
        ...


class HistoryReader(Protocol):
    """Histories, batches and their outcomes, and auctions of any instant."""

    def curve_history(
        self, demand: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[Curve | Constant]]:
        """Return the curves of a demand, newest first."""
        ...

    def demand_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """Return the demand weights of a portfolio, newest first."""
        ...

    def basis_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """Return the basis of a portfolio, newest first."""
        ...

    def product_outcomes(
        self, product: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """Return price and rate of a product, batch by batch, newest first."""
        ...

    def portfolio_outcomes(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """Return price and rate of a portfolio, batch by batch, newest first."""
        ...

    def product_outcomes_since(self, product: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """Return price and rate of a product in the batches that ran after the one of an instant, in order."""
        ...

    def portfolio_outcomes_since(self, portfolio: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """Return price and rate of a portfolio in the batches that ran after the one of an instant, in order."""
        ...

    def product_outcomes_of(self, instant: datetime, products: Collection[str]) -> dict[str, OutcomeRow]:
        """Return price and rate of these products in the batch of an instant, of those that have one."""
        ...

    def portfolio_outcomes_of(self, instant: datetime, portfolios: Collection[str]) -> dict[str, OutcomeRow]:
        """Return price and rate of these portfolios in the batch of an instant, of those that have one."""
        ...

    def batches_since(self, since: datetime, limit: int) -> list[BatchRecord]:
        """Return the batches that ran after the one of an instant, in order."""
        ...

    def batches(self, before: datetime | None, after: datetime | None, limit: int) -> Page[BatchRecord]:
        """Return the batches, newest first."""
        ...

    def batch(self, instant: datetime) -> BatchRecord | None:
        """Return the batch of this instant."""
        ...

    def last_cleared(self, before: datetime | None = None) -> BatchRecord | None:
        """Return the last batch that stored an outcome, of those before an instant."""
        ...

    def batch_in_force(self, instant: datetime) -> BatchRecord | None:
        """Return the batch whose outcomes hold at this instant."""
        ...

    def batch_prices(self, instant: datetime) -> pd.DataFrame:
        """Return columns product, price, rate, reference, price_low, price_high of one batch, products by id."""
        ...

    def positions(self, bidder: str, at: datetime) -> pd.DataFrame:
        """Return columns product, quantity, cost of one bidder until an instant, in the products that trade then."""
        ...

    def auth_versions(
        self, auths: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """Return the last changes of auths on [after, before), newest first, and one more; one instant stays whole."""
        ...

    def cost_versions(
        self, costs: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """Return the last changes of costs on [after, before), newest first, and one more; one instant stays whole."""
        ...

    def auth_history(self, auth: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """Return the data of an auth on [after, before), newest first; a stop has none."""
        ...

    def cost_history(self, cost: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """Return the data of a cost on [after, before), newest first; a stop has none."""
        ...

    def traded_quantities(self, portfolios: Collection[str], at: datetime) -> dict[str, float]:
        """Return the quantity that each portfolio traded in the batches that had begun at an instant."""
        ...

    def auction_as_of(self, instant: datetime) -> Auction:
        """Return the auction of any instant, exactly as it was."""
        ...

    def remaining_limits(self, at: datetime, begins: datetime, solved_at: datetime) -> RemainingLimits | None:
        """Return what the limits of an instant leave to a batch; None if no limits exist.

        Trades count as they were known when the batch was solved.
        """
        ...

    def product_trades(self, product: str, before: datetime | None, after: datetime | None, limit: int) -> list[Trade]:
        """Return price and quantity of a product, batch by batch, newest first."""
        ...

    def portfolio_trades(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> list[Trade]:
        """Return price and quantity of a portfolio, batch by batch, newest first."""
        ...

    def product_trades_of(self, instant: datetime, thru: datetime, products: Collection[str]) -> dict[str, Trade]:
        """Return price and quantity of these products in a batch that holds until ``thru``, of those with a price."""
        ...

    def bidder_trades_of(self, instant: datetime, thru: datetime, bidders: Collection[str]) -> dict[str, list[Trade]]:
        """Return price and quantity of the auths of these bidders in a batch that holds until ``thru``."""
        ...

    def closed_batches(self, instant: datetime | None = None) -> list[tuple[datetime, datetime]]:
        """Return begin and end of the batches whose end a batch made known; None: of the latest one."""
        ...

    def overlapping_batches(self, from_: datetime, thru: datetime) -> list[tuple[datetime, bool, datetime | None]]:
        """Return ``(begin, was the end given, end)`` of cleared batches that hold within a span, newest first."""
        ...

    def last_slice_end(self, before: datetime) -> datetime | None:
        """Return the end that the last batch before an instant was given, of those that were given one."""
        ...

    def last_run(self) -> datetime | None:
        """Return the instant of the last batch that was given no end."""
        ...

    def next_cleared(self, instant: datetime) -> datetime | None:
        """Return the instant of the first batch later than this one that stored an outcome."""
        ...

    def counts(self) -> dict[str, int]:
        """Count everything that was ever stored: products, demands, portfolios, curves, weights."""
        ...


class MarketReader(EntityReader, HistoryReader, Protocol):
    """Reads all that a market holds."""


class Transaction(EntityReader, Protocol):
    """One change of the market: all of it is stored at one instant, or nothing is."""

    @property
    def instant(self) -> datetime:
        """The instant of the change; later than every change before it."""
        ...

    def add_product(self, product: str, app_data: Any, parent: str | None = None, ratio: float = 1.0) -> None:
        """Add a product, which is its own basis."""
        ...

    def split_product(self, parent: str, children: Sequence[tuple[str, Any, float]]) -> None:
        """Make one unit of a product, from now on, ``ratio`` units of each ``(id, app_data, ratio)``.

        Whatever is written in the product, or in one that it was split from, trades these; a product that
        was split before gets these children as well.
        """
        ...

    def add_demand(self, demand: str, bidder: str, app_data: Any) -> None:
        """Add a demand, without a curve."""
        ...

    def add_portfolio(self, portfolio: str, bidder: str, app_data: Any) -> None:
        """Add a portfolio, without weights."""
        ...

    def replace_curve(self, demand: str, curve: Curve | Constant | None) -> None:
        """Replace the curve of a demand from now on; None: inactive."""
        ...

    def replace_demand(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """Replace the demand weights of a portfolio from now on; empty: none."""
        ...

    def replace_basis(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """Replace the basis of a portfolio from now on; empty: none."""
        ...

    def replace_limits(self, auth: str, data: AuthData | None) -> None:
        """Replace the limits and the written form of an auth from now on; None: none."""
        ...

    def replace_form(self, cost: str, data: CostData | None) -> None:
        """Replace the written form of a cost from now on; None: it is stopped."""
        ...

    def add_batch(
        self,
        batch: BatchRecord,
        outcome: Outcome | None,
        previous_ends_at: datetime | None = None,
        valid_until: datetime | None = None,
        reference: Mapping[str, float] | None = None,
    ) -> None:
        """Add a batch and its outcome, if it has one.

        The outcome before ends at ``previous_ends_at``, or when this one begins. This one holds until
        ``valid_until``; None: until another ends it. ``reference`` are the prices by product that it was kept near to.
        """
        ...


class Store(Protocol):
    """The market's store: one file, one process that writes, any number of its threads."""

    def open(
        self,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> Units:
        """Open the file, or make it; the units of a file are fixed when it is made.

        Raises
        ------
        StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, StoreError
        """
        ...

    @property
    def read(self) -> MarketReader:
        """The reader of the calling thread."""
        ...

    def write(self, change: Callable[[Transaction], Result]) -> Result:
        """Make one change; when this returns, it is on disk.

        ``change`` may run more than once: it reads and writes through the transaction it is given and
        does nothing else. If it raises, nothing was changed.
        """
        ...

    def write_all(self, changes: Sequence[Callable[[Transaction], Any]]) -> list[Any]:
        """Make changes as `write` does, each at its own instant, and commit them together.

        Returns
        -------
        list
            The result of each change, or the exception that it raised.
        """
        ...

    def warm_cache(self) -> None:
        """Read what changes refer to into memory, so that the first change need not wait for it."""
        ...

    def next_timestamp(self) -> datetime:
        """Return an instant after every change so far, and before every change to come."""
        ...

    @property
    def folder(self) -> str | None:
        """Folder of the market's file; None if the market is in memory."""
        ...

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the market as it is now to a file where nothing is, while it goes on.

        Raises
        ------
        StoreError
        """
        ...

    def export(self, folder: str | os.PathLike[str]) -> None:
        """Write the market as it is now as Parquet files to a folder that is not there.

        Raises
        ------
        StoreError
        """
        ...

    def close(self) -> None:
        """Close the file; closing it twice does no harm."""
        ...
