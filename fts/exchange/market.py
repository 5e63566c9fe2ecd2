"""The market: products, bids, batches and prices, in Python."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from types import TracebackType

import pandas as pd

from fts import adapters
from fts.errors import ConfigurationError
from fts.exchange.deliveries import Delivering
from fts.exchange.following import Following
from fts.exchange.forward import ForwardTerms
from fts.exchange.given import read_aware, read_id
from fts.exchange.keeping import Keeping
from fts.exchange.other_rule import certified_rule
from fts.exchange.schedule import Schedule, ScheduleLike
from fts.exchange.slices import Slicing
from fts.exchange.submitting import Submitting
from fts.models import html
from fts.models.arguments import IdLike, InstantLike
from fts.models.auction import Auction
from fts.models.instant import write_instant
from fts.ports.application import Terms
from fts.ports.clearing import Clearing
from fts.ports.process import ProcessLock
from fts.ports.store import Store


class Market(Delivering, Submitting, Slicing, Following, Keeping):
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
        page_limit: int = 100,
        auto_solve: bool = False,
        time_unit: str | None = None,
        quantity_unit: str | None = None,
        money_unit: str | None = None,
        schedule: ScheduleLike = None,
    ) -> None:
        if solver is not None and clearing is not None:
            raise ConfigurationError("give a market a solver or another rule of clearing, not both")
        if page_limit < 1:
            raise ConfigurationError(f"page_limit is {page_limit}; a page has at least one row")
        self.application = application or ForwardTerms()
        self.page_limit, self.auto_solve = page_limit, auto_solve
        self.schedule = Schedule.read(schedule)
        self.solver = solver
        self._clearing = None if clearing is None else certified_rule(clearing)
        self._last_outcome = None
        self._batches = ProcessLock()
        # The auction of the last batch was that of this instant.
        self._cleared_until = datetime.min.replace(tzinfo=UTC)
        self._subscribers = []
        self._store = store or adapters.load("fts.store").DuckStore(path)
        self.units = self._store.open(time_unit, quantity_unit, money_unit, self.application.now)

    def remember(self) -> None:
        """Read into memory what bids refer to, so that the first one need not wait for it."""
        self._store.remember()

    def auction(self, as_of: InstantLike | None = None) -> Auction:
        """The auction of now, or of any instant before."""
        at = self.now() if as_of is None else read_aware(as_of)
        return self._store.read.auction_as_of(at)

    def prices(self) -> pd.DataFrame:
        """The prices that hold now, by product: its data, price, rate, price_low, price_high, valid_from."""
        batch = self._store.read.batch_in_force(self.now())
        measures = ["price", "rate", "price_low", "price_high"]
        if batch is None:
            return pd.DataFrame(
                {name: pd.Series(dtype="float64") for name in measures}, index=pd.Index([], name="product", dtype="str")
            )
        prices = self._store.read.batch_prices(batch.instant).set_index("product").drop(columns="reference")
        data = {record.id: record.app_data for record in self._store.read.products() if record.id in prices.index}
        told = pd.DataFrame.from_dict(
            {name: value if isinstance(value, dict) else {"app_data": value} for name, value in data.items()},
            orient="index",
        )
        prices["valid_from"] = batch.instant
        return told.reindex(prices.index).join(prices)

    def positions(self, bidder: IdLike) -> pd.DataFrame:
        """What a bidder holds, by product: quantity and cost, ``Σ rate × time`` and ``Σ price × rate × time``.

        Positive is bought and paid. What holds now counts until now; under a schedule, until the batch
        that was due.
        """
        owner = read_id(bidder, "bidder")
        now = self.now()
        end = self._end(now)
        at = now if end is None else min(now, end)
        return self._store.read.positions(owner, at).set_index("product")

    def close(self) -> None:
        """Close the file, once the batch under way is stored. A forked child leaves the file to its parent."""
        if self._batches.owner.is_current:
            with self._batches:
                self._store.close()

    def __enter__(self) -> Market:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return html.market(self)

    def __repr__(self) -> str:
        last = next(iter(self._store.read.batches(None, None, 1).results), None)
        ran = "no batch yet" if last is None else f"last batch {write_instant(last.instant)}"
        return f"<fts.Market in {self.units.money_unit}/{self.units.quantity_unit}: {ran}>"
