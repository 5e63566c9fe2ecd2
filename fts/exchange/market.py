"""The market: products, bids, batches and prices, in Python."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from fts import adapters
from fts.errors import ConfigurationError, InvalidInput, InvalidInstant, NotFound
from fts.exchange import bids
from fts.exchange.batch import clear
from fts.exchange.forward import ForwardTerms
from fts.exchange.given import read_data, read_id, read_ids
from fts.exchange.products import listed
from fts.exchange.schedule import Schedule
from fts.models.auction import Auction
from fts.models.curve import Constant, Curve, read_curve
from fts.models.instant import read_instant, write_instant
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord, DemandRecord, Page, PortfolioRecord, ProductRecord, Row, Units
from fts.ports.application import Terms
from fts.ports.clearing import Clearing
from fts.ports.store import Store, Transaction

Result = TypeVar("Result")
Subscriber = Callable[[BatchRecord], Any]
log = logging.getLogger(__name__)


class Market:
    """An exchange without a web server: products, bids, batches, prices and their whole history.

    Safe to use from several threads. Ids are UUIDs, as text or ``uuid.UUID``; instants are aware
    datetimes or RFC 3339 texts.

    Parameters
    ----------
    path : str or path
        The market's file, made when it is not there; ``":memory:"`` is forgotten at the end.
    store : Store, optional
        Another memory than a file of that path.
    application : Application or Terms, optional
        Data types, ids and clock; by default forwards between two instants.
    solver : str, optional
        An engine of :func:`fts.engines`.
    clearing : callable, optional
        Another rule of clearing, ``(auction) -> Outcome``.
    page_limit : int
        Rows of a page of history.
    auto_solve : bool
        Run a batch after every change of a bid.
    time_unit, quantity_unit, money_unit : str, optional
        None: those of the file; of a new one ``1h``, ``MWh``, ``EUR``.
    schedule : Schedule, str or mapping, optional
        The grid that someone runs the batches on (the server does), such as ``"10s"``: outcomes that no
        batch followed ended after one step of it.

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, StoreError
        The file cannot be used.
    ConfigurationError
        The settings contradict each other.

    Examples
    --------
    >>> from uuid import uuid4
    >>> with Market() as market:
    ...     noon = market.create_product({"kind": 0, "from": "2027-06-01T12:00:00Z", "thru": "2027-06-01T13:00:00Z"})
    ...     for name, curve in {"load": [(0, 60), (100, 20)], "wind": Constant(5, -80, 0)}.items():
    ...         bidder = uuid4()
    ...         demand = market.create_demand({"name": name}, curve, bidder=bidder)
    ...         portfolio = market.create_portfolio({"name": name}, demand.id, noon.id, bidder=bidder)
    ...     batch = market.run_batch()
    ...     float(market.prices().loc[noon.id, "price"].round(6))
    28.0
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        store: Store | None = None,
        application: Terms | None = None,
        solver: str | None = None,
        clearing: Clearing | None = None,
        page_limit: int = 100,
        auto_solve: bool = False,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        schedule: Any = None,
    ) -> None:
        if solver is not None and clearing is not None:
            raise ConfigurationError("give a market a solver or another rule of clearing, not both")
        if page_limit < 1:
            raise ConfigurationError(f"page_limit is {page_limit}; a page has at least one row")
        self.application: Terms = application or ForwardTerms()
        self.page_limit, self.auto_solve = page_limit, auto_solve
        self.schedule = Schedule.read(schedule)
        self.solver = solver
        self._clearing = clearing or self._solve
        self._batches = threading.Lock()
        self._subscribers: list[Subscriber] = []
        self._store: Store = store or adapters.load("fts.store").DuckStore(path)
        self.units: Units = self._store.open(time_unit, quantity_unit, money_unit, self.application.now)

    # Products

    def create_product(self, app_data: Any, *, product: Any = None) -> ProductRecord:
        """List a product.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"kind", "from", "thru"}``.
        product : id, optional
            By default the application's: a function of the data, so that a product is not made twice.

        Raises
        ------
        InvalidInput
            The data are not what the application asks for.
        AlreadyExists
        """
        new = self._new_product(app_data)
        if product is not None:
            new = replace(new, id=read_id(product, "product"))
        return self._store.write(lambda change: bids.create_products(change, [new]))[0]

    def create_products(self, app_data: Iterable[Any]) -> list[ProductRecord]:
        """List products, all or none, at one instant.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        new = [self._new_product(data) for data in app_data]
        return self._store.write(lambda change: bids.create_products(change, new))

    def product(self, product: Any) -> ProductRecord:
        """One product.

        Raises
        ------
        NotFound
        """
        return bids.product_of(self._store.read, read_id(product, "product"))

    def products(
        self, kind: Any = None, from_: Any = None, thru: Any = None, cursor: str | None = None
    ) -> tuple[list[ProductRecord], str | None]:
        """One page of the products, by start and end of delivery.

        Parameters
        ----------
        kind : int or str, optional
            Only this kind.
        from_, thru : instant, optional
            Only what is delivered from here, and until there.
        cursor : str, optional
            What the page before ended with.

        Returns
        -------
        list of ProductRecord
        str or None
            The cursor of the next page; None: this was the last.
        """
        found = listed(
            self._store.read.products(), kind=kind, from_=optional_instant(from_), thru=optional_instant(thru)
        )
        start = 0
        if cursor is not None:
            places = [k for k, record in enumerate(found) if record.id == cursor]
            if not places:
                raise InvalidInput(f"{cursor!r} is no cursor of this list; begin again without one")
            start = places[0] + 1
        page = found[start : start + self.page_limit]
        return page, page[-1].id if start + len(page) < len(found) else None

    def product_outcomes(
        self, product: Any, before: Any = None, after: Any = None
    ) -> Page[Row[dict[str, float | None]]]:
        """Price and traded volume of a product, batch by batch, newest first.

        Parameters
        ----------
        product : id
        before, after : instant, optional
            ``valid_from`` is earlier than ``before`` and not earlier than ``after``.

        Raises
        ------
        NotFound
        """
        name = self.product(product).id
        return self._store.read.product_outcomes(name, *_span(before, after), self.page_limit)

    # Demands

    def create_demand(self, app_data: Any, curve: Any, *, bidder: Any) -> DemandRecord:
        """Enter a demand.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        curve : Curve, Constant, points or None
            None: inactive for now.
        bidder : UUID

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        return self.create_demands([(app_data, curve)], bidder=bidder)[0]

    def create_demands(self, demands: Iterable[tuple[Any, Any]], *, bidder: Any) -> list[DemandRecord]:
        """Enter demands, each ``(app_data, curve)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        owner = read_id(bidder, "bidder")
        new = [self._new_demand(app_data, curve) for app_data, curve in demands]
        return self._bid(lambda change: bids.create_demands(change, owner, new))

    def demand(self, demand: Any) -> DemandRecord:
        """One demand.

        Raises
        ------
        NotFound
        """
        return bids.demand_of(self._store.read, read_id(demand, "demand"))

    def demands(self, bidders: Any) -> list[DemandRecord]:
        """The active demands of a bidder, or of several."""
        return self._store.read.demands(_bidders(bidders))

    def change_demand(self, demand: Any, curve: Any) -> DemandRecord:
        """Give a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve, NotFound
        """
        name, read = read_id(demand, "demand"), read_curve(curve)
        return self._bid(lambda change: bids.change_demand(change, name, read))

    def delete_demand(self, demand: Any) -> DemandRecord:
        """End a demand; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_demand(demand, None)

    def curve_history(self, demand: Any, before: Any = None, after: Any = None) -> Page[Row[Curve | Constant]]:
        """The curves of a demand, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name = self.demand(demand).id
        return self._store.read.curve_history(name, *_span(before, after), self.page_limit)

    # Portfolios

    def create_portfolio(self, app_data: Any, demand: Any, basis: Any, *, bidder: Any) -> PortfolioRecord:
        """Enter a portfolio.

        Parameters
        ----------
        app_data : JSON value
            By default ``{"name"}``.
        demand : weights
            Demands of the same bidder: ``{id: weight}``, a list of ids, one id, or None.
        basis : weights
            Products.
        bidder : UUID

        Raises
        ------
        InvalidInput, InvalidWeights
        UnknownReference
            No such product, or no such demand of this bidder.
        """
        return self.create_portfolios([(app_data, demand, basis)], bidder=bidder)[0]

    def create_portfolios(self, portfolios: Iterable[tuple[Any, Any, Any]], *, bidder: Any) -> list[PortfolioRecord]:
        """Enter portfolios, each ``(app_data, demand, basis)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidWeights, UnknownReference
        """
        owner = read_id(bidder, "bidder")
        new = [self._new_portfolio(app_data, demand, basis) for app_data, demand, basis in portfolios]
        return self._bid(lambda change: bids.create_portfolios(change, owner, new))

    def portfolio(self, portfolio: Any) -> PortfolioRecord:
        """One portfolio.

        Raises
        ------
        NotFound
        """
        return bids.portfolio_of(self._store.read, read_id(portfolio, "portfolio"))

    def portfolios(self, bidders: Any) -> list[PortfolioRecord]:
        """The portfolios with a demand or a basis of a bidder, or of several."""
        return self._store.read.portfolios(_bidders(bidders))

    def change_portfolio(self, portfolio: Any, demand: Any = None, basis: Any = None) -> PortfolioRecord:
        """Give a portfolio other weights.

        Parameters
        ----------
        portfolio : id
        demand, basis : weights, optional
            None keeps the group, ``{}`` empties it.

        Raises
        ------
        NotFound, InvalidWeights, UnknownReference
        """
        name = read_id(portfolio, "portfolio")
        if demand is None and basis is None:
            return self.portfolio(name)
        weights = None if demand is None else read_ids(demand, "demand")
        entries = None if basis is None else read_ids(basis, "basis")
        return self._bid(lambda change: bids.change_portfolio(change, name, weights, entries))

    def delete_portfolio(self, portfolio: Any) -> PortfolioRecord:
        """End a portfolio, by emptying both its groups; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_portfolio(portfolio, demand={}, basis={})

    def demand_history(self, portfolio: Any, before: Any = None, after: Any = None) -> Page[Row[dict[str, float]]]:
        """The demand weights of a portfolio, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name = self.portfolio(portfolio).id
        return self._store.read.demand_history(name, *_span(before, after), self.page_limit)

    def basis_history(self, portfolio: Any, before: Any = None, after: Any = None) -> Page[Row[dict[str, float]]]:
        """The basis of a portfolio, newest first; ``before`` and ``after`` as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name = self.portfolio(portfolio).id
        return self._store.read.basis_history(name, *_span(before, after), self.page_limit)

    def portfolio_outcomes(
        self, portfolio: Any, before: Any = None, after: Any = None
    ) -> Page[Row[dict[str, float | None]]]:
        """Price and rate of a portfolio, batch by batch, newest first; spans as in `product_outcomes`.

        Raises
        ------
        NotFound
        """
        name = self.portfolio(portfolio).id
        return self._store.read.portfolio_outcomes(name, *_span(before, after), self.page_limit)

    # Batches

    def run_batch(self, instant: Any = None) -> BatchRecord:
        """Clear the market, and let the outcome hold from an instant on.

        The auction is that of the instant, or of now if that is earlier. Bids may change while it is
        cleared. A market that cannot be cleared (``cleared`` is False, ``reason`` says why) keeps its last
        prices and rates.

        Parameters
        ----------
        instant : instant, optional
            Later than every batch so far; by default now.

        Raises
        ------
        InvalidInstant
            A batch of this instant or a later one has been run.
        MissingLibrary, MissingLicence, ConfigurationError
            The solver cannot be used. The batch is recorded as not solved.
        """
        with self._batches:
            solved_at = self._store.claim()
            begins = solved_at if instant is None else read_aware(instant)
            last = self._last_batch()
            if last is not None and begins <= last.instant:
                raise InvalidInstant(
                    f"a batch of {write_instant(begins)} would not come after that of {write_instant(last.instant)}; "
                    "give a later instant"
                )
            auction = self._store.read.auction_as_of(min(begins, solved_at))
            record, outcome, fault = clear(auction, self._clearing, instant=begins, solved_at=solved_at)
            ends = self._end(last)
            self._store.write(lambda change: change.add_batch(record, outcome, ends))
        self._publish(record)
        if fault is not None:
            raise fault
        return record

    def batches(self, before: Any = None, after: Any = None) -> Page[BatchRecord]:
        """The batches, newest first; ``before`` and ``after`` as in `product_outcomes`."""
        return self._store.read.batches(*_span(before, after), self.page_limit)

    def batch(self, instant: Any) -> BatchRecord:
        """The batch of an instant.

        Raises
        ------
        NotFound
        """
        at = read_aware(instant)
        record = self._store.read.batch(at)
        if record is None:
            raise NotFound(f"no batch has the instant {write_instant(at)}")
        return record

    def batch_prices(self, instant: Any) -> list[dict[str, Any]]:
        """Every product's outcome of one batch: product, price (or None), rate, and its price interval.

        ``price_low`` and ``price_high`` are left out where they were not computed, and None where unlimited.

        Raises
        ------
        NotFound
        """
        prices = self._store.read.batch_prices(self.batch(instant).instant)
        return [_price_row(row) for row in prices.to_dict("records")]

    def batch_auction(self, instant: Any) -> Auction:
        """The auction that a batch cleared.

        Raises
        ------
        NotFound
        """
        batch = self.batch(instant)
        return self._store.read.auction_as_of(min(batch.instant, batch.solved_at))

    # What a researcher looks at

    def auction(self, as_of: Any = None) -> Auction:
        """The auction of now, or of any instant before."""
        at = self._store.claim() if as_of is None else read_aware(as_of)
        return self._store.read.auction_as_of(at)

    def prices(self) -> pd.DataFrame:
        """The prices that hold now, by product: its data, price, rate, price_low, price_high, valid_from."""
        batch = self._store.read.batch_in_force(self._now())
        measures = ["price", "rate", "price_low", "price_high"]
        if batch is None:
            return pd.DataFrame(
                {name: pd.Series(dtype="float64") for name in measures}, index=pd.Index([], name="product", dtype="str")
            )
        prices = self._store.read.batch_prices(batch.instant).set_index("product")
        data = {record.id: record.app_data for record in self._store.read.products() if record.id in prices.index}
        told = pd.DataFrame.from_dict(
            {name: value if isinstance(value, dict) else {"app_data": value} for name, value in data.items()},
            orient="index",
        )
        prices["valid_from"] = batch.instant
        return told.reindex(prices.index).join(prices)

    def positions(self, bidder: Any) -> pd.DataFrame:
        """What a bidder holds, by product: quantity and cost, ``Σ rate × time`` and ``Σ price × rate × time``.

        Positive is bought and paid. What holds now counts until now; under a schedule, until the batch
        that was due.
        """
        owner = read_id(bidder, "bidder")
        end = self._end(self._last_batch())
        at = self._now() if end is None else min(self._now(), end)
        return self._store.read.positions(owner, at).set_index("product")

    def replay(self, instant: Any) -> Outcome:
        """Clear again what the batch in force at an instant cleared.

        Raises
        ------
        NotFound
            No batch was in force.
        NotSolved, UnboundedAuction
        """
        at = read_aware(instant)
        batch = self._store.read.batch_in_force(at)
        if batch is None:
            raise NotFound(f"no batch was in force at {write_instant(at)}")
        return self._clearing(self._store.read.auction_as_of(min(batch.instant, batch.solved_at)))

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call something with the record of every batch once it is stored, until what this returns is called.

        It is called in the thread that ran the batch.
        """
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def close(self) -> None:
        """Close the file, once the batch under way is stored."""
        with self._batches:
            self._store.close()

    def __enter__(self) -> Market:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        last = self._last_batch()
        told = "no batch yet" if last is None else f"last batch {write_instant(last.instant)}: {escape(last.status)}"
        return f"<b>Market</b>, {told}{self.prices().to_html(max_rows=20)}"

    def _solve(self, auction: Auction) -> Outcome:
        outcome: Outcome = auction.solve(solver=self.solver)
        return outcome

    def _now(self) -> datetime:
        return self.application.now().astimezone(UTC)

    def _last_batch(self) -> BatchRecord | None:
        return next(iter(self._store.read.batches(None, None, 1).results), None)

    def _end(self, last: BatchRecord | None) -> datetime | None:
        """When the outcomes of the last batch end, if the schedule was left."""
        if self.schedule is None or last is None:
            return None
        return last.instant + self.schedule.every

    def _bid(self, change: Callable[[Transaction], Result]) -> Result:
        result = self._store.write(change)
        if self.auto_solve:
            # The change is stored and acknowledged, whatever becomes of the batch.
            try:
                self.run_batch()
            except Exception:
                log.exception("the batch after a change failed")
        return result

    def _publish(self, record: BatchRecord) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback(record)
            except Exception:
                log.exception("a subscriber to batches failed")

    def _new_product(self, app_data: Any) -> bids.NewProduct:
        data, stored = read_data(self.application.product_data, app_data, "product")
        return bids.NewProduct(str(self.application.generate_product_id(data)), stored)

    def _new_demand(self, app_data: Any, curve: Any) -> bids.NewDemand:
        data, stored = read_data(self.application.demand_data, app_data, "demand")
        return bids.NewDemand(str(self.application.generate_demand_id(data)), stored, read_curve(curve))

    def _new_portfolio(self, app_data: Any, demand: Any, basis: Any) -> bids.NewPortfolio:
        data, stored = read_data(self.application.portfolio_data, app_data, "portfolio")
        name = str(self.application.generate_portfolio_id(data))
        return bids.NewPortfolio(name, stored, read_ids(demand, "demand"), read_ids(basis, "basis"))


def read_aware(instant: Any) -> datetime:
    """An instant from a text or an aware datetime, in UTC.

    Raises
    ------
    InvalidInstant
    """
    return read_instant(instant if isinstance(instant, str) else write_instant(instant))


def optional_instant(instant: Any) -> datetime | None:
    """As `read_aware`, and None for None."""
    return None if instant is None else read_aware(instant)


def _span(before: Any, after: Any) -> tuple[datetime | None, datetime | None]:
    return optional_instant(before), optional_instant(after)


def _bidders(bidders: Any) -> list[str]:
    several = bidders if isinstance(bidders, Collection) and not isinstance(bidders, str) else [bidders]
    return [read_id(bidder, "bidder") for bidder in several]


def _price_row(row: dict[Any, Any]) -> dict[str, Any]:
    price = row["price"]
    shown = {"product": row["product"], "price": None if np.isnan(price) else price, "rate": row["rate"]}
    for end in ("price_low", "price_high"):
        if not np.isnan(row[end]):
            shown[end] = None if np.isinf(row[end]) else row[end]
    return shown
