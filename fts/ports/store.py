"""The store port: the market's memory, in which nothing is ever overwritten or deleted."""

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
from fts.models.trade import Trade
from fts.models.trade_limits import RemainingLimits
from fts.models.v0 import AuthData, AuthRecord, CostData, CostRecord, Version

Result = TypeVar("Result")


class Reader(Protocol):
    """What the market holds, as of the last committed change. Ids are UUIDs as text."""

    def product(self, product: str) -> ProductRecord | None:
        """The product with this id."""
        ...

    def products(self) -> list[ProductRecord]:
        """Every product, in order of creation."""
        ...

    def demand(self, demand: str) -> DemandRecord | None:
        """The demand with this id."""
        ...

    def demands(self, bidders: Collection[str]) -> list[DemandRecord]:
        """The active demands of these bidders, in order of creation."""
        ...

    def portfolio(self, portfolio: str) -> PortfolioRecord | None:
        """The portfolio with this id."""
        ...

    def portfolios(self, bidders: Collection[str]) -> list[PortfolioRecord]:
        """The portfolios of these bidders that have a demand or a basis, in order of creation."""
        ...

    def expanded_basis(self, portfolio: str) -> tuple[dict[str, float], datetime | None]:
        """The basis of a portfolio in the products that trade now, and since when it is that."""
        ...

    def owner_of_demand(self, demand: str) -> tuple[str, Any] | None:
        """Bidder and app_data of the demand with this id."""
        ...

    def owner_of_portfolio(self, portfolio: str) -> tuple[str, Any] | None:
        """Bidder and app_data of the portfolio with this id."""
        ...

    def portfolios_of(self, demand: str) -> dict[str, float]:
        """The weights of a demand in the portfolios that refer to it, by portfolio id."""
        ...

    def missing_products(self, products: Collection[str]) -> list[str]:
        """Those of these ids that no product has."""
        ...

    def missing_demands(self, demands: Collection[str], bidder: str | None = None) -> list[str]:
        """Those of these ids that no demand, or no demand of this bidder, has."""
        ...

    def missing_portfolios(self, portfolios: Collection[str]) -> list[str]:
        """Those of these ids that no portfolio has."""
        ...

    def curve_history(
        self, demand: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[Curve | Constant]]:
        """The curves of a demand, newest first."""
        ...

    def demand_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """The demand weights of a portfolio, newest first."""
        ...

    def basis_history(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[HistoryRow[dict[str, float]]]:
        """The basis of a portfolio, newest first."""
        ...

    def product_outcomes(
        self, product: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """Price and rate of a product, batch by batch, newest first."""
        ...

    def portfolio_outcomes(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> Page[OutcomeRow]:
        """Price and rate of a portfolio, batch by batch, newest first."""
        ...

    def product_outcomes_since(self, product: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """Price and rate of a product in the batches that ran after the one of an instant, in order."""
        ...

    def portfolio_outcomes_since(self, portfolio: str, since: datetime, limit: int) -> list[OutcomeRow]:
        """Price and rate of a portfolio in the batches that ran after the one of an instant, in order."""
        ...

    def product_outcomes_of(self, instant: datetime, products: Collection[str]) -> dict[str, OutcomeRow]:
        """Price and rate of these products in the batch of an instant, of those that have one."""
        ...

    def portfolio_outcomes_of(self, instant: datetime, portfolios: Collection[str]) -> dict[str, OutcomeRow]:
        """Price and rate of these portfolios in the batch of an instant, of those that have one."""
        ...

    def batches_since(self, since: datetime, limit: int) -> list[BatchRecord]:
        """The batches that ran after the one of an instant, in order."""
        ...

    def batches(self, before: datetime | None, after: datetime | None, limit: int) -> Page[BatchRecord]:
        """The batches, newest first."""
        ...

    def batch(self, instant: datetime) -> BatchRecord | None:
        """The batch of this instant."""
        ...

    def last_cleared(self, before: datetime | None = None) -> BatchRecord | None:
        """The last batch that stored an outcome, of those before an instant."""
        ...

    def batch_in_force(self, instant: datetime) -> BatchRecord | None:
        """The batch whose outcomes hold at this instant."""
        ...

    def batch_prices(self, instant: datetime) -> pd.DataFrame:
        """Columns product, price, rate, reference, price_low, price_high of one batch, products by id."""
        ...

    def positions(self, bidder: str, at: datetime) -> pd.DataFrame:
        """Columns product, quantity, cost of one bidder until an instant, in the products that trade then."""
        ...

    def auth_names(self, bidder: str) -> list[str]:
        """The ids of a bidder's auths, stopped ones too, in order of creation."""
        ...

    def cost_names(self, bidder: str) -> list[str]:
        """The ids of a bidder's costs, stopped ones too, in order of creation."""
        ...

    def auths(self, auths: Collection[str]) -> list[AuthRecord]:
        """The auths with these ids, by version."""
        ...

    def costs(self, costs: Collection[str]) -> list[CostRecord]:
        """The costs with these ids, by version."""
        ...

    def auth_versions(
        self, auths: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """The last changes of auths on [after, before), newest first, and one more; one instant stays whole."""
        ...

    def cost_versions(
        self, costs: Collection[str], before: datetime | None, after: datetime | None, limit: int
    ) -> list[Version]:
        """The last changes of costs on [after, before), newest first, and one more; one instant stays whole."""
        ...

    def auth_history(self, auth: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """The data of an auth on [after, before), newest first; a stop has none."""
        ...

    def cost_history(self, cost: str, before: datetime | None, after: datetime | None, limit: int) -> list[Version]:
        """The data of a cost on [after, before), newest first; a stop has none."""
        ...

    def active_demands(self, demands: Collection[str]) -> set[str]:
        """Those of these ids that have a curve."""
        ...

    def traded(self, portfolios: Collection[str], at: datetime) -> dict[str, float]:
        """What each portfolio traded in the batches that had begun at an instant."""
        ...

    def auction_as_of(self, instant: datetime) -> Auction:
        """The auction of any instant, exactly as it was."""
        ...

    def room(self, at: datetime, begins: datetime, solved_at: datetime) -> RemainingLimits | None:
        """What the limits of an instant leave to a batch; None: nothing is limited.

        What counts as traded is what was known when the batch was solved.
        """
        ...

    def product_trades(self, product: str, before: datetime | None, after: datetime | None, limit: int) -> list[Trade]:
        """Price and quantity of a product, batch by batch, newest first."""
        ...

    def portfolio_trades(
        self, portfolio: str, before: datetime | None, after: datetime | None, limit: int
    ) -> list[Trade]:
        """Price and quantity of a portfolio, batch by batch, newest first."""
        ...

    def product_trades_of(self, instant: datetime, thru: datetime, products: Collection[str]) -> dict[str, Trade]:
        """Price and quantity of these products in a batch that holds until ``thru``, of those with a price."""
        ...

    def bidder_trades_of(self, instant: datetime, thru: datetime, bidders: Collection[str]) -> dict[str, list[Trade]]:
        """Price and quantity of the auths of these bidders in a batch that holds until ``thru``."""
        ...

    def listed(self, instant: datetime | None = None) -> list[tuple[datetime, datetime]]:
        """From when until when the batches hold whose end became known by the batch of an instant; None: the latest."""
        ...

    def spans(self, from_: datetime, thru: datetime) -> list[tuple[datetime, bool, datetime | None]]:
        """The batches that cleared and hold within a span, newest first: begin, whether the end was given, end."""
        ...

    def last_slice_end(self, before: datetime) -> datetime | None:
        """The end that the last batch before an instant was given, of those that were given one."""
        ...

    def last_run(self) -> datetime | None:
        """The instant of the last batch that was given no end."""
        ...

    def next_cleared(self, instant: datetime) -> datetime | None:
        """The instant of the first batch later than this one that stored an outcome."""
        ...

    def counts(self) -> dict[str, int]:
        """How much was ever stored: products, demands, portfolios, curves, weights."""
        ...


class Transaction(Reader, Protocol):
    """One change of the market: everything in it happens at one instant, or nothing does."""

    @property
    def instant(self) -> datetime:
        """When the change happens; later than every change before it."""
        ...

    def add_product(self, product: str, app_data: Any, parent: str | None = None, ratio: float = 1.0) -> None:
        """A new product, which is its own basis."""
        ...

    def split_product(self, parent: str, children: Sequence[tuple[str, Any, float]]) -> None:
        """From now on one unit of a product is ``ratio`` units of each ``(id, app_data, ratio)``.

        Whatever is written in the product, or in one that it was split from, trades these; a product that
        was split before gets these children as well.
        """
        ...

    def add_demand(self, demand: str, bidder: str, app_data: Any) -> None:
        """A new demand, without a curve."""
        ...

    def add_portfolio(self, portfolio: str, bidder: str, app_data: Any) -> None:
        """A new portfolio, without weights."""
        ...

    def replace_curve(self, demand: str, curve: Curve | Constant | None) -> None:
        """From now on this curve; None: inactive."""
        ...

    def replace_demand(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on these demand weights; empty: none."""
        ...

    def replace_basis(self, portfolio: str, weights: Mapping[str, float]) -> None:
        """From now on this basis; empty: none."""
        ...

    def replace_limits(self, auth: str, data: AuthData | None) -> None:
        """From now on an auth has these limits and was written in this form; None: none."""
        ...

    def replace_form(self, cost: str, data: CostData | None) -> None:
        """From now on a cost was written in this form; None: it is stopped."""
        ...

    def add_batch(
        self,
        batch: BatchRecord,
        outcome: Outcome | None,
        ends: datetime | None = None,
        until: datetime | None = None,
        reference: Mapping[str, float] | None = None,
    ) -> None:
        """A batch; with an outcome, which ends the one before, at ``ends`` or when this one begins.

        The outcome holds until ``until``; None: until another ends it. ``reference`` are the prices by product that
        it was kept near to.
        """
        ...


class Store(Protocol):
    """The market's memory: one file, one process that writes, any number of its threads."""

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
    def read(self) -> Reader:
        """What the market holds, for the thread that asks."""
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
            What each of them gave, or the exception that it raised.
        """
        ...

    def remember(self) -> None:
        """Read what changes refer to into memory, so that the first one need not wait for it."""
        ...

    def claim(self) -> datetime:
        """An instant after every change so far, and before every change to come."""
        ...

    @property
    def folder(self) -> str | None:
        """The folder of the market's file; None: in memory."""
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
        """Close the file; closing twice is one closing."""
        ...
