"""The market: products, bids, batches and prices, in Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pandas as pd

from fts import _optional
from fts.exchange.batches import Batches, Subscriber
from fts.exchange.bids import MarketBids
from fts.exchange.context import PAGE_LIMIT, MarketContext, MarketOptions
from fts.exchange.history import History
from fts.exchange.maintenance import Maintenance
from fts.exchange.moved import MOVED, find_moved
from fts.exchange.parsing import parse_any_instant, parse_id
from fts.exchange.products import Products
from fts.exchange.schedule import Schedule, ScheduleLike
from fts.exchange.slices import Slices
from fts.exchange.terms import ForwardTerms
from fts.exchange.v0.contract import V0
from fts.models import _repr_html
from fts.models.arguments import AppData, CurveLike, IdLike, InstantLike, WeightsLike
from fts.models.auction import Auction
from fts.models.outcome import Outcome
from fts.models.records import BatchRecord, DemandRecord, PortfolioRecord, ProductRecord
from fts.models.timestamps import format_instant
from fts.ports.application import Terms
from fts.ports.engine import Clearing
from fts.ports.store import Store


class Market:
    """An exchange without a web server: products, bids, batches, prices and their whole history.

    The calls of every day are methods; the others belong to one of its parts. Safe to use from several threads. Ids
    are UUIDs, as text or ``uuid.UUID``; instants are aware datetimes or RFC 3339 texts.

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
        Another rule of clearing, ``(auction) -> Outcome``. Its certificate is computed afresh from the auction, the
        prices and the rates; where these do not prove it, the status is ``other rule``.
    page_limit : int
        Rows of a page of history.
    auto_solve : bool
        Run a batch after every change of a bid.
    time_unit, quantity_unit, money_unit : str, optional
        None: those of the file; of a new one ``1h``, ``MWh``, ``EUR``.
    schedule : Schedule, str or mapping, optional
        The grid that someone runs the batches on (the server does), such as ``"10s"``: outcomes that no
        batch followed ended after one step of it.

    Attributes
    ----------
    products : Products
        Create, split and list products: ``market.products(kind=0)``.
    bids : MarketBids
        Demands and portfolios, and commands that change several of them at once.
    batches : Batches
        Run, list and follow batches: ``market.batches()``.
    slices : Slices
        Batches of a given length, one after another.
    history : History
        Curves, weights and outcomes over time.
    maintenance : Maintenance
        Counts, backups and exports of the file.
    v0 : V0
        The words of the older contract: auths, costs, submissions, deliveries, trades.
    application : Terms
    units : Units

    Raises
    ------
    StoreBusy, SchemaMismatch, UnitsMismatch, ReadOnlyStore, StoreError
        The file cannot be used.
    ConfigurationError
        The settings contradict each other.

    Notes
    -----
    A market belongs to the process that made it: in a process forked from it (``multiprocessing`` forks on Linux
    before Python 3.14) every call raises :class:`fts.errors.ForkedStore`, and closing does nothing.

    Examples
    --------
    >>> from uuid import uuid4
    >>> from fts import Constant
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
        page_limit: int = PAGE_LIMIT,
        auto_solve: bool = False,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        schedule: ScheduleLike = None,
    ) -> None:
        options = MarketOptions(
            solver=solver,
            clearing=clearing,
            page_limit=page_limit,
            auto_solve=auto_solve,
            time_unit=time_unit,
            quantity_unit=quantity_unit,
            money_unit=money_unit,
            schedule=Schedule.read(schedule),
        )
        self.application = application or ForwardTerms()
        memory = store or _optional.load("fts.store").DuckStore(path)
        self._context = context = MarketContext(memory, self.application, options)
        self.units = context.units
        self.batches = Batches(context)
        self.slices = Slices(context, self.batches)
        self.products = Products(context)
        self.bids = MarketBids(context, after_change=self.batches.run_if_stale)
        self.history, self.maintenance = History(context), Maintenance(context)
        self.v0 = V0(context, self.bids, self.products, self.slices)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in MOVED:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return find_moved(self, name)

    @property
    def schedule(self) -> Schedule | None:
        """The grid on which batches run."""
        return self._context.options.schedule

    @property
    def solver(self) -> str | None:
        """The engine that clears; None: the default one, or another rule of clearing."""
        return self._context.options.solver

    @property
    def page_limit(self) -> int:
        """Rows of a page."""
        return self._context.options.page_limit

    @page_limit.setter
    def page_limit(self, page_limit: int) -> None:
        self._context.options = replace(self._context.options, page_limit=page_limit)

    @property
    def auto_solve(self) -> bool:
        """True if a batch follows every change of a bid."""
        return self._context.options.auto_solve

    @auto_solve.setter
    def auto_solve(self, auto_solve: bool) -> None:
        self._context.options = replace(self._context.options, auto_solve=auto_solve)

    def now(self) -> datetime:
        """Return the market's time: later than every change so far, even if the clock stood still or was set back."""
        return self._context.now()

    def create_product(self, app_data: AppData, *, product: IdLike | None = None) -> ProductRecord:
        """Create a product.

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
        return self.products.create(app_data, product=product)

    def create_products(self, app_data: Iterable[AppData]) -> list[ProductRecord]:
        """Create products, all or none, at one instant.

        Raises
        ------
        InvalidInput, AlreadyExists
        """
        return self.products.create_all(app_data)

    def split_product(self, product: IdLike, children: Iterable[tuple[AppData, float]]) -> list[ProductRecord]:
        """Split a product into finer ones, such as a month into days; see :meth:`Products.split`.

        Raises
        ------
        InvalidInput, NotFound, AlreadyPartitioned, AlreadyExists
        """
        return self.products.split(product, children)

    def product(self, product: IdLike) -> ProductRecord:
        """Return one product.

        Raises
        ------
        NotFound
        """
        return self.products.product(product)

    def create_demand(self, app_data: AppData, curve: CurveLike, *, bidder: IdLike) -> DemandRecord:
        """Create a demand.

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

    def create_demands(self, demands: Iterable[tuple[AppData, CurveLike]], *, bidder: IdLike) -> list[DemandRecord]:
        """Create demands, each ``(app_data, curve)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidCurve
        """
        return self.bids.execute(self.bids.demands_command(demands, bidder=bidder))

    def demand(self, demand: IdLike) -> DemandRecord:
        """Return one demand.

        Raises
        ------
        NotFound
        """
        return self.bids.demand(demand)

    def demands(self, bidders: IdLike | Collection[IdLike]) -> list[DemandRecord]:
        """Return the active demands of a bidder, or of several."""
        return self.bids.demands(bidders)

    def change_demand(self, demand: IdLike, curve: CurveLike) -> DemandRecord:
        """Give a demand another curve; None ends it.

        Raises
        ------
        InvalidCurve, NotFound
        """
        return self.bids.execute(self.bids.curve_command(demand, curve))

    def delete_demand(self, demand: IdLike) -> DemandRecord:
        """End a demand; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_demand(demand, None)

    def create_portfolio(
        self, app_data: AppData, demand: WeightsLike, basis: WeightsLike, *, bidder: IdLike
    ) -> PortfolioRecord:
        """Create a portfolio.

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

    def create_portfolios(
        self, portfolios: Iterable[tuple[AppData, WeightsLike, WeightsLike]], *, bidder: IdLike
    ) -> list[PortfolioRecord]:
        """Create portfolios, each ``(app_data, demand, basis)``, all or none, at one instant.

        Raises
        ------
        InvalidInput, InvalidWeights, UnknownReference
        """
        return self.bids.execute(self.bids.portfolios_command(portfolios, bidder=bidder))

    def portfolio(self, portfolio: IdLike, *, expand: bool = False) -> PortfolioRecord:
        """Return one portfolio.

        Parameters
        ----------
        portfolio : id
        expand : bool
            True: show its basis in the products that trade now.

        Raises
        ------
        NotFound
        """
        return self.bids.portfolio(portfolio, expand=expand)

    def portfolios(self, bidders: IdLike | Collection[IdLike]) -> list[PortfolioRecord]:
        """Return the portfolios with a demand or a basis of a bidder, or of several."""
        return self.bids.portfolios(bidders)

    def change_portfolio(
        self, portfolio: IdLike, demand: WeightsLike = None, basis: WeightsLike = None
    ) -> PortfolioRecord:
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
        if demand is None and basis is None:
            return self.portfolio(portfolio)
        return self.bids.execute(self.bids.weights_command(portfolio, demand, basis))

    def delete_portfolio(self, portfolio: IdLike) -> PortfolioRecord:
        """End a portfolio, by emptying both its groups; its history stays.

        Raises
        ------
        NotFound
        """
        return self.change_portfolio(portfolio, demand={}, basis={})

    def run_batch(self, instant: InstantLike | None = None) -> BatchRecord:
        """Clear the market, and let the outcome hold from an instant on.

        The auction is that of the instant, or of now if that is earlier. Bids may change while it is
        cleared. A market that cannot be cleared (``cleared`` is False, ``reason`` says why) keeps its last
        prices and rates.

        Parameters
        ----------
        instant : instant, optional
            Later than every batch so far that was given no end; by default now. Inside a slice it ends that
            slice, and holds until the next.

        Raises
        ------
        InvalidInstant
            A batch of this instant, or a later one that was given no end, has been run.
        MissingLibrary, MissingLicence, ConfigurationError
            The solver cannot be used. The batch is recorded as not solved.
        """
        return self.batches.run(instant)

    def batch(self, instant: InstantLike) -> BatchRecord:
        """Return the batch of an instant.

        Raises
        ------
        NotFound
        """
        return self.batches.batch(instant)

    def batch_prices(self, instant: InstantLike) -> list[dict[str, Any]]:
        """Return every product's outcome of one batch: product, price (or None), rate, and its price interval.

        ``price_low`` and ``price_high`` are left out where they were not computed, and None where unlimited.

        Raises
        ------
        NotFound
        """
        return self.batches.prices(instant)

    def batch_auction(self, instant: InstantLike) -> Auction:
        """Return the auction that a batch cleared.

        Raises
        ------
        NotFound
        """
        return self.batches.auction(instant)

    def replay(self, instant: InstantLike) -> Outcome:
        """Clear again what the batch in force at an instant cleared.

        Raises
        ------
        NotFound
            No batch was in force.
        NotSolved, UnboundedAuction
        """
        return self.batches.replay(instant)

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call a function with the record of every batch once it is stored; returns a function that ends this.

        The callback runs in the thread that ran the batch, before the next batch may begin: it must not run one.
        """
        return self.batches.subscribe(callback)

    def counts(self) -> dict[str, int]:
        """Count everything that was ever stored: products, demands, portfolios, curves, weights."""
        return self.maintenance.counts()

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the market as it is now to a file; see :meth:`Maintenance.backup`.

        Raises
        ------
        StoreError
            Something is there, or the copy could not be written; then nothing is left there.
        """
        self.maintenance.backup(path)

    def export(self, folder: str | os.PathLike[str]) -> None:
        """Write the market as it is now as Parquet files; see :meth:`Maintenance.export`.

        Raises
        ------
        StoreError
            Something is there, or it could not be written; then nothing is left there.
        """
        self.maintenance.export(folder)

    def auction(self, as_of: InstantLike | None = None) -> Auction:
        """Return the auction of now, or of any instant before."""
        at = self.now() if as_of is None else parse_any_instant(as_of)
        return self._context.read.auction_as_of(at)

    def prices(self) -> pd.DataFrame:
        """Return the prices that hold now, by product: its data, price, rate, price_low, price_high, valid_from."""
        batch = self._context.read.batch_in_force(self.now())
        measures = ["price", "rate", "price_low", "price_high"]
        if batch is None:
            return pd.DataFrame(
                {name: pd.Series(dtype="float64") for name in measures}, index=pd.Index([], name="product", dtype="str")
            )
        prices = self._context.read.batch_prices(batch.instant).set_index("product").drop(columns="reference")
        data = {record.id: record.app_data for record in self._context.read.products() if record.id in prices.index}
        columns = pd.DataFrame.from_dict(
            {name: value if isinstance(value, dict) else {"app_data": value} for name, value in data.items()},
            orient="index",
        )
        prices["valid_from"] = batch.instant
        return columns.reindex(prices.index).join(prices)

    def positions(self, bidder: IdLike) -> pd.DataFrame:
        """Return the positions of a bidder, by product: quantity and cost.

        These are ``Σ rate × time`` and ``Σ price × rate × time``, positive where bought and paid. The rates in force
        count until now; under a schedule, until the batch that was due.
        """
        owner = parse_id(bidder, "bidder")
        now = self.now()
        end = self.batches.end_of_last(now)
        at = now if end is None else min(now, end)
        return self._context.read.positions(owner, at).set_index("product")

    def close(self) -> None:
        """Close the file, once the batch under way is stored. A forked child leaves the file to its parent."""
        if self.batches.lock.owner.is_current:
            with self.batches.lock:
                self._context.store.close()

    def __enter__(self) -> Market:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return _repr_html.market(self)

    def __repr__(self) -> str:
        last = next(iter(self._context.read.batches(None, None, 1).results), None)
        ran = "no batch yet" if last is None else f"last batch {format_instant(last.instant)}"
        return f"<fts.Market in {self.units.money_unit}/{self.units.quantity_unit}: {ran}>"
